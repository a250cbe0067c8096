//! SETRANGE key offset value: overwrite a part of a string, and reply with its new length.
//!
//! Zeros fill what lies between the end of the string and the offset. An empty value changes
//! nothing and makes no key.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;
use crate::types::string::StringView;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "setrange",
        family: Family::String,
        arity: Arity::exactly(4),
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: &[KeySpec::at(1, Access::Rw, &["update"])],
        since: "2.2.0",
        complexity: "O(1), not counting the time taken to copy the new string in place. Usually, \
                     this string is very small so the amortized complexity is O(1). Otherwise, \
                     complexity is O(M) with M being the length of the value argument.",
        summary: "Overwrites a part of a string value with another by an offset. Creates the key \
                  if it doesn't exist.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (key, patch) = (args.at(1), args.at(3));
    let offset = usize::try_from(args.int(2)?).map_err(|_| CommandError::OffsetOutOfRange)?;
    let len = call.keyspace.string(key)?.map_or(0, StringView::len);
    let len = match patch {
        [] => len,
        _ => {
            let len = call.keyspace.splice_string(key, offset, patch)?;
            call.keyspace.notify(Events::STRING, "setrange", key);
            len
        }
    };
    call.reply.count(len);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn overwrites_and_extends() {
        let mut rig = Rig::new();
        rig.check("SET k \"Hello World\"", "+OK");
        rig.check("SETRANGE k 6 Redis", ":11");
        rig.check("GET k", "$Hello Redis");
        rig.check("SETRANGE k 10 stem", ":14");
        rig.check("GET k", "$Hello Redistem");
    }

    #[test]
    fn zeros_fill_the_gap() {
        let mut rig = Rig::new();
        rig.check("SETRANGE k 3 ab", ":5");
        rig.check("GET k", "$\\x00\\x00\\x00ab");
        rig.check("SET i 12", "+OK");
        rig.check("SETRANGE i 3 4", ":4");
        rig.check("GET i", "$12\\x004");
    }

    #[test]
    fn long_strings_are_patched_in_place() {
        let mut rig = Rig::new();
        rig.check(&format!("SET k {}", "x".repeat(200)), "+OK");
        rig.check("SETRANGE k 100 yz", ":200");
        rig.check("GETRANGE k 99 102", "$xyzx");
        rig.check("SETRANGE k 199 yz", ":201");
    }

    #[test]
    fn an_empty_value_changes_nothing() {
        let mut rig = Rig::new();
        rig.check("SETRANGE missing 5 \"\"", ":0");
        rig.check("SETRANGE missing 999999999999 \"\"", ":0");
        assert!(rig.shard().keyspace().is_empty());
        rig.check("SET k abc", "+OK");
        rig.check("SETRANGE k 536870912 \"\"", ":3");
        rig.check("GET k", "$abc");
    }

    #[test]
    fn the_expiry_is_kept() {
        let mut rig = Rig::new();
        rig.check("SET k abc PX 10", "+OK");
        rig.check("SETRANGE k 0 x", ":3");
        rig.advance_ms(11);
        rig.check("GET k", "_");
    }

    #[test]
    fn the_length_is_limited() {
        let mut rig = Rig::new();
        let error = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";
        rig.check("SETRANGE k 536870911 xx", error);
        rig.check("SETRANGE k 9223372036854775807 x", error);
        assert!(rig.shard().keyspace().is_empty());
        rig.check("SET k v", "+OK");
        rig.check("SETRANGE k 536870912 x", error);
        rig.check("GET k", "$v");
    }

    #[test]
    fn bad_offsets() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        rig.check("SETRANGE h -1 x", "-ERR offset is out of range");
        rig.check("SETRANGE h a x", "-ERR value is not an integer or out of range");
        rig.check_error("SETRANGE h 0", "ERR wrong number of arguments for 'setrange' command");
    }

    #[test]
    fn wrong_type_leaves_the_key() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        rig.check_error("SETRANGE h 0 x", "WRONGTYPE");
        rig.check_error("SETRANGE h 0 \"\"", "WRONGTYPE");
        rig.check_error("SETRANGE h 536870912 x", "WRONGTYPE");
        rig.check("HLEN h", ":1");
    }
}
