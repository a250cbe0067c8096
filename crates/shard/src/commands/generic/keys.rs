//! KEYS pattern: all keys that match a glob pattern, in no particular order.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, FanOut, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::glob;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "keys",
        family: Family::Generic,
        arity: Arity::exactly(2),
        flags: Flags::READONLY,
        fan_out: FanOut::Concat,
        acl_extra: &["dangerous"],
        tips: &["request_policy:all_shards", "nondeterministic_output_order"],
        complexity: "O(N) with N being the number of keys in the database, under the assumption \
                     that the key names in the database and the given pattern have limited length.",
        summary: "Returns all key names that match a pattern.",
        ..CommandSpec::NEW
    },
    run,
};

/// Keys between two looks at whether the script that called this is to end.
const LOOK_EVERY: usize = 128;

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let pattern = args.at(1);
    let mut keys = Vec::new();
    let mut looked_at = 0usize;
    call.keyspace.try_for_each_key(|key, _| {
        looked_at += 1;
        if looked_at.is_multiple_of(LOOK_EVERY) {
            call.beat()?;
        }
        if glob::matches(pattern, key, false) {
            keys.push(key.to_vec());
        }
        Ok::<(), CommandError>(())
    })?;
    call.reply.array(keys.len());
    keys.iter().for_each(|key| call.reply.bulk(key));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_the_keys_that_match() {
        let mut rig = Rig::new();
        rig.check("SET foo_a 1", "+OK");
        rig.check("HSET foo_b f v", ":1");
        rig.check("SET key_x 1", "+OK");
        rig.check("KEYS foo?[^b]", "[$foo_a]");
        rig.check("KEYS *x", "[$key_x]");
        rig.check("KEYS FOO*", "[]");
        let all = rig.run("KEYS *");
        let mut keys: Vec<&str> = all.trim_matches(['[', ']']).split(' ').collect();
        keys.sort_unstable();
        assert_eq!(keys, ["$foo_a", "$foo_b", "$key_x"]);
    }

    #[test]
    fn leaves_expired_keys_out() {
        let mut rig = Rig::new();
        rig.check("KEYS *", "[]");
        rig.check("SET k v", "+OK");
        rig.check("PEXPIRE k 10", ":1");
        rig.advance_ms(11);
        rig.check("KEYS *", "[]");
    }

    #[test]
    fn takes_one_pattern() {
        Rig::new().check("KEYS", "-ERR wrong number of arguments for 'keys' command");
    }
}
