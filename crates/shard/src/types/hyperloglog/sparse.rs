//! The sparse form: runs of equal registers.
//!
//! | byte(s) | registers |
//! |---|---|
//! | `00llllll` | l + 1 zeros |
//! | `01llllll llllllll` | l + 1 zeros, the high bits of l first |
//! | `1vvvvvll` | l + 1 times the value v + 1 |

use super::estimate::{EMPTY, Histogram};
use super::{Corrupt, REGISTERS, Registers};

/// The highest value that a run can have.
pub(super) const VALUE_MAX: u8 = 32;
/// The longest run with a value.
pub(super) const VALUE_LEN_MAX: usize = 4;
/// The longest run of zeros in one byte.
const ZEROS_MAX: usize = 64;

/// Some registers with one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// 0, or 1 to [`VALUE_MAX`].
    pub(super) value: u8,
    /// How many registers, at least one.
    pub(super) len: usize,
    /// How many bytes the run takes: 1 or 2.
    pub(super) width: usize,
}

impl Run {
    /// The run at the beginning of `bytes`; `None` when they end before it does.
    pub(super) fn first(bytes: &[u8]) -> Option<Self> {
        let &byte = bytes.first()?;
        let low = usize::from(byte & 63);
        Some(match byte >> 6 {
            0 => Self { value: 0, len: low + 1, width: 1 },
            1 => Self { value: 0, len: (low << 8 | usize::from(*bytes.get(1)?)) + 1, width: 2 },
            _ => Self { value: (byte >> 2 & 31) + 1, len: (low & 3) + 1, width: 1 },
        })
    }

    pub(super) fn describe(self) -> String {
        let Self { value, len, width } = self;
        match (value, width) {
            (0, 1) => format!("z:{len}"),
            (0, _) => format!("Z:{len}"),
            _ => format!("v:{value},{len}"),
        }
    }
}

/// Appends a run of `len` registers, if it has any. `len` is what a run of its kind can have.
pub(super) fn put_run(out: &mut Vec<u8>, value: u8, len: usize) {
    match (value, len) {
        (_, 0) => {}
        (0, 1..=ZEROS_MAX) => out.push(len as u8 - 1),
        (0, _) => out.extend([((len - 1) >> 8) as u8 | 0x40, (len - 1) as u8]),
        _ => out.push(0x80 | (value - 1) << 2 | (len - 1) as u8),
    }
}

/// The runs of a body.
pub(super) fn runs(body: &[u8]) -> impl Iterator<Item = Result<Run, Corrupt>> {
    let mut rest = body;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let run = Run::first(rest).ok_or(Corrupt);
        rest = run.map_or(&[], |run| &rest[run.width..]);
        Some(run)
    })
}

/// Calls `visit` with the first register of each run and the run, all within the registers.
fn for_each(body: &[u8], mut visit: impl FnMut(usize, Run)) -> Result<(), Corrupt> {
    let mut index = 0;
    for run in runs(body) {
        let run = run?;
        if run.len > REGISTERS - index {
            return Err(Corrupt);
        }
        visit(index, run);
        index += run.len;
    }
    if index == REGISTERS { Ok(()) } else { Err(Corrupt) }
}

pub(super) fn histogram(body: &[u8]) -> Result<Histogram, Corrupt> {
    let mut histogram = EMPTY;
    for_each(body, |_, run| histogram[usize::from(run.value)] += run.len as u32)?;
    Ok(histogram)
}

/// Raises each register to that of the body where that is higher.
pub(super) fn raise(body: &[u8], registers: &mut Registers) -> Result<(), Corrupt> {
    for_each(body, |index, run| {
        if run.value > 0 {
            for register in &mut registers[index..index + run.len] {
                *register = (*register).max(run.value);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_read_back() {
        let cases = [(0, 1), (0, 64), (0, 65), (0, 16384), (1, 1), (1, 4), (32, 1), (32, 4)];
        for (value, len) in cases {
            let mut bytes = Vec::new();
            put_run(&mut bytes, value, len);
            let width = bytes.len();
            assert_eq!(Run::first(&bytes), Some(Run { value, len, width }));
        }
        let mut bytes = Vec::new();
        put_run(&mut bytes, 5, 0);
        assert!(bytes.is_empty());
        assert_eq!(Run::first(&[0x7f]), None);
    }
}
