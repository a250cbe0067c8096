//! RANDOMKEY: reply with a key picked at random, or the null when there are none.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, FanOut, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "randomkey",
        family: Family::Generic,
        arity: Arity::exactly(1),
        flags: Flags::READONLY,
        fan_out: FanOut::AnyKey,
        tips: &["request_policy:all_shards", "response_policy:special", "nondeterministic_output"],
        summary: "Returns a random key name from the database.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, _args: Args<'_>) -> Result<(), CommandError> {
    call.reply.bulk_or_null(call.keyspace.random_key().as_deref());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::testing::Rig;

    #[test]
    fn replies_each_key_sooner_or_later() {
        let mut rig = Rig::new();
        rig.check("SET a 1", "+OK");
        rig.check("SET b 1", "+OK");
        rig.check("HSET c f v", ":1");
        let replies: BTreeSet<String> = (0..100).map(|_| rig.run("RANDOMKEY")).collect();
        assert!(replies.iter().map(String::as_str).eq(["$a", "$b", "$c"]), "{replies:?}");
    }

    #[test]
    fn no_keys_reply_the_null() {
        Rig::new().check("RANDOMKEY", "_");
    }

    #[test]
    fn passes_over_expired_keys() {
        let mut rig = Rig::new();
        rig.check("SET a 1", "+OK");
        rig.check("SET b 1", "+OK");
        rig.check("PEXPIRE a 10", ":1");
        rig.advance_ms(11);
        for _ in 0..20 {
            rig.check("RANDOMKEY", "$b");
        }
    }

    #[test]
    fn takes_no_arguments() {
        Rig::new().check("RANDOMKEY x", "-ERR wrong number of arguments for 'randomkey' command");
    }
}
