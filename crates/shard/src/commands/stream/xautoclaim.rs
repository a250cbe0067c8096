//! XAUTOCLAIM key group consumer min-idle start [COUNT n] [JUSTID]: claim entries that have been
//! pending for long, from an id on.
//!
//! Replies the id to go on from, what was claimed, and the ids of entries that were deleted and so
//! are pending no more.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::claim::{Claim, min_idle};
use super::consumer::{self, Consumer, group_of};
use super::entries::put_id;
use super::id::parse_start;
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::script::{Pulse, beat};
use crate::types::stream::Stream;
use crate::types::stream::group::Group;
use crate::types::stream::id::StreamId;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "xautoclaim",
        family: Family::Stream,
        arity: Arity::at_least(6),
        flags: Flags::WRITE.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["delete"])],
        tips: &["nondeterministic_output"],
        since: "6.2.0",
        complexity: "O(1) if COUNT is small.",
        summary: "Changes, or acquires, ownership of messages in a consumer group, as if the \
                  messages were delivered to as consumer group member.",
        ..CommandSpec::NEW
    },
    run,
};

/// How many pending entries are looked at for each that may be claimed.
const ATTEMPTS_FACTOR: usize = 10;
/// The largest COUNT that Redis takes.
const COUNT_MAX: i64 = i64::MAX / 16 / ATTEMPTS_FACTOR as i64;

/// What was found among the pending entries.
struct Found {
    /// Where to go on.
    next: StreamId,
    /// To claim, each with how often it was delivered.
    idle: Vec<(StreamId, u64)>,
    deleted: Vec<StreamId>,
}

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let consumer = Consumer { key: args.at(1), group: args.at(2), name: args.at(3) };
    let idle = min_idle(args.at(4))
        .ok_or(CommandError::Text("ERR Invalid min-idle-time argument for XAUTOCLAIM"))?;
    let start = parse_start(args.at(5))?;
    let (mut count, mut just_id, mut at) = (100, false, 6);
    while at < args.len() {
        if args.is(at, "COUNT") && at + 1 < args.len() {
            let given = args.int(at + 1).ok().filter(|count| (1..=COUNT_MAX).contains(count));
            count = given.ok_or(CommandError::Text("ERR COUNT must be > 0"))? as usize;
            at += 1;
        } else if args.is(at, "JUSTID") {
            just_id = true;
        } else {
            return Err(ArgsError::Syntax.into());
        }
        at += 1;
    }

    let (pulse, now) = (call.pulse, call.keyspace.now().0);
    let (stream, group) = group_of(call.keyspace, consumer.key, consumer.group)?;
    let latest = if idle > 0 { now.saturating_sub(idle) } else { i64::MAX };
    let found = look(stream, group, start, (count, latest), pulse)?;

    consumer::see(call, consumer);
    for id in &found.deleted {
        call.keyspace.stream_forget(consumer.key, consumer.group, *id);
    }
    let claim = Claim { consumer, time: now, count: None, just_id };
    found.idle.iter().for_each(|(id, count)| claim.take(call, *id, *count));
    if !found.idle.is_empty() {
        consumer::act(call, consumer);
    }
    call.reply.array(3);
    put_id(call.reply, found.next);
    let claimed: Vec<StreamId> = found.idle.iter().map(|(id, _)| *id).collect();
    claim.reply(call, &claimed);
    call.reply.array(found.deleted.len());
    found.deleted.iter().for_each(|id| put_id(call.reply, *id));
    Ok(())
}

/// Looks for `count` entries that were delivered by `latest` or have been deleted.
fn look(
    stream: &Stream,
    group: &Group,
    start: StreamId,
    (count, latest): (usize, i64),
    pulse: Option<Pulse<'_>>,
) -> Result<Found, CommandError> {
    let mut found = Found { next: StreamId::MIN, idle: Vec::new(), deleted: Vec::new() };
    let mut attempts = count.saturating_mul(ATTEMPTS_FACTOR);
    for (&id, delivery) in group.pending().range(start..) {
        if attempts == 0 || found.idle.len() + found.deleted.len() == count {
            found.next = id;
            break;
        }
        attempts -= 1;
        if attempts.is_multiple_of(64) {
            beat(pulse)?;
        }
        if stream.entry(id).is_none() {
            found.deleted.push(id);
        } else if delivery.time <= latest {
            found.idle.push((id, delivery.count));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    fn rig() -> Rig {
        let mut rig = Rig::new();
        for id in 1..=5 {
            rig.check(&format!("XADD s {id} f {id}"), &format!("${id}-0"));
        }
        rig.check("XGROUP CREATE s g 0", "+OK");
        rig.run("XREADGROUP GROUP g a STREAMS s >");
        rig.advance_ms(100);
        rig
    }

    #[test]
    fn goes_on_from_where_it_stopped() {
        let mut rig = rig();
        rig.check("XAUTOCLAIM s g b 0 0 COUNT 2", "[$3-0 [[$1-0 [$f $1]] [$2-0 [$f $2]]] []]");
        rig.check("XAUTOCLAIM s g b 0 3 COUNT 2 JUSTID", "[$5-0 [$3-0 $4-0] []]");
        rig.check("XAUTOCLAIM s g b 0 5 COUNT 2", "[$0-0 [[$5-0 [$f $5]]] []]");
        rig.check("XAUTOCLAIM s g b 50 0", "[$0-0 [] []]");
        rig.check("XPENDING s g", "[:5 $1-0 $5-0 [[$b $5]]]");
        rig.check("XPENDING s g 2 3 9", "[[$2-0 $b :0 :2] [$3-0 $b :0 :1]]");
    }

    #[test]
    fn deleted_entries_are_told_and_forgotten() {
        let mut rig = rig();
        rig.check("XDEL s 1 3", ":2");
        rig.check("XAUTOCLAIM s g b 0 - COUNT 2 JUSTID", "[$3-0 [$2-0] [$1-0]]");
        rig.check("XAUTOCLAIM s g b 1000 -", "[$0-0 [] [$3-0]]");
        rig.check("XPENDING s g", "[:3 $2-0 $5-0 [[$a $2] [$b $1]]]");
    }

    #[test]
    fn few_are_looked_at_for_each_that_may_be_claimed() {
        let mut rig = Rig::new();
        rig.check("XGROUP CREATE s g 0 MKSTREAM", "+OK");
        for id in 1..=15 {
            rig.check(&format!("XADD s {id} f v"), &format!("${id}-0"));
        }
        rig.run("XREADGROUP GROUP g a STREAMS s >");
        rig.check("XAUTOCLAIM s g b 1000 0 COUNT 1", "[$11-0 [] []]");
    }

    #[test]
    fn errors() {
        let mut rig = rig();
        rig.check_error(
            "XAUTOCLAIM s g b x 0",
            "ERR Invalid min-idle-time argument for XAUTOCLAIM",
        );
        rig.check_error("XAUTOCLAIM s g b 0 x", "ERR Invalid stream ID");
        rig.check("XAUTOCLAIM s g b 0 0 COUNT 0", "-ERR COUNT must be > 0");
        rig.check("XAUTOCLAIM s g b 0 0 COUNT x", "-ERR COUNT must be > 0");
        rig.check("XAUTOCLAIM s g b 0 0 COUNT", "-ERR syntax error");
        rig.check("XAUTOCLAIM s h b 0 0", "-NOGROUP No such key 's' or consumer group 'h'");
        rig.check("SET k v", "+OK");
        rig.check_error("XAUTOCLAIM k g b 0 0", "WRONGTYPE");
    }
}
