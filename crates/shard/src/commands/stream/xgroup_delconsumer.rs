//! XGROUP DELCONSUMER key group consumer: remove a consumer, and forget what it has not
//! acknowledged. Replies how much that was.

use protocol::args::Args;
use protocol::spec::{Arity, Flags};

use super::consumer::group_at;
use super::xgroup::{DELETED, NEEDS_KEY, about_key};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;

pub(super) const COMMAND: Command = about_key(
    "xgroup|delconsumer",
    Arity::exactly(5),
    Flags::WRITE,
    DELETED,
    "Deletes a consumer from a consumer group.",
    run,
);

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (key, group) = (args.at(2), args.at(3));
    group_at(call.keyspace, key, group, NEEDS_KEY)?;
    let removed = call.keyspace.stream_consumer_remove(key, group, args.at(4));
    if removed.is_some() {
        call.keyspace.notify(Events::STREAM, "xgroup-delconsumer", key);
    }
    call.reply.count(removed.unwrap_or(0));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn says_what_was_pending() {
        let mut rig = Rig::new();
        rig.check_error("XGROUP DELCONSUMER s g a", "ERR The XGROUP subcommand requires");
        rig.check("XADD s 1 f v", "$1-0");
        rig.check("XADD s 2 f v", "$2-0");
        rig.check("XGROUP CREATE s g 0", "+OK");
        rig.run("XREADGROUP GROUP g a COUNT 1 STREAMS s >");
        rig.run("XREADGROUP GROUP g b COUNT 1 STREAMS s >");
        rig.check("XGROUP DELCONSUMER s g a", ":1");
        rig.check("XGROUP DELCONSUMER s g a", ":0");
        rig.check("XPENDING s g", "[:1 $2-0 $2-0 [[$b $1]]]");
        // The next consumer has nothing of the one that is gone.
        rig.check("XGROUP CREATECONSUMER s g c", ":1");
        rig.check("XPENDING s g - + 9 c", "[]");
        rig.check("SET k v", "+OK");
        rig.check_error("XGROUP DELCONSUMER k g a", "WRONGTYPE");
    }
}
