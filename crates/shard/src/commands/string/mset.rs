//! MSET and MSETNX key value [key value ...]: set several strings as one step.
//!
//! MSETNX sets all of them or, when one key is there, none. A key that is named twice gets the
//! last value.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::{Events, NewExpiry};
use crate::types::string::StringValue;

const SPEC: CommandSpec = CommandSpec {
    family: Family::String,
    arity: Arity::at_least(3),
    flags: Flags::WRITE.union(Flags::DENYOOM),
    since: "1.0.1",
    complexity: "O(N) where N is the number of keys to set.",
    ..CommandSpec::NEW
};

pub(super) const MSET: Command = Command {
    spec: CommandSpec {
        name: "mset",
        keys: &[KeySpec::rest(1, 2, Access::Ow, &["update"])],
        tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
        summary: "Atomically creates or modifies the string values of one or more keys.",
        ..SPEC
    },
    run: mset,
};

pub(super) const MSETNX: Command = Command {
    spec: CommandSpec {
        name: "msetnx",
        keys: &[KeySpec::rest(1, 2, Access::Ow, &["insert"])],
        summary: "Atomically modifies the string values of one or more keys only when all keys \
                  don't exist.",
        ..SPEC
    },
    run: msetnx,
};

fn mset(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    check_pairs(args, "mset")?;
    set_all(call, args);
    call.reply.ok();
    Ok(())
}

fn msetnx(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    check_pairs(args, "msetnx")?;
    let present = args.iter_from(1).step_by(2).any(|key| call.keyspace.contains(key));
    if !present {
        set_all(call, args);
    }
    call.reply.flag(!present);
    Ok(())
}

fn check_pairs(args: Args<'_>, command: &'static str) -> Result<(), CommandError> {
    if args.len() % 2 == 1 { Ok(()) } else { Err(CommandError::Arity(command)) }
}

fn set_all(call: &mut Call<'_, '_>, args: Args<'_>) {
    let mut parts = args.iter_from(1);
    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
        call.keyspace.set_string(key, StringValue::new(value), NewExpiry::Never);
        call.keyspace.notify(Events::STRING, "set", key);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn mset_sets_all_keys() {
        let mut rig = Rig::new();
        rig.run("HSET {t}h f v");
        rig.check("SET {t}k v PX 10", "+OK");
        rig.check("MSET {t}h 1 {t}k 2 {t}new 3 {t}new 4", "+OK");
        rig.advance_ms(11);
        rig.check("MGET {t}h {t}k {t}new", "[$1 $2 $4]");
    }

    #[test]
    fn msetnx_sets_all_or_none() {
        let mut rig = Rig::new();
        rig.check("MSETNX {t}a 1 {t}b 2 {t}a 3", ":1");
        rig.check("MGET {t}a {t}b", "[$3 $2]");
        rig.check("MSETNX {t}c 1 {t}b 2", ":0");
        rig.check("MGET {t}b {t}c", "[$2 _]");
    }

    #[test]
    fn another_type_is_there_too() {
        let mut rig = Rig::new();
        rig.run("HSET {t}h f v");
        rig.check("MSETNX {t}c 1 {t}h 2", ":0");
        rig.check("GET {t}c", "_");
        rig.check("HLEN {t}h", ":1");
    }

    #[test]
    fn a_key_without_a_value_is_refused() {
        let mut rig = Rig::new();
        rig.check("MSET {t}a 1 {t}b", "-ERR wrong number of arguments for 'mset' command");
        rig.check("MSETNX {t}a 1 {t}b", "-ERR wrong number of arguments for 'msetnx' command");
        rig.check_error("MSET a", "ERR wrong number of arguments for 'mset' command");
        rig.check("GET {t}a", "_");
    }
}
