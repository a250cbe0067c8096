//! Commands that wait for data: BLPOP and its like, XREAD BLOCK, WAIT.
//!
//! A handler tries once. When there is nothing yet it returns [`CommandError::WouldBlock`], with
//! nothing changed. Inside scripts and transactions that is the end of it and the reply is the one
//! of a time-out; outside the node keeps the request and runs it again when one of its keys has
//! changed.

use protocol::args::Args;
use protocol::number::parse_i64;
use protocol::spec::CommandSpec;

use crate::error::CommandError;
use crate::reply::Reply;

/// Replies what the command replies when its time is up.
pub fn give_up(spec: &CommandSpec, reply: &mut Reply<'_>) {
    match spec.name {
        "blmove" | "brpoplpush" => reply.null(),
        // There are no replicas.
        "wait" => reply.int(0),
        _ => reply.null_array(),
    }
}

/// The result of a command that cannot wait where it runs.
///
/// # Errors
/// Those of the command.
pub fn settle(
    result: Result<(), CommandError>,
    spec: &CommandSpec,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    match result {
        Err(CommandError::WouldBlock) => {
            give_up(spec, reply);
            Ok(())
        }
        other => other,
    }
}

/// How long a request waits that has returned [`CommandError::WouldBlock`], in milliseconds; 0 is
/// for ever.
pub fn timeout_ms(spec: &CommandSpec, args: Args<'_>) -> i64 {
    let timeout = match spec.name {
        "blmpop" | "bzmpop" => seconds(args, 1),
        "wait" => millis(args, 2),
        "xread" | "xreadgroup" => {
            super::stream::block_timeout(args).map(|timeout| timeout.unwrap_or(0))
        }
        _ => seconds(args, args.len() - 1),
    };
    // The handler has read it before.
    timeout.unwrap_or(0)
}

/// A time-out in seconds, as milliseconds.
///
/// # Errors
/// Redis's, with its texts.
pub fn seconds(args: Args<'_>, at: usize) -> Result<i64, CommandError> {
    let seconds = args
        .float(at)
        .ok()
        .or_else(|| beyond_range(args.at(at)))
        .ok_or(CommandError::Text("ERR timeout is not a float or out of range"))?;
    let millis = (seconds * 1000.0).ceil();
    if millis >= i64::MAX as f64 {
        return Err(CommandError::Text("ERR timeout is out of range"));
    }
    not_negative(millis as i64)
}

/// A number that is too large for a float is still a number to Redis, which has longer ones here.
fn beyond_range(text: &[u8]) -> Option<f64> {
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    number.is_infinite().then_some(number)
}

/// A time-out in milliseconds.
///
/// # Errors
/// Redis's, with its texts.
pub fn millis(args: Args<'_>, at: usize) -> Result<i64, CommandError> {
    let millis = args
        .get(at)
        .and_then(parse_i64)
        .ok_or(CommandError::Text("ERR timeout is not an integer or out of range"))?;
    not_negative(millis)
}

/// No time-out reaches beyond what the clock can show.
fn not_negative(millis: i64) -> Result<i64, CommandError> {
    /// The year 2262 in milliseconds, twice: later than any request.
    const NOW_MAX: i64 = 1 << 44;
    match millis {
        ..0 => Err(CommandError::Text("ERR timeout is negative")),
        _ if millis > i64::MAX - NOW_MAX => Err(CommandError::Text("ERR timeout is out of range")),
        _ => Ok(millis),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::args::Request;

    #[test]
    fn timeouts_are_read_as_redis_reads_them() {
        let read = |text: &str| {
            let request = Request::of(["BLPOP", text]);
            seconds(request.args(), 1).map_err(|error| error.to_string())
        };
        assert_eq!(read("0"), Ok(0));
        assert_eq!(read("0.0001"), Ok(1));
        assert_eq!(read("1.5"), Ok(1500));
        assert_eq!(read("-1"), Err("ERR timeout is negative".into()));
        assert_eq!(read("x"), Err("ERR timeout is not a float or out of range".into()));
        assert_eq!(read("nan"), Err("ERR timeout is not a float or out of range".into()));
        assert_eq!(read("inf"), Err("ERR timeout is out of range".into()));
        assert_eq!(read("1e400"), Err("ERR timeout is out of range".into()));
        assert_eq!(read("-1e400"), Err("ERR timeout is negative".into()));
        assert_eq!(read("9223372036854775"), Err("ERR timeout is out of range".into()));
        let request = Request::of(["WAIT", "1.5"]);
        let error = millis(request.args(), 1).unwrap_err().to_string();
        assert_eq!(error, "ERR timeout is not an integer or out of range");
    }
}
