//! Differences from Redis 7.0 that are meant, each as narrow as it can be.

use e2e::requests::Request;
use e2e::resp::Value;

/// A difference: of these commands, and these replies, given by how they begin.
struct Difference {
    commands: &'static [&'static str],
    atoll: &'static str,
    redis: &'static str,
}

const DIFFERENCES: &[Difference] = &[];

/// Whether the difference is accepted.
pub(super) fn why(request: &Request, ours: &Value, theirs: &Value) -> bool {
    let (ours, theirs) = (ours.to_string(), theirs.to_string());
    DIFFERENCES.iter().any(|difference| {
        (difference.commands.is_empty() || difference.commands.contains(&request.name.as_str()))
            && ours.starts_with(difference.atoll)
            && theirs.starts_with(difference.redis)
    })
}
