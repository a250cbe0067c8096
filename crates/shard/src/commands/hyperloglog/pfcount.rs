//! PFCOUNT key [key ...]: reply how many different elements HyperLogLogs have seen, about: of one,
//! or of the union of several.
//!
//! Redis stores the estimate of a single key in its value, a write within a command that reads.
//! Here it reads, wherever it is called, and computes the estimate again; one that has been stored
//! by Redis is used.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::with_view;
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::types::hyperloglog::{REGISTERS, estimate_registers};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "pfcount",
        family: Family::HyperLogLog,
        arity: Arity::at_least(2),
        // Redis's may write the estimate that it has computed. Ours never does, and is refused where
        // Redis's is.
        flags: Flags::READONLY.union(Flags::MAY_REPLICATE),
        keys: &[KeySpec::rest(1, 1, Access::Rw, &["access"]).remark(
            "RW because it may change the internal representation of the key, and propagate to \
             replicas",
        )],
        since: "2.8.9",
        complexity: "O(1) with a very small average constant time when called with a single key. \
                     O(N) with N being the number of keys, and much bigger constant times, when \
                     called with multiple keys.",
        summary: "Returns the approximated cardinality of the set(s) observed by the HyperLogLog \
                  key(s).",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let estimate = if args.len() == 2 {
        with_view(call, args.at(1), |view| Ok(view.map_or(Ok(0), |view| view.estimate())?))?
    } else {
        let mut registers = [0; REGISTERS];
        for key in args.iter_from(1) {
            call.beat()?;
            with_view(call, key, |view| {
                Ok(view.map_or(Ok(()), |view| view.raise(&mut registers))?)
            })?;
        }
        estimate_registers(&registers)
    };
    call.reply.int(i64::try_from(estimate).unwrap_or(i64::MAX));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn counts_one_key_or_the_union_of_several() {
        let mut rig = Rig::new();
        rig.check("PFCOUNT {t}missing", ":0");
        rig.run("PFADD {t}a 1 2 3 4 5");
        rig.run("PFADD {t}b 4 5 6 7");
        rig.check("PFCOUNT {t}a", ":5");
        rig.check("PFCOUNT {t}a {t}b {t}missing", ":7");
        rig.run("PFDEBUG TODENSE {t}b");
        rig.check("PFCOUNT {t}a {t}b", ":7");
        rig.check("PFCOUNT {t}b", ":4");
    }

    #[test]
    fn a_stored_estimate_is_used_and_none_is_stored() {
        let mut rig = Rig::new();
        rig.run("PFADD k a");
        let before = rig.run("GET k");
        rig.check("PFCOUNT k", ":1");
        rig.check("GET k", &before);
        rig.run("SETRANGE k 8 \"\\x2a\\x00\\x00\\x00\\x00\\x00\\x00\\x00\"");
        rig.check("PFCOUNT k", ":42");
        rig.run("PFADD k b");
        rig.check("PFCOUNT k", ":2");
    }

    #[test]
    fn is_refused_in_scripts_that_only_read() {
        let mut rig = Rig::new();
        rig.run("PFADD k a");
        rig.check_error(
            "EVAL_RO \"return redis.call('PFCOUNT', KEYS[1])\" 1 k",
            "ERR Write commands are not allowed from read-only scripts.",
        );
    }

    #[test]
    fn errors() {
        let mut rig = Rig::new();
        rig.run("HSET {t}h f v");
        rig.run("PFADD {t}a 1");
        rig.check_error("PFCOUNT {t}h", "WRONGTYPE Operation against a key");
        rig.run("SET {t}s x");
        let error = "-WRONGTYPE Key is not a valid HyperLogLog string value.";
        rig.check("PFCOUNT {t}s", error);
        rig.check("PFCOUNT {t}a {t}s", error);
        rig.run("SETRANGE {t}a 16 \"\\x7f\\xff\\x7f\\xff\\xff\"");
        rig.check("PFCOUNT {t}a", "-INVALIDOBJ Corrupted HLL object detected");
        rig.check("PFCOUNT {t}a {t}missing", "-INVALIDOBJ Corrupted HLL object detected");
    }
}
