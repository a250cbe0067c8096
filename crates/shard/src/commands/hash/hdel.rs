//! HDEL key field…: remove fields and reply how many there were. The key goes with its last one.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "hdel",
        family: Family::Hash,
        arity: Arity::at_least(3),
        flags: Flags::WRITE.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["delete"])],
        since: "2.0.0",
        complexity: "O(N) where N is the number of fields to be removed.",
        summary: "Deletes one or more fields and their values from a hash. Deletes the hash if no \
                  fields remain.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    let mut removed = 0;
    for field in args.iter_from(2) {
        // Only the first can be of the wrong type, and then nothing has changed.
        removed += usize::from(call.keyspace.hash_remove(key, field)?);
    }
    if removed > 0 {
        call.keyspace.notify(Events::HASH, "hdel", key);
        call.keyspace.notify_if_gone(key);
    }
    call.reply.count(removed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_how_many_fields_there_were() {
        let mut rig = Rig::new();
        rig.check("HSET h a 1 b 2 c 3", ":3");
        rig.check("HDEL h a missing a c", ":2");
        rig.check("HGETALL h", "[$b $2]");
    }

    #[test]
    fn the_key_goes_with_its_last_field() {
        let mut rig = Rig::new();
        rig.check("HSET h a 1 b 2", ":2");
        rig.check("EXPIRE h 10", ":1");
        rig.check("HDEL h a b a", ":2");
        rig.check("EXISTS h", ":0");
        rig.check("HSET h a 1", ":1");
        rig.check("TTL h", ":-1");
    }

    #[test]
    fn a_large_hash_too() {
        let mut rig = Rig::new();
        rig.check(&format!("HSET h a {} b 2", "x".repeat(65)), ":2");
        rig.check("HDEL h b", ":1");
        rig.check("HDEL h a", ":1");
        rig.check("EXISTS h", ":0");
    }

    #[test]
    fn a_missing_key_replies_0() {
        Rig::new().check("HDEL h a", ":0");
    }

    #[test]
    fn wrong_type_and_arity() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("HDEL k a b", "WRONGTYPE");
        rig.check("GET k", "$v");
        rig.check("HDEL k", "-ERR wrong number of arguments for 'hdel' command");
    }
}
