//! XACKDEL key group [KEEPREF | DELREF | ACKED] IDS n id …: acknowledge entries and remove them, and
//! say of each what has become of it (since Redis 8.2).

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::references::{Outcome, parse_with_ids};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "xackdel",
        family: Family::Stream,
        arity: Arity::at_least(6),
        flags: Flags::WRITE.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["update", "delete"])],
        since: "8.2.0",
        complexity: "O(1) for each message ID processed.",
        summary: "Acknowledges and deletes one or multiple messages for a stream consumer group.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (key, group) = (args.at(1), args.at(2));
    call.keyspace.stream(key)?;
    let (references, ids) = parse_with_ids(args, 3)?;

    call.reply.array(ids.len());
    let mut removed = false;
    for id in ids {
        let outcome = if call.keyspace.stream_forget(key, group, id) {
            // What is acknowledged and was removed before is removed now.
            match references.delete(call.keyspace, key, id) {
                Outcome::Missing => Outcome::Removed,
                outcome => {
                    removed |= outcome == Outcome::Removed;
                    outcome
                }
            }
        } else {
            Outcome::Missing
        };
        call.reply.int(outcome as i64);
    }
    if removed {
        call.keyspace.notify(Events::STREAM, "xdel", key);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn acknowledges_and_removes() {
        let mut rig = Rig::new();
        rig.check("XACKDEL s g IDS 2 1 2", "[:-1 :-1]");
        for id in 1..=4 {
            rig.check(&format!("XADD s {id} f v"), &format!("${id}-0"));
        }
        rig.check("XGROUP CREATE s g 0", "+OK");
        rig.check("XGROUP CREATE s h 0", "+OK");
        rig.check("XACKDEL s g IDS 1 1", "[:-1]");
        rig.run("XREADGROUP GROUP g a STREAMS s >");
        rig.run("XREADGROUP GROUP h a COUNT 1 STREAMS s >");
        rig.check("XACKDEL s g ACKED IDS 2 1 2", "[:2 :2]");
        rig.check("XPENDING s g", "[:2 $3-0 $4-0 [[$a $2]]]");
        rig.check("XDEL s 3", ":1");
        rig.check("XACKDEL s g IDS 3 3 4 4", "[:1 :1 :-1]");
        rig.check("XACKDEL s h DELREF IDS 1 1", "[:1]");
        rig.check("XPENDING s g", "[:0 _ _ _]");
        rig.check("XRANGE s - +", "[[$2-0 [$f $v]]]");
    }

    #[test]
    fn errors() {
        let mut rig = Rig::new();
        rig.check("XACKDEL s g OTHER 1 1", "-ERR syntax error");
        rig.check("SET k v", "+OK");
        rig.check_error("XACKDEL k g IDS 1 1", "WRONGTYPE");
    }
}
