//! RENAME and RENAMENX: give a value, with its expiry, another name.
//!
//! RENAME overwrites what the new name holds; RENAMENX then does nothing and replies 0. A key may
//! be renamed to its own name, but only if it is there.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;

pub(super) const RENAME: Command = Command {
    spec: CommandSpec {
        name: "rename",
        family: Family::Generic,
        arity: Arity::exactly(3),
        flags: Flags::WRITE,
        keys: &[
            KeySpec::at(1, Access::Rw, &["access", "delete"]),
            KeySpec::at(2, Access::Ow, &["update"]),
        ],
        summary: "Renames a key and overwrites the destination.",
        ..CommandSpec::NEW
    },
    run: rename,
};

pub(super) const RENAMENX: Command = Command {
    spec: CommandSpec {
        name: "renamenx",
        family: Family::Generic,
        arity: Arity::exactly(3),
        flags: Flags::WRITE.union(Flags::FAST),
        keys: &[
            KeySpec::at(1, Access::Rw, &["access", "delete"]),
            KeySpec::at(2, Access::Ow, &["insert"]),
        ],
        summary: "Renames a key only when the target key name doesn't exist.",
        ..CommandSpec::NEW
    },
    run: renamenx,
};

fn rename(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (from, to) = (args.at(1), args.at(2));
    if !call.keyspace.rename(from, to) {
        return Err(CommandError::NoSuchKey);
    }
    if from != to {
        notify(call, from, to);
    }
    call.reply.ok();
    Ok(())
}

fn renamenx(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (from, to) = (args.at(1), args.at(2));
    if !call.keyspace.contains(from) {
        return Err(CommandError::NoSuchKey);
    }
    // The key's own name is taken too.
    let free = !call.keyspace.contains(to);
    if free {
        call.keyspace.rename(from, to);
        notify(call, from, to);
    }
    call.reply.flag(free);
    Ok(())
}

fn notify(call: &mut Call<'_, '_>, from: &[u8], to: &[u8]) {
    call.keyspace.notify(Events::GENERIC, "rename_from", from);
    call.keyspace.notify(Events::GENERIC, "rename_to", to);
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn rename_overwrites_and_takes_the_expiry_along() {
        let mut rig = Rig::new();
        rig.check("HSET {t}a f v", ":1");
        rig.check("EXPIRE {t}a 10", ":1");
        rig.check("SET {t}b old", "+OK");
        rig.check("EXPIRE {t}b 99", ":1");
        rig.check("RENAME {t}a {t}b", "+OK");
        rig.check("EXISTS {t}a", ":0");
        rig.check("HGET {t}b f", "$v");
        rig.check("TTL {t}b", ":10");

        rig.check("SET {t}c lasting", "+OK");
        rig.check("RENAME {t}c {t}b", "+OK");
        rig.check("TTL {t}b", ":-1");
    }

    #[test]
    fn renamenx_leaves_what_is_there() {
        let mut rig = Rig::new();
        rig.check("SET {t}a 1", "+OK");
        rig.check("SET {t}b 2", "+OK");
        rig.check("RENAMENX {t}a {t}b", ":0");
        rig.check("GET {t}a", "$1");
        rig.check("GET {t}b", "$2");
        rig.check("RENAMENX {t}a {t}c", ":1");
        rig.check("GET {t}c", "$1");
        rig.check("EXISTS {t}a", ":0");
    }

    #[test]
    fn renamenx_takes_the_place_of_an_expired_key() {
        let mut rig = Rig::new();
        rig.check("SET {t}a 1", "+OK");
        rig.check("SET {t}b 2", "+OK");
        rig.check("PEXPIRE {t}b 10", ":1");
        rig.advance_ms(11);
        rig.check("RENAMENX {t}a {t}b", ":1");
        rig.check("TTL {t}b", ":-1");
    }

    #[test]
    fn to_its_own_name() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check("RENAME k k", "+OK");
        rig.check("RENAMENX k k", ":0");
        rig.check("GET k", "$v");
    }

    #[test]
    fn a_missing_key_is_an_error() {
        let mut rig = Rig::new();
        for name in ["RENAME", "RENAMENX"] {
            rig.check("SET {t}b v", "+OK");
            rig.check(&format!("{name} {{t}}a {{t}}b"), "-ERR no such key");
            rig.check(&format!("{name} {{t}}a {{t}}a"), "-ERR no such key");
            rig.check("GET {t}b", "$v");
        }
    }

    #[test]
    fn take_two_keys() {
        let mut rig = Rig::new();
        rig.check("RENAME a", "-ERR wrong number of arguments for 'rename' command");
        rig.check("RENAMENX a", "-ERR wrong number of arguments for 'renamenx' command");
    }
}
