//! GETBIT key offset: reply with one bit of a string. What is behind the end is 0.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::bit_offset;
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "getbit",
        family: Family::Bitmap,
        arity: Arity::exactly(3),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        since: "2.2.0",
        summary: "Returns a bit value by offset.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let offset = bit_offset(call.keyspace, args.at(2))?;
    let value = call.keyspace.string(args.at(1))?;
    let byte = value.and_then(|value| value.with_text(|text| text.get(offset >> 3).copied()));
    call.reply.flag(byte.unwrap_or_default() & (0x80 >> (offset & 7)) != 0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_bits_and_zero_behind_the_end() {
        let mut rig = Rig::new();
        rig.check("SET k a", "+OK");
        for (offset, bit) in [0, 1, 1, 0, 0, 0, 0, 1, 0].into_iter().enumerate() {
            rig.check(&format!("GETBIT k {offset}"), &format!(":{bit}"));
        }
        rig.check("GETBIT k 4294967295", ":0");
        rig.check("GETBIT missing 0", ":0");
        rig.check("SET i 12", "+OK");
        rig.check("GETBIT i 15", ":0");
        rig.check("GETBIT i 14", ":1");
    }

    #[test]
    fn bad_offsets() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        for offset in ["-1", "a", "4294967296", "\"\"", "#1", "1.5"] {
            let error = "-ERR bit offset is not an integer or out of range";
            rig.check(&format!("GETBIT h {offset}"), error);
        }
        rig.check_error("GETBIT h 0", "WRONGTYPE");
        rig.check_error("GETBIT h", "ERR wrong number of arguments for 'getbit' command");
    }
}
