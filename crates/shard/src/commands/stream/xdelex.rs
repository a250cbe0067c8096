//! XDELEX key [KEEPREF | DELREF | ACKED] IDS n id …: remove entries, and say of each what has become
//! of it (since Redis 8.2).

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::references::{Outcome, parse_with_ids};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "xdelex",
        family: Family::Stream,
        arity: Arity::at_least(5),
        flags: Flags::WRITE.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["delete"])],
        since: "8.2.0",
        complexity: "O(1) for each single item to delete in the stream, regardless of the stream \
                     size.",
        summary: "Deletes one or multiple entries from the stream.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    call.keyspace.stream(key)?;
    let (references, ids) = parse_with_ids(args, 2)?;

    call.reply.array(ids.len());
    let mut removed = false;
    for id in ids {
        let outcome = references.delete(call.keyspace, key, id);
        removed |= outcome == Outcome::Removed;
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

    fn rig() -> Rig {
        let mut rig = Rig::new();
        for id in 1..=4 {
            rig.check(&format!("XADD s {id} f v"), &format!("${id}-0"));
        }
        rig.check("XGROUP CREATE s g 0", "+OK");
        rig.run("XREADGROUP GROUP g a COUNT 3 STREAMS s >");
        rig
    }

    #[test]
    fn references_stay_or_go() {
        let mut rig = rig();
        rig.check("XDELEX s IDS 2 1 1", "[:1 :-1]");
        rig.check("XPENDING s g", "[:3 $1-0 $3-0 [[$a $3]]]");
        rig.check("XDELEX s DELREF IDS 1 2", "[:1]");
        rig.check("XPENDING s g", "[:2 $1-0 $3-0 [[$a $2]]]");
        // What is referred to and gone is referred to no more.
        rig.check("XDELEX s DELREF IDS 1 1", "[:-1]");
        rig.check("XPENDING s g", "[:1 $3-0 $3-0 [[$a $1]]]");
        rig.check("XDELEX s ACKED IDS 2 3 4", "[:2 :2]");
        rig.check("XACK s g 3", ":1");
        rig.check("XDELEX s IDS 1 3 ACKED", "[:1]");
        rig.check("XRANGE s - +", "[[$4-0 [$f $v]]]");
        rig.check("XDELEX missing IDS 1 3", "[:-1]");
    }

    #[test]
    fn errors() {
        let mut rig = rig();
        rig.check_error("XDELEX s IDS 2 1", "ERR The `numids` parameter must match the number");
        rig.check("XDELEX s IDS 0 1", "-ERR Number of IDs must be a positive integer");
        rig.check("XDELEX s IDS x 1", "-ERR Number of IDs must be a positive integer");
        rig.check("XDELEX s IDS 1 1 2", "-ERR syntax error");
        rig.check("XDELEX s KEEPREF DELREF IDS 1 1", "-ERR syntax error");
        rig.check_error("XDELEX s IDS 1 x", "ERR Invalid stream ID");
        rig.check("SET k v", "+OK");
        rig.check_error("XDELEX k IDS 1 1", "WRONGTYPE");
        rig.check("XLEN s", ":4");
    }
}
