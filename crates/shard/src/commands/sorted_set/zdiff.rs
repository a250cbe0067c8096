//! ZDIFF numkeys key \[key …\] \[WITHSCORES\], and ZDIFFSTORE destination numkeys key
//! \[key …\]: the members of the first key that
//! no other one has.

use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::algebra::{Operation, reply_result, store_result};
use crate::commands::Command;

pub(super) const ZDIFF: Command = Command {
    spec: CommandSpec {
        name: "zdiff",
        family: Family::SortedSet,
        arity: Arity::at_least(3),
        flags: Flags::READONLY.union(Flags::MOVABLEKEYS),
        keys: &[KeySpec::counted(1, Access::Ro, &["access"])],
        since: "6.2.0",
        complexity: "O(L + (N-K)log(N)) worst case where L is the total number of elements in all \
                     the sets, N is the size of the first set, and K is the size of the result \
                     set.",
        summary: "Returns the difference between multiple sorted sets.",
        ..CommandSpec::NEW
    },
    run: |call, args| reply_result(call, args, "zdiff", Operation::Diff),
};

pub(super) const ZDIFFSTORE: Command = Command {
    spec: CommandSpec {
        name: "zdiffstore",
        family: Family::SortedSet,
        arity: Arity::at_least(4),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::MOVABLEKEYS),
        keys: &[
            KeySpec::at(1, Access::Ow, &["update"]),
            KeySpec::counted(2, Access::Ro, &["access"]),
        ],
        since: "6.2.0",
        complexity: "O(L + (N-K)log(N)) worst case where L is the total number of elements in all \
                     the sets, N is the size of the first set, and K is the size of the result \
                     set.",
        summary: "Stores the difference of multiple sorted sets in a key.",
        ..CommandSpec::NEW
    },
    run: |call, args| store_result(call, args, "zdiffstore", Operation::Diff),
};

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn what_the_first_key_alone_has() {
        let mut rig = Rig::new();
        rig.check("ZADD {t}a 1 x 2 y 3 z", ":3");
        rig.check("ZADD {t}b 10 y", ":1");
        rig.check("ZDIFF 2 {t}a {t}b WITHSCORES", "[$x $1 $z $3]");
        rig.check("ZDIFF 1 {t}a", "[$x $y $z]");
        rig.check("ZDIFF 3 {t}a {t}nosuch {t}a", "[]");
        rig.check("ZDIFF 2 {t}nosuch {t}a", "[]");
        rig.check("ZDIFFSTORE {t}a 2 {t}a {t}b", ":2");
        rig.check("ZRANGE {t}a 0 -1 WITHSCORES", "[$x $1 $z $3]");
        rig.check("ZDIFFSTORE {t}a 2 {t}a {t}a", ":0");
        rig.check("EXISTS {t}a", ":0");
    }

    #[test]
    fn it_has_no_weights() {
        let mut rig = Rig::new();
        rig.check("ZDIFF 1 a WEIGHTS 1", "-ERR syntax error");
        rig.check("ZDIFF 1 a AGGREGATE SUM", "-ERR syntax error");
        rig.check("ZDIFFSTORE {t}d 1 {t}a WITHSCORES", "-ERR syntax error");
        rig.check("ZDIFF 0 a", "-ERR at least 1 input key is needed for 'zdiff' command");
    }
}
