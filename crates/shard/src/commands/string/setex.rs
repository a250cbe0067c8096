//! SETEX key seconds value, PSETEX key milliseconds value: set a string that expires.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::expiry::{Time, Unit};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::{Events, NewExpiry};
use crate::types::string::StringValue;

const SPEC: CommandSpec = CommandSpec {
    family: Family::String,
    arity: Arity::exactly(4),
    flags: Flags::WRITE.union(Flags::DENYOOM),
    keys: &[KeySpec::at(1, Access::Ow, &["update"])],
    ..CommandSpec::NEW
};

pub(super) const SETEX: Command = Command {
    spec: CommandSpec {
        name: "setex",
        since: "2.0.0",
        summary: "Sets the string value and expiration time of a key. Creates the key if it \
                  doesn't exist.",
        ..SPEC
    },
    run: |call, args| run(call, args, Unit::Ex, "setex"),
};

pub(super) const PSETEX: Command = Command {
    spec: CommandSpec {
        name: "psetex",
        since: "2.6.0",
        summary: "Sets both string value and expiration time in milliseconds of a key. The key is \
                  created if it doesn't exist.",
        ..SPEC
    },
    run: |call, args| run(call, args, Unit::Px, "psetex"),
};

fn run(
    call: &mut Call<'_, '_>,
    args: Args<'_>,
    unit: Unit,
    command: &'static str,
) -> Result<(), CommandError> {
    let at = Time { unit, text: args.at(2) }.resolve(call.keyspace.now(), command)?;
    call.keyspace.set_string(args.at(1), StringValue::new(args.at(3)), NewExpiry::At(at));
    call.keyspace.notify(Events::STRING, "set", args.at(1));
    call.keyspace.notify(Events::GENERIC, "expire", args.at(1));
    call.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn the_key_expires_in_seconds_or_milliseconds() {
        let mut rig = Rig::new();
        rig.check("SETEX s 1 v", "+OK");
        rig.check("PSETEX ms 1 v", "+OK");
        rig.check("GET s", "$v");
        rig.check("GET ms", "$v");
        rig.advance_ms(2);
        rig.check("GET ms", "_");
        rig.advance_ms(998);
        rig.check("GET s", "$v");
        rig.advance_ms(1);
        rig.check("GET s", "_");
    }

    #[test]
    fn any_value_and_expiry_is_overwritten() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        rig.check("SETEX h 10 v", "+OK");
        rig.check("GET h", "$v");
        rig.check("PSETEX h 1 w", "+OK");
        rig.advance_ms(2);
        rig.check("GET h", "_");
    }

    #[test]
    fn bad_times_change_nothing() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        for time in ["0", "-1", "9223372036854775807"] {
            let line = format!("SETEX k {time} w");
            rig.check(&line, "-ERR invalid expire time in 'setex' command");
            let line = format!("PSETEX k {time} w");
            rig.check(&line, "-ERR invalid expire time in 'psetex' command");
        }
        rig.check("SETEX k x w", "-ERR value is not an integer or out of range");
        rig.check("PSETEX k 1.5 w", "-ERR value is not an integer or out of range");
        rig.check("GET k", "$v");
        rig.check_error("SETEX k 1", "ERR wrong number of arguments for 'setex' command");
    }
}
