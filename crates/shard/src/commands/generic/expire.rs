//! EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT: set when a key expires.
//!
//! The time is seconds or milliseconds, from now or since 1970. A time that has come already
//! removes the key; the reply is 1 all the same. NX, XX, GT and LT make it depend on the expiry
//! that the key has; a key without one counts as one that expires infinitely late.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command, Run};
use crate::error::CommandError;
use crate::keyspace::Events;
use crate::time::Millis;

pub(super) const EXPIRE: Command =
    command("expire", "1.0.0", "Sets the expiration time of a key in seconds.", |call, args| {
        run(call, args, &Time { name: "expire", unit_ms: 1000, from_now: true })
    });

pub(super) const PEXPIRE: Command = command(
    "pexpire",
    "2.6.0",
    "Sets the expiration time of a key in milliseconds.",
    |call, args| run(call, args, &Time { name: "pexpire", unit_ms: 1, from_now: true }),
);

pub(super) const EXPIREAT: Command = command(
    "expireat",
    "1.2.0",
    "Sets the expiration time of a key to a Unix timestamp.",
    |call, args| run(call, args, &Time { name: "expireat", unit_ms: 1000, from_now: false }),
);

pub(super) const PEXPIREAT: Command = command(
    "pexpireat",
    "2.6.0",
    "Sets the expiration time of a key to a Unix milliseconds timestamp.",
    |call, args| run(call, args, &Time { name: "pexpireat", unit_ms: 1, from_now: false }),
);

const fn command(
    name: &'static str,
    since: &'static str,
    summary: &'static str,
    run: Run,
) -> Command {
    Command {
        spec: CommandSpec {
            name,
            family: Family::Generic,
            arity: Arity::at_least(3),
            flags: Flags::WRITE.union(Flags::FAST),
            keys: const { &[KeySpec::at(1, Access::Rw, &["update"])] },
            since,
            summary,
            ..CommandSpec::NEW
        },
        run,
    }
}

fn run(call: &mut Call<'_, '_>, args: Args<'_>, time: &Time) -> Result<(), CommandError> {
    let condition = Condition::parse(args)?;
    let at = time.point(args.int(2)?, call.keyspace.now())?;

    let key = args.at(1);
    let allowed = call.keyspace.expiry(key).is_some_and(|current| condition.allows(current, at));
    if allowed && at <= call.keyspace.now() {
        call.keyspace.remove(key);
        call.keyspace.notify(Events::GENERIC, "del", key);
    } else if allowed {
        call.keyspace.set_expiry(key, Some(at));
        call.keyspace.notify(Events::GENERIC, "expire", key);
    }
    call.reply.flag(allowed);
    Ok(())
}

/// What the number in a request means.
struct Time {
    /// The command, for its error text.
    name: &'static str,
    unit_ms: i64,
    /// From the time of the request; otherwise since 1970.
    from_now: bool,
}

impl Time {
    /// The point in time that `number` stands for. It may lie in the past.
    fn point(&self, number: i64, now: Millis) -> Result<Millis, CommandError> {
        let base = if self.from_now { now.0 } else { 0 };
        number
            .checked_mul(self.unit_ms)
            .and_then(|ms| ms.checked_add(base))
            .map(Millis)
            .ok_or(CommandError::InvalidExpire(self.name))
    }
}

/// What must hold of the present expiry.
#[derive(Default)]
struct Condition {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Condition {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut condition = Self::default();
        for at in 3..args.len() {
            let option = match () {
                () if args.is(at, "NX") => &mut condition.nx,
                () if args.is(at, "XX") => &mut condition.xx,
                () if args.is(at, "GT") => &mut condition.gt,
                () if args.is(at, "LT") => &mut condition.lt,
                () => return Err(unsupported(args.at(at))),
            };
            *option = true;
        }
        let Self { nx, xx, gt, lt } = condition;
        if nx && (xx || gt || lt) {
            return Err(CommandError::Text(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if gt && lt {
            return Err(CommandError::Text(
                "ERR GT and LT options at the same time are not compatible",
            ));
        }
        Ok(condition)
    }

    fn allows(&self, current: Option<Millis>, new: Millis) -> bool {
        match current {
            None => !self.xx && !self.gt,
            Some(current) => !self.nx && (!self.gt || current < new) && (!self.lt || new < current),
        }
    }
}

#[cold]
fn unsupported(option: &[u8]) -> CommandError {
    CommandError::dynamic(format!("ERR Unsupported option {}", String::from_utf8_lossy(option)))
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    fn rig_with_key() -> Rig {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig
    }

    #[test]
    fn each_variant_sets_the_same_point_in_time() {
        let at = Rig::new().now_ms() + 10_000;
        for line in [
            "EXPIRE k 10".to_owned(),
            "PEXPIRE k 10000".to_owned(),
            format!("EXPIREAT k {}", at / 1000),
            format!("PEXPIREAT k {at}"),
        ] {
            let mut rig = rig_with_key();
            rig.check(&line, ":1");
            rig.check("PEXPIRETIME k", &format!(":{at}"));
            rig.advance_ms(10_000);
            rig.check("EXISTS k", ":1");
            rig.advance_ms(1);
            rig.check("EXISTS k", ":0");
        }
    }

    #[test]
    fn a_missing_key_replies_0() {
        for name in ["EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"] {
            Rig::new().check(&format!("{name} k 10"), ":0");
        }
    }

    #[test]
    fn any_type_expires() {
        let mut rig = Rig::new();
        rig.check("HSET h f v", ":1");
        rig.check("EXPIRE h 10", ":1");
        rig.check("TTL h", ":10");
    }

    #[test]
    fn a_time_that_has_come_removes_the_key() {
        for line in ["EXPIRE k 0", "PEXPIRE k -1", "EXPIREAT k 1", "PEXPIREAT k 1700000000000"] {
            let mut rig = rig_with_key();
            rig.check(line, ":1");
            rig.check("EXISTS k", ":0");
        }
    }

    #[test]
    fn nx_sets_only_what_does_not_expire() {
        let mut rig = rig_with_key();
        rig.check("EXPIRE k 10 NX", ":1");
        rig.check("EXPIRE k 20 nx", ":0");
        rig.check("TTL k", ":10");
    }

    #[test]
    fn xx_sets_only_what_expires() {
        let mut rig = rig_with_key();
        rig.check("EXPIRE k 10 XX", ":0");
        rig.check("EXPIRE k 10", ":1");
        rig.check("EXPIRE k 20 XX", ":1");
        rig.check("TTL k", ":20");
    }

    #[test]
    fn gt_takes_no_expiry_for_infinite() {
        let mut rig = rig_with_key();
        rig.check("EXPIRE k 10 GT", ":0");
        rig.check("EXPIRE k 10", ":1");
        rig.check("EXPIRE k 10 GT", ":0");
        rig.check("EXPIRE k 11 GT XX", ":1");
        rig.check("EXPIRE k 0 GT", ":0");
        rig.check("TTL k", ":11");
    }

    #[test]
    fn lt_takes_no_expiry_for_infinite() {
        let mut rig = rig_with_key();
        rig.check("EXPIRE k 10 LT XX", ":0");
        rig.check("EXPIRE k 10 LT", ":1");
        rig.check("EXPIRE k 10 LT", ":0");
        rig.check("EXPIRE k -1 LT", ":1");
        rig.check("EXISTS k", ":0");
    }

    #[test]
    fn options_that_do_not_fit_together() {
        let mut rig = rig_with_key();
        for options in ["NX XX", "GT NX", "NX LT", "LT GT NX"] {
            rig.check(
                &format!("EXPIRE k 10 {options}"),
                "-ERR NX and XX, GT or LT options at the same time are not compatible",
            );
        }
        rig.check(
            "EXPIRE k 10 GT XX LT",
            "-ERR GT and LT options at the same time are not compatible",
        );
        rig.check("EXPIRE k x Foo", "-ERR Unsupported option Foo");
        rig.check("TTL k", ":-1");
    }

    #[test]
    fn numbers_out_of_range() {
        let mut rig = rig_with_key();
        rig.check("EXPIRE k 1.5", "-ERR value is not an integer or out of range");
        rig.check("EXPIRE k", "-ERR wrong number of arguments for 'expire' command");
        for (name, number) in [
            ("expire", i64::MAX),
            ("expire", i64::MIN),
            ("expire", i64::MAX / 1000),
            ("expireat", i64::MAX / 1000 + 1),
            ("pexpire", i64::MAX),
        ] {
            let error = format!("-ERR invalid expire time in '{name}' command");
            rig.check(&format!("{name} k {number}"), &error);
        }
        rig.check("TTL k", ":-1");
        rig.check(&format!("PEXPIREAT k {}", i64::MIN), ":1");
        rig.check("EXISTS k", ":0");
    }
}
