//! MSETEX numkeys key value [key value ...] [NX | XX] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]:
//! set several strings and one expiry for all of them, as one step.
//!
//! NX: if none of the keys is there; XX: if all are. A key that is named twice gets the last value.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, Begin, CommandSpec, Family, Find, Flags, KeySpec};

use super::expiry::{Expiry, Time};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::{Events, NewExpiry};
use crate::types::string::StringValue;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "msetex",
        family: Family::String,
        arity: Arity::at_least(4),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::MOVABLEKEYS),
        keys: &[KeySpec {
            begin: Begin::Index(1),
            find: Find::KeyNum { index: 0, first: 1, step: 2 },
            access: Access::Ow,
            notes: &["update"],
            remark: "",
        }],
        tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
        since: "8.4.0",
        complexity: "O(N) where N is the number of keys to set.",
        summary: "Atomically sets multiple string keys with a shared expiration in a single \
                  operation.",
        ..CommandSpec::NEW
    },
    run,
};

struct Options<'a> {
    /// Whether the keys must be there, or must not.
    present: Option<bool>,
    expiry: Expiry<'a>,
}

fn parse(args: Args<'_>, first: usize) -> Result<Options<'_>, ArgsError> {
    let mut options = Options { present: None, expiry: Expiry::Never };
    let mut at = first;
    while at < args.len() {
        if args.is(at, "NX") && options.present != Some(true) {
            options.present = Some(false);
        } else if args.is(at, "XX") && options.present != Some(false) {
            options.present = Some(true);
        } else if args.is(at, "KEEPTTL") && !matches!(options.expiry, Expiry::At(_)) {
            options.expiry = Expiry::Keep;
        } else {
            let earlier = options.expiry.earlier()?;
            options.expiry = Expiry::At(Time::read(args, at, earlier)?);
            at += 1;
        }
        at += 1;
    }
    Ok(options)
}

/// How many keys there are. All of them, and their values, are there.
fn key_count(args: Args<'_>) -> Result<usize, CommandError> {
    const BAD_COUNT: CommandError = CommandError::Text("ERR invalid numkeys value or out of range");
    let count = args.int(1).map_err(|_| BAD_COUNT)?;
    let count = usize::try_from(count).ok().filter(|count| (1..=i32::MAX as usize).contains(count));
    let count = count.ok_or(BAD_COUNT)?;
    if count > (args.len() - 2) / 2 {
        return Err(ArgsError::Syntax.into());
    }
    Ok(count)
}

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let end = 2 + key_count(args)? * 2;
    let options = parse(args, end)?;
    let expiry = options.expiry.resolve(call.keyspace.now(), "msetex")?;
    let mut keys = (2..end).step_by(2).map(|at| args.at(at));
    let wanted = match options.present {
        None => true,
        Some(present) => keys.all(|key| call.keyspace.contains(key) == present),
    };
    if wanted {
        for at in (2..end).step_by(2) {
            let (key, value) = (args.at(at), args.at(at + 1));
            call.keyspace.set_string(key, StringValue::new(value), expiry);
            call.keyspace.notify(Events::STRING, "set", key);
            if matches!(expiry, NewExpiry::At(_)) {
                call.keyspace.notify(Events::GENERIC, "expire", key);
            }
        }
    }
    call.reply.flag(wanted);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn sets_all_keys() {
        let mut rig = Rig::new();
        rig.run("HSET {t}h f v");
        rig.check("MSETEX 3 {t}a 1 {t}h 2 {t}a 3", ":1");
        rig.check("MGET {t}a {t}h", "[$3 $2]");
        rig.check("MSETEX 1 {t}a \"\"", ":1");
        rig.check("GET {t}a", "$");
    }

    #[test]
    fn conditions_are_for_all_keys_together() {
        let mut rig = Rig::new();
        rig.check("MSETEX 2 {t}a 1 {t}b 2 XX", ":0");
        rig.check("MSETEX 2 {t}a 1 {t}b 2 nx", ":1");
        rig.check("MSETEX 2 {t}a 3 {t}c 4 NX NX", ":0");
        rig.check("MSETEX 2 {t}a 3 {t}c 4 XX", ":0");
        rig.check("MGET {t}a {t}b {t}c", "[$1 $2 _]");
        rig.check("MSETEX 2 {t}a 3 {t}b 4 XX", ":1");
        rig.check("MGET {t}a {t}b", "[$3 $4]");
        rig.check("MSETEX 2 {t}new 1 {t}new 2 NX", ":1");
        rig.check("GET {t}new", "$2");
    }

    #[test]
    fn expiries() {
        let options = ["EX 2", "px 2000", "EXAT 1700000002", "PXAT 1700000002000", "EX x EX 2"];
        for options in options {
            let mut rig = Rig::new();
            rig.check(&format!("MSETEX 2 {{t}}a 1 {{t}}b 2 {options} NX"), ":1");
            rig.check("MSETEX 1 {t}a 2 KEEPTTL", ":1");
            rig.check("MSETEX 1 {t}b 2", ":1");
            rig.advance_ms(2001);
            rig.check("MGET {t}a {t}b", "[_ $2]");
        }
        let mut rig = Rig::new();
        rig.check("MSETEX 1 {t}a 2 EXAT 1", ":1");
        rig.check("EXISTS {t}a", ":0");
    }

    #[test]
    fn errors_change_nothing() {
        let mut rig = Rig::new();
        for count in ["0", "-1", "x", "9223372036854775807", "2147483648", "01"] {
            let line = format!("MSETEX {count} k v");
            rig.check(&line, "-ERR invalid numkeys value or out of range");
        }
        let conflicts =
            ["NX XX", "EX 1 PX 1", "KEEPTTL EX 1", "EX 1 KEEPTTL", "EX", "FOO", "GET", "IFEQ v"];
        for options in conflicts {
            rig.check(&format!("MSETEX 1 k v {options}"), "-ERR syntax error");
        }
        rig.check("MSETEX 2 k v", "-ERR syntax error");
        rig.check("MSETEX 2 k v k", "-ERR syntax error");
        for options in ["EX 0", "EX -1", "EX 9223372036854775807", "PXAT 0"] {
            let error = "-ERR invalid expire time in 'msetex' command";
            rig.check(&format!("MSETEX 1 k v {options}"), error);
        }
        rig.check("MSETEX 1 k v EX x", "-ERR value is not an integer or out of range");
        rig.check("EXISTS k", ":0");
        rig.check_error("MSETEX 1 k", "ERR wrong number of arguments for 'msetex' command");
    }
}
