//! Tests of BITFIELD and BITFIELD_RO.

use crate::testing::Rig;
use proptest::prelude::*;

#[test]
fn gets_sets_and_increments() {
    let mut rig = Rig::new();
    rig.check("BITFIELD k GET u8 0", "[:0]");
    rig.check("EXISTS k", ":0");
    rig.check("BITFIELD k SET i8 0 -100 GET u8 0 GET i8 0", "[:0 :156 :-100]");
    rig.check("GET k", "$\\x9c");
    rig.check("BITFIELD k incrby i8 0 10 Set u4 #3 15", "[:-90 :0]");
    rig.check("GET k", "$\\xa6\\x0f");
    rig.check("BITFIELD k GET u4 #1 GET i4 4 GET u16 4", "[:6 :6 :24816]");
    rig.check("BITFIELD k", "[]");
    rig.check("BITFIELD k OVERFLOW SAT", "[]");
    rig.check("SET i 12", "+OK");
    rig.check("BITFIELD i INCRBY u8 8 1", "[:51]");
    rig.check("GET i", "$13");
}

#[test]
fn overflows() {
    let mut rig = Rig::new();
    rig.check("BITFIELD k SET u8 0 255 INCRBY u8 0 2", "[:0 :1]");
    rig.check("BITFIELD k OVERFLOW SAT INCRBY u8 0 1000 INCRBY u8 0 -1000", "[:255 :0]");
    rig.check("BITFIELD k OVERFLOW FAIL INCRBY u8 0 256 GET u8 0 SET u8 0 256", "[_ :0 _]");
    rig.check("BITFIELD k OVERFLOW SAT SET i8 0 -200 OVERFLOW WRAP INCRBY i8 0 -1", "[:0 :127]");
    rig.check("BITFIELD k OVERFLOW SAT SET u8 0 -1 GET u8 0", "[:127 :255]");
    rig.check(
        "BITFIELD m SET i64 0 9223372036854775807 INCRBY i64 0 1",
        "[:0 :-9223372036854775808]",
    );
    rig.check("BITFIELD m OVERFLOW SAT INCRBY i64 0 -1", "[:-9223372036854775808]");
    rig.check("BITFIELD m OVERFLOW FAIL INCRBY i64 0 -1", "[_]");
}

#[test]
fn the_string_grows_to_the_last_field_that_is_named() {
    let mut rig = Rig::new();
    rig.check("BITFIELD k OVERFLOW FAIL INCRBY u2 100 9", "[_]");
    rig.check("STRLEN k", ":13");
    rig.check("BITFIELD k SET u8 200 0 SET u8 0 1", "[:0 :0]");
    rig.check("STRLEN k", ":26");
    rig.check("BITFIELD k GET u8 800", "[:0]");
    rig.check("STRLEN k", ":26");
}

#[test]
fn the_effect_is_as_large_as_the_change() {
    let mut rig = Rig::new().once();
    rig.check("SETBIT k 8000000 1", ":0");
    let mark = rig.shard().keyspace_mut().begin();
    rig.check("BITFIELD k SET u8 100 1 INCRBY i64 4000000 1", "[:0 :1]");
    assert!(rig.shard().keyspace().undo_memory() < 1000);
    rig.shard().keyspace_mut().roll_back(mark);
}

#[test]
fn errors_change_nothing_of_what_came_before_them() {
    let mut rig = Rig::new();
    let offset = "-ERR bit offset is not an integer or out of range";
    let kind = "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not \
                supported but i64 is.";
    let cases = [
        ("GET u8", "-ERR syntax error"),
        ("FOO", "-ERR syntax error"),
        ("OVERFLOW", "-ERR syntax error"),
        ("SET u8 0", "-ERR syntax error"),
        ("INCRBY u8 0", "-ERR syntax error"),
        ("OVERFLOW foo", "-ERR Invalid OVERFLOW type specified"),
        ("GET u64 0", kind),
        ("GET I8 0", kind),
        ("SET u8 -1 x", offset),
        ("SET u8 #-1 1", offset),
        ("SET u8 # 1", offset),
        ("SET u8 4294967296 1", offset),
        ("SET u8 4294967295 1", offset),
        ("SET u8 #9223372036854775807 1", offset),
        ("SET u8 0 x", "-ERR value is not an integer or out of range"),
        ("INCRBY u8 0 9223372036854775808", "-ERR value is not an integer or out of range"),
    ];
    for (rest, error) in cases {
        rig.check(&format!("BITFIELD k SET u8 0 1 {rest}"), error);
        rig.check("EXISTS k", ":0");
    }
    rig.run("HSET h f v");
    for line in ["BITFIELD h", "BITFIELD h SET u8 0 1", "BITFIELD_RO h GET u8 0"] {
        rig.check_error(line, "WRONGTYPE");
    }
}

#[test]
fn the_read_only_form_has_get_alone() {
    let mut rig = Rig::new();
    rig.check("SET k a", "+OK");
    rig.check("BITFIELD_RO k GET u8 0 OVERFLOW SAT GET i4 4", "[:97 :1]");
    let error = "-ERR BITFIELD_RO only supports the GET subcommand";
    rig.check("BITFIELD_RO k SET u8 0 1", error);
    rig.check("BITFIELD_RO k GET u8 0 INCRBY u8 0 1", error);
    rig.check("GET k", "$a");
}

/// BITFIELD on a row of booleans.
struct Model(Vec<bool>);

impl Model {
    fn grow(&mut self, end: usize) {
        self.0.resize(self.0.len().max(end.next_multiple_of(8)), false);
    }

    fn get(&self, signed: bool, width: usize, offset: usize) -> i128 {
        let bit = |at: usize| i128::from(self.0.get(at).copied().unwrap_or_default());
        let value = (offset..offset + width).fold(0, |value, at| value << 1 | bit(at));
        if signed && bit(offset) == 1 { value - (1 << width) } else { value }
    }

    fn set(&mut self, width: usize, offset: usize, value: i128) {
        for at in 0..width {
            self.0[offset + at] = value >> (width - 1 - at) & 1 == 1;
        }
    }
}

/// Verb, signed, width, offset, number, overflow.
type Step = (usize, bool, usize, usize, i64, usize);

fn model_step(model: &mut Model, step: &Step) -> String {
    let (verb, signed, width, offset, number, overflow) = *step;
    let old = model.get(signed, width, offset);
    if verb == 0 {
        return format!(":{old}");
    }
    let (least, most) = match signed {
        true => (-(1i128 << (width - 1)), (1i128 << (width - 1)) - 1),
        false => (0, (1i128 << width) - 1),
    };
    let wanted = match verb {
        1 if signed => i128::from(number),
        1 => i128::from(number as u64),
        _ => old + i128::from(number),
    };
    let fits = (least..=most).contains(&wanted);
    let new = match overflow {
        _ if fits => wanted,
        0 => (wanted - least).rem_euclid(1 << width) + least,
        1 => wanted.clamp(least, most),
        _ => return "_".into(),
    };
    model.set(width, offset, new);
    format!(":{}", if verb == 1 { old } else { new })
}

fn step() -> impl Strategy<Value = Step> {
    let number = prop_oneof![-300i64..300, any::<i64>(), Just(i64::MIN), Just(i64::MAX)];
    (0usize..3, any::<bool>(), 1usize..=64, 0usize..200, number, 0usize..3).prop_map(
        |(verb, signed, width, offset, number, overflow)| {
            (verb, signed, if signed { width } else { width.min(63) }, offset, number, overflow)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_a_row_of_booleans(
        requests in proptest::collection::vec(proptest::collection::vec(step(), 1..6), 1..5),
    ) {
        let mut rig = Rig::new();
        let mut model = Model(Vec::new());
        for steps in &requests {
            let mut line = "BITFIELD k".to_owned();
            for (verb, signed, width, offset, number, overflow) in steps {
                let sign = if *signed { 'i' } else { 'u' };
                let overflow = ["WRAP", "SAT", "FAIL"][*overflow];
                line += &match verb {
                    0 => format!(" GET {sign}{width} {offset}"),
                    1 => format!(" OVERFLOW {overflow} SET {sign}{width} {offset} {number}"),
                    _ => format!(" OVERFLOW {overflow} INCRBY {sign}{width} {offset} {number}"),
                };
            }
            let ends = steps.iter().filter(|step| step.0 > 0).map(|step| step.3 + step.2);
            model.grow(ends.max().unwrap_or_default());
            let replies: Vec<String> =
                steps.iter().map(|step| model_step(&mut model, step)).collect();
            prop_assert_eq!(rig.run(&line), format!("[{}]", replies.join(" ")), "{}", line);
        }
        prop_assert_eq!(rig.run("STRLEN k"), format!(":{}", model.0.len() / 8));
        for (at, bit) in model.0.iter().enumerate() {
            prop_assert_eq!(rig.run(&format!("GETBIT k {at}")), format!(":{}", u8::from(*bit)));
        }
    }
}
