//! BZPOPMIN and BZPOPMAX key \[key …\] timeout: pop a member from the first of the keys that has
//! any, and wait for one if none has.

use protocol::args::Args;
use protocol::spec::{Access, Arity, Begin, CommandSpec, Family, Find, Flags, KeySpec};

use super::zpop::{End, pop, write_popped};
use crate::commands::blocking::seconds;
use crate::commands::{Call, Command, Run};
use crate::error::CommandError;

pub(super) const BZPOPMIN: Command = command(
    "bzpopmin",
    "Removes and returns the member with the lowest score from one or more sorted sets. Blocks \
     until a member is available otherwise. Deletes the sorted set if the last element was popped.",
    |call, args| run(call, args, End::Min),
);

pub(super) const BZPOPMAX: Command = command(
    "bzpopmax",
    "Removes and returns the member with the highest score from one or more sorted sets. Blocks \
     until a member is available otherwise. Deletes the sorted set if the last element was popped.",
    |call, args| run(call, args, End::Max),
);

const fn command(name: &'static str, summary: &'static str, run: Run) -> Command {
    Command {
        spec: CommandSpec {
            name,
            family: Family::SortedSet,
            arity: Arity::at_least(3),
            flags: Flags::WRITE.union(Flags::FAST).union(Flags::BLOCKING),
            keys: const {
                &[KeySpec {
                    begin: Begin::Index(1),
                    find: Find::Range { last: -2, step: 1, limit: 0 },
                    access: Access::Rw,
                    notes: &["access", "delete"],
                    remark: "",
                }]
            },
            since: "5.0.0",
            complexity: "O(log(N)) with N being the number of elements in the sorted set.",
            summary,
            ..CommandSpec::NEW
        },
        run,
    }
}

fn run(call: &mut Call<'_, '_>, args: Args<'_>, end: End) -> Result<(), CommandError> {
    let last = args.len() - 1;
    seconds(args, last)?;
    for key in (1..last).map(|at| args.at(at)) {
        let popped = pop(call, key, end, 1)?;
        if !popped.is_empty() {
            call.reply.array(3);
            call.reply.bulk(key);
            write_popped(call.reply, &popped, false);
            return Ok(());
        }
    }
    Err(CommandError::WouldBlock)
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn pops_from_the_first_key_that_has_members() {
        let mut rig = Rig::new();
        rig.check("ZADD {t}b 1 x 2 y 3 z", ":3");
        rig.check("BZPOPMIN {t}a {t}b 0", "[${t}b $x $1]");
        rig.check("BZPOPMAX {t}a {t}b 0.1", "[${t}b $z $3]");
        rig.check("BZPOPMAX {t}b {t}a 0", "[${t}b $y $2]");
        rig.check("EXISTS {t}b", ":0");
        let mut rig = Rig::new().resp3();
        rig.check("ZADD z 1.5 x", ":1");
        rig.check("BZPOPMIN z 0", "[$z $x ,1.5]");
    }

    #[test]
    fn nobody_waits_where_a_command_cannot() {
        let mut rig = Rig::new();
        rig.check("BZPOPMIN z 0", "_");
        rig.check("EVAL 'return {redis.call(\"BZPOPMAX\", KEYS[1], 0), 1}' 1 z", "[_ :1]");
    }

    #[test]
    fn bad_arguments() {
        let mut rig = Rig::new();
        rig.check("BZPOPMIN z x", "-ERR timeout is not a float or out of range");
        rig.check("BZPOPMAX z -1", "-ERR timeout is negative");
        rig.check("BZPOPMAX z", "-ERR wrong number of arguments for 'bzpopmax' command");
        rig.check("SET k v", "+OK");
        rig.check_error("BZPOPMIN k 0", "WRONGTYPE");
        rig.check("BZPOPMIN k x", "-ERR timeout is not a float or out of range");
    }
}
