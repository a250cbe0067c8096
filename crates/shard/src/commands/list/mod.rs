//! Commands of the family *list*.

mod blmove;
mod blmpop;
mod blpop;
mod lindex;
mod linsert;
mod llen;
mod lmove;
mod lmpop;
mod lpop;
mod lpos;
mod lpush;
mod lrange;
mod lrem;
mod lset;
mod ltrim;

use protocol::args::Args;
use protocol::error::ArgsError;

use super::{Call, Command};
use crate::keyspace::Events;
use crate::types::list::End;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[
    &blmove::BLMOVE,
    &blmpop::COMMAND,
    &blpop::BLPOP,
    &blpop::BRPOP,
    &blmove::BRPOPLPUSH,
    &lindex::COMMAND,
    &linsert::COMMAND,
    &llen::COMMAND,
    &lmove::LMOVE,
    &lmpop::COMMAND,
    &lpop::LPOP,
    &lpos::COMMAND,
    &lpush::LPUSH,
    &lpush::LPUSHX,
    &lrange::COMMAND,
    &lrem::COMMAND,
    &lset::COMMAND,
    &ltrim::COMMAND,
    &lpop::RPOP,
    &lmove::RPOPLPUSH,
    &lpush::RPUSH,
    &lpush::RPUSHX,
];

/// Reads LEFT or RIGHT.
fn parse_end(args: Args<'_>, at: usize) -> Result<End, ArgsError> {
    if args.is(at, "LEFT") {
        Ok(End::Head)
    } else if args.is(at, "RIGHT") {
        Ok(End::Tail)
    } else {
        Err(ArgsError::Syntax)
    }
}

/// The place that a client's index means in a list of that length: negative ones count from the
/// end. `None` when there is no such place.
fn place_of(index: i64, len: usize) -> Option<usize> {
    let len = len as i64;
    let place = if index < 0 { len.checked_add(index)? } else { index };
    if (0..len).contains(&place) { usize::try_from(place).ok() } else { None }
}

/// The first place and the one past the last that a client's range means.
fn range_of(first: i64, last: i64, len: usize) -> (usize, usize) {
    let from_end = |index: i64| if index < 0 { index.saturating_add(len as i64) } else { index };
    let first = from_end(first).clamp(0, len as i64);
    let end = from_end(last).saturating_add(1).clamp(first, len as i64);
    (first as usize, end as usize)
}

/// Tells that elements have been popped, and that the key is gone if it is.
fn notify_popped(call: &mut Call<'_, '_>, key: &[u8], end: End) {
    let event = match end {
        End::Head => "lpop",
        End::Tail => "rpop",
    };
    call.keyspace.notify(Events::LIST, event, key);
    call.keyspace.notify_if_gone(key);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_and_ranges() {
        assert_eq!(
            [0, 2, 3, -1, -3, -4].map(|index| place_of(index, 3)),
            [Some(0), Some(2), None, Some(2), Some(0), None]
        );
        assert_eq!(place_of(i64::MIN, 3), None);
        for (first, last, range) in [
            (0, -1, (0, 3)),
            (1, 1, (1, 2)),
            (-2, 9, (1, 3)),
            (2, 1, (2, 2)),
            (5, 9, (3, 3)),
            (i64::MIN, i64::MAX, (0, 3)),
            (0, i64::MIN, (0, 0)),
        ] {
            assert_eq!(range_of(first, last, 3), range, "{first} {last}");
        }
    }
}
