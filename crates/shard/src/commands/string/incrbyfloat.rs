//! INCRBYFLOAT key increment: add to a number, and reply with the text of the sum.
//!
//! The sum is the one Redis computes, to the last digit (see [`LongDouble`]). The effect is the
//! text itself, so replicas need not compute it. The expiry of the key is kept.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::{Events, NewExpiry};
use crate::types::long_double::LongDouble;
use crate::types::string::StringValue;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "incrbyfloat",
        family: Family::String,
        arity: Arity::exactly(3),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["access", "update"])],
        since: "2.6.0",
        summary: "Increment the floating point value of a key by a number. Uses 0 as initial \
                  value if the key doesn't exist.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    let increment = LongDouble::parse(args.at(2)).ok_or(ArgsError::NotAFloat);
    let old = match call.keyspace.string(key)? {
        Some(value) => value.with_text(LongDouble::parse),
        None => LongDouble::parse(b"0"),
    };
    // Redis: the wrong type comes before a bad increment.
    let (old, increment) = (old.ok_or(ArgsError::NotAFloat)?, increment?);
    let new = old.add(&increment).ok_or(CommandError::IncrementNotFinite)?.to_text();
    call.keyspace.set_string(key, StringValue::new(&new), NewExpiry::Keep);
    call.keyspace.notify(Events::STRING, "incrbyfloat", key);
    call.reply.bulk(&new);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn adds_and_replies_the_text() {
        let mut rig = Rig::new();
        rig.check("INCRBYFLOAT k 10.50", "$10.5");
        rig.check("INCRBYFLOAT k 0.1", "$10.6");
        rig.check("INCRBYFLOAT k -5", "$5.6");
        rig.check("GET k", "$5.6");
        rig.check("SET k 5.0e3", "+OK");
        rig.check("INCRBYFLOAT k 2.0e2", "$5200");
        rig.check("SET k 3e3", "+OK");
        rig.check("INCRBYFLOAT k 1.1", "$3001.10000000000000009");
        rig.check("INCRBYFLOAT hex 0x1p3", "$8");
        rig.check("INCR hex", ":9");
        rig.check("INCRBYFLOAT zero -0", "$0");
    }

    #[test]
    fn the_expiry_is_kept() {
        let mut rig = Rig::new();
        rig.check("SET k 1.5 PX 10", "+OK");
        rig.check("INCRBYFLOAT k 1", "$2.5");
        rig.advance_ms(11);
        rig.check("GET k", "_");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let mut rig = Rig::new();
        let error = "-ERR value is not a valid float";
        for text in ["abc", "\" 1\"", "\"1 \"", "nan", "\"\"", "1e5000", "1e"] {
            rig.check(&format!("SET k {text}"), "+OK");
            rig.check("INCRBYFLOAT k 1", error);
            rig.check(&format!("INCRBYFLOAT missing {text}"), error);
        }
        rig.check("GET missing", "_");
        rig.check_error("INCRBYFLOAT k", "ERR wrong number of arguments for 'incrbyfloat' command");
    }

    #[test]
    fn sums_stay_finite() {
        let mut rig = Rig::new();
        let error = "-ERR increment would produce NaN or Infinity";
        rig.check("INCRBYFLOAT k inf", error);
        rig.check("INCRBYFLOAT k -Infinity", error);
        rig.check("GET k", "_");
        rig.check("SET k inf", "+OK");
        rig.check("INCRBYFLOAT k -inf", error);
        rig.check("SET k 1.18e4932", "+OK");
        rig.check("INCRBYFLOAT k 1.18e4932", error);
    }

    #[test]
    fn the_wrong_type_comes_before_a_bad_increment() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        rig.check_error("INCRBYFLOAT h 1", "WRONGTYPE");
        rig.check_error("INCRBYFLOAT h abc", "WRONGTYPE");
        rig.check("HLEN h", ":1");
    }
}
