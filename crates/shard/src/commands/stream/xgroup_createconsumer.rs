//! XGROUP CREATECONSUMER key group consumer: add a consumer to a group.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Flags};

use super::consumer::group_at;
use super::xgroup::{INSERTED, NEEDS_KEY, about_key};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;
use crate::types::stream::group::Times;

const ROW: Command = about_key(
    "xgroup|createconsumer",
    Arity::exactly(5),
    Flags::WRITE.union(Flags::DENYOOM),
    INSERTED,
    "Creates a consumer in a consumer group.",
    run,
);

pub(super) const COMMAND: Command =
    Command { spec: CommandSpec { since: "6.2.0", ..ROW.spec }, run };

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (key, group, name) = (args.at(2), args.at(3), args.at(4));
    let (_, found) = group_at(call.keyspace, key, group, NEEDS_KEY)?;
    let missing = found.consumer(name).is_none();
    if missing {
        let seen = call.keyspace.now().0;
        call.keyspace.stream_consumer(key, group, name, Times { seen, active: None });
        call.keyspace.notify(Events::STREAM, "xgroup-createconsumer", key);
    }
    call.reply.flag(missing);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn says_whether_it_is_new() {
        let mut rig = Rig::new();
        let missing = "-NOGROUP No such consumer group 'g' for key name 's'";
        rig.check_error("XGROUP CREATECONSUMER s g a", "ERR The XGROUP subcommand requires");
        rig.check("XADD s 1 f v", "$1-0");
        rig.check("XGROUP CREATECONSUMER s g a", missing);
        rig.check("XGROUP CREATE s g 0", "+OK");
        rig.check("XGROUP CREATECONSUMER s g a", ":1");
        rig.advance_ms(3);
        rig.check("XGROUP CREATECONSUMER s g a", ":0");
        rig.check("XINFO CONSUMERS s g", "[[$name $a $pending :0 $idle :3 $inactive :-1]]");
        rig.check("SET k v", "+OK");
        rig.check_error("XGROUP CREATECONSUMER k g a", "WRONGTYPE");
    }
}
