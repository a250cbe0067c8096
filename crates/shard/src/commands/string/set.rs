//! SET key value [NX | XX | IFEQ value | IFNE value | IFDEQ digest | IFDNE digest] [GET] [EX s |
//! PX ms | EXAT s | PXAT ms | KEEPTTL]: set a string.
//!
//! With GET the reply is the string that was there, and then another type is an error, as it is
//! with a comparison, whereas otherwise any type is overwritten. NX and GET together set a missing
//! key only and reply what was there (since Redis 7.0). IFEQ is Valkey 8.1's, and the four
//! comparisons are Redis 8.4's.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::compare::Comparison;
use super::expiry::{Expiry, Time};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::{Events, NewExpiry};
use crate::types::string::StringValue;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "set",
        family: Family::String,
        arity: Arity::at_least(3),
        flags: Flags::WRITE.union(Flags::DENYOOM),
        // It reads because of GET, and is then no pure overwrite.
        keys: &[KeySpec::at(1, Access::Rw, &["access", "update", "variable_flags"])
            .remark("RW and ACCESS due to the optional `GET` argument")],
        summary: "Sets the string value of a key, ignoring its type. The key is created if it \
                  doesn't exist.",
        ..CommandSpec::NEW
    },
    run,
};

/// When the key is set.
#[derive(Clone, Copy)]
enum Condition<'a> {
    Always,
    IfMissing,
    IfPresent,
    If(Comparison<'a>),
}

impl<'a> Condition<'a> {
    /// The condition whose name is part `at`, if one is.
    fn read(args: Args<'a>, at: usize) -> Result<Option<Self>, CommandError> {
        if args.is(at, "NX") {
            return Ok(Some(Self::IfMissing));
        }
        if args.is(at, "XX") {
            return Ok(Some(Self::IfPresent));
        }
        Ok(Comparison::read(args, at)?.map(Self::If))
    }

    /// This one and then that: only NX and XX can be said twice.
    fn and(self, later: Self) -> Result<Self, ArgsError> {
        match (self, later) {
            (Self::Always, _)
            | (Self::IfMissing, Self::IfMissing)
            | (Self::IfPresent, Self::IfPresent) => Ok(later),
            _ => Err(ArgsError::Syntax),
        }
    }
}

struct Options<'a> {
    condition: Condition<'a>,
    get: bool,
    expiry: Expiry<'a>,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>) -> Result<Self, CommandError> {
        let mut options = Self { condition: Condition::Always, get: false, expiry: Expiry::Never };
        let mut at = 3;
        while at < args.len() {
            if let Some(condition) = Condition::read(args, at)? {
                options.condition = options.condition.and(condition)?;
                at += usize::from(matches!(condition, Condition::If(_)));
            } else if args.is(at, "GET") {
                options.get = true;
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
}

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (key, value) = (args.at(1), args.at(2));
    let Options { condition, get, expiry } = Options::parse(args)?;
    let expiry = expiry.resolve(call.keyspace.now(), "set")?;
    let wanted = match condition {
        Condition::Always => true,
        Condition::IfMissing => !call.keyspace.contains(key),
        Condition::IfPresent => call.keyspace.contains(key),
        Condition::If(comparison) => comparison.holds(call.keyspace.string(key)?),
    };
    if get {
        match call.keyspace.string(key)? {
            Some(old) => call.reply.string(old),
            None => call.reply.null(),
        }
    }
    if wanted {
        call.keyspace.set_string(key, StringValue::new(value), expiry);
        call.keyspace.notify(Events::STRING, "set", key);
        if matches!(expiry, NewExpiry::At(_)) {
            call.keyspace.notify(Events::GENERIC, "expire", key);
        }
    }
    match (get, wanted) {
        (true, _) => {}
        (false, true) => call.reply.ok(),
        (false, false) => call.reply.null(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn sets_and_overwrites() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check("SET k w", "+OK");
        rig.check("GET k", "$w");
        rig.check("SET k \"\"", "+OK");
        rig.check("GET k", "$");
        rig.check("SET k 0123", "+OK");
        rig.check("GET k", "$0123");
        rig.check_error("SET k", "ERR wrong number of arguments for 'set' command");
    }

    #[test]
    fn any_type_is_overwritten() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        rig.check("SET h v NX", "_");
        rig.check("HLEN h", ":1");
        rig.check("SET h v XX", "+OK");
        rig.check("GET h", "$v");
    }

    #[test]
    fn nx_and_xx_look_at_the_key_first() {
        let mut rig = Rig::new();
        rig.check("SET k v XX", "_");
        rig.check("GET k", "_");
        rig.check("SET k v nx", "+OK");
        rig.check("SET k w NX NX", "_");
        rig.check("GET k", "$v");
        rig.check("SET k w xX", "+OK");
        rig.check("GET k", "$w");
    }

    #[test]
    fn get_replies_what_was_there() {
        let mut rig = Rig::new();
        rig.check("SET k 1 GET", "_");
        rig.check("SET k 2 GET", "$1");
        rig.check("SET k 3 GET NX", "$2");
        rig.check("GET k", "$2");
        rig.check("SET k 3 XX GET", "$2");
        rig.check("SET missing 1 XX GET", "_");
        rig.check("GET missing", "_");
        rig.check("SET missing 1 NX GET", "_");
        rig.check("GET missing", "$1");
    }

    #[test]
    fn get_of_another_type_leaves_it() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        for options in ["GET", "NX GET", "XX GET", "GET EX 10"] {
            rig.check_error(&format!("SET h v {options}"), "WRONGTYPE");
        }
        rig.check("HLEN h", ":1");
    }

    #[test]
    fn expires_in_any_unit() {
        for options in ["EX 2", "PX 2000", "EXAT 1700000002", "PXAT 1700000002000", "ex x EX 2"] {
            let mut rig = Rig::new();
            rig.check(&format!("SET k v {options}"), "+OK");
            rig.advance_ms(2000);
            rig.check("GET k", "$v");
            rig.advance_ms(1);
            rig.check("GET k", "_");
        }
    }

    #[test]
    fn the_expiry_is_dropped_or_kept() {
        let mut rig = Rig::new();
        rig.check("SET dropped v PX 10", "+OK");
        rig.check("SET dropped w", "+OK");
        rig.check("SET kept v PX 10", "+OK");
        rig.check("SET kept w KEEPTTL keepttl", "+OK");
        rig.check("SET new v KEEPTTL", "+OK");
        rig.check("GET kept", "$w");
        rig.advance_ms(11);
        rig.check("GET dropped", "$w");
        rig.check("GET kept", "_");
        rig.check("GET new", "$v");
    }

    #[test]
    fn a_time_in_the_past_leaves_no_key() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check("SET k w EXAT 1", "+OK");
        rig.check("GET k", "_");
        rig.check("SET k w GET", "_");
    }

    #[test]
    fn contradictions_are_syntax_errors() {
        let mut rig = Rig::new();
        let conflicts = [
            "NX XX",
            "XX NX",
            "EX 1 PX 1",
            "EX 1 EXAT 1",
            "PXAT 1 PX 1",
            "EX 1 KEEPTTL",
            "KEEPTTL EX 1",
            "EX",
            "PX",
            "EXAT",
            "PXAT",
            "PERSIST",
            "FOO",
            "\"\"",
            "NX EX",
        ];
        for options in conflicts {
            rig.check(&format!("SET k v {options}"), "-ERR syntax error");
        }
        rig.check("GET k", "_");
    }

    #[test]
    fn bad_times() {
        let mut rig = Rig::new();
        let invalid = "-ERR invalid expire time in 'set' command";
        let times = [
            "EX 0",
            "EX -1",
            "PX 0",
            "EXAT 0",
            "PXAT -1",
            "EX 9223372036854775807",
            "EX 9223372036854775",
            "PX 9223372036854775807",
            "XX EX 0",
        ];
        for options in times {
            rig.check(&format!("SET k v {options}"), invalid);
        }
        for options in ["EX a", "PX 1.5", "EX \"\"", "EX 9223372036854775808", "EX \" 1\""] {
            let line = format!("SET k v {options}");
            rig.check(&line, "-ERR value is not an integer or out of range");
        }
        rig.check("GET k", "_");
        rig.check("SET k v PXAT 9223372036854775807", "+OK");
        rig.check("GET k", "$v");
    }
}
