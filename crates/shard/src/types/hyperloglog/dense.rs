//! The dense form: 16384 registers of 6 bits, one after the other, the lowest bits first.

use super::REGISTERS;
use super::estimate::{EMPTY, Histogram};

const BITS: usize = 6;
/// Length of the registers, in bytes.
pub(super) const BODY: usize = REGISTERS * BITS / 8;

/// A register. `byte` gives the bytes of the body; what is behind the end counts nothing.
pub(super) fn register(index: usize, byte: impl Fn(usize) -> u8) -> u8 {
    let (at, shift) = place(index);
    (u16::from_le_bytes([byte(at), byte(at + 1)]) >> shift) as u8 & 63
}

/// The two bytes that a register lies in, and where they are, once it has this value.
pub(super) fn with_register(
    index: usize,
    value: u8,
    byte: impl Fn(usize) -> u8,
) -> (usize, [u8; 2]) {
    let (at, shift) = place(index);
    let pair = u16::from_le_bytes([byte(at), byte(at + 1)]);
    let pair = pair & !(63 << shift) | u16::from(value & 63) << shift;
    (at, pair.to_le_bytes())
}

fn place(index: usize) -> (usize, usize) {
    (index * BITS / 8, index * BITS % 8)
}

/// Sets a register of a body.
pub(super) fn set(body: &mut [u8], index: usize, value: u8) {
    let byte = |at: usize| body.get(at).copied().unwrap_or_default();
    let (at, pair) = with_register(index, value, byte);
    body.iter_mut().skip(at).zip(pair).for_each(|(byte, new)| *byte = new);
}

/// Calls `visit` with the number and the value of each register.
pub(super) fn for_each(body: &[u8], mut visit: impl FnMut(usize, u8)) {
    let (groups, _) = body.as_chunks::<3>();
    for (group, [low, middle, high]) in groups.iter().enumerate() {
        let four = u32::from_le_bytes([*low, *middle, *high, 0]);
        for register in 0..4 {
            visit(group * 4 + register, (four >> (register * BITS)) as u8 & 63);
        }
    }
}

pub(super) fn histogram(body: &[u8]) -> Histogram {
    let mut histogram = EMPTY;
    for_each(body, |_, value| histogram[usize::from(value)] += 1);
    histogram
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_do_not_touch_their_neighbours() {
        let mut body = vec![0; BODY];
        for index in 0..REGISTERS {
            set(&mut body, index, (index % 61) as u8);
        }
        for index in (0..REGISTERS).step_by(7) {
            set(&mut body, index, 63);
        }
        let expected = |index: usize| if index.is_multiple_of(7) { 63 } else { (index % 61) as u8 };
        let byte = |at: usize| body.get(at).copied().unwrap_or_default();
        assert!((0..REGISTERS).all(|index| register(index, byte) == expected(index)));
        let mut count = 0;
        for_each(&body, |index, value| {
            assert_eq!(value, expected(index));
            count += 1;
        });
        assert_eq!(count, REGISTERS);
        assert_eq!(histogram(&body).iter().sum::<u32>() as usize, REGISTERS);
    }
}
