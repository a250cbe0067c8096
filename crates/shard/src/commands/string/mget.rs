//! MGET key [key ...]: reply with the strings of several keys, null where there is none.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "mget",
        family: Family::String,
        arity: Arity::at_least(2),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::rest(1, 1, Access::Ro, &["access"])],
        tips: &["request_policy:multi_shard"],
        complexity: "O(N) where N is the number of keys to retrieve.",
        summary: "Atomically returns the string values of one or more keys.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    call.reply.array(args.len() - 1);
    for key in args.iter_from(1) {
        match call.keyspace.string(key) {
            Ok(Some(value)) => call.reply.string(value),
            // Another type is as good as missing.
            Ok(None) | Err(_) => call.reply.null(),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_one_value_a_key() {
        let mut rig = Rig::new();
        rig.check("MSET {t}a 1 {t}b two", "+OK");
        rig.check("MGET {t}a {t}missing {t}b {t}a", "[$1 _ $two $1]");
        rig.check("MGET {t}missing", "[_]");
        rig.check_error("MGET", "ERR wrong number of arguments for 'mget' command");
    }

    #[test]
    fn another_type_is_null() {
        let mut rig = Rig::new();
        rig.run("HSET {t}h f v");
        rig.check("SET {t}k v", "+OK");
        rig.check("MGET {t}h {t}k", "[_ $v]");
    }
}
