//! TTL, PTTL, EXPIRETIME, PEXPIRETIME: when a key expires.
//!
//! In seconds (rounded) or milliseconds, from now or since 1970; -1 for a key that never expires,
//! -2 for one that is missing. Asking is no use of the key.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command, Run};
use crate::error::CommandError;

pub(super) const TTL: Command = command(
    CommandSpec {
        name: "ttl",
        tips: &["nondeterministic_output"],
        summary: "Returns the expiration time in seconds of a key.",
        ..CommandSpec::NEW
    },
    |call, args| run(call, args, Unit::Seconds, Since::Now),
);

pub(super) const PTTL: Command = command(
    CommandSpec {
        name: "pttl",
        tips: &["nondeterministic_output"],
        since: "2.6.0",
        summary: "Returns the expiration time in milliseconds of a key.",
        ..CommandSpec::NEW
    },
    |call, args| run(call, args, Unit::Milliseconds, Since::Now),
);

pub(super) const EXPIRETIME: Command = command(
    CommandSpec {
        name: "expiretime",
        since: "7.0.0",
        summary: "Returns the expiration time of a key as a Unix timestamp.",
        ..CommandSpec::NEW
    },
    |call, args| run(call, args, Unit::Seconds, Since::Epoch),
);

pub(super) const PEXPIRETIME: Command = command(
    CommandSpec {
        name: "pexpiretime",
        since: "7.0.0",
        summary: "Returns the expiration time of a key as a Unix milliseconds timestamp.",
        ..CommandSpec::NEW
    },
    |call, args| run(call, args, Unit::Milliseconds, Since::Epoch),
);

/// `spec` with what the four have in common.
const fn command(spec: CommandSpec, run: Run) -> Command {
    Command {
        spec: CommandSpec {
            family: Family::Generic,
            arity: Arity::exactly(2),
            flags: Flags::READONLY.union(Flags::FAST),
            keys: const { &[KeySpec::at(1, Access::Ro, &["access"])] },
            ..spec
        },
        run,
    }
}

enum Unit {
    Seconds,
    Milliseconds,
}

enum Since {
    Now,
    Epoch,
}

fn run(
    call: &mut Call<'_, '_>,
    args: Args<'_>,
    unit: Unit,
    since: Since,
) -> Result<(), CommandError> {
    let reply = match call.keyspace.expiry(args.at(1)) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => {
            let ms = match since {
                Since::Now => at.0.saturating_sub(call.keyspace.now().0),
                Since::Epoch => at.0,
            };
            match unit {
                Unit::Seconds => ms.saturating_add(500) / 1000,
                Unit::Milliseconds => ms,
            }
        }
    };
    call.reply.int(reply);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    const NAMES: [&str; 4] = ["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"];

    #[test]
    fn reply_in_their_units() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check("PEXPIRE k 1499", ":1");
        rig.check("PTTL k", ":1499");
        rig.check("TTL k", ":1");
        rig.check("PEXPIRETIME k", ":1700000001499");
        rig.check("EXPIRETIME k", ":1700000001");
        rig.check("PEXPIRE k 1500", ":1");
        rig.check("TTL k", ":2");
        rig.check("EXPIRETIME k", ":1700000002");
        rig.advance_ms(1500);
        rig.check("PTTL k", ":0");
        rig.advance_ms(1);
        rig.check("PTTL k", ":-2");
    }

    #[test]
    fn a_missing_key_is_minus_2_and_one_that_stays_is_minus_1() {
        let mut rig = Rig::new();
        rig.check("HSET h f v", ":1");
        for name in NAMES {
            rig.check(&format!("{name} missing"), ":-2");
            rig.check(&format!("{name} h"), ":-1");
        }
    }

    #[test]
    fn the_latest_time_of_all_does_not_overflow() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check(&format!("PEXPIREAT k {}", i64::MAX), ":1");
        rig.check("EXPIRETIME k", ":9223372036854775");
    }

    #[test]
    fn take_one_key() {
        let mut rig = Rig::new();
        for name in NAMES {
            let lower = name.to_lowercase();
            let error = format!("-ERR wrong number of arguments for '{lower}' command");
            rig.check(name, &error);
            rig.check(&format!("{name} a b"), &error);
        }
    }
}
