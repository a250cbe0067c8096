//! DEL and UNLINK: remove keys and reply how many there were.
//!
//! Redis's UNLINK leaves the memory to another thread. A shard is one thread, so here the two
//! differ in name only.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;

pub(super) const DEL: Command = Command {
    spec: CommandSpec {
        name: "del",
        family: Family::Generic,
        arity: Arity::at_least(2),
        flags: Flags::WRITE,
        keys: &[KeySpec::rest(1, 1, Access::Rm, &["delete"])],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        complexity: "O(N) where N is the number of keys that will be removed. When a key to remove \
                     holds a value other than a string, the individual complexity for this key is \
                     O(M) where M is the number of elements in the list, set, sorted set or hash. \
                     Removing a single key that holds a string value is O(1).",
        summary: "Deletes one or more keys.",
        ..CommandSpec::NEW
    },
    run,
};

pub(super) const UNLINK: Command = Command {
    spec: CommandSpec {
        name: "unlink",
        family: Family::Generic,
        arity: Arity::at_least(2),
        flags: Flags::WRITE.union(Flags::FAST),
        keys: &[KeySpec::rest(1, 1, Access::Rm, &["delete"])],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        since: "4.0.0",
        complexity: "O(1) for each key removed regardless of its size. Then the command does O(N) \
                     work in a different thread in order to reclaim memory, where N is the number \
                     of allocations the deleted objects where composed of.",
        summary: "Asynchronously deletes one or more keys.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let mut removed = 0;
    for key in args.iter_from(1) {
        if call.keyspace.remove(key) {
            call.keyspace.notify(Events::GENERIC, "del", key);
            removed += 1;
        }
    }
    call.reply.count(removed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_how_many_keys_there_were() {
        for name in ["DEL", "UNLINK"] {
            let mut rig = Rig::new();
            rig.check("SET {t}a 1", "+OK");
            rig.check("HSET {t}h f v g w", ":2");
            rig.check(&format!("{name} {{t}}a {{t}}h {{t}}a {{t}}missing"), ":2");
            rig.check("EXISTS {t}a {t}h", ":0");
            rig.check(&format!("{name} {{t}}a"), ":0");
        }
    }

    #[test]
    fn an_expired_key_does_not_count() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check("PEXPIRE k 10", ":1");
        rig.advance_ms(11);
        rig.check("DEL k", ":0");
    }

    #[test]
    fn needs_a_key() {
        let mut rig = Rig::new();
        rig.check("DEL", "-ERR wrong number of arguments for 'del' command");
        rig.check("UNLINK", "-ERR wrong number of arguments for 'unlink' command");
    }
}
