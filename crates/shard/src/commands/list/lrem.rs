//! LREM key count element: remove elements that equal one: the first `count`, the last ones for a
//! negative count, all for 0. The key goes with its last element.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::{Events, indexes_of};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "lrem",
        family: Family::List,
        arity: Arity::exactly(4),
        flags: Flags::WRITE,
        keys: &[KeySpec::at(1, Access::Rw, &["delete"])],
        complexity: "O(N+M) where N is the length of the list and M is the number of elements \
                     removed.",
        summary: "Removes elements from a list. Deletes the list if the last element was removed.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (key, count, element) = (args.at(1), args.int(2)?, args.at(3));
    let mut beats = call.beats();
    let Some(list) = call.keyspace.list(key)? else {
        call.reply.count(0);
        return Ok(());
    };
    let found = indexes_of(list, element, count, || beats.beat())?;
    let removed = found.len();
    if removed > 0 {
        call.keyspace.list_remove_equal(key, element, count, found)?;
        call.keyspace.notify(Events::LIST, "lrem", key);
        call.keyspace.notify_if_gone(key);
    }
    call.reply.count(removed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::keyspace::Settings;
    use crate::testing::Rig;
    use crate::types::list::ListLimit;

    #[test]
    fn from_either_end_or_all() {
        for limit in [-2, 3] {
            let mut rig = Rig::new();
            let settings = Settings { list_limit: ListLimit(limit), ..Settings::default() };
            rig.shard().keyspace_mut().configure(settings);
            rig.check("RPUSH l 1 a 1 b 1 c 1", ":7");
            rig.check("LREM l -1 1", ":1");
            rig.check("LRANGE l 0 -1", "[$1 $a $1 $b $1 $c]");
            rig.check("LREM l 2 1", ":2");
            rig.check("LRANGE l 0 -1", "[$a $b $1 $c]");
            rig.check("RPUSH l 1 1 1 1 1 1", ":10");
            rig.check("LREM l 0 1", ":7");
            rig.check("LRANGE l 0 -1", "[$a $b $c]");
            rig.check("LREM l 0 1", ":0");
            for element in ["a", "b", "c"] {
                rig.check(&format!("LREM l 5 {element}"), ":1");
            }
            rig.check("EXISTS l", ":0");
            rig.check("LREM l 0 1", ":0");
        }
    }

    #[test]
    fn bad_arguments_and_wrong_type() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("LREM k 0 a", "WRONGTYPE");
        rig.check("LREM k x a", "-ERR value is not an integer or out of range");
        rig.check("LREM l 0", "-ERR wrong number of arguments for 'lrem' command");
    }
}
