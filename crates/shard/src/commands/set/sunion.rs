//! SUNION and SUNIONSTORE: what any of several sets has, replied or stored.

use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::combine::{self, Combine};
use crate::commands::Command;

pub(super) const SUNION: Command = Command {
    spec: CommandSpec {
        name: "sunion",
        family: Family::Set,
        arity: Arity::at_least(2),
        flags: Flags::READONLY,
        keys: &[KeySpec::rest(1, 1, Access::Ro, &["access"])],
        tips: &["nondeterministic_output_order"],
        complexity: "O(N) where N is the total number of elements in all given sets.",
        summary: "Returns the union of multiple sets.",
        ..CommandSpec::NEW
    },
    run: |call, args| combine::reply(call, args, Combine::Union),
};

pub(super) const SUNIONSTORE: Command = Command {
    spec: CommandSpec {
        name: "sunionstore",
        family: Family::Set,
        arity: Arity::at_least(3),
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: &[
            KeySpec::at(1, Access::Ow, &["update"]),
            KeySpec::rest(2, 1, Access::Ro, &["access"]),
        ],
        complexity: "O(N) where N is the total number of elements in all given sets.",
        summary: "Stores the union of multiple sets in a key.",
        ..CommandSpec::NEW
    },
    run: |call, args| combine::store(call, args, Combine::Union, "sunionstore"),
};

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn what_any_has() {
        let mut rig = Rig::new();
        rig.check("SADD {t}a x y", ":2");
        rig.check("SADD {t}b y z", ":2");
        rig.check("SUNION {t}a {t}missing {t}b {t}a", "[$x $y $z]");
        rig.check("SUNIONSTORE {t}a {t}b {t}a", ":3");
        rig.check("SMEMBERS {t}a", "[$y $z $x]");
        rig.check("SUNION {t}missing", "[]");
        rig.check("SUNIONSTORE {t}a {t}missing", ":0");
        rig.check("EXISTS {t}a", ":0");
    }

    #[test]
    fn the_form_is_the_smallest_that_fits() {
        let mut rig = Rig::new().once();
        for n in 0..300 {
            rig.run(&format!("SADD {{t}}a {n}"));
            rig.run(&format!("SADD {{t}}b {}", n + 299));
        }
        rig.check("SUNIONSTORE {t}d {t}a", ":300");
        rig.check("OBJECT ENCODING {t}d", "$intset");
        rig.check("SUNIONSTORE {t}d {t}a {t}b", ":599");
        rig.check("OBJECT ENCODING {t}d", "$hashtable");
    }

    #[test]
    fn wrong_types_and_arity() {
        let mut rig = Rig::new();
        rig.check("SET {t}k v", "+OK");
        rig.check_error("SUNION {t}missing {t}k", "WRONGTYPE");
        rig.check_error("SUNIONSTORE {t}d {t}k", "WRONGTYPE");
        rig.check("SUNION", "-ERR wrong number of arguments for 'sunion' command");
        rig.check("SUNIONSTORE d", "-ERR wrong number of arguments for 'sunionstore' command");
    }
}
