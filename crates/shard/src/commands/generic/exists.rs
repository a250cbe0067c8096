//! EXISTS: reply how many of the keys are there. A key that is named twice counts twice.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "exists",
        family: Family::Generic,
        arity: Arity::at_least(2),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::rest(1, 1, Access::Ro, &[])],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        complexity: "O(N) where N is the number of keys to check.",
        summary: "Determines whether one or more keys exist.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let found = args.iter_from(1).filter(|key| call.keyspace.contains(key)).count();
    call.reply.count(found);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn counts_each_mention_of_a_key() {
        let mut rig = Rig::new();
        rig.check("EXISTS {t}a", ":0");
        rig.check("SET {t}a 1", "+OK");
        rig.check("HSET {t}h f v", ":1");
        rig.check("EXISTS {t}a {t}h {t}missing {t}a", ":3");
    }

    #[test]
    fn an_expired_key_is_missing() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check("PEXPIRE k 10", ":1");
        rig.advance_ms(11);
        rig.check("EXISTS k", ":0");
    }

    #[test]
    fn is_no_use_of_the_key() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.advance_ms(5000);
        rig.check("EXISTS k", ":1");
        rig.check("OBJECT IDLETIME k", ":5");
    }

    #[test]
    fn needs_a_key() {
        Rig::new().check("EXISTS", "-ERR wrong number of arguments for 'exists' command");
    }
}
