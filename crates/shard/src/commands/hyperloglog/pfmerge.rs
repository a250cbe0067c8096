//! PFMERGE destkey [sourcekey ...]: make the destination the union of HyperLogLogs, its own
//! included.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::{Change, with_view};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;
use crate::types::hyperloglog::{REGISTERS, Sketch};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "pfmerge",
        family: Family::HyperLogLog,
        arity: Arity::at_least(2),
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: &[
            KeySpec::at(1, Access::Rw, &["access", "insert"]),
            KeySpec::rest(2, 1, Access::Ro, &["access"]),
        ],
        since: "2.8.9",
        complexity: "O(N) to merge N HyperLogLogs, but with high constant times.",
        summary: "Merges one or more HyperLogLog values into a single key.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let mut registers = [0; REGISTERS];
    let mut dense = false;
    for key in args.iter_from(1) {
        call.beat()?;
        with_view(call, key, |view| {
            let Some(view) = view else { return Ok(()) };
            dense |= !view.is_sparse();
            Ok(view.raise(&mut registers)?)
        })?;
    }
    let sparse_max = call.keyspace.settings().hll_sparse_max;
    let key = args.at(1);
    let change = with_view(call, key, |view| {
        let mut sketch = view.map_or_else(Sketch::new, Sketch::from);
        if dense {
            sketch.make_dense()?;
        }
        sketch.raise_to(&registers, sparse_max)?;
        sketch.invalidate();
        let merged = sketch.into_bytes();
        Ok(match view {
            Some(view) => Change::between(view, merged),
            None => Change::Whole(merged),
        })
    })?;
    change.store(call.keyspace, key)?;
    call.keyspace.notify(Events::STRING, "pfadd", key);
    call.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn merges_into_a_new_key_or_one_that_is_there() {
        let mut rig = Rig::new();
        rig.run("PFADD {t}a 1 2 3");
        rig.run("PFADD {t}b 3 4");
        rig.check("PFMERGE {t}d {t}a {t}b {t}missing", "+OK");
        rig.check("PFCOUNT {t}d", ":4");
        rig.check("PFDEBUG ENCODING {t}d", "+sparse");
        rig.run("PFADD {t}c 5");
        rig.run("PEXPIRE {t}c 10");
        rig.check("PFMERGE {t}c {t}d", "+OK");
        rig.check("PFCOUNT {t}c", ":5");
        rig.advance_ms(11);
        rig.check("EXISTS {t}c", ":0");
        rig.check("PFMERGE {t}new", "+OK");
        rig.check("PFCOUNT {t}new", ":0");
    }

    #[test]
    fn the_union_with_a_dense_one_is_dense() {
        let mut rig = Rig::new();
        rig.run("PFADD {t}a 1 2 3");
        rig.run("PFADD {t}b 3 4");
        rig.run("PFDEBUG TODENSE {t}b");
        rig.check("PFMERGE {t}a {t}b", "+OK");
        rig.check("PFDEBUG ENCODING {t}a", "+dense");
        rig.check("PFCOUNT {t}a", ":4");
        let merged = rig.run("GET {t}a");
        rig.check("PFMERGE {t}d {t}b {t}a", "+OK");
        rig.check("GET {t}d", &merged);
        rig.check("PFMERGE {t}a {t}b {t}d", "+OK");
        rig.check("GET {t}a", &merged);
    }

    #[test]
    fn errors_change_nothing() {
        let mut rig = Rig::new();
        rig.run("HSET {t}h f v");
        rig.run("SET {t}s x");
        rig.run("PFADD {t}a 1");
        let before = rig.run("GET {t}a");
        rig.check_error("PFMERGE {t}h {t}a", "WRONGTYPE Operation against a key");
        rig.check_error("PFMERGE {t}a {t}h", "WRONGTYPE Operation against a key");
        let error = "-WRONGTYPE Key is not a valid HyperLogLog string value.";
        rig.check("PFMERGE {t}a {t}s", error);
        rig.check("PFMERGE {t}s {t}a", error);
        rig.run("PFADD {t}c 1");
        rig.run("SETRANGE {t}c 16 \"\\x7f\\xff\\x7f\\xff\\xff\"");
        rig.check("PFMERGE {t}a {t}c", "-INVALIDOBJ Corrupted HLL object detected");
        rig.check("PFMERGE {t}new {t}a {t}c", "-INVALIDOBJ Corrupted HLL object detected");
        rig.check("GET {t}a", &before);
        rig.check("EXISTS {t}new", ":0");
    }
}
