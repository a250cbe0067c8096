//! ZINCRBY key increment member: add to the score of a member; one that is missing has 0.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::zadd::{Options, increment};
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "zincrby",
        family: Family::SortedSet,
        arity: Arity::exactly(4),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["access", "update"])],
        since: "1.2.0",
        complexity: "O(log(N)) where N is the number of elements in the sorted set.",
        summary: "Increments the score of a member in a sorted set.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let by = args.float(2)?;
    increment(call, args.at(1), by, args.at(3), Options::default())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_the_new_score() {
        let mut rig = Rig::new();
        rig.check("ZINCRBY z 2 a", "$2");
        rig.check("ZINCRBY z -0.5 a", "$1.5");
        rig.check("ZINCRBY z 0 a", "$1.5");
        rig.check("ZINCRBY z 1e300 b", "$1e+300");
        rig.check("ZRANGE z 0 -1", "[$a $b]");
        let mut rig = Rig::new().resp3();
        rig.check("ZINCRBY z 2.5 a", ",2.5");
    }

    #[test]
    fn the_sum_is_a_number() {
        let mut rig = Rig::new();
        rig.check("ZINCRBY z inf a", "$inf");
        rig.check("ZINCRBY z -inf a", "-ERR resulting score is not a number (NaN)");
        rig.check("ZSCORE z a", "$inf");
        rig.check("ZINCRBY z x a", "-ERR value is not a valid float");
        rig.check("ZINCRBY z nan a", "-ERR value is not a valid float");
    }

    #[test]
    fn keeps_the_expiry_and_the_type() {
        let mut rig = Rig::new();
        rig.check("ZADD z 1 a", ":1");
        rig.check("EXPIRE z 10", ":1");
        rig.check("ZINCRBY z 1 a", "$2");
        rig.check("TTL z", ":10");
        rig.check("SET k v", "+OK");
        rig.check_error("ZINCRBY k 1 a", "WRONGTYPE");
    }
}
