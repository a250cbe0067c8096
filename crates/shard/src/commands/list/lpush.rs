//! LPUSH, RPUSH, LPUSHX and RPUSHX: put elements at an end of a list and reply its length. The
//! forms with X do so only if the list is there.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command, Run};
use crate::error::CommandError;
use crate::keyspace::Events;
use crate::types::list::End;

pub(super) const LPUSH: Command = command(
    "lpush",
    "1.0.0",
    "Prepends one or more elements to a list. Creates the key if it doesn't exist.",
    |call, args| push(call, args, End::Head),
);

pub(super) const RPUSH: Command = command(
    "rpush",
    "1.0.0",
    "Appends one or more elements to a list. Creates the key if it doesn't exist.",
    |call, args| push(call, args, End::Tail),
);

pub(super) const LPUSHX: Command = command(
    "lpushx",
    "2.2.0",
    "Prepends one or more elements to a list only when the list exists.",
    |call, args| push_if_there(call, args, End::Head),
);

pub(super) const RPUSHX: Command = command(
    "rpushx",
    "2.2.0",
    "Appends an element to a list only when the list exists.",
    |call, args| push_if_there(call, args, End::Tail),
);

const fn command(
    name: &'static str,
    since: &'static str,
    summary: &'static str,
    run: Run,
) -> Command {
    Command {
        spec: CommandSpec {
            name,
            family: Family::List,
            arity: Arity::at_least(3),
            flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
            keys: const { &[KeySpec::at(1, Access::Rw, &["insert"])] },
            since,
            complexity: "O(1) for each element added, so O(N) to add N elements when the command \
                         is called with multiple arguments.",
            summary,
            ..CommandSpec::NEW
        },
        run,
    }
}

fn push(call: &mut Call<'_, '_>, args: Args<'_>, end: End) -> Result<(), CommandError> {
    let key = args.at(1);
    let len = call.keyspace.list_push(key, end, args.iter_from(2))?;
    call.keyspace.notify(Events::LIST, event(end), key);
    call.reply.count(len);
    Ok(())
}

fn push_if_there(call: &mut Call<'_, '_>, args: Args<'_>, end: End) -> Result<(), CommandError> {
    if call.keyspace.list(args.at(1))?.is_none() {
        call.reply.count(0);
        return Ok(());
    }
    push(call, args, end)
}

/// The keyspace event of elements that are put at an end.
pub(super) fn event(end: End) -> &'static str {
    match end {
        End::Head => "lpush",
        End::Tail => "rpush",
    }
}

#[cfg(test)]
mod tests {
    use crate::keyspace::{Events, Settings};
    use crate::testing::Rig;
    use crate::types::list::ListLimit;

    #[test]
    fn one_after_the_other() {
        let mut rig = Rig::new();
        rig.check("LPUSH l a b c", ":3");
        rig.check("RPUSH l d e", ":5");
        rig.check("LRANGE l 0 -1", "[$c $b $a $d $e]");
    }

    #[test]
    fn only_if_the_list_is_there() {
        let mut rig = Rig::new();
        rig.check("LPUSHX l a", ":0");
        rig.check("RPUSHX l a", ":0");
        rig.check("EXISTS l", ":0");
        rig.check("RPUSH l m", ":1");
        rig.check("LPUSHX l a b", ":3");
        rig.check("RPUSHX l c d", ":5");
        rig.check("LRANGE l 0 -1", "[$b $a $m $c $d]");
    }

    #[test]
    fn a_list_that_grows_becomes_a_quicklist() {
        let mut rig = Rig::new();
        rig.check(&format!("RPUSH l {}", "x".repeat(4000)), ":1");
        rig.check(&format!("RPUSH l {}", "y".repeat(4000)), ":2");
        rig.check("OBJECT ENCODING l", "$listpack");
        rig.check(&format!("LPUSH l {}", "z".repeat(4000)), ":3");
        rig.check("OBJECT ENCODING l", "$quicklist");
        let settings = Settings { list_limit: ListLimit(3), ..Settings::default() };
        rig.shard().keyspace_mut().configure(settings);
        rig.check("RPUSH few 1 2 3", ":3");
        rig.check("OBJECT ENCODING few", "$listpack");
        rig.check("RPUSH few 4", ":4");
        rig.check("OBJECT ENCODING few", "$quicklist");
        rig.check("RPUSH more 1 2 3 4 5 6 7", ":7");
        rig.check("LRANGE more 0 -1", "[$1 $2 $3 $4 $5 $6 $7]");
    }

    #[test]
    fn keeps_the_expiry_and_tells_once() {
        let mut rig = Rig::new();
        rig.check("RPUSH l a", ":1");
        rig.check("EXPIRE l 10", ":1");
        let events = Events::parse(b"KEA").unwrap();
        rig.shard().keyspace_mut().configure(Settings { events, ..Settings::default() });
        rig.check("LPUSH l b c", ":3");
        rig.check("TTL l", ":10");
        assert_eq!(rig.shard().keyspace_mut().take_messages().len(), 1);
    }

    #[test]
    fn wrong_type_and_arity() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        for name in ["lpush", "rpush", "lpushx", "rpushx"] {
            rig.check_error(&format!("{name} k a"), "WRONGTYPE");
            let error = format!("-ERR wrong number of arguments for '{name}' command");
            rig.check(&format!("{name} l"), &error);
        }
        rig.check("GET k", "$v");
    }
}
