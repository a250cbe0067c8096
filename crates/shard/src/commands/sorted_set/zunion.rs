//! ZUNION numkeys key \[key …\] \[WEIGHTS weight …\] \[AGGREGATE SUM|MIN|MAX\]
//! \[WITHSCORES\], and ZUNIONSTORE destination numkeys key
//! \[key …\] with the options but the last: the members that any key has.

use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::algebra::{Operation, reply_result, store_result};
use crate::commands::Command;

pub(super) const ZUNION: Command = Command {
    spec: CommandSpec {
        name: "zunion",
        family: Family::SortedSet,
        arity: Arity::at_least(3),
        flags: Flags::READONLY.union(Flags::MOVABLEKEYS),
        keys: &[KeySpec::counted(1, Access::Ro, &["access"])],
        since: "6.2.0",
        complexity: "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, \
                     and M being the number of elements in the resulting sorted set.",
        summary: "Returns the union of multiple sorted sets.",
        ..CommandSpec::NEW
    },
    run: |call, args| reply_result(call, args, "zunion", Operation::Union),
};

pub(super) const ZUNIONSTORE: Command = Command {
    spec: CommandSpec {
        name: "zunionstore",
        family: Family::SortedSet,
        arity: Arity::at_least(4),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::MOVABLEKEYS),
        keys: &[
            KeySpec::at(1, Access::Ow, &["update"]),
            KeySpec::counted(2, Access::Ro, &["access"]),
        ],
        since: "2.0.0",
        complexity: "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, \
                     and M being the number of elements in the resulting sorted set.",
        summary: "Stores the union of multiple sorted sets in a key.",
        ..CommandSpec::NEW
    },
    run: |call, args| store_result(call, args, "zunionstore", Operation::Union),
};

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    fn rig() -> Rig {
        let mut rig = Rig::new();
        rig.check("ZADD {t}a 1 x 2 y", ":2");
        rig.check("ZADD {t}b 10 y 20 z", ":2");
        rig
    }

    #[test]
    fn scores_are_added_up() {
        let mut rig = rig();
        rig.check("ZUNION 2 {t}a {t}b", "[$x $y $z]");
        rig.check("ZUNION 2 {t}a {t}b WITHSCORES", "[$x $1 $y $12 $z $20]");
        rig.check("ZUNION 3 {t}a {t}nosuch {t}a WITHSCORES", "[$x $2 $y $4]");
        rig.check("ZUNION 1 {t}nosuch", "[]");
    }

    #[test]
    fn weights_and_aggregates() {
        let mut rig = rig();
        rig.check(
            "ZUNION 2 {t}a {t}b WEIGHTS 10 0.5 AGGREGATE MAX WITHSCORES",
            "[$x $10 $z $10 $y $20]",
        );
        rig.check("ZUNION 2 {t}a {t}b aggregate min withscores", "[$x $1 $y $2 $z $20]");
        rig.check("ZADD {t}i inf x -inf y", ":2");
        rig.check("ZUNION 2 {t}i {t}i WEIGHTS 1 -1 WITHSCORES", "[$x $0 $y $0]");
        rig.check("ZUNION 1 {t}i WEIGHTS 0 WITHSCORES", "[$x $0 $y $0]");
    }

    #[test]
    fn pairs_in_resp3() {
        let mut rig = Rig::new().resp3();
        rig.check("ZADD z 1 a", ":1");
        rig.check("ZUNION 1 z WITHSCORES", "[[$a ,1]]");
        rig.check("ZUNION 1 z", "[$a]");
    }

    #[test]
    fn the_store_form_replaces_what_there_was() {
        let mut rig = rig();
        rig.check("SET {t}d v", "+OK");
        rig.check("ZUNIONSTORE {t}d 2 {t}a {t}b", ":3");
        rig.check("ZRANGE {t}d 0 -1 WITHSCORES", "[$x $1 $y $12 $z $20]");
        rig.check("OBJECT ENCODING {t}d", "$listpack");
        rig.check("ZUNIONSTORE {t}a 2 {t}a {t}a", ":2");
        rig.check("ZRANGE {t}a 0 -1 WITHSCORES", "[$x $2 $y $4]");
        rig.check("ZUNIONSTORE {t}a 1 {t}nosuch", ":0");
        rig.check("EXISTS {t}a", ":0");
    }

    #[test]
    fn bad_arguments() {
        let mut rig = rig();
        rig.check("ZUNION 0 {t}a", "-ERR at least 1 input key is needed for 'zunion' command");
        rig.check(
            "ZUNIONSTORE {t}d -1 {t}a",
            "-ERR at least 1 input key is needed for 'zunionstore' command",
        );
        rig.check("ZUNION x {t}a", "-ERR value is not an integer or out of range");
        for line in [
            "ZUNION 2 {t}a",
            "ZUNION 1 {t}a WEIGHTS",
            "ZUNION 1 {t}a AGGREGATE",
            "ZUNION 1 {t}a AGGREGATE AVG",
            "ZUNION 1 {t}a {t}b",
            "ZUNIONSTORE {t}d 1 {t}a WITHSCORES",
        ] {
            rig.check(line, "-ERR syntax error");
        }
        rig.check("ZUNION 1 {t}a WEIGHTS x", "-ERR weight value is not a float");
        rig.check("SET {t}k v", "+OK");
        rig.check_error("ZUNION 2 {t}a {t}k", "WRONGTYPE");
        rig.check_error("ZUNIONSTORE {t}d 2 {t}a {t}k WITHSCORES", "WRONGTYPE");
        rig.check("EXISTS {t}d", ":0");
    }

    #[test]
    fn members_of_plain_sets_count_1() {
        let mut rig = Rig::new();
        rig.check("SADD {t}s a b", ":2");
        rig.check("ZADD {t}z 5 b 7 c", ":2");
        rig.check("ZUNION 2 {t}s {t}z WITHSCORES", "[$a $1 $b $6 $c $7]");
        rig.check("ZINTER 2 {t}z {t}s WEIGHTS 1 10 WITHSCORES", "[$b $15]");
        rig.check("ZDIFFSTORE {t}d 2 {t}s {t}z", ":1");
        rig.check("ZRANGE {t}d 0 -1 WITHSCORES", "[$a $1]");
        rig.check("ZINTERCARD 2 {t}s {t}z", ":1");
    }
}
