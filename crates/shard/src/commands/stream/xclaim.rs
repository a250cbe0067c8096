//! XCLAIM key group consumer min-idle id … [IDLE ms] [TIME ms] [RETRYCOUNT n] [FORCE] [JUSTID]
//! [LASTID id]: make pending entries those of another consumer.
//!
//! An entry that has been deleted cannot be claimed, and is pending no more (since Redis 7.0).

use protocol::args::Args;
use protocol::number::parse_i64;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::claim::{Claim, min_idle};
use super::consumer::{self, Consumer, group_of};
use super::id::parse;
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::types::stream::group::{Group, Progress};
use crate::types::stream::id::StreamId;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "xclaim",
        family: Family::Stream,
        arity: Arity::at_least(6),
        flags: Flags::WRITE.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["update"])],
        tips: &["nondeterministic_output"],
        since: "5.0.0",
        complexity: "O(log N) with N being the number of messages in the PEL of the consumer \
                     group.",
        summary: "Changes, or acquires, ownership of a message in a consumer group, as if the \
                  message was delivered a consumer group member.",
        ..CommandSpec::NEW
    },
    run,
};

/// What follows the ids.
struct Options {
    /// When the entries count as delivered; a time that is not possible is now.
    time: i64,
    count: Option<u64>,
    force: bool,
    just_id: bool,
    last: StreamId,
}

impl Options {
    fn parse(args: Args<'_>, from: usize, now: i64) -> Result<Self, CommandError> {
        let last = StreamId::MIN;
        let mut options = Self { time: now, count: None, force: false, just_id: false, last };
        let number = |at: usize, error: &'static str| {
            parse_i64(args.at(at)).ok_or(CommandError::Text(error))
        };
        let mut at = from;
        while at < args.len() {
            let more = at + 1 < args.len();
            if args.is(at, "FORCE") {
                options.force = true;
            } else if args.is(at, "JUSTID") {
                options.just_id = true;
            } else if more && args.is(at, "IDLE") {
                let idle = number(at + 1, "ERR Invalid IDLE option argument for XCLAIM")?;
                options.time = now.saturating_sub(idle);
                at += 1;
            } else if more && args.is(at, "TIME") {
                options.time = number(at + 1, "ERR Invalid TIME option argument for XCLAIM")?;
                at += 1;
            } else if more && args.is(at, "RETRYCOUNT") {
                let error = "ERR Invalid RETRYCOUNT option argument for XCLAIM";
                options.count = u64::try_from(number(at + 1, error)?).ok();
                at += 1;
            } else if more && args.is(at, "LASTID") {
                options.last = parse(args.at(at + 1))?;
                at += 1;
            } else {
                let option = String::from_utf8_lossy(args.at(at));
                return Err(CommandError::dynamic(format!(
                    "ERR Unrecognized XCLAIM option '{option}'"
                )));
            }
            at += 1;
        }
        if options.time < 0 || options.time > now {
            options.time = now;
        }
        Ok(options)
    }
}

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let consumer = Consumer { key: args.at(1), group: args.at(2), name: args.at(3) };
    let now = call.keyspace.now().0;
    let progress = group_of(call.keyspace, consumer.key, consumer.group)?.1.progress;
    let idle = min_idle(args.at(4))
        .ok_or(CommandError::Text("ERR Invalid min-idle-time argument for XCLAIM"))?;
    let ids: Vec<StreamId> = args.iter_from(5).map_while(|text| parse(text).ok()).collect();
    let options = Options::parse(args, 5 + ids.len(), now)?;

    if options.last > progress.last {
        let progress = Progress { last: options.last, ..progress };
        call.keyspace.stream_group_set(consumer.key, consumer.group, progress);
    }
    consumer::see(call, consumer);
    let Options { time, count, just_id, .. } = options;
    let claim = Claim { consumer, time, count, just_id };
    let mut claimed = Vec::new();
    for id in ids {
        if claim_one(call, claim, id, now.saturating_sub(idle), &options) {
            claimed.push(id);
        }
    }
    if !claimed.is_empty() {
        consumer::act(call, consumer);
    }
    claim.reply(call, &claimed);
    Ok(())
}

/// Claims one entry, if it was delivered by `latest`. Says whether it did.
fn claim_one(
    call: &mut Call<'_, '_>,
    claim: Claim<'_>,
    id: StreamId,
    latest: i64,
    options: &Options,
) -> bool {
    let Consumer { key, group, .. } = claim.consumer;
    let Ok(Some(stream)) = call.keyspace.stream(key) else { return false };
    let there = stream.entry(id).is_some();
    let pending = stream.group(group).map(Group::pending);
    let delivery = pending.and_then(|pending| pending.get(&id)).copied();
    if !there {
        call.keyspace.stream_forget(key, group, id);
        return false;
    }
    match delivery {
        Some(delivery) if delivery.time > latest && latest < call.keyspace.now().0 => false,
        Some(delivery) => {
            claim.take(call, id, delivery.count);
            true
        }
        // It counts as delivered before.
        None if options.force => {
            claim.take(call, id, 1);
            true
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    fn rig() -> Rig {
        let mut rig = Rig::new();
        for id in 1..=3 {
            rig.check(&format!("XADD s {id} f {id}"), &format!("${id}-0"));
        }
        rig.check("XGROUP CREATE s g 0", "+OK");
        rig.run("XREADGROUP GROUP g a COUNT 2 STREAMS s >");
        rig.advance_ms(100);
        rig
    }

    #[test]
    fn entries_that_are_idle_change_hands() {
        let mut rig = rig();
        rig.check("XCLAIM s g b 101 1 2", "[]");
        rig.check("XCLAIM s g b 100 1 3 9", "[[$1-0 [$f $1]]]");
        rig.check("XCLAIM s g b 0 2 JUSTID", "[$2-0]");
        rig.check("XPENDING s g - + 9", "[[$1-0 $b :0 :2] [$2-0 $b :0 :1]]");
        rig.check(
            "XINFO CONSUMERS s g",
            "[[$name $a $pending :0 $idle :100 $inactive :100] \
            [$name $b $pending :2 $idle :0 $inactive :0]]",
        );
    }

    #[test]
    fn options() {
        let mut rig = rig();
        rig.check("XCLAIM s g b 0 3 FORCE", "[[$3-0 [$f $3]]]");
        rig.check("XCLAIM s g b 0 1 IDLE 30 RETRYCOUNT 7", "[[$1-0 [$f $1]]]");
        rig.check("XCLAIM s g b 0 2 TIME 1700000000040 JUSTID", "[$2-0]");
        rig.check("XPENDING s g - + 9", "[[$1-0 $b :30 :7] [$2-0 $b :60 :1] [$3-0 $b :0 :2]]");
        rig.check("XCLAIM s g b 0 1 TIME 99999999999999 LASTID 8-1 JUSTID", "[$1-0]");
        rig.check("XPENDING s g - + 1", "[[$1-0 $b :0 :7]]");
        assert!(rig.run("XINFO GROUPS s").contains("$last-delivered-id $8-1"));
    }

    #[test]
    fn a_deleted_entry_is_pending_no_more() {
        let mut rig = rig();
        rig.check("XDEL s 1", ":1");
        rig.check("XCLAIM s g b 0 1 FORCE", "[]");
        rig.check("XPENDING s g", "[:1 $2-0 $2-0 [[$a $1]]]");
    }

    #[test]
    fn errors() {
        let mut rig = rig();
        rig.check_error("XCLAIM s g b x 1", "ERR Invalid min-idle-time argument for XCLAIM");
        for option in ["IDLE", "TIME", "RETRYCOUNT"] {
            rig.check(
                &format!("XCLAIM s g b 0 1 {option} x"),
                &format!("-ERR Invalid {option} option argument for XCLAIM"),
            );
            rig.check(
                &format!("XCLAIM s g b 0 1 {option}"),
                &format!("-ERR Unrecognized XCLAIM option '{option}'"),
            );
        }
        rig.check_error("XCLAIM s g b 0 1 LASTID x", "ERR Invalid stream ID");
        rig.check("XCLAIM s h b 0 1", "-NOGROUP No such key 's' or consumer group 'h'");
        rig.check("SET k v", "+OK");
        rig.check_error("XCLAIM k g b 0 1", "WRONGTYPE");
        rig.check("XINFO CONSUMERS s g", "[[$name $a $pending :2 $idle :100 $inactive :100]]");
    }
}
