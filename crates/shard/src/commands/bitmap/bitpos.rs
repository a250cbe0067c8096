//! BITPOS key bit [start [end [BYTE | BIT]]]: reply with the place of the first bit that is `bit`.
//!
//! Without an end, a string of ones is followed by zeros: the first 0 is then right behind it.
//! With an end there is none, and the reply is -1.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::STRETCH;
use super::range::{Bits, Unit};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::script::{Pulse, beat};
use crate::types::bits::find;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "bitpos",
        family: Family::Bitmap,
        arity: Arity::at_least(3),
        flags: Flags::READONLY,
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        since: "2.8.7",
        complexity: "O(N)",
        summary: "Finds the first set (1) or clear (0) bit in a string.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let wanted = match args.int(2)? {
        0 => false,
        1 => true,
        _ => return Err(CommandError::Text("ERR The bit argument must be 1 or 0.")),
    };
    if args.len() > 6 {
        return Err(ArgsError::Syntax.into());
    }
    let start = if args.len() > 3 { args.int(3)? } else { 0 };
    // Redis: the unit comes before the end.
    let unit = Unit::read(args, 5)?;
    let end = if args.len() > 4 { Some(args.int(4)?) } else { None };
    let pulse = call.pulse;
    let Some(value) = call.keyspace.string(args.at(1))? else {
        call.reply.int(if wanted { -1 } else { 0 });
        return Ok(());
    };
    let place = value.with_text(|text| {
        let Some(bits) = Bits::resolve(text.len(), start, end.unwrap_or(-1), unit) else {
            return Ok(None);
        };
        let found = search(text, bits, wanted, pulse)?;
        let behind = (!wanted && end.is_none()).then_some(text.len() * 8);
        Ok::<_, CommandError>(found.or(behind))
    })?;
    call.reply.int(place.map_or(-1, |place| place as i64));
    Ok(())
}

fn search(
    text: &[u8],
    bits: Bits,
    wanted: bool,
    pulse: Option<Pulse<'_>>,
) -> Result<Option<usize>, CommandError> {
    let mut found = None;
    let mut at = bits.first >> 3;
    // What does not belong to the range must not be found.
    bits.visit(text, !wanted, |bytes| {
        for stretch in bytes.chunks(STRETCH) {
            beat(pulse)?;
            found = find(stretch, wanted).map(|place| at * 8 + place);
            at += stretch.len();
            if found.is_some() {
                break;
            }
        }
        Ok::<_, CommandError>(found.is_some())
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;
    use proptest::prelude::*;

    #[test]
    fn finds_ones_and_zeros() {
        let mut rig = Rig::new();
        rig.check("SET k \"\\xff\\xf0\\x00\"", "+OK");
        rig.check("BITPOS k 0", ":12");
        rig.check("SET k \"\\x00\\xff\\xf0\"", "+OK");
        rig.check("BITPOS k 1 0", ":8");
        rig.check("BITPOS k 1 2", ":16");
        rig.check("BITPOS k 1 2 -1 BYTE", ":16");
        rig.check("BITPOS k 1 7 15 BIT", ":8");
        rig.check("BITPOS k 0 9 15 BIT", ":-1");
        rig.check("BITPOS k 0 9 30 BIT", ":20");
        rig.check("BITPOS k 1 7 -3 BIT", ":8");
        rig.check("BITPOS k 1 3", ":-1");
    }

    #[test]
    fn zeros_follow_a_string_unless_an_end_is_given() {
        let mut rig = Rig::new();
        rig.check("SET k \"\\xff\\xff\"", "+OK");
        rig.check("BITPOS k 0", ":16");
        rig.check("BITPOS k 0 1", ":16");
        rig.check("BITPOS k 0 0 -1", ":-1");
        rig.check("BITPOS k 0 2", ":-1");
        rig.check("BITPOS missing 0", ":0");
        rig.check("BITPOS missing 0 5 7 BIT", ":0");
        rig.check("BITPOS missing 1", ":-1");
        rig.check("SET e \"\"", "+OK");
        rig.check("BITPOS e 0", ":-1");
    }

    #[test]
    fn bad_arguments_are_errors_whatever_the_key() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        for key in ["h", "missing"] {
            rig.check(&format!("BITPOS {key} 2"), "-ERR The bit argument must be 1 or 0.");
            for rest in ["a", "1 x", "1 0 x", "1 0 x BIT"] {
                let error = "-ERR value is not an integer or out of range";
                rig.check(&format!("BITPOS {key} {rest}"), error);
            }
            for rest in ["1 0 -1 FOO", "1 0 -1 BIT x", "1 0 x FOO"] {
                rig.check(&format!("BITPOS {key} {rest}"), "-ERR syntax error");
            }
        }
        rig.check_error("BITPOS h 1", "WRONGTYPE");
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(0u8), Just(255), any::<u8>()];
        proptest::collection::vec(byte, 1..40)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

        #[test]
        fn finds_as_a_naive_loop_does(
            text in text(),
            start in 0usize..350,
            len in 0usize..350,
            wanted in any::<bool>(),
        ) {
            let mut rig = Rig::new().once();
            rig.run_parts(&[&b"SET"[..], b"k", &text]);
            let end = (start + len).min(text.len() * 8 - 1);
            let bit = |at: usize| text[at >> 3] >> (7 - at % 8) & 1 == 1;
            let place = (start..=end).find(|at| bit(*at) == wanted).map_or(-1, |at| at as i64);
            let line = format!("BITPOS k {} {start} {} BIT", u8::from(wanted), start + len);
            prop_assert_eq!(rig.run(&line), format!(":{place}"));
        }
    }
}
