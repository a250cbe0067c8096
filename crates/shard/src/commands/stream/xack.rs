//! XACK key group id …: entries are done with.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::id::parse;
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::types::stream::id::StreamId;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "xack",
        family: Family::Stream,
        arity: Arity::at_least(4),
        flags: Flags::WRITE.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["update"])],
        since: "5.0.0",
        complexity: "O(1) for each message ID processed.",
        summary: "Returns the number of messages that were successfully acknowledged by the \
                  consumer group member of a stream.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (key, group) = (args.at(1), args.at(2));
    if call.keyspace.stream(key)?.and_then(|stream| stream.group(group)).is_none() {
        call.reply.int(0);
        return Ok(());
    }
    let ids: Vec<StreamId> = args.iter_from(3).map(parse).collect::<Result<_, _>>()?;

    let done = ids.iter().filter(|id| call.keyspace.stream_forget(key, group, **id)).count();
    call.reply.count(done);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn what_is_done_is_pending_no_more() {
        let mut rig = Rig::new();
        rig.check("XACK s g nonsense", ":0");
        rig.check("XADD s 1 f v", "$1-0");
        rig.check("XADD s 2 f v", "$2-0");
        rig.check("XACK s g nonsense", ":0");
        rig.check("XGROUP CREATE s g 0", "+OK");
        rig.run("XREADGROUP GROUP g a STREAMS s >");
        rig.check("XACK s g 2 2 9", ":1");
        rig.check("XPENDING s g", "[:1 $1-0 $1-0 [[$a $1]]]");
        rig.check_error("XACK s g 1 x", "ERR Invalid stream ID");
        rig.check("XACK s g 1", ":1");
        rig.check("SET k v", "+OK");
        rig.check_error("XACK k g 1", "WRONGTYPE");
    }
}
