//! BITCOUNT key [start end [BYTE | BIT]]: reply how many bits of a string are set.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::STRETCH;
use super::range::{Bits, Unit};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::script::beat;
use crate::types::bits::count_ones;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "bitcount",
        family: Family::Bitmap,
        arity: Arity::at_least(2),
        flags: Flags::READONLY,
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        since: "2.6.0",
        complexity: "O(N)",
        summary: "Counts the number of set bits (population counting) in a string.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (start, end, unit) = match args.len() {
        2 => (0, -1, Unit::Byte),
        4 | 5 => (args.int(2)?, args.int(3)?, Unit::read(args, 4)?),
        _ => return Err(ArgsError::Syntax.into()),
    };
    let pulse = call.pulse;
    let Some(value) = call.keyspace.string(args.at(1))? else {
        call.reply.int(0);
        return Ok(());
    };
    // Redis: with both ends below zero and in the wrong order there is no range, whereas others
    // are first cut to the text.
    let ordered = !(start < 0 && end < 0 && start > end);
    let count = value.with_text(|text| {
        let mut count = 0;
        if let Some(bits) = Bits::resolve(text.len(), start, end, unit).filter(|_| ordered) {
            bits.visit(text, false, |bytes| {
                for stretch in bytes.chunks(STRETCH) {
                    beat(pulse)?;
                    count += count_ones(stretch);
                }
                Ok::<_, CommandError>(false)
            })?;
        }
        Ok::<_, CommandError>(count)
    })?;
    call.reply.int(count as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;
    use proptest::prelude::*;

    #[test]
    fn counts_bytes_and_bits() {
        let mut rig = Rig::new();
        rig.check("SET k foobar", "+OK");
        rig.check("BITCOUNT k", ":26");
        rig.check("BITCOUNT k 0 0", ":4");
        rig.check("BITCOUNT k 1 1 byte", ":6");
        rig.check("BITCOUNT k 5 30 BIT", ":17");
        rig.check("BITCOUNT k 5 5 BIT", ":1");
        rig.check("BITCOUNT k -2 -1", ":7");
        rig.check("BITCOUNT k 10 20", ":0");
        rig.check("BITCOUNT missing 0 -1 BIT", ":0");
        rig.check("SET i 12", "+OK");
        rig.check("BITCOUNT i", ":6");
    }

    #[test]
    fn both_ends_before_the_string() {
        let mut rig = Rig::new();
        rig.check("SET k \"\\xff\\xff\"", "+OK");
        rig.check("BITCOUNT k -10 -5", ":8");
        rig.check("BITCOUNT k -5 -10", ":0");
        rig.check("BITCOUNT k -5 -10 BIT", ":0");
        rig.check("BITCOUNT k -100 -50 BIT", ":1");
    }

    #[test]
    fn bad_ranges_are_errors_whatever_the_key() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        for key in ["h", "missing"] {
            let syntax = ["0", "0 -1 FOO", "0 -1 BIT x", "-1 -5 FOO"];
            for range in syntax {
                rig.check(&format!("BITCOUNT {key} {range}"), "-ERR syntax error");
            }
            for range in ["a 1", "0 1.5", "0 x FOO"] {
                let error = "-ERR value is not an integer or out of range";
                rig.check(&format!("BITCOUNT {key} {range}"), error);
            }
        }
        rig.check_error("BITCOUNT h", "WRONGTYPE");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

        #[test]
        fn counts_as_a_naive_loop_does(
            text in proptest::collection::vec(any::<u8>(), 0..40),
            start in 0usize..350,
            len in 0usize..350,
        ) {
            let mut rig = Rig::new().once();
            rig.run_parts(&[&b"SET"[..], b"k", &text]);
            let byte = |at: usize| text.get(at >> 3).copied().unwrap_or_default();
            let bit = |at: usize| byte(at) >> (7 - at % 8) & 1 == 1;
            let count = (start..=start + len).filter(|at| bit(*at)).count();
            let line = format!("BITCOUNT k {start} {} BIT", start + len);
            prop_assert_eq!(rig.run(&line), format!(":{count}"));
        }
    }
}
