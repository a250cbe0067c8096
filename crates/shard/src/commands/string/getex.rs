//! GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST]: reply with the string and change its
//! expiry.
//!
//! A point in time that is over removes the key. Without an option nothing changes, so watchers
//! do not notice.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::expiry::Time;
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;
use crate::time::Millis;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "getex",
        family: Family::String,
        arity: Arity::at_least(2),
        flags: Flags::WRITE.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["access", "update"])
            .remark("RW and UPDATE because it changes the TTL")],
        since: "6.2.0",
        summary: "Returns the string value of a key after setting its expiration time.",
        ..CommandSpec::NEW
    },
    run,
};

/// What becomes of the expiry.
#[derive(Clone, Copy)]
enum Change<'a> {
    None,
    Persist,
    At(Time<'a>),
}

fn parse(args: Args<'_>) -> Result<Change<'_>, ArgsError> {
    let mut change = Change::None;
    let mut at = 2;
    while at < args.len() {
        if args.is(at, "PERSIST") && !matches!(change, Change::At(_)) {
            change = Change::Persist;
        } else {
            let earlier = match change {
                Change::None => None,
                Change::Persist => return Err(ArgsError::Syntax),
                Change::At(time) => Some(time),
            };
            change = Change::At(Time::read(args, at, earlier)?);
            at += 1;
        }
        at += 1;
    }
    Ok(change)
}

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    let change = parse(args)?;
    let now = call.keyspace.now();
    let Some(value) = call.keyspace.string(key)? else {
        call.reply.null();
        return Ok(());
    };
    // Redis: a bad time is no error when the key is missing.
    let expiry = match change {
        Change::At(time) => Some(time.resolve(now, "getex")?),
        Change::None | Change::Persist => None,
    };
    call.reply.string(value);
    apply(call, key, change, expiry);
    Ok(())
}

fn apply(call: &mut Call<'_, '_>, key: &[u8], change: Change<'_>, expiry: Option<Millis>) {
    let now = call.keyspace.now();
    match (change, expiry) {
        (_, Some(at)) if at <= now => {
            call.keyspace.remove(key);
            call.keyspace.notify(Events::GENERIC, "del", key);
        }
        (_, Some(_)) => {
            call.keyspace.set_expiry(key, expiry);
            call.keyspace.notify(Events::GENERIC, "expire", key);
        }
        (Change::Persist, None) if matches!(call.keyspace.expiry(key), Some(Some(_))) => {
            call.keyspace.set_expiry(key, None);
            call.keyspace.notify(Events::GENERIC, "persist", key);
        }
        (_, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_the_string_or_the_null() {
        let mut rig = Rig::new();
        rig.check("GETEX k", "_");
        rig.check("SET k v PX 10", "+OK");
        rig.check("GETEX k", "$v");
        rig.advance_ms(11);
        rig.check("GETEX k", "_");
    }

    #[test]
    fn expires_in_any_unit() {
        for options in ["EX 2", "PX 2000", "EXAT 1700000002", "PXAT 1700000002000", "ex 9 EX 2"] {
            let mut rig = Rig::new();
            rig.check("SET k v", "+OK");
            rig.check(&format!("GETEX k {options}"), "$v");
            rig.advance_ms(2000);
            rig.check("GET k", "$v");
            rig.advance_ms(1);
            rig.check("GET k", "_");
        }
    }

    #[test]
    fn persist_drops_the_expiry() {
        let mut rig = Rig::new();
        rig.check("SET k v PX 10", "+OK");
        rig.check("GETEX k PERSIST persist", "$v");
        rig.check("GETEX k PERSIST", "$v");
        rig.advance_ms(11);
        rig.check("GET k", "$v");
    }

    #[test]
    fn a_time_that_is_over_removes_the_key() {
        for options in ["EXAT 1", "PXAT 1699999999999", "PXAT 1700000000000"] {
            let mut rig = Rig::new();
            rig.check("SET k v", "+OK");
            rig.check(&format!("GETEX k {options}"), "$v");
            assert_eq!(rig.shard().keyspace().len(), 0);
        }
    }

    #[test]
    fn without_a_change_watchers_do_not_notice() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        let changes = rig.shard().keyspace().counters().changes;
        rig.check("GETEX k", "$v");
        rig.check("GETEX k PERSIST", "$v");
        assert_eq!(rig.shard().keyspace().counters().changes, changes);
    }

    #[test]
    fn contradictions_are_syntax_errors() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        let conflicts =
            ["PERSIST EX 10", "EX 10 PERSIST", "EX 1 PX 1", "EX", "KEEPTTL", "NX", "GET", "FOO"];
        for options in conflicts {
            rig.check(&format!("GETEX k {options}"), "-ERR syntax error");
            rig.check(&format!("GETEX missing {options}"), "-ERR syntax error");
        }
    }

    #[test]
    fn bad_times_are_errors_unless_the_key_is_missing() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        for options in ["EX 0", "PX -1", "EX 9223372036854775807", "EXAT 0"] {
            let line = format!("GETEX k {options}");
            rig.check(&line, "-ERR invalid expire time in 'getex' command");
            rig.check(&format!("GETEX missing {options}"), "_");
        }
        rig.check("GETEX k EX a", "-ERR value is not an integer or out of range");
        rig.check("GETEX missing EX a", "_");
    }

    #[test]
    fn a_hash_is_the_wrong_type() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        rig.check_error("GETEX h", "WRONGTYPE");
        rig.check_error("GETEX h EX 0", "WRONGTYPE");
        rig.check_error("GETEX h EXAT 1", "WRONGTYPE");
        rig.check("HLEN h", ":1");
    }
}
