//! BITOP operation destkey key [key ...]: combine strings bit by bit and store the result.
//!
//! Strings that are shorter than the longest are followed by zeros, and a missing key is an empty
//! string. The result is as long as the longest; when that is empty, the destination is removed.
//! DIFF, DIFF1, ANDOR and ONE are Redis 8.2's.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::STRETCH;
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::{Events, NewExpiry};
use crate::script::{Pulse, beat};
use crate::types::string::StringValue;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "bitop",
        family: Family::Bitmap,
        arity: Arity::at_least(4),
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: &[
            KeySpec::at(2, Access::Ow, &["update"]),
            KeySpec::rest(3, 1, Access::Ro, &["access"]),
        ],
        since: "2.6.0",
        complexity: "O(N)",
        summary: "Performs bitwise operations on multiple strings, and stores the result.",
        ..CommandSpec::NEW
    },
    run,
};

/// With X the first string and Y the others:
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Xor,
    /// The only string, inverted.
    Not,
    /// In X and in no Y.
    Diff,
    /// In a Y and not in X.
    Diff1,
    /// In X and in a Y.
    AndOr,
    /// In exactly one of all.
    One,
}

const OPERATIONS: [(&str, Operation); 8] = [
    ("AND", Operation::And),
    ("OR", Operation::Or),
    ("XOR", Operation::Xor),
    ("NOT", Operation::Not),
    ("DIFF", Operation::Diff),
    ("DIFF1", Operation::Diff1),
    ("ANDOR", Operation::AndOr),
    ("ONE", Operation::One),
];

impl Operation {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let found = OPERATIONS.iter().find(|(name, _)| args.is(1, name));
        let Some((name, operation)) = found else { return Err(ArgsError::Syntax.into()) };
        let sources = args.len() - 3;
        match operation {
            Self::Not if sources != 1 => {
                Err(CommandError::Text("ERR BITOP NOT must be called with a single source key."))
            }
            Self::Diff | Self::Diff1 | Self::AndOr if sources < 2 => {
                let text =
                    format!("ERR BITOP {name} must be called with at least two source keys.");
                Err(CommandError::dynamic(text))
            }
            _ => Ok(*operation),
        }
    }
}

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let operation = Operation::parse(args)?;
    let result = combine(call, args, operation)?;
    let (destination, len) = (args.at(2), result.len());
    if result.is_empty() {
        if call.keyspace.remove(destination) {
            call.keyspace.notify(Events::GENERIC, "del", destination);
        }
    } else {
        call.keyspace.set_string(destination, StringValue::raw(result), NewExpiry::Never);
        call.keyspace.notify(Events::STRING, "set", destination);
    }
    call.reply.count(len);
    Ok(())
}

fn combine(
    call: &mut Call<'_, '_>,
    args: Args<'_>,
    operation: Operation,
) -> Result<Vec<u8>, CommandError> {
    let first = args.at(3);
    let mut result = Fold::default();
    match operation {
        Operation::And | Operation::Diff | Operation::Not => {
            let of_others: fn(u8, u8) -> u8 =
                if operation == Operation::And { |x, y| x & y } else { |x, y| x & !y };
            result.with(call, first, |_, x| x)?;
            for key in args.iter_from(4) {
                result.with(call, key, of_others)?;
            }
            if operation == Operation::Not {
                result.0.iter_mut().for_each(|byte| *byte = !*byte);
            }
        }
        Operation::Or | Operation::Xor => {
            let of_all: fn(u8, u8) -> u8 =
                if operation == Operation::Or { |x, y| x | y } else { |x, y| x ^ y };
            for key in args.iter_from(3) {
                result.with(call, key, of_all)?;
            }
        }
        Operation::Diff1 | Operation::AndOr => {
            for key in args.iter_from(4) {
                result.with(call, key, |x, y| x | y)?;
            }
            let of_first: fn(u8, u8) -> u8 =
                if operation == Operation::AndOr { |y, x| y & x } else { |y, x| y & !x };
            result.with(call, first, of_first)?;
        }
        Operation::One => {
            let mut repeated = Fold::default();
            for key in args.iter_from(3) {
                // Seen before, and again: more than once.
                let mut again = Fold(result.0.clone());
                again.with(call, key, |seen, y| seen & y)?;
                repeated.fold(&again.0, call.pulse, |x, y| x | y)?;
                result.with(call, key, |seen, y| seen | y)?;
            }
            result.fold(&repeated.0, call.pulse, |seen, repeated| seen & !repeated)?;
        }
    }
    Ok(result.0)
}

/// The result so far.
#[derive(Default)]
struct Fold(Vec<u8>);

impl Fold {
    /// Combines the string at a key into it.
    fn with(
        &mut self,
        call: &mut Call<'_, '_>,
        key: &[u8],
        combine: impl Fn(u8, u8) -> u8,
    ) -> Result<(), CommandError> {
        let pulse = call.pulse;
        match call.keyspace.string(key)? {
            Some(value) => value.with_text(|text| self.fold(text, pulse, combine)),
            None => self.fold(&[], pulse, combine),
        }
    }

    /// Combines `text` into it; the shorter of both is followed by zeros.
    fn fold(
        &mut self,
        text: &[u8],
        pulse: Option<Pulse<'_>>,
        combine: impl Fn(u8, u8) -> u8,
    ) -> Result<(), CommandError> {
        if self.0.len() < text.len() {
            self.0.reserve_exact(text.len() - self.0.len());
            self.0.resize(text.len(), 0);
        }
        let (same, behind) = self.0.split_at_mut(text.len());
        for (result, text) in same.chunks_mut(STRETCH).zip(text.chunks(STRETCH)) {
            beat(pulse)?;
            result.iter_mut().zip(text).for_each(|(x, y)| *x = combine(*x, *y));
        }
        for result in behind.chunks_mut(STRETCH) {
            beat(pulse)?;
            result.iter_mut().for_each(|x| *x = combine(*x, 0));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rig;
    use proptest::prelude::*;

    #[test]
    fn combines_strings() {
        let mut rig = Rig::new();
        rig.run("SET {t}x \"\\xf0\\xff\\x01\"");
        rig.run("SET {t}y \"\\x3c\\x0f\"");
        let cases = [
            ("AND {t}d {t}x {t}y", "0\\x0f\\x00"),
            ("OR {t}d {t}x {t}y", "\\xfc\\xff\\x01"),
            ("XOR {t}d {t}x {t}y", "\\xcc\\xf0\\x01"),
            ("not {t}d {t}x", "\\x0f\\x00\\xfe"),
            ("DIFF {t}d {t}x {t}y", "\\xc0\\xf0\\x01"),
            ("DIFF1 {t}d {t}x {t}y", "\\x0c\\x00\\x00"),
            ("ANDOR {t}d {t}x {t}y {t}missing", "0\\x0f\\x00"),
            ("ONE {t}d {t}x {t}y", "\\xcc\\xf0\\x01"),
            ("ONE {t}d {t}x {t}y {t}x", "\\x0c\\x00\\x00"),
            ("ONE {t}d {t}y", "<\\x0f"),
            ("AND {t}d {t}missing {t}x", "\\x00\\x00\\x00"),
        ];
        for (line, result) in cases {
            let len = if line == "ONE {t}d {t}y" { 2 } else { 3 };
            rig.check(&format!("BITOP {line}"), &format!(":{len}"));
            rig.check("GET {t}d", &format!("${result}"));
        }
    }

    #[test]
    fn the_destination_is_overwritten_whatever_it_was() {
        let mut rig = Rig::new();
        rig.run("HSET {t}d f v");
        rig.run("SET {t}x 12 PX 10");
        rig.check("BITOP OR {t}d {t}x", ":2");
        rig.check("OBJECT ENCODING {t}d", "$raw");
        rig.check("BITOP OR {t}x {t}d", ":2");
        rig.check("TTL {t}x", ":-1");
        rig.check("BITOP OR {t}d {t}missing", ":0");
        rig.check("EXISTS {t}d", ":0");
        rig.check("SET {t}e \"\"", "+OK");
        rig.check("BITOP NOT {t}x {t}e", ":0");
        rig.check("EXISTS {t}x", ":0");
    }

    #[test]
    fn errors_change_nothing() {
        let mut rig = Rig::new();
        rig.run("HSET {t}h f v");
        rig.run("SET {t}x v");
        rig.check("BITOP FOO {t}x {t}x", "-ERR syntax error");
        let error = "-ERR BITOP NOT must be called with a single source key.";
        rig.check("BITOP NOT {t}x {t}h {t}h", error);
        for name in ["DIFF", "DIFF1", "ANDOR"] {
            let error = format!("-ERR BITOP {name} must be called with at least two source keys.");
            rig.check(&format!("BITOP {name} {{t}}x {{t}}h"), &error);
        }
        rig.check_error("BITOP AND {t}x {t}x {t}h", "WRONGTYPE");
        rig.check_error("BITOP ONE {t}x {t}missing {t}h", "WRONGTYPE");
        rig.check_error("BITOP AND {t}x", "ERR wrong number of arguments for 'bitop' command");
        rig.check("GET {t}x", "$v");
    }

    /// What the operation is for one bit of each string.
    fn bit(operation: Operation, bits: &[bool]) -> bool {
        let (x, ys) = (bits[0], &bits[1..]);
        let any = ys.contains(&true);
        match operation {
            Operation::And => x && !ys.contains(&false),
            Operation::Or => x || any,
            Operation::Xor => bits.iter().filter(|bit| **bit).count() % 2 == 1,
            Operation::Not => !x,
            Operation::Diff => x && !any,
            Operation::Diff1 => !x && any,
            Operation::AndOr => x && any,
            Operation::One => bits.iter().filter(|bit| **bit).count() == 1,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

        #[test]
        fn each_bit_is_what_the_operation_says(
            texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..6), 2..5),
            (name, operation) in proptest::sample::select(OPERATIONS.to_vec()),
        ) {
            let texts = if operation == Operation::Not { &texts[..1] } else { &texts[..] };
            let mut rig = Rig::new().once();
            let keys: Vec<String> = (0..texts.len()).map(|n| format!("{{t}}{n}")).collect();
            for (key, text) in keys.iter().zip(texts) {
                rig.run_parts(&[b"SET", key.as_bytes(), text]);
            }
            let len = texts.iter().map(Vec::len).max().unwrap_or_default();
            let line = format!("BITOP {name} {{t}}d {}", keys.join(" "));
            prop_assert_eq!(rig.run(&line), format!(":{len}"));
            for at in 0..len * 8 {
                let of = |text: &Vec<u8>| {
                    text.get(at >> 3).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1)
                };
                let bits: Vec<bool> = texts.iter().map(of).collect();
                let expected = format!(":{}", u8::from(bit(operation, &bits)));
                prop_assert_eq!(rig.run(&format!("GETBIT {{t}}d {at}")), expected, "bit {}", at);
            }
        }
    }
}
