//! ZINTER numkeys key \[key …\] \[WEIGHTS weight …\] \[AGGREGATE SUM|MIN|MAX\]
//! \[WITHSCORES\], and ZINTERSTORE destination numkeys key
//! \[key …\] with the options but the last: the members that all keys have.

use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::algebra::{Operation, reply_result, store_result};
use crate::commands::Command;

pub(super) const ZINTER: Command = Command {
    spec: CommandSpec {
        name: "zinter",
        family: Family::SortedSet,
        arity: Arity::at_least(3),
        flags: Flags::READONLY.union(Flags::MOVABLEKEYS),
        keys: &[KeySpec::counted(1, Access::Ro, &["access"])],
        since: "6.2.0",
        complexity: "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K \
                     being the number of input sorted sets and M being the number of elements in \
                     the resulting sorted set.",
        summary: "Returns the intersect of multiple sorted sets.",
        ..CommandSpec::NEW
    },
    run: |call, args| reply_result(call, args, "zinter", Operation::Inter),
};

pub(super) const ZINTERSTORE: Command = Command {
    spec: CommandSpec {
        name: "zinterstore",
        family: Family::SortedSet,
        arity: Arity::at_least(4),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::MOVABLEKEYS),
        keys: &[
            KeySpec::at(1, Access::Ow, &["update"]),
            KeySpec::counted(2, Access::Ro, &["access"]),
        ],
        since: "2.0.0",
        complexity: "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K \
                     being the number of input sorted sets and M being the number of elements in \
                     the resulting sorted set.",
        summary: "Stores the intersect of multiple sorted sets in a key.",
        ..CommandSpec::NEW
    },
    run: |call, args| store_result(call, args, "zinterstore", Operation::Inter),
};

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn what_all_keys_have() {
        let mut rig = Rig::new();
        rig.check("ZADD {t}a 1 x 2 y 3 z", ":3");
        rig.check("ZADD {t}b 10 y 20 z", ":2");
        rig.check("ZINTER 2 {t}a {t}b WITHSCORES", "[$y $12 $z $23]");
        rig.check("ZINTER 2 {t}a {t}b WEIGHTS 2 1 AGGREGATE MIN WITHSCORES", "[$y $4 $z $6]");
        rig.check("ZINTER 2 {t}a {t}b WEIGHTS 2 1 AGGREGATE MAX WITHSCORES", "[$y $10 $z $20]");
        rig.check("ZINTER 2 {t}a {t}nosuch", "[]");
        rig.check("ZINTER 2 {t}a {t}a WITHSCORES", "[$x $2 $y $4 $z $6]");
        rig.check("ZINTERSTORE {t}d 2 {t}a {t}b", ":2");
        rig.check("ZRANGE {t}d 0 -1 WITHSCORES", "[$y $12 $z $23]");
        rig.check("ZINTERSTORE {t}d 2 {t}a {t}nosuch", ":0");
        rig.check("EXISTS {t}d", ":0");
    }

    #[test]
    fn large_sets() {
        let mut rig = Rig::new().once();
        for n in 0..300 {
            rig.check(&format!("ZADD {{t}}a {n} m{n}"), ":1");
            rig.check(&format!("ZADD {{t}}b 1 m{}", n * 2), ":1");
        }
        rig.check("ZINTERSTORE {t}d 2 {t}a {t}b", ":150");
        rig.check("ZRANGE {t}d 148 149 WITHSCORES", "[$m296 $297 $m298 $299]");
        rig.check("OBJECT ENCODING {t}d", "$skiplist");
    }

    #[test]
    fn bad_arguments() {
        let mut rig = Rig::new();
        rig.check("ZINTER 0 a", "-ERR at least 1 input key is needed for 'zinter' command");
        rig.check("ZINTER 1 a LIMIT 1", "-ERR syntax error");
    }
}
