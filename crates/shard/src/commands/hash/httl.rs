//! HTTL, HPTTL, HEXPIRETIME, HPEXPIRETIME key FIELDS numfields field…: when fields expire.
//!
//! In seconds (rounded up) or milliseconds, from now or since 1970; -1 for a field that never
//! expires, -2 for one that is missing.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::field_args::{BAD_COUNT, Unit, parse_fields};
use crate::commands::{Call, Command, Run};
use crate::error::CommandError;

pub(super) const HTTL: Command = command(
    CommandSpec {
        name: "httl",
        tips: &["nondeterministic_output"],
        summary: "Returns the TTL in seconds of a hash field.",
        ..CommandSpec::NEW
    },
    |call, args| run(call, args, "httl", Unit { ms: 1000, from_now: true }),
);

pub(super) const HPTTL: Command = command(
    CommandSpec {
        name: "hpttl",
        tips: &["nondeterministic_output"],
        summary: "Returns the TTL in milliseconds of a hash field.",
        ..CommandSpec::NEW
    },
    |call, args| run(call, args, "hpttl", Unit { ms: 1, from_now: true }),
);

pub(super) const HEXPIRETIME: Command = command(
    CommandSpec {
        name: "hexpiretime",
        summary: "Returns the expiration time of a hash field as a Unix timestamp, in seconds.",
        ..CommandSpec::NEW
    },
    |call, args| run(call, args, "hexpiretime", Unit { ms: 1000, from_now: false }),
);

pub(super) const HPEXPIRETIME: Command = command(
    CommandSpec {
        name: "hpexpiretime",
        summary: "Returns the expiration time of a hash field as a Unix timestamp, in msec.",
        ..CommandSpec::NEW
    },
    |call, args| run(call, args, "hpexpiretime", Unit { ms: 1, from_now: false }),
);

/// `spec` with what the four have in common.
const fn command(spec: CommandSpec, run: Run) -> Command {
    Command {
        spec: CommandSpec {
            family: Family::Hash,
            arity: Arity::at_least(5),
            flags: Flags::READONLY.union(Flags::FAST),
            keys: const { &[KeySpec::at(1, Access::Ro, &["access"])] },
            since: "7.4.0",
            complexity: "O(N) where N is the number of specified fields",
            ..spec
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
    let now = call.keyspace.now();
    let base = if unit.from_now { now.0 } else { 0 };
    let hash = call.keyspace.hash(args.at(1))?;
    let fields = parse_fields(args, 2, name, BAD_COUNT)?;
    call.reply.array(fields.len());
    for field in fields.iter_from(0) {
        let expiry = hash.and_then(|hash| hash.expiry(field));
        call.reply.int(match expiry {
            None => -2,
            Some(None) => -1,
            Some(Some(at)) => at.0.saturating_sub(base).saturating_add(unit.ms - 1) / unit.ms,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn when_fields_expire() {
        let mut rig = Rig::new();
        rig.check("HSET h a 1 b 2 c 3", ":3");
        rig.check("HPEXPIRE h 1500 FIELDS 1 a", "[:1]");
        rig.check("HTTL h FIELDS 3 a b missing", "[:2 :-1 :-2]");
        rig.check("HPTTL h FIELDS 3 a b missing", "[:1500 :-1 :-2]");
        rig.check("HEXPIRETIME h FIELDS 3 a b missing", "[:1700000002 :-1 :-2]");
        rig.check("HPEXPIRETIME h fields 3 a b missing", "[:1700000001500 :-1 :-2]");
        rig.advance_ms(1500);
        rig.check("HTTL h FIELDS 1 a", "[:0]");
        rig.check("HPTTL h FIELDS 1 a", "[:0]");
        rig.advance_ms(1);
        rig.check("HPTTL h FIELDS 1 a", "[:-2]");
    }

    #[test]
    fn a_missing_key_has_no_fields() {
        let mut rig = Rig::new();
        for name in ["HTTL", "HPTTL", "HEXPIRETIME", "HPEXPIRETIME"] {
            rig.check(&format!("{name} h FIELDS 2 a b"), "[:-2 :-2]");
        }
    }

    #[test]
    fn bad_arguments_and_wrong_type() {
        let mut rig = Rig::new();
        rig.check("SET s v", "+OK");
        for name in ["HTTL", "HPTTL", "HEXPIRETIME", "HPEXPIRETIME"] {
            let check = |rig: &mut Rig, rest: &str, error: &str| {
                rig.check(&format!("{name} {rest}"), error);
            };
            let position = "-ERR Mandatory argument FIELDS is missing or not at the right position";
            check(&mut rig, "h FIELDX 0 a", position);
            let count = "-ERR Number of fields must be a positive integer";
            check(&mut rig, "h FIELDS 0 a", count);
            check(&mut rig, "h FIELDS x a", count);
            let mismatch = "-ERR The `numfields` parameter must match the number of arguments";
            check(&mut rig, "h FIELDS 2 a", mismatch);
            check(&mut rig, "h FIELDS 1 a b", mismatch);
            rig.check_error(&format!("{name} s FIELDX 1 a"), "WRONGTYPE");
            rig.check_error(&format!("{name} h FIELDS 1"), "ERR wrong number of arguments");
        }
    }
}
