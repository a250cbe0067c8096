//! LINDEX key index: one element; the null where there is none. -1 is the last.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::{lpop, place_of};
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "lindex",
        family: Family::List,
        arity: Arity::exactly(3),
        flags: Flags::READONLY,
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        complexity: "O(N) where N is the number of elements to traverse to get to the element at \
                     index. This makes asking for the first or the last element of the list O(1).",
        summary: "Returns an element from a list by its index.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let list = call.keyspace.list(args.at(1))?;
    let Some(list) = list else {
        call.reply.null();
        return Ok(());
    };
    // Redis looks at the index when there is a list, and only then.
    let place = place_of(args.int(2)?, list.len());
    match place.and_then(|place| list.get(place)) {
        Some(element) => lpop::write(call.reply, element),
        None => call.reply.null(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn from_both_ends() {
        let mut rig = Rig::new();
        rig.check("RPUSH l a 17 c", ":3");
        for (index, reply) in
            [(0, "$a"), (1, "$17"), (2, "$c"), (3, "_"), (-1, "$c"), (-3, "$a"), (-4, "_")]
        {
            rig.check(&format!("LINDEX l {index}"), reply);
        }
        rig.check("LINDEX missing 0", "_");
    }

    #[test]
    fn bad_arguments_and_wrong_type() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check("RPUSH l a", ":1");
        rig.check_error("LINDEX k 0", "WRONGTYPE");
        rig.check("LINDEX l x", "-ERR value is not an integer or out of range");
        rig.check("LINDEX l", "-ERR wrong number of arguments for 'lindex' command");
    }
}
