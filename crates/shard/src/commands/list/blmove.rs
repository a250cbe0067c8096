//! BLMOVE and BRPOPLPUSH: LMOVE and RPOPLPUSH that wait for an element. See
//! [`crate::commands::blocking`].

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use super::lmove::{MOVED_KEYS, move_element};
use super::parse_end;
use crate::commands::{Call, Command, blocking};
use crate::error::CommandError;
use crate::types::list::End;

pub(super) const BLMOVE: Command = Command {
    spec: CommandSpec {
        name: "blmove",
        family: Family::List,
        arity: Arity::exactly(6),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::BLOCKING),
        keys: MOVED_KEYS,
        since: "6.2.0",
        summary: "Pops an element from a list, pushes it to another list and returns it. Blocks \
                  until an element is available otherwise. Deletes the list if the last element \
                  was moved.",
        ..CommandSpec::NEW
    },
    run: |call, args| {
        let (from, to) = (parse_end(args, 3)?, parse_end(args, 4)?);
        move_or_wait(call, args, from, to)
    },
};

pub(super) const BRPOPLPUSH: Command = Command {
    spec: CommandSpec {
        name: "brpoplpush",
        family: Family::List,
        arity: Arity::exactly(4),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::BLOCKING),
        keys: MOVED_KEYS,
        since: "2.2.0",
        summary: "Pops an element from a list, pushes it to another list and returns it. Block \
                  until an element is available otherwise. Deletes the list if the last element \
                  was popped.",
        ..CommandSpec::NEW
    },
    run: |call, args| move_or_wait(call, args, End::Tail, End::Head),
};

fn move_or_wait(
    call: &mut Call<'_, '_>,
    args: Args<'_>,
    from: End,
    to: End,
) -> Result<(), CommandError> {
    blocking::seconds(args, args.len() - 1)?;
    let element = move_element(call, args, from, to)?.ok_or(CommandError::WouldBlock)?;
    call.reply.bulk(&element);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn moves_what_is_there() {
        let mut rig = Rig::new();
        rig.check("RPUSH {t}l a b", ":2");
        rig.check("BLMOVE {t}l {t}m LEFT RIGHT 0", "$a");
        rig.check("BRPOPLPUSH {t}l {t}m 0", "$b");
        rig.check("LRANGE {t}m 0 -1", "[$b $a]");
        rig.check("BRPOPLPUSH {t}l {t}m 1", "_");
        rig.check("BLMOVE {t}l {t}m LEFT RIGHT 1", "_");
    }

    #[test]
    fn bad_arguments_and_wrong_types() {
        let mut rig = Rig::new();
        rig.check("SET {t}k v", "+OK");
        rig.check("RPUSH {t}l a", ":1");
        rig.check_error("BLMOVE {t}k {t}l LEFT LEFT 0", "WRONGTYPE");
        rig.check_error("BRPOPLPUSH {t}l {t}k 0", "WRONGTYPE");
        rig.check("BLMOVE l l UP LEFT x", "-ERR syntax error");
        rig.check("BLMOVE l l LEFT LEFT x", "-ERR timeout is not a float or out of range");
        rig.check("BRPOPLPUSH l l -1", "-ERR timeout is negative");
        rig.check("BLMOVE l l LEFT LEFT", "-ERR wrong number of arguments for 'blmove' command");
        rig.check("BRPOPLPUSH l l", "-ERR wrong number of arguments for 'brpoplpush' command");
    }
}
