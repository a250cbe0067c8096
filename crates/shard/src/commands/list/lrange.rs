//! LRANGE key start stop: the elements of a range, both ends included; -1 is the last.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::{lpop, range_of};
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "lrange",
        family: Family::List,
        arity: Arity::exactly(4),
        flags: Flags::READONLY,
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        complexity: "O(S+N) where S is the distance of start offset from HEAD for small lists, \
                     from nearest end (HEAD or TAIL) for large lists; and N is the number of \
                     elements in the specified range.",
        summary: "Returns a range of elements from a list.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (first, last) = (args.int(2)?, args.int(3)?);
    let Some(list) = call.keyspace.list(args.at(1))? else {
        call.reply.array(0);
        return Ok(());
    };
    let (first, end) = range_of(first, last, list.len());
    call.reply.array(end - first);
    for element in list.iter_from(first).take(end - first) {
        lpop::write(call.reply, element);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn ranges() {
        let mut rig = Rig::new();
        rig.check("RPUSH l a b 3 d", ":4");
        for (range, reply) in [
            ("0 -1", "[$a $b $3 $d]"),
            ("1 2", "[$b $3]"),
            ("-2 -1", "[$3 $d]"),
            ("-100 100", "[$a $b $3 $d]"),
            ("2 1", "[]"),
            ("4 9", "[]"),
        ] {
            rig.check(&format!("LRANGE l {range}"), reply);
        }
        rig.check("LRANGE missing 0 -1", "[]");
    }

    #[test]
    fn bad_arguments_and_wrong_type() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("LRANGE k 0 1", "WRONGTYPE");
        rig.check("LRANGE k x 1", "-ERR value is not an integer or out of range");
        rig.check("LRANGE l 0 1.5", "-ERR value is not an integer or out of range");
        rig.check("LRANGE l 0", "-ERR wrong number of arguments for 'lrange' command");
    }
}
