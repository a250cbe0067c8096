//! PUBLISH channel message: tell all who have subscribed, on all nodes; reply how many of this
//! node will be told.
//!
//! The message leaves when the command is kept: at once, or with the script or transaction that it
//! is part of. What a script publishes that is rolled back is never told.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Message;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "publish",
        family: Family::PubSub,
        arity: Arity::exactly(3),
        flags: Flags::PUBSUB
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::FAST)
            .union(Flags::MAY_REPLICATE),
        since: "2.0.0",
        complexity: "O(N+M) where N is the number of clients subscribed to the receiving channel \
                     and M is the total number of subscribed patterns (by any client).",
        summary: "Posts a message to a channel.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let channel = args.at(1);
    let receivers = call.keyspace.channels().receivers(channel);
    let (channel, payload) = (channel.to_vec(), args.at(2).to_vec());
    call.keyspace.publish(Message::Publish { channel, payload });
    call.reply.count(receivers);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::channels::{ChannelKind, Subscriber};
    use crate::keyspace::Message;
    use crate::testing::Rig;

    #[test]
    fn replies_how_many_will_be_told() {
        let mut rig = Rig::new();
        rig.check("PUBLISH c hello", ":0");
        let subscriber = Subscriber { executor: 0, client: 7 };
        let channels = rig.shard().keyspace().channels().clone();
        channels.subscribe(ChannelKind::Channel, b"c", subscriber);
        channels.subscribe(ChannelKind::Pattern, b"?", subscriber);
        rig.check("PUBLISH c hello", ":2");
        rig.check("PUBLISH d hello", ":1");
        let told = rig.shard().keyspace_mut().take_messages();
        assert_eq!(told.len(), 3);
        assert_eq!(
            told[2],
            Message::Publish { channel: b"d".to_vec(), payload: b"hello".to_vec() }
        );
    }

    #[test]
    fn a_script_that_fails_publishes_nothing() {
        let mut rig = Rig::new();
        rig.check_error(
            "EVAL \"redis.call('publish','c','m') error('no')\" 0",
            "ERR user_script:1",
        );
        assert_eq!(rig.shard().keyspace_mut().take_messages(), []);
        rig.check("EVAL \"return redis.call('publish','c','m')\" 0", ":0");
        assert_eq!(rig.shard().keyspace_mut().take_messages().len(), 1);
    }
}
