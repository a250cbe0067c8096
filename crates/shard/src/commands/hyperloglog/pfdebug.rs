//! PFDEBUG GETREG | DECODE | ENCODING | TODENSE key: look into a HyperLogLog.
//!
//! GETREG replies all registers and makes the value dense, as Redis does it.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::{Change, with_view};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::types::hyperloglog::{REGISTERS, Sketch, View};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "pfdebug",
        family: Family::HyperLogLog,
        arity: Arity::exactly(3),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::ADMIN),
        keys: &[KeySpec::at(2, Access::Rw, &["access"])],
        since: "2.8.9",
        complexity: "N/A",
        summary: "Internal commands for debugging HyperLogLog values.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(2);
    let sparse = with_view(call, key, |view| {
        let missing = CommandError::Text("ERR The specified key does not exist");
        Ok(view.ok_or(missing)?.is_sparse())
    })?;
    if args.is(1, "GETREG") {
        let mut registers = [0; REGISTERS];
        read(call, key, |view| Ok(view.raise(&mut registers)?))?;
        make_dense(call, key)?;
        call.reply.array(REGISTERS);
        registers.into_iter().for_each(|value| call.reply.int(i64::from(value)));
    } else if args.is(1, "DECODE") {
        if !sparse {
            return Err(CommandError::Text("ERR HLL encoding is not sparse"));
        }
        let text = read(call, key, |view| Ok(view.describe_sparse()?))?;
        call.reply.bulk(text.as_bytes());
    } else if args.is(1, "ENCODING") {
        call.reply.status(if sparse { "sparse" } else { "dense" });
    } else if args.is(1, "TODENSE") {
        make_dense(call, key)?;
        call.reply.flag(sparse);
    } else {
        let name = String::from_utf8_lossy(args.at(1));
        return Err(CommandError::dynamic(format!("ERR Unknown PFDEBUG subcommand '{name}'")));
    }
    Ok(())
}

/// What `read` says of the value, which is there.
fn read<R: Default>(
    call: &mut Call<'_, '_>,
    key: &[u8],
    read: impl FnOnce(View<'_>) -> Result<R, CommandError>,
) -> Result<R, CommandError> {
    with_view(call, key, |view| view.map_or_else(|| Ok(R::default()), read))
}

fn make_dense(call: &mut Call<'_, '_>, key: &[u8]) -> Result<(), CommandError> {
    let dense = read(call, key, |view| {
        let mut sketch = Sketch::from(view);
        sketch.make_dense()?;
        Ok(view.is_sparse().then(|| sketch.into_bytes()))
    })?;
    dense.map_or(Ok(()), |dense| Change::Whole(dense).store(call.keyspace, key))
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn shows_both_forms() {
        let mut rig = Rig::new();
        rig.run("PFADD k a");
        rig.check("PFDEBUG encoding k", "+sparse");
        rig.check("PFDEBUG DECODE k", "$Z:12711 v:2,1 Z:3672");
        rig.check("PFDEBUG TODENSE k", ":1");
        rig.check("PFDEBUG TODENSE k", ":0");
        rig.check("PFDEBUG ENCODING k", "+dense");
        rig.check("STRLEN k", ":12304");
        rig.check("PFDEBUG DECODE k", "-ERR HLL encoding is not sparse");
    }

    #[test]
    fn replies_all_registers_and_makes_the_value_dense() {
        let mut rig = Rig::new();
        rig.run("PFADD k a");
        let reply = rig.run("PFDEBUG GETREG k");
        let registers: Vec<&str> = reply.trim_matches(['[', ']']).split(' ').collect();
        assert_eq!(registers.len(), 16384);
        assert_eq!(registers.iter().filter(|value| **value == ":0").count(), 16383);
        assert_eq!(registers[12711], ":2");
        rig.check("PFDEBUG ENCODING k", "+dense");
        rig.check("PFCOUNT k", ":1");
        assert_eq!(rig.run("PFDEBUG GETREG k"), reply);
    }

    #[test]
    fn errors() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        rig.run("SET s x");
        rig.run("PFADD k a");
        rig.check("PFDEBUG FOO missing", "-ERR The specified key does not exist");
        rig.check("PFDEBUG FOO k", "-ERR Unknown PFDEBUG subcommand 'FOO'");
        rig.check_error("PFDEBUG ENCODING h", "WRONGTYPE Operation against a key");
        rig.check_error("PFDEBUG ENCODING s", "WRONGTYPE Key is not a valid HyperLogLog");
        rig.check_error("PFDEBUG ENCODING", "ERR wrong number of arguments for 'pfdebug' command");
        rig.run("SETRANGE k 16 \"\\x7f\\xff\\x7f\\xff\\xff\"");
        rig.check("PFDEBUG TODENSE k", "-INVALIDOBJ Corrupted HLL object detected");
        rig.check("PFDEBUG GETREG k", "-INVALIDOBJ Corrupted HLL object detected");
        rig.check("PFDEBUG ENCODING k", "+sparse");
    }
}
