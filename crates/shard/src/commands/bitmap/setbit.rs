//! SETBIT key offset value: set one bit of a string, and reply what it was.
//!
//! The string grows to hold the bit, with zeros, also when the bit is 0.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::bit_offset;
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "setbit",
        family: Family::Bitmap,
        arity: Arity::exactly(4),
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: &[KeySpec::at(1, Access::Rw, &["access", "update"])],
        since: "2.2.0",
        summary: "Sets or clears the bit at offset of the string value. Creates the key if it \
                  doesn't exist.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    let offset = bit_offset(call.keyspace, args.at(2))?;
    let on = match args.at(3) {
        b"0" => false,
        b"1" => true,
        _ => return Err(CommandError::Text("ERR bit is not an integer or out of range")),
    };
    let (at, mask) = (offset >> 3, 0x80 >> (offset & 7));
    let value = call.keyspace.string(key)?;
    let byte = value.and_then(|value| value.with_text(|text| text.get(at).copied()));
    let before = byte.unwrap_or_default();
    let after = if on { before | mask } else { before & !mask };
    if byte != Some(after) {
        call.keyspace.splice_string(key, at, &[after])?;
        call.keyspace.notify(Events::STRING, "setbit", key);
    }
    call.reply.flag(before & mask != 0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn sets_and_clears() {
        let mut rig = Rig::new();
        rig.check("SETBIT k 7 1", ":0");
        rig.check("GET k", "$\\x01");
        rig.check("SETBIT k 7 1", ":1");
        rig.check("SETBIT k 0 1", ":0");
        rig.check("GET k", "$\\x81");
        rig.check("SETBIT k 7 0", ":1");
        rig.check("GET k", "$\\x80");
    }

    #[test]
    fn the_string_grows_for_a_zero_too() {
        let mut rig = Rig::new();
        rig.check("SETBIT k 20 0", ":0");
        rig.check("STRLEN k", ":3");
        rig.check("SETBIT k 20 0", ":0");
        rig.check("SET i 12 PX 10", "+OK");
        rig.check("SETBIT i 31 1", ":0");
        rig.check("GET i", "$12\\x00\\x01");
        rig.advance_ms(11);
        rig.check("GET i", "_");
    }

    #[test]
    fn the_effect_is_as_large_as_the_change() {
        let mut rig = Rig::new().once();
        rig.check("SETBIT k 8000000 1", ":0");
        let mark = rig.shard().keyspace_mut().begin();
        rig.check("SETBIT k 4000000 1", ":0");
        assert!(rig.shard().keyspace().undo_memory() < 500);
        rig.shard().keyspace_mut().roll_back(mark);
    }

    #[test]
    fn errors_change_nothing() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        let error = "-ERR bit offset is not an integer or out of range";
        rig.check("SETBIT h 4294967296 2", error);
        rig.check("SETBIT h -1 1", error);
        for bit in ["2", "-1", "a", "01", "\"\""] {
            let line = format!("SETBIT h 0 {bit}");
            rig.check(&line, "-ERR bit is not an integer or out of range");
        }
        rig.check_error("SETBIT h 0 1", "WRONGTYPE");
        rig.check("HLEN h", ":1");
        rig.check_error("SETBIT k 0 2", "ERR bit");
        rig.check("EXISTS k", ":0");
    }
}
