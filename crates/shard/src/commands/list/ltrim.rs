//! LTRIM key start stop: keep the elements of a range alone. The key goes when that is none.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::range_of;
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;
use crate::types::list::{End, List};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "ltrim",
        family: Family::List,
        arity: Arity::exactly(4),
        flags: Flags::WRITE,
        keys: &[KeySpec::at(1, Access::Rw, &["delete"])],
        complexity: "O(N) where N is the number of elements to be removed by the operation.",
        summary: "Removes elements from both ends a list. Deletes the list if all elements were \
                  trimmed.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (key, first, last) = (args.at(1), args.int(2)?, args.int(3)?);
    let Some(len) = call.keyspace.list(key)?.map(List::len) else {
        call.reply.ok();
        return Ok(());
    };
    let (first, end) = range_of(first, last, len);
    if first == end {
        call.keyspace.list_pop(key, End::Head, len)?;
    } else {
        call.keyspace.list_pop(key, End::Tail, len - end)?;
        call.keyspace.list_pop(key, End::Head, first)?;
    }
    call.keyspace.notify(Events::LIST, "ltrim", key);
    call.keyspace.notify_if_gone(key);
    call.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::keyspace::Settings;
    use crate::testing::Rig;
    use crate::types::list::ListLimit;

    #[test]
    fn keeps_a_range() {
        for limit in [-2, 2] {
            for (range, left) in [
                ("0 -1", "[$a $b $c $d $e]"),
                ("1 3", "[$b $c $d]"),
                ("-2 -1", "[$d $e]"),
                ("4 100", "[$e]"),
                ("3 1", "[]"),
                ("9 9", "[]"),
            ] {
                let mut rig = Rig::new();
                let settings = Settings { list_limit: ListLimit(limit), ..Settings::default() };
                rig.shard().keyspace_mut().configure(settings);
                rig.check("RPUSH l a b c d e", ":5");
                rig.check(&format!("LTRIM l {range}"), "+OK");
                rig.check("LRANGE l 0 -1", left);
                rig.check("EXISTS l", if left == "[]" { ":0" } else { ":1" });
            }
        }
        Rig::new().check("LTRIM missing 0 1", "+OK");
    }

    #[test]
    fn bad_arguments_and_wrong_type() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("LTRIM k 0 1", "WRONGTYPE");
        rig.check("LTRIM k x 1", "-ERR value is not an integer or out of range");
        rig.check("LTRIM l 0", "-ERR wrong number of arguments for 'ltrim' command");
    }
}
