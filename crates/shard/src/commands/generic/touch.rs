//! TOUCH: count the keys that are there, as a use of each: their idle time begins anew.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "touch",
        family: Family::Generic,
        arity: Arity::at_least(2),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::rest(1, 1, Access::Ro, &[])],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        since: "3.2.1",
        complexity: "O(N) where N is the number of keys that will be touched.",
        summary: "Returns the number of existing keys out of those specified after updating the \
                  time they were last accessed.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let found = args.iter_from(1).filter(|key| call.keyspace.touch(key)).count();
    call.reply.count(found);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn counts_each_mention_of_a_key() {
        let mut rig = Rig::new();
        rig.check("SET {t}a 1", "+OK");
        rig.check("HSET {t}h f v", ":1");
        rig.check("TOUCH {t}a {t}h {t}missing {t}a", ":3");
        rig.check("TOUCH {t}missing", ":0");
    }

    #[test]
    fn is_a_use_of_the_key() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.advance_ms(5000);
        rig.check("OBJECT IDLETIME k", ":5");
        rig.check("TOUCH k", ":1");
        rig.check("OBJECT IDLETIME k", ":0");
    }

    #[test]
    fn needs_a_key() {
        Rig::new().check("TOUCH", "-ERR wrong number of arguments for 'touch' command");
    }
}
