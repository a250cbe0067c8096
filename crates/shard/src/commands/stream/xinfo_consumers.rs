//! XINFO CONSUMERS key group: who is in a group.

use protocol::args::Args;
use protocol::spec::Arity;

use super::consumer::group_at;
use super::xinfo::about_key;
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = about_key(
    "xinfo|consumers",
    Arity::exactly(4),
    &["nondeterministic_output"],
    "Returns a list of the consumers in a consumer group.",
    run,
);

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let now = call.keyspace.now().0;
    let missing = CommandError::NoSuchKey;
    let (_, group) = group_at(call.keyspace, args.at(2), args.at(3), missing)?;
    call.reply.array(group.consumer_count());
    for consumer in group.consumers() {
        let times = consumer.times;
        call.reply.map(4);
        call.reply.bulk(b"name");
        call.reply.bulk(consumer.name());
        call.reply.bulk(b"pending");
        call.reply.count(consumer.pending().len());
        call.reply.bulk(b"idle");
        call.reply.int(now.saturating_sub(times.seen).max(0));
        call.reply.bulk(b"inactive");
        call.reply.int(times.active.map_or(-1, |active| now.saturating_sub(active).max(0)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn errors_and_none() {
        let mut rig = Rig::new();
        rig.check("XINFO CONSUMERS s g", "-ERR no such key");
        rig.check("XGROUP CREATE s g 0 MKSTREAM", "+OK");
        rig.check("XINFO CONSUMERS s g", "[]");
        rig.check("XINFO CONSUMERS s h", "-NOGROUP No such consumer group 'h' for key name 's'");
        rig.check("SET k v", "+OK");
        rig.check_error("XINFO CONSUMERS k g", "WRONGTYPE");
    }
}
