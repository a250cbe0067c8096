//! DBSIZE: how many keys there are. Expired ones that nobody has looked at count, as in Redis.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, FanOut, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "dbsize",
        family: Family::Server,
        arity: Arity::exactly(1),
        flags: Flags::READONLY.union(Flags::FAST),
        fan_out: FanOut::Sum,
        acl_extra: &["keyspace"],
        tips: &["request_policy:all_shards", "response_policy:agg_sum"],
        summary: "Returns the number of keys in the database.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, _args: Args<'_>) -> Result<(), CommandError> {
    call.reply.count(call.keyspace.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn counts_keys_of_every_type() {
        let mut rig = Rig::new();
        rig.check("DBSIZE", ":0");
        rig.check("SET a 1", "+OK");
        rig.check("HSET b f v g w", ":2");
        rig.check("DBSIZE", ":2");
        rig.check("DEL a", ":1");
        rig.check("DBSIZE", ":1");
    }

    #[test]
    fn takes_no_arguments() {
        Rig::new().check("DBSIZE x", "-ERR wrong number of arguments for 'dbsize' command");
    }
}
