//! SINTER and SINTERSTORE: what all of several sets have, replied or stored.

use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::combine::{self, Combine};
use crate::commands::Command;

pub(super) const SINTER: Command = Command {
    spec: CommandSpec {
        name: "sinter",
        family: Family::Set,
        arity: Arity::at_least(2),
        flags: Flags::READONLY,
        keys: &[KeySpec::rest(1, 1, Access::Ro, &["access"])],
        tips: &["nondeterministic_output_order"],
        complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the \
                     number of sets.",
        summary: "Returns the intersect of multiple sets.",
        ..CommandSpec::NEW
    },
    run: |call, args| combine::reply(call, args, Combine::Intersection),
};

pub(super) const SINTERSTORE: Command = Command {
    spec: CommandSpec {
        name: "sinterstore",
        family: Family::Set,
        arity: Arity::at_least(3),
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: &[
            KeySpec::at(1, Access::Ow, &["update"]),
            KeySpec::rest(2, 1, Access::Ro, &["access"]),
        ],
        complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the \
                     number of sets.",
        summary: "Stores the intersect of multiple sets in a key.",
        ..CommandSpec::NEW
    },
    run: |call, args| combine::store(call, args, Combine::Intersection, "sinterstore"),
};

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn what_all_have() {
        let mut rig = Rig::new();
        rig.check("SADD {t}a 1 2 3 x", ":4");
        rig.check("SADD {t}b 3 x 1 y", ":4");
        rig.check("SADD {t}c 9 3 1", ":3");
        rig.check("SINTER {t}a", "[$1 $2 $3 $x]");
        rig.check("SINTER {t}a {t}b {t}c", "[$1 $3]");
        rig.check("SINTER {t}a {t}missing {t}b", "[]");
        rig.check("SINTERSTORE {t}a {t}a {t}b {t}c", ":2");
        rig.check("SMEMBERS {t}a", "[$1 $3]");
        rig.check("OBJECT ENCODING {t}a", "$intset");
    }

    #[test]
    fn the_destination_is_replaced_or_goes() {
        let mut rig = Rig::new();
        rig.check("SET {t}d v EX 100", "+OK");
        rig.check("SADD {t}a 1 2", ":2");
        rig.check("SINTERSTORE {t}d {t}a", ":2");
        rig.check("TTL {t}d", ":-1");
        rig.check("TYPE {t}d", "+set");
        rig.check("SINTERSTORE {t}d {t}a {t}missing", ":0");
        rig.check("EXISTS {t}d", ":0");
    }

    #[test]
    fn a_set_in_resp3() {
        let mut rig = Rig::new().resp3();
        rig.check("SADD s a", ":1");
        rig.check("SINTER s", "~[$a]");
    }

    #[test]
    fn wrong_types_and_arity() {
        let mut rig = Rig::new();
        rig.check("SET {t}k v", "+OK");
        rig.check("SADD {t}a 1", ":1");
        for keys in ["{t}a {t}k", "{t}missing {t}k"] {
            rig.check_error(&format!("SINTER {keys}"), "WRONGTYPE");
            rig.check_error(&format!("SINTERSTORE {{t}}k {keys}"), "WRONGTYPE");
        }
        rig.check("GET {t}k", "$v");
        rig.check("SINTER", "-ERR wrong number of arguments for 'sinter' command");
        rig.check("SINTERSTORE d", "-ERR wrong number of arguments for 'sinterstore' command");
    }
}
