//! XDEL key id …: remove entries.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::id::parse;
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;
use crate::types::stream::id::StreamId;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "xdel",
        family: Family::Stream,
        arity: Arity::at_least(3),
        flags: Flags::WRITE.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["delete"])],
        since: "5.0.0",
        complexity: "O(1) for each single item to delete in the stream, regardless of the stream \
                     size.",
        summary: "Returns the number of messages after removing them from a stream.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    if call.keyspace.stream(key)?.is_none() {
        call.reply.int(0);
        return Ok(());
    }
    let ids: Vec<StreamId> = args.iter_from(2).map(parse).collect::<Result<_, _>>()?;

    let deleted = ids.iter().filter(|id| call.keyspace.stream_delete(key, **id, false)).count();
    if deleted > 0 {
        call.keyspace.notify(Events::STREAM, "xdel", key);
    }
    call.reply.count(deleted);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn removes_what_is_there() {
        let mut rig = Rig::new();
        rig.check("XDEL s nonsense", ":0");
        for id in 1..=3 {
            rig.check(&format!("XADD s {id} f v"), &format!("${id}-0"));
        }
        rig.check("XDEL s 2 2 9", ":1");
        rig.check("XRANGE s - + COUNT 2", "[[$1-0 [$f $v]] [$3-0 [$f $v]]]");
        rig.check("XDEL s 1 x", "-ERR Invalid stream ID specified as stream command argument");
        rig.check("XLEN s", ":2");
        rig.check("XDEL s 3 1", ":2");
        rig.check("EXISTS s", ":1");
        rig.check(
            "XADD s 3 f v",
            "-ERR The ID specified in XADD is equal or smaller than the \
            target stream top item",
        );
        rig.check("SET k v", "+OK");
        rig.check_error("XDEL k 1", "WRONGTYPE");
    }
}
