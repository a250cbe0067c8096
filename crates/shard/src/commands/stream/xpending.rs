//! XPENDING key group [[IDLE ms] start end count [consumer]]: what has been delivered and not been
//! acknowledged: how much, or entry by entry.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::consumer::group_of;
use super::entries::put_id;
use super::id::{parse_end, parse_start};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::reply::Reply;
use crate::script::{Pulse, beat};
use crate::types::stream::group::{Delivery, Group};
use crate::types::stream::id::StreamId;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "xpending",
        family: Family::Stream,
        arity: Arity::at_least(3),
        flags: Flags::READONLY,
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        tips: &["nondeterministic_output"],
        since: "5.0.0",
        complexity: "O(N) with N being the number of elements returned, so asking for a small \
                     fixed number of entries per call is O(1). O(M), where M is the total number \
                     of entries scanned when used with the IDLE filter. When the command returns \
                     just the summary and the list of consumers is small, it runs in O(1) time; \
                     otherwise, an additional O(N) time for iterating every consumer.",
        summary: "Returns the information and entries from a stream consumer group's pending \
                  entries list.",
        ..CommandSpec::NEW
    },
    run,
};

/// Which entries are listed.
struct Filter<'a> {
    min_idle: i64,
    start: StreamId,
    end: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    fn parse(args: Args<'a>) -> Result<Option<Self>, CommandError> {
        if args.len() == 3 {
            return Ok(None);
        }
        if args.len() < 6 || args.len() > 9 {
            return Err(ArgsError::Syntax.into());
        }
        let (mut min_idle, mut at) = (0, 3);
        if args.is(3, "IDLE") {
            min_idle = args.int(4)?;
            if args.len() < 8 {
                return Err(ArgsError::Syntax.into());
            }
            at = 5;
        }
        let count = usize::try_from(args.int(at + 2)?).unwrap_or(0);
        let (start, end) = (parse_start(args.at(at))?, parse_end(args.at(at + 1))?);
        Ok(Some(Self { min_idle, start, end, count, consumer: args.get(at + 3) }))
    }
}

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let filter = Filter::parse(args)?;
    let (now, pulse) = (call.keyspace.now().0, call.pulse);
    let (_, group) = group_of(call.keyspace, args.at(1), args.at(2))?;
    match filter {
        None => summary(call.reply, group),
        Some(filter) => {
            let found = list(group, &filter, now, pulse)?;
            call.reply.array(found.len());
            for (id, delivery) in found {
                call.reply.array(4);
                put_id(call.reply, id);
                call.reply.bulk(group.owner(delivery));
                call.reply.int(now.saturating_sub(delivery.time).max(0));
                call.reply.int(delivery.count as i64);
            }
        }
    }
    Ok(())
}

fn summary(reply: &mut Reply<'_>, group: &Group) {
    let pending = group.pending();
    let (first, last) = (pending.first_key_value(), pending.last_key_value());
    reply.array(4);
    reply.count(pending.len());
    let (Some((first, _)), Some((last, _))) = (first, last) else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    put_id(reply, *first);
    put_id(reply, *last);
    let busy = || group.consumers().filter(|consumer| !consumer.pending().is_empty());
    reply.array(busy().count());
    for consumer in busy() {
        reply.array(2);
        reply.bulk(consumer.name());
        reply.bulk(consumer.pending().len().to_string().as_bytes());
    }
}

fn list(
    group: &Group,
    filter: &Filter<'_>,
    now: i64,
    pulse: Option<Pulse<'_>>,
) -> Result<Vec<(StreamId, Delivery)>, CommandError> {
    let Filter { min_idle, start, end, count, consumer } = *filter;
    let mut found = Vec::new();
    if start > end || count == 0 {
        return Ok(found);
    }
    let mut looked_at = 0usize;
    let mut take = |id: StreamId, delivery: Delivery| {
        looked_at += 1;
        if looked_at.is_multiple_of(64) {
            beat(pulse)?;
        }
        if min_idle <= 0 || now.saturating_sub(delivery.time) >= min_idle {
            found.push((id, delivery));
        }
        Ok::<bool, CommandError>(found.len() < count)
    };
    match consumer {
        None => {
            for (id, delivery) in group.pending().range(start..=end) {
                if !take(*id, *delivery)? {
                    break;
                }
            }
        }
        Some(name) => {
            let consumer = group.consumer(name).into_iter();
            for id in consumer.flat_map(|consumer| consumer.pending().range(start..=end)) {
                let Some(delivery) = group.pending().get(id) else { continue };
                if !take(*id, *delivery)? {
                    break;
                }
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    fn rig() -> Rig {
        let mut rig = Rig::new();
        for id in 1..=4 {
            rig.check(&format!("XADD s {id} f v"), &format!("${id}-0"));
        }
        rig.check("XGROUP CREATE s g 0", "+OK");
        rig
    }

    #[test]
    fn summary() {
        let mut rig = rig();
        rig.check("XPENDING s g", "[:0 _ _ _]");
        rig.check("XGROUP CREATECONSUMER s g idle", ":1");
        rig.run("XREADGROUP GROUP g b COUNT 1 STREAMS s >");
        rig.run("XREADGROUP GROUP g a STREAMS s >");
        rig.check("XPENDING s g", "[:4 $1-0 $4-0 [[$a $3] [$b $1]]]");
    }

    #[test]
    fn entry_by_entry() {
        let mut rig = rig();
        rig.run("XREADGROUP GROUP g b COUNT 1 STREAMS s >");
        rig.advance_ms(10);
        rig.run("XREADGROUP GROUP g a STREAMS s >");
        rig.check("XPENDING s g - + 2", "[[$1-0 $b :10 :1] [$2-0 $a :0 :1]]");
        rig.check("XPENDING s g (1 3 9", "[[$2-0 $a :0 :1] [$3-0 $a :0 :1]]");
        rig.check("XPENDING s g - + 1 a", "[[$2-0 $a :0 :1]]");
        rig.check("XPENDING s g IDLE 5 - + 9", "[[$1-0 $b :10 :1]]");
        rig.check("XPENDING s g idle 5 - + 9 a", "[]");
        for nothing in ["3 2 9", "- + 0", "- + -1", "- + 9 nobody"] {
            rig.check(&format!("XPENDING s g {nothing}"), "[]");
        }
    }

    #[test]
    fn errors() {
        let mut rig = rig();
        for form in ["-", "- +", "IDLE 5", "IDLE 5 - +", "- + 1 a b c d"] {
            rig.check(&format!("XPENDING s g {form}"), "-ERR syntax error");
        }
        rig.check("XPENDING s g - + x", "-ERR value is not an integer or out of range");
        rig.check_error("XPENDING s g x + 1", "ERR Invalid stream ID");
        rig.check("XPENDING s h", "-NOGROUP No such key 's' or consumer group 'h'");
        rig.check("XPENDING none g", "-NOGROUP No such key 'none' or consumer group 'g'");
        rig.check("SET k v", "+OK");
        rig.check_error("XPENDING k g", "WRONGTYPE");
    }
}
