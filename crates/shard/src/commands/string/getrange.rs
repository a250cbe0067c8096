//! GETRANGE key start end, and its old name SUBSTR: reply with a part of a string.
//!
//! Both ends are inclusive; below zero they count from the end of the string.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;

const SPEC: CommandSpec = CommandSpec {
    family: Family::String,
    arity: Arity::exactly(4),
    flags: Flags::READONLY,
    keys: &[KeySpec::at(1, Access::Ro, &["access"])],
    complexity: "O(N) where N is the length of the returned string. The complexity is ultimately \
                 determined by the returned length, but because creating a substring from an \
                 existing string is very cheap, it can be considered O(1) for small strings.",
    ..CommandSpec::NEW
};

pub(super) const GETRANGE: Command = Command {
    spec: CommandSpec {
        name: "getrange",
        since: "2.4.0",
        summary: "Returns a substring of the string stored at a key.",
        ..SPEC
    },
    run,
};

pub(super) const SUBSTR: Command = Command {
    spec: CommandSpec {
        name: "substr",
        summary: "Returns a substring from a string value.",
        ..SPEC
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (start, end) = (args.int(2)?, args.int(3)?);
    match call.keyspace.string(args.at(1))? {
        Some(value) => value.with_text(|text| call.reply.bulk(part(text, start, end))),
        None => call.reply.bulk(b""),
    }
    Ok(())
}

fn part(text: &[u8], start: i64, end: i64) -> &[u8] {
    if start < 0 && end < 0 && start > end {
        return b"";
    }
    // Redis: an end that lies before the string means its first byte, and so a range that is
    // wholly before the string is that byte.
    let len = text.len() as i64;
    let absolute = |index: i64| if index < 0 { (len + index).max(0) } else { index };
    let (start, end) = (absolute(start), absolute(end).min(len - 1));
    if start > end {
        return b"";
    }
    &text[start as usize..=end as usize]
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn both_ends_are_inclusive_and_count_from_either_side() {
        let mut rig = Rig::new();
        rig.check("SET k \"hello world\"", "+OK");
        let vectors = [
            ("0 -1", "$hello world"),
            ("0 4", "$hello"),
            ("-3 -1", "$rld"),
            ("-1 -3", "$"),
            ("5 2", "$"),
            ("10 10", "$d"),
            ("11 11", "$"),
            ("100 200", "$"),
            ("0 100", "$hello world"),
            ("-100 4", "$hello"),
            ("0 -100", "$h"),
            ("-100 -100", "$h"),
            ("-100 -101", "$"),
            ("-9223372036854775808 9223372036854775807", "$hello world"),
        ];
        for (range, part) in vectors {
            rig.check(&format!("GETRANGE k {range}"), part);
            rig.check(&format!("SUBSTR k {range}"), part);
        }
    }

    #[test]
    fn integers_have_text() {
        let mut rig = Rig::new();
        rig.check("SET k -1234", "+OK");
        rig.check("GETRANGE k 0 2", "$-12");
    }

    #[test]
    fn a_missing_key_and_an_empty_string_have_no_part() {
        let mut rig = Rig::new();
        rig.check("GETRANGE k 0 -1", "$");
        rig.check("SET k \"\"", "+OK");
        rig.check("GETRANGE k 0 -1", "$");
        rig.check("GETRANGE k -1 -1", "$");
    }

    #[test]
    fn bad_arguments_come_before_the_wrong_type() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        rig.check_error("GETRANGE h 0 1", "WRONGTYPE");
        rig.check_error("SUBSTR h 0 1", "WRONGTYPE");
        rig.check("GETRANGE h a 1", "-ERR value is not an integer or out of range");
        rig.check("GETRANGE h 0 1.5", "-ERR value is not an integer or out of range");
        rig.check_error("GETRANGE h 0", "ERR wrong number of arguments for 'getrange' command");
        rig.check_error("SUBSTR h 0", "ERR wrong number of arguments for 'substr' command");
    }
}
