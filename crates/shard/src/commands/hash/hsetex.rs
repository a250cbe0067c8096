//! HSETEX key \[FNX | FXX\] \[EX s | PX ms | EXAT s | PXAT ms | KEEPTTL\] FIELDS numfields field
//! value…: set fields and when they expire, all or none of them.
//!
//! FNX: if none of the fields is there; FXX: if all are. Replies whether they were set. With a time
//! that is over the fields are removed.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::field_args::Unit;
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::{Events, NewExpiry};
use crate::time::Millis;

const NAME: &str = "hsetex";

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: NAME,
        family: Family::Hash,
        arity: Arity::at_least(6),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["update"])],
        since: "8.0.0",
        complexity: "O(N) where N is the number of fields being set.",
        summary: "Set the value of one or more fields of a given hash key, and optionally set \
                  their expiration.",
        ..CommandSpec::NEW
    },
    run,
};

struct Options<'a> {
    /// Whether the fields must be there, or must not.
    present: Option<bool>,
    expiry: Option<NewExpiry>,
    /// Fields and their values.
    pairs: Args<'a>,
}

fn parse(args: Args<'_>, now: Millis) -> Result<Options<'_>, CommandError> {
    let mut options = Options { present: None, expiry: None, pairs: args.skip(args.len()) };
    let mut at = 2;
    while at < args.len() {
        if args.is(at, "FIELDS") {
            options.pairs = parse_pairs(args, at)?;
            return Ok(options);
        }
        if args.is(at, "FNX") || args.is(at, "FXX") {
            if options.present.replace(args.is(at, "FXX")).is_some() {
                return Err(CommandError::Text(
                    "ERR Only one of FXX or FNX arguments can be specified",
                ));
            }
        } else {
            at = parse_expiry(args, at, now, &mut options.expiry)?;
        }
        at += 1;
    }
    // Redis: it has looked for FIELDS only where three more parts can follow.
    Err(CommandError::Arity(NAME))
}

/// Reads one option of time and returns where its last part is.
fn parse_expiry(
    args: Args<'_>,
    at: usize,
    now: Millis,
    expiry: &mut Option<NewExpiry>,
) -> Result<usize, CommandError> {
    let unit = Unit::of(args, at);
    if unit.is_none() && !args.is(at, "KEEPTTL") {
        let name = String::from_utf8_lossy(args.at(at));
        return Err(CommandError::dynamic(format!("ERR unknown argument: {name}")));
    }
    if expiry.is_some() {
        return Err(CommandError::Text(
            "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
        ));
    }
    *expiry = Some(match unit {
        None => NewExpiry::Keep,
        Some(unit) => NewExpiry::At(unit.parse(args, at + 1, now, NAME)?),
    });
    Ok(if unit.is_some() { at + 1 } else { at })
}

/// The fields and values behind FIELDS at part `at`.
fn parse_pairs(args: Args<'_>, at: usize) -> Result<Args<'_>, CommandError> {
    let pairs = args.skip(at + 2);
    if pairs.len() < 2 {
        return Err(CommandError::Arity(NAME));
    }
    let count = args.int(at + 1).ok().filter(|count| (1..=i64::from(i32::MAX)).contains(count));
    let count = count.ok_or(CommandError::Text("ERR invalid number of fields"))?;
    if count * 2 != pairs.len() as i64 {
        return Err(CommandError::Arity(NAME));
    }
    Ok(pairs)
}

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    let now = call.keyspace.now();
    let Options { present, expiry, pairs } = parse(args, now)?;
    let hash = call.keyspace.hash_to_change(key)?;
    let is_there = |at: usize| hash.is_some_and(|hash| hash.value(pairs.at(at)).is_some());
    let mut fields = (0..pairs.len()).step_by(2);
    if present.is_some_and(|present| !fields.all(|at| is_there(at) == present)) {
        call.reply.flag(false);
        return Ok(());
    }

    let over = matches!(expiry, Some(NewExpiry::At(at)) if at <= now);
    if over {
        remove_fields(call, key, pairs)?;
    } else {
        let expiry = expiry.unwrap_or(NewExpiry::Never);
        for at in (0..pairs.len()).step_by(2) {
            call.keyspace.hash_set(key, pairs.at(at), pairs.at(at + 1), expiry)?;
        }
        call.keyspace.notify(Events::HASH, "hset", key);
        if matches!(expiry, NewExpiry::At(_)) {
            call.keyspace.notify(Events::HASH, "hexpire", key);
        }
    }
    call.reply.flag(true);
    Ok(())
}

/// What setting fields comes to whose time is over. Events are told as if they had been set.
fn remove_fields(call: &mut Call<'_, '_>, key: &[u8], pairs: Args<'_>) -> Result<(), CommandError> {
    if !call.keyspace.contains(key) {
        call.keyspace.hash_set(key, pairs.at(0), pairs.at(1), NewExpiry::Never)?;
    }
    for at in (0..pairs.len()).step_by(2) {
        call.keyspace.hash_remove(key, pairs.at(at))?;
    }
    call.keyspace.notify(Events::HASH, "hset", key);
    call.keyspace.notify(Events::HASH, "hdel", key);
    call.keyspace.notify_if_gone(key);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn sets_fields_and_lets_them_expire() {
        for options in ["EX 2", "px 2000", "EXAT 1700000002", "PXAT 1700000002000"] {
            let mut rig = Rig::new();
            rig.check("HSET h a 0 c 3", ":2");
            rig.check(&format!("HSETEX h {options} FIELDS 3 a 1 b 2 a 9"), ":1");
            rig.advance_ms(2000);
            rig.check("HGETALL h", "[$a $9 $c $3 $b $2]");
            rig.advance_ms(1);
            rig.check("HGETALL h", "[$c $3]");
        }
    }

    #[test]
    fn without_keepttl_the_expiry_goes() {
        let mut rig = Rig::new();
        rig.check("HSETEX h EX 10 FIELDS 2 a 1 b 2", ":1");
        rig.check("HSETEX h KEEPTTL FIELDS 2 a 2 c 3", ":1");
        rig.check("HSETEX h FIELDS 1 b 3", ":1");
        rig.check("HTTL h FIELDS 3 a b c", "[:10 :-1 :-1]");
        rig.check("HMGET h a b c", "[$2 $3 $3]");
    }

    #[test]
    fn conditions_are_for_all_fields_together() {
        let mut rig = Rig::new();
        rig.check("HSETEX h FXX FIELDS 1 a 1", ":0");
        rig.check("EXISTS h", ":0");
        rig.check("HSETEX h fnx FIELDS 2 a 1 b 2", ":1");
        rig.check("HSETEX h EX 10 FNX FIELDS 2 a 3 c 3", ":0");
        rig.check("HSETEX h FXX FIELDS 2 a 3 c 3", ":0");
        rig.check("HGETALL h", "[$a $1 $b $2]");
        rig.check("HSETEX h FXX PX 10 FIELDS 2 a 3 b 3", ":1");
        rig.advance_ms(11);
        rig.check("HSETEX h FXX FIELDS 1 a 4", ":0");
        rig.check("HSETEX h FNX FIELDS 1 a 4", ":1");
        rig.check("HGETALL h", "[$a $4]");
    }

    #[test]
    fn a_time_that_is_over_leaves_nothing() {
        for options in ["EX 0", "EXAT 1", "PXAT 1700000000000"] {
            let mut rig = Rig::new();
            rig.check(&format!("HSETEX h {options} FIELDS 2 a 1 a 2"), ":1");
            rig.check("EXISTS h", ":0");
            rig.check("HSET h a 1 b 2", ":2");
            rig.check(&format!("HSETEX h {options} FIELDS 1 a 1"), ":1");
            rig.check("HGETALL h", "[$b $2]");
            let long = "x".repeat(65);
            rig.check(&format!("HSETEX h {options} FIELDS 2 b 3 a {long}"), ":1");
            rig.check("EXISTS h", ":0");
            rig.check("HSET h c 3", ":1");
            rig.check(&format!("HSETEX h {options} FIELDS 1 a {long}"), ":1");
            rig.check("OBJECT ENCODING h", "$listpack");
        }
    }

    #[test]
    fn bad_arguments_in_the_order_of_redis() {
        let mut rig = Rig::new();
        rig.check("SET s v", "+OK");
        let arity = "-ERR wrong number of arguments for 'hsetex' command";
        let condition = "-ERR Only one of FXX or FNX arguments can be specified";
        let time = "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified";
        for key in ["h", "s"] {
            for (rest, error) in [
                ("FNX FXX FIELDS 1 a 1", condition),
                ("FXX FXX FIELDS 1 a 1", condition),
                ("EX 10 PX 10 FIELDS 1 a 1", time),
                ("EX 10 KEEPTTL FIELDS 1 a 1", time),
                ("KEEPTTL KEEPTTL FIELDS 1 a 1", time),
                ("EX x FOO FIELDS 1 a 1", "-ERR value is not an integer or out of range"),
                ("EX -1 FOO FIELDS 1 a 1", "-ERR invalid expire time, must be >= 0"),
                ("PXAT 70368744177664 FOO 1 a", "-ERR invalid expire time in 'hsetex' command"),
                ("FOO EX x FIELDS 1 a 1", "-ERR unknown argument: FOO"),
                ("PERSIST FIELDS 1 a 1", "-ERR unknown argument: PERSIST"),
                ("FIELDS 0 a 1", "-ERR invalid number of fields"),
                ("FIELDS x a 1", "-ERR invalid number of fields"),
                ("FIELDS 2147483648 a 1", "-ERR invalid number of fields"),
                ("FIELDS 2 a 1", arity),
                ("FIELDS 1 a 1 b", arity),
                ("FIELDS 1 a 1 EX 10", arity),
                ("FNX EX 10 FIELDS", arity),
                ("FNX EX 10 FIELDS x", arity),
            ] {
                rig.check(&format!("HSETEX {key} {rest}"), error);
            }
        }
        rig.check_error("HSETEX s EX 0 FIELDS 1 a 1", "WRONGTYPE");
        rig.check("EXISTS h", ":0");
    }
}
