//! HINCRBYFLOAT key field increment: add to the number in a field; a missing one is 0.
//!
//! The sum is that of 80-bit long doubles, and its text is what is stored and replied.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::{Events, NewExpiry};
use crate::types::long_double::LongDouble;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "hincrbyfloat",
        family: Family::Hash,
        arity: Arity::exactly(4),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["access", "update"])],
        since: "2.6.0",
        summary: "Increments the floating point value of a field by a number. Uses 0 as initial \
                  value if the field doesn't exist.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (key, field) = (args.at(1), args.at(2));
    let zero = LongDouble::parse(b"0").expect("zero is a number");
    let increment = LongDouble::parse(args.at(3)).ok_or(ArgsError::NotAFloat)?;
    // Nothing can be added to an infinity.
    if increment.add(&zero).is_none() {
        return Err(CommandError::Text("ERR value is NaN or Infinity"));
    }

    let stored = call.keyspace.hash_to_change(key)?.and_then(|hash| hash.value(field));
    let value = match stored {
        Some(text) => LongDouble::parse(text).ok_or(CommandError::HashValueNotAFloat)?,
        None => zero,
    };
    let sum = value.add(&increment).ok_or(CommandError::IncrementNotFinite)?;

    let text = sum.to_text();
    call.keyspace.hash_set(key, field, &text, NewExpiry::Keep)?;
    call.keyspace.notify(Events::HASH, "hincrbyfloat", key);
    call.reply.bulk(&text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn adds_to_the_field() {
        let mut rig = Rig::new();
        rig.check("HINCRBYFLOAT h n 10.50", "$10.5");
        rig.check("HINCRBYFLOAT h n 0.1", "$10.6");
        rig.check("HGET h n", "$10.6");
        rig.check("HINCRBYFLOAT h n -5", "$5.6");
        rig.check("HSET h e 5.0e3", ":1");
        rig.check("HINCRBYFLOAT h e 2.0e2", "$5200");
        rig.check("HINCRBYFLOAT h tenth 0.1", "$0.1");
        rig.check("HINCRBYFLOAT h tenth 0.2", "$0.3");
    }

    #[test]
    fn keeps_the_expiry() {
        let mut rig = Rig::new();
        rig.check("HSET h n 1", ":1");
        rig.check("EXPIRE h 10", ":1");
        rig.check("HINCRBYFLOAT h n 1.5", "$2.5");
        rig.check("TTL h", ":10");
    }

    #[test]
    fn what_is_stored_must_be_a_number() {
        let mut rig = Rig::new();
        for text in ["abc", "' 11'", "'11 '", "nan", "''"] {
            rig.run("DEL h");
            rig.check(&format!("HSET h f {text}"), ":1");
            rig.check("HINCRBYFLOAT h f 1", "-ERR hash value is not a float");
        }
    }

    #[test]
    fn neither_increment_nor_sum_is_infinite() {
        let mut rig = Rig::new();
        for text in ["inf", "-inf", "Infinity"] {
            let line = format!("HINCRBYFLOAT h f {text}");
            rig.check(&line, "-ERR value is NaN or Infinity");
        }
        rig.check("EXISTS h", ":0");
        rig.check("HSET h f inf", ":1");
        rig.check("HINCRBYFLOAT h f 1", "-ERR increment would produce NaN or Infinity");
    }

    #[test]
    fn bad_arguments_and_wrong_type() {
        let mut rig = Rig::new();
        for text in ["x", "nan", "' 1'", "''"] {
            rig.check(&format!("HINCRBYFLOAT h f {text}"), "-ERR value is not a valid float");
        }
        rig.check("HINCRBYFLOAT h f", "-ERR wrong number of arguments for 'hincrbyfloat' command");
        rig.check("EXISTS h", ":0");
        rig.check("SET k v", "+OK");
        rig.check_error("HINCRBYFLOAT k f 1", "WRONGTYPE");
    }
}
