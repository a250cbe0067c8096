//! Commands of the family *sorted set*.

mod algebra;
mod bounds;
mod bzmpop;
mod bzpop;
#[cfg(test)]
mod events_test;
pub(super) mod zadd;
mod zcard;
mod zcount;
mod zdiff;
mod zincrby;
mod zinter;
mod zintercard;
mod zlexcount;
mod zmpop;
mod zpop;
mod zrandmember;
mod zrange;
mod zrange_options;
mod zrangeby;
mod zrangestore;
mod zrank;
mod zrem;
mod zremrange;
mod zscan;
mod zscore;
mod zunion;

use protocol::encode::Version;

use super::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;
use crate::reply::Reply;
use crate::types::zset::{Pair, ZSet};

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[
    &bzmpop::COMMAND,
    &bzpop::BZPOPMAX,
    &bzpop::BZPOPMIN,
    &zadd::COMMAND,
    &zcard::COMMAND,
    &zcount::COMMAND,
    &zdiff::ZDIFF,
    &zdiff::ZDIFFSTORE,
    &zincrby::COMMAND,
    &zinter::ZINTER,
    &zintercard::COMMAND,
    &zinter::ZINTERSTORE,
    &zlexcount::COMMAND,
    &zmpop::COMMAND,
    &zscore::ZMSCORE,
    &zpop::ZPOPMAX,
    &zpop::ZPOPMIN,
    &zrandmember::COMMAND,
    &zrange::COMMAND,
    &zrangeby::ZRANGEBYLEX,
    &zrangeby::ZRANGEBYSCORE,
    &zrangestore::COMMAND,
    &zrank::ZRANK,
    &zrem::COMMAND,
    &zremrange::ZREMRANGEBYLEX,
    &zremrange::ZREMRANGEBYRANK,
    &zremrange::ZREMRANGEBYSCORE,
    &zrangeby::ZREVRANGE,
    &zrangeby::ZREVRANGEBYLEX,
    &zrangeby::ZREVRANGEBYSCORE,
    &zrank::ZREVRANK,
    &zscan::COMMAND,
    &zscore::ZSCORE,
    &zunion::ZUNION,
    &zunion::ZUNIONSTORE,
];

/// The sum of scores is not a number: `inf` and `-inf` have been added.
const NOT_A_NUMBER: CommandError = CommandError::Text("ERR resulting score is not a number (NaN)");

/// Members of a slice that is removed before the script is asked whether it is to end.
const SLICE: usize = 64;

/// Replies members, with their scores if asked for: pairs in RESP3, in RESP2 one after the other.
fn write_pairs<'a>(
    reply: &mut Reply<'_>,
    pairs: impl ExactSizeIterator<Item = Pair<'a>>,
    with_scores: bool,
) {
    let nested = with_scores && reply.version() == Version::Resp3;
    let flat = with_scores && !nested;
    reply.array(if flat { pairs.len() * 2 } else { pairs.len() });
    for (member, score) in pairs {
        if nested {
            reply.array(2);
        }
        reply.bulk(member);
        if with_scores {
            reply.double(score);
        }
    }
}

/// Removes the members between two ranks, which are there, and tells of it.
fn remove_ranks(
    call: &mut Call<'_, '_>,
    key: &[u8],
    (start, end): (usize, usize),
    event: &'static str,
    mut visit: impl FnMut(Pair<'_>),
) -> Result<(), CommandError> {
    let mut left = end.saturating_sub(start);
    if left == 0 {
        return Ok(());
    }
    while left > 0 {
        let slice = left.min(SLICE);
        call.keyspace.zset_remove_range(key, start, start + slice, &mut visit)?;
        left -= slice;
        // A script that is to end takes back the slices before this one.
        call.beat()?;
    }
    tell_removed(call, key, event);
    Ok(())
}

/// Tells that members have been removed, and that the key has gone with the last of them.
fn tell_removed(call: &mut Call<'_, '_>, key: &[u8], event: &'static str) {
    call.keyspace.notify(Events::SORTED_SET, event, key);
    if !call.keyspace.contains(key) {
        call.keyspace.notify(Events::GENERIC, "del", key);
    }
}

/// Stores a result at a key, tells of it, and replies how many members it has.
pub(super) fn store(call: &mut Call<'_, '_>, key: &[u8], zset: ZSet, event: &'static str) {
    let len = zset.len();
    let existed = call.keyspace.store_zset(key, zset);
    if len > 0 {
        call.keyspace.notify(Events::SORTED_SET, event, key);
    } else if existed {
        call.keyspace.notify(Events::GENERIC, "del", key);
    }
    call.reply.count(len);
}
