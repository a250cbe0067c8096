//! BLPOP and BRPOP key… timeout: take one element off an end of the first list that is there, and
//! reply its key and it. See [`crate::commands::blocking`].

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::{lpop, notify_popped};
use crate::commands::{Call, Command, Run, blocking};
use crate::error::CommandError;
use crate::types::list::End;

pub(super) const BLPOP: Command = command(
    "blpop",
    "Removes and returns the first element in a list. Blocks until an element is available \
     otherwise. Deletes the list if the last element was popped.",
    |call, args| pop(call, args, End::Head),
);

pub(super) const BRPOP: Command = command(
    "brpop",
    "Removes and returns the last element in a list. Blocks until an element is available \
     otherwise. Deletes the list if the last element was popped.",
    |call, args| pop(call, args, End::Tail),
);

const fn command(name: &'static str, summary: &'static str, run: Run) -> Command {
    Command {
        spec: CommandSpec {
            name,
            family: Family::List,
            arity: Arity::at_least(3),
            flags: Flags::WRITE.union(Flags::BLOCKING),
            keys: const {
                &[KeySpec {
                    begin: protocol::spec::Begin::Index(1),
                    find: protocol::spec::Find::Range { last: -2, step: 1, limit: 0 },
                    access: Access::Rw,
                    notes: &["access", "delete"],
                    remark: "",
                }]
            },
            since: "2.0.0",
            complexity: "O(N) where N is the number of provided keys.",
            summary,
            ..CommandSpec::NEW
        },
        run,
    }
}

fn pop(call: &mut Call<'_, '_>, args: Args<'_>, end: End) -> Result<(), CommandError> {
    blocking::seconds(args, args.len() - 1)?;
    for key in args.iter_from(1).take(args.len() - 2) {
        let Some(list) = call.keyspace.list(key)? else { continue };
        call.reply.array(2);
        call.reply.bulk(key);
        lpop::write_end(call.reply, list, end);
        call.keyspace.list_pop(key, end, 1)?;
        notify_popped(call, key, end);
        return Ok(());
    }
    Err(CommandError::WouldBlock)
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn from_the_first_list_that_is_there() {
        let mut rig = Rig::new();
        rig.check("RPUSH {t}b 1 2 3", ":3");
        rig.check("BLPOP {t}a {t}b {t}c 0", "[${t}b $1]");
        rig.check("BRPOP {t}a {t}b 0.5", "[${t}b $3]");
        rig.check("BRPOP {t}b 1", "[${t}b $2]");
        rig.check("EXISTS {t}b", ":0");
        rig.check("BRPOP {t}a {t}b 1", "_");
    }

    #[test]
    fn a_wrong_type_counts_up_to_the_first_list() {
        let mut rig = Rig::new();
        rig.check("SET {t}k v", "+OK");
        rig.check("RPUSH {t}l a", ":1");
        rig.check_error("BLPOP {t}k {t}l 0", "WRONGTYPE");
        rig.check("BLPOP {t}l {t}k 0", "[${t}l $a]");
    }

    #[test]
    fn nobody_waits_in_scripts_and_transactions() {
        let mut rig = Rig::new();
        let script = "return {redis.call('BLPOP', KEYS[1], 0), \
                      redis.call('BLMOVE', KEYS[1], KEYS[1], 'LEFT', 'LEFT', 0), 1}";
        assert_eq!(rig.run_parts(&["EVAL", script, "1", "k"]), "[_ _ :1]");
        let script = "redis.call('MULTI') redis.call('BLMPOP', 0, 1, KEYS[1], 'LEFT') \
                      return redis.call('EXEC')";
        assert_eq!(rig.run_parts(&["EVAL", script, "1", "k"]), "[_]");
    }

    #[test]
    fn bad_arguments() {
        let mut rig = Rig::new();
        for name in ["blpop", "brpop"] {
            rig.check(&format!("{name} l x"), "-ERR timeout is not a float or out of range");
            rig.check(&format!("{name} l -1"), "-ERR timeout is negative");
            rig.check(&format!("{name} l 1e300"), "-ERR timeout is out of range");
            let error = format!("-ERR wrong number of arguments for '{name}' command");
            rig.check(&format!("{name} l"), &error);
        }
    }
}
