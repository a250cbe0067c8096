//! SREM key member…: remove members and reply how many there were. The key goes with its last one.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "srem",
        family: Family::Set,
        arity: Arity::at_least(3),
        flags: Flags::WRITE.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["delete"])],
        complexity: "O(N) where N is the number of members to be removed.",
        summary: "Removes one or more members from a set. Deletes the set if the last member was \
                  removed.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    let mut removed = 0;
    for member in args.iter_from(2) {
        // Only the first can be of the wrong type, and then nothing has changed.
        removed += usize::from(call.keyspace.set_remove(key, member)?);
    }
    if removed > 0 {
        call.keyspace.notify(Events::SET, "srem", key);
        call.keyspace.notify_if_gone(key);
    }
    call.reply.count(removed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_how_many_there_were() {
        let mut rig = Rig::new();
        for members in ["a b c d", "1 2 3 4"] {
            let words: Vec<&str> = members.split(' ').collect();
            rig.check(&format!("SADD s {members}"), ":4");
            rig.check(&format!("SREM s {} x {} {}", words[1], words[1], words[2]), ":2");
            rig.check("SMEMBERS s", &format!("[${} ${}]", words[0], words[3]));
            rig.check("DEL s", ":1");
        }
    }

    #[test]
    fn the_key_goes_with_its_last_member() {
        let mut rig = Rig::new();
        rig.check("SADD s a 1", ":2");
        rig.check("EXPIRE s 10", ":1");
        rig.check("SREM s 1 a a", ":2");
        rig.check("EXISTS s", ":0");
        rig.check("SADD s a", ":1");
        rig.check("TTL s", ":-1");
    }

    #[test]
    fn a_large_set_too() {
        let mut rig = Rig::new();
        rig.check(&format!("SADD s {} b", "x".repeat(65)), ":2");
        rig.check("SREM s b", ":1");
        rig.check(&format!("SREM s {}", "x".repeat(65)), ":1");
        rig.check("EXISTS s", ":0");
    }

    #[test]
    fn a_missing_key_wrong_type_and_arity() {
        let mut rig = Rig::new();
        rig.check("SREM s a", ":0");
        rig.check("SET k v", "+OK");
        rig.check_error("SREM k a b", "WRONGTYPE");
        rig.check("SREM k", "-ERR wrong number of arguments for 'srem' command");
    }
}
