//! COPY source destination \[DB 0\] \[REPLACE\]: copy a value with its expiry to another key.
//!
//! There is one database, so any other number is out of range.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "copy",
        family: Family::Generic,
        arity: Arity::at_least(3),
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: &[KeySpec::at(1, Access::Ro, &["access"]), KeySpec::at(2, Access::Ow, &["update"])],
        since: "6.2.0",
        complexity: "O(N) worst case for collections, where N is the number of nested items. O(1) \
                     for string values.",
        summary: "Copies the value of a key to a new key.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let replace = parse_options(args)?;
    let (from, to) = (args.at(1), args.at(2));
    if from == to {
        return Err(CommandError::Text("ERR source and destination objects are the same"));
    }

    let copied = call.keyspace.touch(from)
        && (replace || !call.keyspace.contains(to))
        && call.keyspace.copy(from, to);
    if copied {
        call.keyspace.notify(Events::GENERIC, "copy_to", to);
    }
    call.reply.flag(copied);
    Ok(())
}

/// Whether REPLACE is given.
fn parse_options(args: Args<'_>) -> Result<bool, CommandError> {
    let mut replace = false;
    let mut at = 3;
    while at < args.len() {
        if args.is(at, "REPLACE") {
            replace = true;
            at += 1;
        } else if args.is(at, "DB") && at + 1 < args.len() {
            check_database(args.int(at + 1)?)?;
            at += 2;
        } else {
            return Err(ArgsError::Syntax.into());
        }
    }
    Ok(replace)
}

fn check_database(number: i64) -> Result<(), CommandError> {
    match i32::try_from(number) {
        Ok(0) => Ok(()),
        Ok(_) => Err(CommandError::Text("ERR DB index is out of range")),
        Err(_) => Err(CommandError::Text(
            "ERR value is out of range, value must between -2147483648 and 2147483647",
        )),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn copies_the_value_and_its_expiry() {
        let mut rig = Rig::new();
        rig.check("HSET {t}a f v", ":1");
        rig.check("EXPIRE {t}a 10", ":1");
        rig.check("COPY {t}a {t}b", ":1");
        rig.check("HSET {t}a f changed", ":0");
        rig.check("HGET {t}b f", "$v");
        rig.check("TTL {t}b", ":10");

        rig.check("SET {t}s text", "+OK");
        rig.check("COPY {t}s {t}c DB 0", ":1");
        rig.check("GET {t}c", "$text");
        rig.check("TTL {t}c", ":-1");
    }

    #[test]
    fn overwrites_only_with_replace() {
        let mut rig = Rig::new();
        rig.check("SET {t}a new", "+OK");
        rig.check("HSET {t}b f v", ":1");
        rig.check("EXPIRE {t}b 10", ":1");
        rig.check("COPY {t}a {t}b", ":0");
        rig.check("TYPE {t}b", "+hash");
        rig.check("COPY {t}a {t}b replace DB 0", ":1");
        rig.check("GET {t}b", "$new");
        rig.check("TTL {t}b", ":-1");
    }

    #[test]
    fn a_missing_source_replies_0() {
        let mut rig = Rig::new();
        rig.check("SET {t}b v", "+OK");
        rig.check("COPY {t}a {t}b REPLACE", ":0");
        rig.check("GET {t}b", "$v");
    }

    #[test]
    fn bad_arguments() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check("COPY k k", "-ERR source and destination objects are the same");
        rig.check("COPY {k}a k DB 1", "-ERR DB index is out of range");
        rig.check("COPY {k}a k DB -1", "-ERR DB index is out of range");
        rig.check("COPY {k}a k DB x", "-ERR value is not an integer or out of range");
        rig.check(
            "COPY {k}a k DB 3000000000",
            "-ERR value is out of range, value must between -2147483648 and 2147483647",
        );
        rig.check("COPY {k}a k DB", "-ERR syntax error");
        rig.check("COPY k k nonsense", "-ERR syntax error");
        rig.check("COPY k", "-ERR wrong number of arguments for 'copy' command");
    }
}
