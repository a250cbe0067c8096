//! APPEND key value: put text at the end of a string, and reply with its new length.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::{Events, NewExpiry};
use crate::types::string::{StringValue, StringView};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "append",
        family: Family::String,
        arity: Arity::exactly(3),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["insert"])],
        since: "2.0.0",
        complexity: "O(1). The amortized time complexity is O(1) assuming the appended value is \
                     small and the already present value is of any size, since the dynamic string \
                     library used by Redis will double the free space available on every \
                     reallocation.",
        summary: "Appends a string to the value of a key. Creates the key if it doesn't exist.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (key, text) = (args.at(1), args.at(2));
    let len = match call.keyspace.string(key)?.map(StringView::len) {
        Some(len) => call.keyspace.splice_string(key, len, text)?,
        None => {
            // A new key is as if it had been SET: an integer is encoded as one.
            call.keyspace.set_string(key, StringValue::new(text), NewExpiry::Never);
            text.len()
        }
    };
    call.keyspace.notify(Events::STRING, "append", key);
    call.reply.count(len);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::keyspace::Settings;
    use crate::testing::Rig;

    #[test]
    fn makes_the_key_and_extends_it() {
        let mut rig = Rig::new();
        rig.check("APPEND k ab", ":2");
        rig.check("APPEND k cd", ":4");
        rig.check("GET k", "$abcd");
        for len in [44, 84, 124] {
            rig.check(&format!("APPEND k {}", "x".repeat(40)), &format!(":{len}"));
        }
        rig.check_error("APPEND k", "ERR wrong number of arguments for 'append' command");
    }

    #[test]
    fn an_empty_value_makes_an_empty_string() {
        let mut rig = Rig::new();
        rig.check("APPEND k \"\"", ":0");
        rig.check("GET k", "$");
        rig.check("APPEND k \"\"", ":0");
        assert_eq!(rig.shard().keyspace().len(), 1);
    }

    #[test]
    fn digits_are_still_a_number() {
        let mut rig = Rig::new();
        rig.check("APPEND k 12", ":2");
        assert_eq!(rig.shard().keyspace_mut().encoding(b"k"), Some("int"));
        rig.check("APPEND k 3", ":3");
        assert_eq!(rig.shard().keyspace_mut().encoding(b"k"), Some("raw"));
        rig.check("INCR k", ":124");
        assert_eq!(rig.shard().keyspace_mut().encoding(b"k"), Some("int"));
    }

    #[test]
    fn the_expiry_is_kept() {
        let mut rig = Rig::new();
        rig.check("SET k a PX 10", "+OK");
        rig.check("APPEND k b", ":2");
        rig.advance_ms(11);
        rig.check("APPEND k c", ":1");
    }

    #[test]
    fn the_length_is_limited() {
        let mut rig = Rig::new();
        let settings = Settings { string_len_max: 8, ..Settings::default() };
        rig.shard().keyspace_mut().configure(settings);
        rig.check("SET k 12345678", "+OK");
        let error = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";
        rig.check("APPEND k 9", error);
        rig.check("APPEND k \"\"", ":8");
        rig.check("GET k", "$12345678");
    }

    #[test]
    fn wrong_type_leaves_the_key() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        rig.check_error("APPEND h x", "WRONGTYPE");
        rig.check("HLEN h", ":1");
    }
}
