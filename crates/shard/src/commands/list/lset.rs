//! LSET key index element: put an element in the place of another one.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::place_of;
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;
use crate::types::list::List;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "lset",
        family: Family::List,
        arity: Arity::exactly(4),
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: &[KeySpec::at(1, Access::Rw, &["update"])],
        complexity: "O(N) where N is the length of the list. Setting either the first or the last \
                     element of the list is O(1).",
        summary: "Sets the value of an element in a list by its index.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    let len = call.keyspace.list(key)?.map(List::len).ok_or(CommandError::NoSuchKey)?;
    let place = place_of(args.int(2)?, len);
    let place = place.ok_or(CommandError::Text("ERR index out of range"))?;
    call.keyspace.list_set(key, place, args.at(3))?;
    call.keyspace.notify(Events::LIST, "lset", key);
    call.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::keyspace::Settings;
    use crate::testing::Rig;
    use crate::types::list::ListLimit;

    #[test]
    fn from_both_ends() {
        let mut rig = Rig::new();
        rig.check("RPUSH l a b c", ":3");
        rig.check("LSET l 0 17", "+OK");
        rig.check("LSET l -1 longer", "+OK");
        rig.check("LRANGE l 0 -1", "[$17 $b $longer]");
    }

    #[test]
    fn in_the_middle_of_nodes() {
        let mut rig = Rig::new();
        let settings = Settings { list_limit: ListLimit(3), ..Settings::default() };
        rig.shard().keyspace_mut().configure(settings);
        rig.check("RPUSH l 0 1 2 3 4 5 6 7", ":8");
        for (index, text) in ["a", "bb", "c", "dddd", "e", "f", "g", "h"].iter().enumerate() {
            rig.check(&format!("LSET l {index} {text}"), "+OK");
        }
        rig.check("LRANGE l 0 -1", "[$a $bb $c $dddd $e $f $g $h]");
        let large = "x".repeat(9000);
        rig.check(&format!("LSET l 4 {large}"), "+OK");
        rig.check("LRANGE l 5 -1", "[$f $g $h]");
        rig.check("LINDEX l 4", &format!("${large}"));
    }

    #[test]
    fn bad_arguments_and_wrong_type() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check("RPUSH l a", ":1");
        rig.check_error("LSET k 0 a", "WRONGTYPE");
        rig.check("LSET missing 0 a", "-ERR no such key");
        rig.check("LSET missing x a", "-ERR no such key");
        rig.check("LSET l x a", "-ERR value is not an integer or out of range");
        rig.check("LSET l 1 a", "-ERR index out of range");
        rig.check("LSET l -2 a", "-ERR index out of range");
        rig.check("LSET l 0", "-ERR wrong number of arguments for 'lset' command");
    }
}
