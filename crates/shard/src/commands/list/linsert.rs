//! LINSERT key BEFORE|AFTER pivot element: put an element next to the first one that equals the
//! pivot. Replies the new length, 0 without a list, -1 without a pivot.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::{Events, indexes_of};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "linsert",
        family: Family::List,
        arity: Arity::exactly(5),
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: &[KeySpec::at(1, Access::Rw, &["insert"])],
        since: "2.2.0",
        complexity: "O(N) where N is the number of elements to traverse before seeing the value \
                     pivot. This means that inserting somewhere on the left end on the list (head) \
                     can be considered O(1) and inserting somewhere on the right end (tail) is \
                     O(N).",
        summary: "Inserts an element before or after another element in a list.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    let after = args.is(2, "AFTER");
    if !after && !args.is(2, "BEFORE") {
        return Err(ArgsError::Syntax.into());
    }
    let mut beats = call.beats();
    let Some(list) = call.keyspace.list(key)? else {
        call.reply.count(0);
        return Ok(());
    };
    let pivot = indexes_of(list, args.at(3), 1, || beats.beat())?;
    let Some(pivot) = pivot.first() else {
        call.reply.int(-1);
        return Ok(());
    };
    let len = call.keyspace.list_insert(key, pivot + usize::from(after), args.at(4))?;
    call.keyspace.notify(Events::LIST, "linsert", key);
    call.reply.count(len);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::keyspace::Settings;
    use crate::testing::Rig;
    use crate::types::list::ListLimit;

    #[test]
    fn before_and_after_the_first_that_equals() {
        let mut rig = Rig::new();
        rig.check("RPUSH l a b a", ":3");
        rig.check("LINSERT l before a x", ":4");
        rig.check("LINSERT l AFTER a 7", ":5");
        rig.check("LINSERT l AFTER 7 y", ":6");
        rig.check("LRANGE l 0 -1", "[$x $a $7 $y $b $a]");
        rig.check("LINSERT l AFTER nope y", ":-1");
        rig.check("LINSERT missing AFTER nope y", ":0");
    }

    #[test]
    fn into_full_nodes() {
        let mut rig = Rig::new();
        let settings = Settings { list_limit: ListLimit(4), ..Settings::default() };
        rig.shard().keyspace_mut().configure(settings);
        let mut model: Vec<String> = (0..12).map(|n| format!("e{n}")).collect();
        rig.check(&format!("RPUSH l {}", model.join(" ")), ":12");
        for n in 0..12 {
            for (word, offset) in [("BEFORE", 0), ("AFTER", 1)] {
                let at = model.iter().position(|text| *text == format!("e{n}")).unwrap();
                model.insert(at + offset, format!("n{n}{word}"));
                rig.check(
                    &format!("LINSERT l {word} e{n} n{n}{word}"),
                    &format!(":{}", model.len()),
                );
            }
        }
        rig.check("LRANGE l 0 -1", &format!("[${}]", model.join(" $")));
    }

    #[test]
    fn bad_arguments_and_wrong_type() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("LINSERT k BEFORE a b", "WRONGTYPE");
        rig.check("LINSERT k BETWEEN a b", "-ERR syntax error");
        rig.check("LINSERT l BEFORE a", "-ERR wrong number of arguments for 'linsert' command");
    }
}
