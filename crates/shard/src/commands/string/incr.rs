//! INCR key, DECR key, INCRBY key increment, DECRBY key decrement: add to a 64-bit integer.
//!
//! A missing key counts as zero; the expiry of the key is kept.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::{Events, NewExpiry};
use crate::types::string::StringValue;

const SPEC: CommandSpec = CommandSpec {
    family: Family::String,
    flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
    keys: &[KeySpec::at(1, Access::Rw, &["access", "update"])],
    ..CommandSpec::NEW
};

pub(super) const INCR: Command = Command {
    spec: CommandSpec {
        name: "incr",
        arity: Arity::exactly(2),
        summary: "Increments the integer value of a key by one. Uses 0 as initial value if the \
                  key doesn't exist.",
        ..SPEC
    },
    run: |call, args| add(call, args.at(1), 1),
};

pub(super) const DECR: Command = Command {
    spec: CommandSpec {
        name: "decr",
        arity: Arity::exactly(2),
        summary: "Decrements the integer value of a key by one. Uses 0 as initial value if the \
                  key doesn't exist.",
        ..SPEC
    },
    run: |call, args| add(call, args.at(1), -1),
};

pub(super) const INCRBY: Command = Command {
    spec: CommandSpec {
        name: "incrby",
        arity: Arity::exactly(3),
        summary: "Increments the integer value of a key by a number. Uses 0 as initial value if \
                  the key doesn't exist.",
        ..SPEC
    },
    run: |call, args| add(call, args.at(1), args.int(2)?),
};

pub(super) const DECRBY: Command = Command {
    spec: CommandSpec {
        name: "decrby",
        arity: Arity::exactly(3),
        summary: "Decrements a number from the integer value of a key. Uses 0 as initial value \
                  if the key doesn't exist.",
        ..SPEC
    },
    run: decrby,
};

fn decrby(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let decrement = args.int(2)?;
    let Some(increment) = decrement.checked_neg() else {
        return Err(CommandError::Text("ERR decrement would overflow"));
    };
    add(call, args.at(1), increment)
}

fn add(call: &mut Call<'_, '_>, key: &[u8], increment: i64) -> Result<(), CommandError> {
    let old = match call.keyspace.string(key)? {
        Some(value) => value.int().ok_or(ArgsError::NotAnInteger)?,
        None => 0,
    };
    let new = old.checked_add(increment).ok_or(CommandError::IncrementOverflow)?;
    call.keyspace.set_string(key, StringValue::from_int(new), NewExpiry::Keep);
    call.keyspace.notify(Events::STRING, "incrby", key);
    call.reply.int(new);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn a_missing_key_counts_from_zero() {
        let mut rig = Rig::new();
        rig.check("INCR a", ":1");
        rig.check("DECR b", ":-1");
        rig.check("INCRBY c 5", ":5");
        rig.check("DECRBY d 5", ":-5");
        rig.check("INCRBY a 41", ":42");
        rig.check("DECRBY a -8", ":50");
        rig.check("GET a", "$50");
    }

    #[test]
    fn the_expiry_is_kept() {
        let mut rig = Rig::new();
        rig.check("SET k 10 PX 10", "+OK");
        rig.check("INCR k", ":11");
        rig.advance_ms(11);
        rig.check("INCR k", ":1");
    }

    #[test]
    fn sums_stay_within_64_bits() {
        let mut rig = Rig::new();
        let error = "-ERR increment or decrement would overflow";
        rig.check("SET max 9223372036854775807", "+OK");
        rig.check("INCR max", error);
        rig.check("INCRBY max 1", error);
        rig.check("DECRBY max -1", error);
        rig.check("DECRBY max 9223372036854775807", ":0");
        rig.check("SET min -9223372036854775808", "+OK");
        rig.check("DECR min", error);
        rig.check("INCRBY min -1", error);
        rig.check("GET min", "$-9223372036854775808");
        rig.check("DECRBY new 9223372036854775807", ":-9223372036854775807");
        rig.check("DECRBY new 2", error);
        rig.check("INCRBY low -9223372036854775808", ":-9223372036854775808");
    }

    #[test]
    fn a_decrement_that_has_no_negative() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        rig.check("DECRBY h -9223372036854775808", "-ERR decrement would overflow");
    }

    #[test]
    fn other_texts_are_no_integers() {
        let mut rig = Rig::new();
        for text in ["\" 1\"", "\"1 \"", "01", "+1", "-0", "1.0", "", "a", "9223372036854775808"] {
            rig.check(&format!("SET k \"{}\"", text.trim_matches('"')), "+OK");
            for line in ["INCR k", "DECR k", "INCRBY k 1", "DECRBY k 1"] {
                rig.check(line, "-ERR value is not an integer or out of range");
            }
        }
    }

    #[test]
    fn bad_increments_come_before_the_wrong_type() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        rig.check("INCRBY h abc", "-ERR value is not an integer or out of range");
        rig.check("DECRBY h 1.5", "-ERR value is not an integer or out of range");
        for line in ["INCR h", "DECR h", "INCRBY h 1", "DECRBY h 1"] {
            rig.check_error(line, "WRONGTYPE");
        }
        rig.check("HLEN h", ":1");
        rig.check_error("INCR h 1", "ERR wrong number of arguments for 'incr' command");
        rig.check_error("DECRBY h", "ERR wrong number of arguments for 'decrby' command");
    }
}
