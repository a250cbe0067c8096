//! ZREM key member \[member …\]: remove members and reply how many there were.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::tell_removed;
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "zrem",
        family: Family::SortedSet,
        arity: Arity::at_least(3),
        flags: Flags::WRITE.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["delete"])],
        since: "1.2.0",
        complexity: "O(M*log(N)) with N being the number of elements in the sorted set and M the \
                     number of elements to be removed.",
        summary: "Removes one or more members from a sorted set. Deletes the sorted set if all \
                  members were removed.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    let mut removed = 0;
    for member in args.iter_from(2) {
        // Only the first can be of the wrong type, and then nothing has changed.
        removed += usize::from(call.keyspace.zset_remove(key, member)?);
    }
    if removed > 0 {
        tell_removed(call, key, "zrem");
    }
    call.reply.count(removed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_how_many_members_there_were() {
        let mut rig = Rig::new();
        rig.check("ZADD z 1 a 2 b 3 c", ":3");
        rig.check("ZREM z a missing a c", ":2");
        rig.check("ZRANGE z 0 -1", "[$b]");
        rig.check("ZREM nosuch a", ":0");
    }

    #[test]
    fn the_key_goes_with_its_last_member() {
        for member in ["b".to_owned(), "b".repeat(65)] {
            let mut rig = Rig::new();
            rig.check(&format!("ZADD z 1 a 2 {member}"), ":2");
            rig.check("EXPIRE z 10", ":1");
            rig.check(&format!("ZREM z a {member} c"), ":2");
            rig.check("EXISTS z", ":0");
        }
    }

    #[test]
    fn wrong_type_and_arity() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("ZREM k a", "WRONGTYPE");
        rig.check("ZREM k", "-ERR wrong number of arguments for 'zrem' command");
    }
}
