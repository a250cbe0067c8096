//! HGETEX key \[EX s | PX ms | EXAT s | PXAT ms | PERSIST\] FIELDS numfields field…: reply with
//! fields and change when they expire.
//!
//! A time that is over removes the fields. Without an option nothing changes.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::field_args::{BAD_COUNT, Unit, parse_fields};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;
use crate::time::Millis;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "hgetex",
        family: Family::Hash,
        arity: Arity::at_least(5),
        flags: Flags::WRITE.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["access", "update"])],
        since: "8.0.0",
        complexity: "O(N) where N is the number of specified fields",
        summary: "Get the value of one or more fields of a given hash key, and optionally set \
                  their expiration.",
        ..CommandSpec::NEW
    },
    run,
};

/// What becomes of the expiry of the fields.
#[derive(Clone, Copy)]
enum Change {
    None,
    Persist,
    At(Millis),
}

/// The change, and where FIELDS must be.
fn parse(args: Args<'_>, now: Millis) -> Result<(Change, usize), CommandError> {
    if args.is(2, "PERSIST") {
        return Ok((Change::Persist, 3));
    }
    match Unit::of(args, 2) {
        Some(unit) => Ok((Change::At(unit.parse(args, 3, now, "hgetex")?), 4)),
        None => Ok((Change::None, 2)),
    }
}

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    // Redis: a wrong type comes before all other errors.
    call.keyspace.hash_to_change(key)?;
    let (change, at) = parse(args, call.keyspace.now())?;
    let fields = parse_fields(args, at, "hgetex", BAD_COUNT)?;

    let mut event = None;
    call.reply.array(fields.len());
    for field in fields.iter_from(0) {
        let hash = call.keyspace.hash_to_change(key)?;
        call.reply.bulk_or_null(hash.and_then(|hash| hash.value(field)));
        if let Some(expiry) = hash.and_then(|hash| hash.expiry(field)) {
            event = apply(call, key, field, change, expiry)?.or(event);
        }
    }
    if let Some(event) = event {
        call.keyspace.notify(Events::HASH, event, key);
        call.keyspace.notify_if_gone(key);
    }
    Ok(())
}

/// Changes the expiry of a field that is there and returns what that is as a keyspace event.
fn apply(
    call: &mut Call<'_, '_>,
    key: &[u8],
    field: &[u8],
    change: Change,
    expiry: Option<Millis>,
) -> Result<Option<&'static str>, CommandError> {
    Ok(match change {
        Change::At(at) if at <= call.keyspace.now() => {
            call.keyspace.hash_remove(key, field)?;
            Some("hdel")
        }
        Change::At(at) => {
            call.keyspace.hash_set_expiry(key, field, Some(at))?;
            Some("hexpire")
        }
        Change::Persist if expiry.is_some() => {
            call.keyspace.hash_set_expiry(key, field, None)?;
            Some("hpersist")
        }
        Change::Persist | Change::None => None,
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_fields_and_lets_them_expire() {
        for options in ["EX 2", "px 2000", "EXAT 1700000002", "PXAT 1700000002000"] {
            let mut rig = Rig::new();
            rig.check("HSET h a 1 b 2 c 3", ":3");
            rig.check(&format!("HGETEX h {options} FIELDS 3 a missing b"), "[$1 _ $2]");
            rig.advance_ms(2000);
            rig.check("HGETEX h FIELDS 3 a b c", "[$1 $2 $3]");
            rig.advance_ms(1);
            rig.check("HGETEX h FIELDS 3 a b c", "[_ _ $3]");
        }
        Rig::new().check("HGETEX h EX 1 FIELDS 2 a b", "[_ _]");
    }

    #[test]
    fn persist_and_no_option() {
        let mut rig = Rig::new();
        rig.check("HSET h a 1 b 2", ":2");
        rig.check("HEXPIRE h 10 FIELDS 2 a b", "[:1 :1]");
        rig.check("HGETEX h persist FIELDS 1 a", "[$1]");
        rig.check("HGETEX h FIELDS 1 b", "[$2]");
        rig.check("HTTL h FIELDS 2 a b", "[:-1 :10]");
        let changes = rig.shard().keyspace().counters().changes;
        rig.check("HGETEX h PERSIST FIELDS 1 a", "[$1]");
        rig.check("HGETEX h FIELDS 1 b", "[$2]");
        assert_eq!(rig.shard().keyspace().counters().changes, changes);
    }

    #[test]
    fn a_time_that_is_over_removes_fields() {
        for options in ["EX 0", "EXAT 1", "PXAT 1700000000000"] {
            let mut rig = Rig::new();
            rig.check("HSET h a 1 b 2", ":2");
            rig.check(&format!("HGETEX h {options} FIELDS 2 a a"), "[$1 _]");
            rig.check("HLEN h", ":1");
            rig.check(&format!("HGETEX h {options} FIELDS 1 b"), "[$2]");
            rig.check("EXISTS h", ":0");
        }
    }

    #[test]
    fn bad_arguments_in_the_order_of_redis() {
        let mut rig = Rig::new();
        rig.check("HSET h a 1", ":1");
        let position = "-ERR Mandatory argument FIELDS is missing or not at the right position";
        let mismatch = "-ERR The `numfields` parameter must match the number of arguments";
        for key in ["h", "missing"] {
            for (rest, error) in [
                ("EX x FIELDX 1 a", "-ERR value is not an integer or out of range"),
                ("EX FIELDS 1 a", "-ERR value is not an integer or out of range"),
                ("EX -1 FIELDX 1 a", "-ERR invalid expire time, must be >= 0"),
                ("PXAT 70368744177664 FIELDS 0 a", "-ERR invalid expire time in 'hgetex' command"),
                ("EX 10", "-ERR wrong number of arguments for 'hgetex' command"),
                ("EX 10 FIELDS", "-ERR wrong number of arguments for 'hgetex' command"),
                ("EX 10 PX 10 FIELDS 1 a", position),
                ("PERSIST EX 10 FIELDS 1 a", position),
                ("KEEPTTL FIELDS 1 a", position),
                ("PERSIST FIELDS 1", mismatch),
                ("FIELDS 1 a EX 10", mismatch),
                ("FIELDS 0 a", "-ERR Number of fields must be a positive integer"),
            ] {
                rig.check(&format!("HGETEX {key} {rest}"), error);
            }
        }
        rig.check("SET s v", "+OK");
        rig.check_error("HGETEX s EX x FIELDS 0 a", "WRONGTYPE");
    }
}
