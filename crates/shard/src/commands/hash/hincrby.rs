//! HINCRBY key field increment: add to the integer in a field; a missing one is 0.

use protocol::args::Args;
use protocol::number::parse_i64;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::{Events, NewExpiry};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "hincrby",
        family: Family::Hash,
        arity: Arity::exactly(4),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["access", "update"])],
        since: "2.0.0",
        summary: "Increments the integer value of a field in a hash by a number. Uses 0 as initial \
                  value if the field doesn't exist.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (key, field) = (args.at(1), args.at(2));
    let increment = args.int(3)?;

    let stored = call.keyspace.hash_to_change(key)?.and_then(|hash| hash.value(field));
    let value = match stored {
        Some(text) => parse_i64(text).ok_or(CommandError::HashValueNotAnInteger)?,
        None => 0,
    };
    let sum = value.checked_add(increment).ok_or(CommandError::IncrementOverflow)?;

    let mut text = itoa::Buffer::new();
    call.keyspace.hash_set(key, field, text.format(sum).as_bytes(), NewExpiry::Keep)?;
    call.keyspace.notify(Events::HASH, "hincrby", key);
    call.reply.int(sum);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn adds_to_the_field() {
        let mut rig = Rig::new();
        rig.check("HINCRBY h n 5", ":5");
        rig.check("HINCRBY h n -7", ":-2");
        rig.check("HGET h n", "$-2");
        rig.check("HSET h other v", ":1");
        rig.check("HINCRBY h new 0", ":0");
        rig.check("HLEN h", ":3");
    }

    #[test]
    fn keeps_the_expiry() {
        let mut rig = Rig::new();
        rig.check("HSET h n 1", ":1");
        rig.check("EXPIRE h 10", ":1");
        rig.check("HINCRBY h n 1", ":2");
        rig.check("TTL h", ":10");
    }

    #[test]
    fn does_not_pass_64_bits() {
        let mut rig = Rig::new();
        rig.check("HSET h max 9223372036854775807 min -9223372036854775808", ":2");
        rig.check("HINCRBY h max 1", "-ERR increment or decrement would overflow");
        rig.check("HINCRBY h min -1", "-ERR increment or decrement would overflow");
        rig.check("HINCRBY h max -9223372036854775808", ":-1");
    }

    #[test]
    fn what_is_stored_must_be_an_integer() {
        let mut rig = Rig::new();
        for text in ["abc", "' 1'", "'1 '", "1.5", "''"] {
            rig.run("DEL h");
            rig.check(&format!("HSET h f {text}"), ":1");
            rig.check("HINCRBY h f 1", "-ERR hash value is not an integer");
        }
    }

    #[test]
    fn bad_arguments_and_wrong_type() {
        let mut rig = Rig::new();
        rig.check("HINCRBY h f 1.5", "-ERR value is not an integer or out of range");
        rig.check("HINCRBY h f", "-ERR wrong number of arguments for 'hincrby' command");
        rig.check("EXISTS h", ":0");
        rig.check("SET k v", "+OK");
        rig.check_error("HINCRBY k f 1", "WRONGTYPE");
    }
}
