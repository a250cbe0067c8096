//! Which parts of a request are channels.

use protocol::args::Args;
use protocol::spec::{CommandSpec, Family};

/// The channels of a request.
pub(super) struct Channels {
    /// The parts that are channels: from, up to.
    pub(super) parts: std::ops::Range<usize>,
    /// They are patterns, which have to be allowed as they are written.
    pub(super) literal: bool,
}

/// The channels that a request publishes to or subscribes to. (Whoever unsubscribes needs no
/// permission.)
pub(super) fn channels_of(spec: &CommandSpec, args: Args<'_>) -> Option<Channels> {
    if spec.family != Family::PubSub {
        return None;
    }
    let (parts, literal) = match spec.name {
        "publish" | "spublish" => (1..2, false),
        "subscribe" | "ssubscribe" => (1..args.len(), false),
        "psubscribe" => (1..args.len(), true),
        _ => return None,
    };
    Some(Channels { parts, literal })
}
