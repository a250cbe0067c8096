//! SPUBLISH shardchannel message: tell all who have subscribed to a channel of this slot's shard;
//! reply how many.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Message;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "spublish",
        family: Family::PubSub,
        arity: Arity::exactly(3),
        flags: Flags::PUBSUB
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::FAST)
            .union(Flags::MAY_REPLICATE),
        keys: &[KeySpec::at(1, Access::Rw, &["not_key"])],
        since: "7.0.0",
        complexity: "O(N) where N is the number of clients subscribed to the receiving shard \
                     channel.",
        summary: "Posts a message to a shard channel.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let channel = args.at(1);
    let receivers = call.keyspace.channels().shard_receivers(channel);
    let (channel, payload) = (channel.to_vec(), args.at(2).to_vec());
    call.keyspace.publish(Message::ShardPublish { channel, payload });
    call.reply.count(receivers);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::channels::{ChannelKind, Subscriber};
    use crate::testing::Rig;

    #[test]
    fn shard_channels_are_names_of_their_own() {
        let mut rig = Rig::new();
        let subscriber = Subscriber { executor: 0, client: 7 };
        let channels = rig.shard().keyspace().channels().clone();
        channels.subscribe(ChannelKind::Channel, b"c", subscriber);
        rig.check("SPUBLISH c hello", ":0");
        channels.subscribe(ChannelKind::Shard, b"c", subscriber);
        rig.check("SPUBLISH c hello", ":1");
        rig.check("SPUBLISH c", "-ERR wrong number of arguments for 'spublish' command");
    }
}
