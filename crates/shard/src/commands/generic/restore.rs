//! RESTORE key ttl payload \[REPLACE\] \[ABSTTL\] \[IDLETIME seconds\] \[FREQ frequency\]: give a key the
//! value of a payload of DUMP.
//!
//! The payload is looked at as a whole before anything changes: whatever it says, the key then holds a
//! value that commands could have made, or nothing has changed. RESTORE-ASKING is the same for whoever
//! moves slots.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::{Events, Usage};
use crate::rdb::{Loaded, RdbError, payload};
use crate::time::Millis;

pub(super) const RESTORE: Command = restores(
    "restore",
    Flags::WRITE.union(Flags::DENYOOM),
    "2.6.0",
    "Creates a key from the serialized representation of a value.",
);

pub(super) const RESTORE_ASKING: Command = restores(
    "restore-asking",
    Flags::WRITE.union(Flags::DENYOOM).union(Flags::ASKING),
    "3.0.0",
    "An internal command for migrating keys in a cluster.",
);

const fn restores(
    name: &'static str,
    flags: Flags,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command {
        spec: CommandSpec {
            name,
            family: Family::Generic,
            arity: Arity::at_least(4),
            flags,
            keys: const { &[KeySpec::at(1, Access::Ow, &["update"])] },
            acl_extra: &["dangerous"],
            since,
            complexity: "O(1) to create the new key and additional O(N*M) to reconstruct the \
                         serialized value, where N is the number of Redis objects composing the value \
                         and M their average size. For small string values the time complexity is \
                         thus O(1)+O(1*M) where M is small, so simply O(1). However for sorted set \
                         values the complexity is O(N*M*log(N)) because inserting values into sorted \
                         sets is O(log(N)).",
            summary,
            ..CommandSpec::NEW
        },
        run,
    }
}

#[derive(Default)]
struct Options {
    replace: bool,
    absolute: bool,
    usage: Usage,
}

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let options = parse_options(args)?;
    let key = args.at(1);
    if !options.replace && call.keyspace.contains(key) {
        return Err(CommandError::Text("BUSYKEY Target key name already exists."));
    }
    let expiry = parse_expiry(args.int(2)?, options.absolute, call.keyspace.now())?;
    let value = read(call, args.at(3))?;

    if expiry.is_some_and(|at| at <= call.keyspace.now()) {
        if call.keyspace.remove(key) {
            call.keyspace.notify(Events::GENERIC, "del", key);
        }
    } else {
        call.keyspace.import(key, value, expiry, options.usage);
        call.keyspace.notify(Events::GENERIC, "restore", key);
    }
    call.reply.ok();
    Ok(())
}

fn parse_options(args: Args<'_>) -> Result<Options, CommandError> {
    let mut options = Options::default();
    let mut at = 4;
    while at < args.len() {
        let has_value = at + 1 < args.len();
        if args.is(at, "REPLACE") {
            options.replace = true;
        } else if args.is(at, "ABSTTL") {
            options.absolute = true;
        } else if args.is(at, "IDLETIME") && has_value && options.usage.frequency.is_none() {
            at += 1;
            options.usage.idle_seconds = Some(
                u64::try_from(args.int(at)?)
                    .map_err(|_| CommandError::Text("ERR Invalid IDLETIME value, must be >= 0"))?,
            );
        } else if args.is(at, "FREQ") && has_value && options.usage.idle_seconds.is_none() {
            at += 1;
            options.usage.frequency = Some(u8::try_from(args.int(at)?).map_err(|_| {
                CommandError::Text("ERR Invalid FREQ value, must be >= 0 and <= 255")
            })?);
        } else {
            return Err(ArgsError::Syntax.into());
        }
        at += 1;
    }
    Ok(options)
}

/// When the key expires; 0 is never.
fn parse_expiry(ttl: i64, absolute: bool, now: Millis) -> Result<Option<Millis>, CommandError> {
    match ttl {
        ..0 => Err(CommandError::Text("ERR Invalid TTL value, must be >= 0")),
        0 => Ok(None),
        _ if absolute => Ok(Some(Millis(ttl))),
        _ => Ok(Some(Millis(now.0.saturating_add(ttl)))),
    }
}

fn read(call: &Call<'_, '_>, payload: &[u8]) -> Result<Loaded, CommandError> {
    let (body, version) = payload::open(payload)
        .ok_or(CommandError::Text("ERR DUMP payload version or checksum are wrong"))?;
    let go_on = || call.beat().is_ok();
    payload::read(body, version, call.keyspace.settings(), &go_on).map_err(|error| match error {
        RdbError::Interrupted => CommandError::Interrupted,
        error => {
            tracing::debug!(%error, "RESTORE: the payload is refused");
            CommandError::Text("ERR Bad data format")
        }
    })
}

#[cfg(test)]
#[path = "restore_test.rs"]
mod tests;
