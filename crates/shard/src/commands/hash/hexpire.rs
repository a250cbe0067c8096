//! HEXPIRE, HPEXPIRE, HEXPIREAT, HPEXPIREAT key time \[NX | XX | GT | LT\] FIELDS numfields field…:
//! set when fields of a hash expire.
//!
//! Replies for each field: 1 when the time is set, 0 when the condition does not hold, 2 when the
//! time is over and the field removed, -2 when there is no such field. A field that never expires
//! counts as one that does infinitely late.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::field_args::{Unit, parse_fields};
use crate::commands::{Call, Command, Run};
use crate::error::CommandError;
use crate::keyspace::Events;
use crate::time::Millis;

pub(super) const HEXPIRE: Command = command(
    "hexpire",
    "Set expiry for hash field using relative time to expire (seconds).",
    |call, args| run(call, args, "hexpire", Unit { ms: 1000, from_now: true }),
);

pub(super) const HPEXPIRE: Command = command(
    "hpexpire",
    "Set expiry for hash field using relative time to expire (milliseconds).",
    |call, args| run(call, args, "hpexpire", Unit { ms: 1, from_now: true }),
);

pub(super) const HEXPIREAT: Command = command(
    "hexpireat",
    "Set expiry for hash field using an absolute Unix timestamp (seconds).",
    |call, args| run(call, args, "hexpireat", Unit { ms: 1000, from_now: false }),
);

pub(super) const HPEXPIREAT: Command = command(
    "hpexpireat",
    "Set expiry for hash field using an absolute Unix timestamp (milliseconds).",
    |call, args| run(call, args, "hpexpireat", Unit { ms: 1, from_now: false }),
);

const fn command(name: &'static str, summary: &'static str, run: Run) -> Command {
    Command {
        spec: CommandSpec {
            name,
            family: Family::Hash,
            arity: Arity::at_least(6),
            flags: Flags::WRITE.union(Flags::FAST),
            keys: const { &[KeySpec::at(1, Access::Rw, &["update"])] },
            since: "7.4.0",
            complexity: "O(N) where N is the number of specified fields",
            summary,
            ..CommandSpec::NEW
        },
        run,
    }
}

fn run(
    call: &mut Call<'_, '_>,
    args: Args<'_>,
    name: &'static str,
    unit: Unit,
) -> Result<(), CommandError> {
    let key = args.at(1);
    // Redis: a wrong type comes before all other errors.
    call.keyspace.hash_to_change(key)?;
    let at = unit.parse(args, 2, call.keyspace.now(), name)?;
    let condition = Condition::parse(args, 3);
    let first = if condition.is_some() { 4 } else { 3 };
    let fields =
        parse_fields(args, first, name, "ERR Parameter `numFields` should be greater than 0")?;

    let (mut set, mut removed) = (false, false);
    call.reply.array(fields.len());
    for field in fields.iter_from(0) {
        let outcome = expire(call, key, field, at, condition)?;
        set |= outcome == SET;
        removed |= outcome == REMOVED;
        call.reply.int(outcome);
    }
    if removed {
        call.keyspace.notify(Events::HASH, "hdel", key);
        call.keyspace.notify_if_gone(key);
    }
    if set {
        call.keyspace.notify(Events::HASH, "hexpire", key);
    }
    Ok(())
}

const MISSING: i64 = -2;
const NOT_ALLOWED: i64 = 0;
const SET: i64 = 1;
const REMOVED: i64 = 2;

/// What is replied for a field.
fn expire(
    call: &mut Call<'_, '_>,
    key: &[u8],
    field: &[u8],
    at: Millis,
    condition: Option<Condition>,
) -> Result<i64, CommandError> {
    let hash = call.keyspace.hash_to_change(key)?;
    let Some(current) = hash.and_then(|hash| hash.expiry(field)) else { return Ok(MISSING) };
    if condition.is_some_and(|condition| !condition.allows(current, at)) {
        return Ok(NOT_ALLOWED);
    }
    if at <= call.keyspace.now() {
        call.keyspace.hash_remove(key, field)?;
        return Ok(REMOVED);
    }
    call.keyspace.hash_set_expiry(key, field, Some(at))?;
    Ok(SET)
}

/// What must hold of the expiry that a field has.
#[derive(Clone, Copy)]
enum Condition {
    Nx,
    Xx,
    Gt,
    Lt,
}

impl Condition {
    fn parse(args: Args<'_>, at: usize) -> Option<Self> {
        let names = [("NX", Self::Nx), ("XX", Self::Xx), ("GT", Self::Gt), ("LT", Self::Lt)];
        let found = names.into_iter().find(|(name, _)| args.is(at, name));
        found.map(|(_, condition)| condition)
    }

    fn allows(self, current: Option<Millis>, new: Millis) -> bool {
        match self {
            Self::Nx => current.is_none(),
            Self::Xx => current.is_some(),
            Self::Gt => current.is_some_and(|current| current < new),
            Self::Lt => current.is_none_or(|current| new < current),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    const LINES: [&str; 4] =
        ["HEXPIRE h 2", "HPEXPIRE h 2000", "HEXPIREAT h 1700000002", "HPEXPIREAT h 1700000002000"];

    #[test]
    fn fields_expire_in_any_unit() {
        for line in LINES {
            let mut rig = Rig::new();
            rig.check("HSET h a 1 b 2 c 3", ":3");
            rig.check(&format!("{line} FIELDS 3 a missing b"), "[:1 :-2 :1]");
            rig.check("HPTTL h FIELDS 3 a b c", "[:2000 :2000 :-1]");
            rig.advance_ms(2000);
            rig.check("HMGET h a b c", "[$1 $2 $3]");
            rig.advance_ms(1);
            rig.check("HMGET h a b c", "[_ _ $3]");
            rig.check("HLEN h", ":1");
        }
    }

    #[test]
    fn a_missing_key_has_no_fields() {
        let mut rig = Rig::new();
        for line in LINES {
            rig.check(&format!("{line} FIELDS 2 a b"), "[:-2 :-2]");
        }
        rig.check("EXISTS h", ":0");
    }

    #[test]
    fn a_time_that_is_over_removes_the_field() {
        for line in ["HEXPIRE h 0", "HPEXPIREAT h 1700000000000", "HEXPIREAT h 1"] {
            let mut rig = Rig::new();
            rig.check("HSET h a 1 b 2", ":2");
            rig.check(&format!("{line} FIELDS 2 a a"), "[:2 :-2]");
            rig.check("HGETALL h", "[$b $2]");
            rig.check(&format!("{line} FIELDS 1 b"), "[:2]");
            rig.check("EXISTS h", ":0");
        }
    }

    #[test]
    fn conditions() {
        let mut rig = Rig::new();
        rig.check("HSET h a 1 b 2", ":2");
        rig.check("HEXPIRE h 10 XX FIELDS 1 a", "[:0]");
        rig.check("HEXPIRE h 10 GT FIELDS 1 a", "[:0]");
        rig.check("HEXPIRE h 10 nx FIELDS 1 a", "[:1]");
        rig.check("HEXPIRE h 20 NX FIELDS 2 a b", "[:0 :1]");
        rig.check("HEXPIRE h 15 gt fields 2 a b", "[:1 :0]");
        rig.check("HEXPIRE h 15 GT FIELDS 1 a", "[:0]");
        rig.check("HEXPIRE h 15 LT FIELDS 2 a b", "[:0 :1]");
        rig.check("HPERSIST h FIELDS 1 b", "[:1]");
        rig.check("HEXPIRE h 30 LT FIELDS 1 b", "[:1]");
        rig.check("HEXPIRE h 40 XX FIELDS 2 a b", "[:1 :1]");
        rig.check("HTTL h FIELDS 2 a b", "[:40 :40]");
        rig.check("HEXPIRE h 0 NX FIELDS 1 a", "[:0]");
        rig.check("HEXPIRE h 0 GT FIELDS 1 a", "[:0]");
        rig.check("HEXPIRE h 0 LT FIELDS 1 a", "[:2]");
    }

    #[test]
    fn an_expired_field_is_missing() {
        let mut rig = Rig::new();
        rig.check("HSET h a 1 b 2", ":2");
        rig.check("HPEXPIRE h 10 FIELDS 1 a", "[:1]");
        rig.advance_ms(11);
        rig.check("HPEXPIRE h 10 FIELDS 2 a b", "[:-2 :1]");
        rig.advance_ms(11);
        rig.check("HPEXPIRE h 10 FIELDS 2 a b", "[:-2 :-2]");
        rig.check("EXISTS h", ":0");
    }

    #[test]
    fn the_encoding_tells() {
        let mut rig = Rig::new();
        rig.check("HSET h a 1 b 2", ":2");
        rig.check("HEXPIRE h 10 FIELDS 1 a", "[:1]");
        rig.check("OBJECT ENCODING h", "$listpackex");
        rig.check(&format!("HSET h a 2 long {}", "x".repeat(65)), ":1");
        rig.check("OBJECT ENCODING h", "$hashtable");
        rig.check("HEXPIRE h 10 FIELDS 2 long b", "[:1 :1]");
        rig.check("HTTL h FIELDS 3 a b long", "[:-1 :10 :10]");
        rig.check("OBJECT ENCODING h", "$hashtable");
    }

    #[test]
    fn bad_arguments_in_the_order_of_redis() {
        let mut rig = Rig::new();
        rig.check("HSET h a 1", ":1");
        let position = "-ERR Mandatory argument FIELDS is missing or not at the right position";
        let count = "-ERR Parameter `numFields` should be greater than 0";
        let mismatch = "-ERR The `numfields` parameter must match the number of arguments";
        for key in ["h", "missing"] {
            for (rest, error) in [
                ("x FIELDX 1 a", "-ERR value is not an integer or out of range"),
                ("-1 FIELDX 1 a", "-ERR invalid expire time, must be >= 0"),
                ("99999999999999999 FIELDX 1 a", "-ERR invalid expire time in 'hexpire' command"),
                ("70368744178 FIELDX 1 a", "-ERR invalid expire time in 'hexpire' command"),
                ("10 FIELD 1 a", position),
                ("10 NX XX FIELDS 1 a", position),
                ("10 ZZ FIELDS 1 a", position),
                ("10 FIELDS 0 a", count),
                ("10 FIELDS x a", count),
                ("10 FIELDS -1 a", count),
                ("10 FIELDS 2 a", mismatch),
                ("10 FIELDS 1 a NX", mismatch),
                ("10 FIELDS 9223372036854775807 a", mismatch),
            ] {
                rig.check(&format!("HEXPIRE {key} {rest}"), error);
            }
        }
        rig.check("HPEXPIREAT h 70368744177663 FIELDS 1 a", "[:1]");
        let invalid = "-ERR invalid expire time in 'hpexpireat' command";
        rig.check("HPEXPIREAT h 70368744177664 FIELDS 1 a", invalid);
        rig.check("HPEXPIRETIME h FIELDS 1 a", "[:70368744177663]");
        rig.check("HEXPIRE h 10 FIELDS 1", "-ERR wrong number of arguments for 'hexpire' command");
        rig.check("SET s v", "+OK");
        rig.check_error("HEXPIRE s x FIELDX 0 a", "WRONGTYPE");
    }
}
