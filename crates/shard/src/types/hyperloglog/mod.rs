//! HyperLogLogs: estimates of how many different elements there were, in at most 12 KiB.
//!
//! They are strings, byte for byte those of Redis, so that they can be copied there and back:
//!
//! | bytes | |
//! |---|---|
//! | 0..4 | `HYLL` |
//! | 4 | encoding: 0 dense, 1 sparse |
//! | 5..8 | not used |
//! | 8..16 | the estimate, little-endian; its highest bit says that it is out of date |
//! | 16.. | 16384 registers, see `dense` and `sparse` |
//!
//! Since they are strings, anybody can write anything into them: nothing here relies on a value
//! being well-formed, and what is not is [`Corrupt`].
//!
//! # Not here
//! Keys, and how a changed value gets there: `commands::hyperloglog`.

mod dense;
mod element;
mod estimate;
#[cfg(test)]
mod golden_test;
mod sketch;
mod sparse;

pub(crate) use element::Element;
pub(crate) use sketch::Sketch;

use crate::types::patch::Patch;

/// How many registers there are.
pub(crate) const REGISTERS: usize = 1 << 14;
/// Length of the header, in bytes.
pub(crate) const HEADER: usize = 16;
/// Length of a dense value, in bytes.
const DENSE_LEN: usize = HEADER + dense::BODY;
const MAGIC: &[u8; 4] = b"HYLL";
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
/// The byte whose highest bit says that the estimate is out of date.
const STALE_AT: usize = 15;
const STALE: u8 = 0x80;

/// The body of the value is not what its header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Corrupt;

/// All registers, one in each byte.
pub(crate) type Registers = [u8; REGISTERS];

/// A string that is a HyperLogLog by its header.
#[derive(Clone, Copy)]
pub(crate) struct View<'a>(&'a [u8]);

impl<'a> View<'a> {
    /// The string as a HyperLogLog; `None` when it is none.
    pub(crate) fn of(text: &'a [u8]) -> Option<Self> {
        let fits = text.len() >= HEADER
            && text.starts_with(MAGIC)
            && match text[4] {
                DENSE => text.len() == DENSE_LEN,
                SPARSE => true,
                _ => false,
            };
        fits.then_some(Self(text))
    }

    pub(crate) fn is_sparse(self) -> bool {
        self.0[4] == SPARSE
    }

    /// All of the value.
    pub(crate) fn text(self) -> &'a [u8] {
        self.0
    }

    fn body(self) -> &'a [u8] {
        &self.0[HEADER..]
    }

    /// The estimate that was stored, if it is up to date.
    fn stored_estimate(self) -> Option<u64> {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.0[8..HEADER]);
        (bytes[7] & STALE == 0).then_some(u64::from_le_bytes(bytes))
    }

    /// The estimate of how many different elements were added.
    pub(crate) fn estimate(self) -> Result<u64, Corrupt> {
        if let Some(stored) = self.stored_estimate() {
            return Ok(stored);
        }
        let histogram = if self.is_sparse() {
            sparse::histogram(self.body())?
        } else {
            dense::histogram(self.body())
        };
        Ok(estimate::estimate(&histogram))
    }

    /// Raises each register to this one's where that is higher.
    pub(crate) fn raise(self, registers: &mut Registers) -> Result<(), Corrupt> {
        if self.is_sparse() {
            return sparse::raise(self.body(), registers);
        }
        dense::for_each(self.body(), |at, value| registers[at] = registers[at].max(value));
        Ok(())
    }

    /// The changes that add elements to a dense value. Nothing when all are known.
    pub(crate) fn add_to_dense(self, elements: impl Iterator<Item = Element>) -> Patch {
        let mut patch = Patch::default();
        for Element { index, rank } in elements {
            let (at, [low, high]) = {
                let byte = |at: usize| patch.byte(self.0, HEADER + at);
                if dense::register(index, byte) >= rank {
                    continue;
                }
                dense::with_register(index, rank, byte)
            };
            patch.set(HEADER + at, low);
            // The last register has no second byte.
            if HEADER + at + 1 < DENSE_LEN {
                patch.set(HEADER + at + 1, high);
            }
            if self.stored_estimate().is_some() {
                patch.set(STALE_AT, self.0[STALE_AT] | STALE);
            }
        }
        patch
    }

    /// The runs of a sparse value for people: `Z:len`, `z:len`, `v:value,len`.
    pub(crate) fn describe_sparse(self) -> Result<String, Corrupt> {
        let mut text = String::new();
        for run in sparse::runs(self.body()) {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&run?.describe());
        }
        Ok(text)
    }
}

/// The estimate for registers that are one in each byte.
pub(crate) fn estimate_registers(registers: &Registers) -> u64 {
    let mut histogram = estimate::EMPTY;
    registers.iter().for_each(|value| histogram[usize::from(value & 63)] += 1);
    estimate::estimate(&histogram)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Whatever the bytes, everything ends and nothing panics.
    fn try_all(text: &[u8], element: Element) {
        let Some(view) = View::of(text) else { return };
        let mut registers = [0; REGISTERS];
        let estimate = view.estimate();
        let raised = view.raise(&mut registers);
        drop(view.describe_sparse());
        if !view.is_sparse() {
            drop(view.add_to_dense(std::iter::once(element)));
        }
        let mut sketch = Sketch::from(view);
        let added = sketch.add(element, 3000);
        if view.stored_estimate().is_none() && view.is_sparse() {
            assert_eq!(estimate.is_ok(), raised.is_ok());
        }
        if raised.is_ok() && added.is_ok() {
            let after = sketch.into_bytes();
            let mut changed = [0; REGISTERS];
            let view = View::of(&after).expect("adding keeps the header");
            assert_eq!(view.raise(&mut changed), Ok(()), "{}", text.escape_ascii());
            registers[element.index] = registers[element.index].max(element.rank);
            assert_eq!(changed, registers);
        }
        let mut sketch = Sketch::from(view);
        assert_eq!(sketch.make_dense().is_ok(), raised.is_ok());
    }

    fn element() -> impl Strategy<Value = Element> {
        (0..REGISTERS, 1u8..=51).prop_map(|(index, rank)| Element { index, rank })
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(
            head in prop_oneof![Just(&b"HYLL"[..]), Just(&b"HYL"[..])],
            encoding in 0u8..3,
            mut body in proptest::collection::vec(any::<u8>(), 0..200),
            stale in any::<u8>(),
            element in element(),
        ) {
            let mut text = head.to_vec();
            text.push(encoding);
            body.resize(body.len().max(11), stale);
            text.extend(body);
            try_all(&text, element);
            text.resize(DENSE_LEN, stale);
            try_all(&text, element);
        }

        /// Sparse bodies that are nearly right: the runs are, only their sum may not be.
        #[test]
        fn random_runs_never_panic(
            runs in proptest::collection::vec((any::<u8>(), any::<u8>()), 0..60),
            fill in any::<bool>(),
            element in element(),
        ) {
            let mut text = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80".to_vec();
            let mut covered = 0;
            for (first, second) in runs {
                let start = text.len();
                text.push(first);
                if first >> 6 == 1 {
                    text.push(second);
                }
                let len: usize = sparse::runs(&text[start..]).map(|run| run.unwrap().len).sum();
                if fill && covered + len > REGISTERS {
                    text.truncate(start);
                    continue;
                }
                covered += len;
            }
            while fill && covered < REGISTERS {
                let len = (REGISTERS - covered).min(64);
                text.push((len - 1) as u8);
                covered += len;
            }
            let sum_is_right = covered == REGISTERS;
            let view = View::of(&text).expect("the header is right");
            prop_assert_eq!(view.estimate().is_ok(), sum_is_right);
            try_all(&text, element);
        }
    }

    #[test]
    fn runs_beyond_the_registers_are_corrupt() {
        // More registers than there are, and so many that a 16-bit or 32-bit sum would overflow.
        for count in [2, 5, 300_000] {
            let mut text = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80".to_vec();
            text.extend([0x7f, 0xff].repeat(count));
            text.push(0xff);
            let view = View::of(&text).expect("the header is right");
            assert_eq!(view.estimate(), Err(Corrupt));
            assert_eq!(view.raise(&mut [0; REGISTERS]), Err(Corrupt));
            assert_eq!(Sketch::from(view).make_dense(), Err(Corrupt));
        }
    }
}
