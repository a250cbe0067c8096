//! SDIFF and SDIFFSTORE: what the first set has and no other, replied or stored.

use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::combine::{self, Combine};
use crate::commands::Command;

pub(super) const SDIFF: Command = Command {
    spec: CommandSpec {
        name: "sdiff",
        family: Family::Set,
        arity: Arity::at_least(2),
        flags: Flags::READONLY,
        keys: &[KeySpec::rest(1, 1, Access::Ro, &["access"])],
        tips: &["nondeterministic_output_order"],
        complexity: "O(N) where N is the total number of elements in all given sets.",
        summary: "Returns the difference of multiple sets.",
        ..CommandSpec::NEW
    },
    run: |call, args| combine::reply(call, args, Combine::Difference),
};

pub(super) const SDIFFSTORE: Command = Command {
    spec: CommandSpec {
        name: "sdiffstore",
        family: Family::Set,
        arity: Arity::at_least(3),
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: &[
            KeySpec::at(1, Access::Ow, &["update"]),
            KeySpec::rest(2, 1, Access::Ro, &["access"]),
        ],
        complexity: "O(N) where N is the total number of elements in all given sets.",
        summary: "Stores the difference of multiple sets in a key.",
        ..CommandSpec::NEW
    },
    run: |call, args| combine::store(call, args, Combine::Difference, "sdiffstore"),
};

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn what_the_first_alone_has() {
        let mut rig = Rig::new();
        rig.check("SADD {t}a x y z 1", ":4");
        rig.check("SADD {t}b y", ":1");
        rig.check("SADD {t}c 1 q", ":2");
        rig.check("SDIFF {t}a {t}b {t}missing {t}c", "[$x $z]");
        rig.check("SDIFF {t}missing {t}a", "[]");
        rig.check("SDIFF {t}a {t}a", "[]");
        rig.check("SDIFFSTORE {t}b {t}a {t}b", ":3");
        rig.check("SMEMBERS {t}b", "[$x $z $1]");
        rig.check("SDIFFSTORE {t}b {t}missing", ":0");
        rig.check("EXISTS {t}b", ":0");
    }

    #[test]
    fn many_small_sets_are_put_together_first() {
        let mut rig = Rig::new().once();
        for n in 0..500 {
            rig.run(&format!("SADD {{t}}a m{n}"));
        }
        let mut line = "SDIFFSTORE {t}d {t}a".to_owned();
        for n in 0..20 {
            rig.run(&format!("SADD {{t}}s{n} m{n} m{}", n + 100));
            line += &format!(" {{t}}s{n}");
        }
        rig.check(&line, ":460");
        rig.check("SMISMEMBER {t}d m0 m119 m120 m99", "[:0 :0 :1 :1]");
    }

    #[test]
    fn wrong_types_and_arity() {
        let mut rig = Rig::new();
        rig.check("SET {t}k v", "+OK");
        rig.check_error("SDIFF {t}missing {t}k", "WRONGTYPE");
        rig.check_error("SDIFFSTORE {t}d {t}k", "WRONGTYPE");
        rig.check("SDIFF", "-ERR wrong number of arguments for 'sdiff' command");
        rig.check("SDIFFSTORE d", "-ERR wrong number of arguments for 'sdiffstore' command");
    }
}
