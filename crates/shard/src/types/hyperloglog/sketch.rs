//! A HyperLogLog that is being changed: a copy of the value, which the caller stores.
//!
//! The bytes that come of it are those that Redis comes to for the same elements in the same order.
//! So runs are split and joined exactly where Redis does it: only next to the register that
//! changed, and not always as far as could be.

use super::sparse::{Run, VALUE_LEN_MAX, VALUE_MAX, put_run};
use super::{Corrupt, DENSE, DENSE_LEN, Element, HEADER, MAGIC, REGISTERS, Registers, SPARSE};
use super::{STALE, STALE_AT, View, dense};

/// How many runs are looked at for joining, from that before the change on.
const JOIN_RUNS: usize = 5;

/// See the module.
pub(crate) struct Sketch {
    bytes: Vec<u8>,
    /// The run before the one that was found last: searches for higher registers go on from there,
    /// so that adding in order costs no search.
    resume: Position,
}

/// A run of the body.
#[derive(Clone, Copy)]
struct Position {
    /// Offset of the run in the value.
    at: usize,
    /// Its first register.
    first: usize,
    /// Offset of the run before it.
    before: Option<usize>,
}

const START: Position = Position { at: HEADER, first: 0, before: None };

impl From<View<'_>> for Sketch {
    fn from(view: View<'_>) -> Self {
        Self { bytes: view.0.to_vec(), resume: START }
    }
}

impl Sketch {
    /// One with no elements, sparse.
    pub(crate) fn new() -> Self {
        let mut bytes = MAGIC.to_vec();
        bytes.push(SPARSE);
        bytes.resize(HEADER, 0);
        put_run(&mut bytes, 0, REGISTERS);
        Self { bytes, resume: START }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The value as it is now.
    pub(crate) fn view(&self) -> View<'_> {
        View(&self.bytes)
    }

    fn is_sparse(&self) -> bool {
        self.view().is_sparse()
    }

    /// The stored estimate is out of date from now on.
    pub(crate) fn invalidate(&mut self) {
        self.bytes[STALE_AT] |= STALE;
    }

    /// Adds an element; a sparse value that would be longer than `sparse_max` bytes, or that cannot
    /// hold the element, becomes dense. Says whether anything has changed.
    pub(crate) fn add(&mut self, element: Element, sparse_max: usize) -> Result<bool, Corrupt> {
        let changed = if self.is_sparse() {
            self.add_to_sparse(element, sparse_max)?
        } else {
            self.add_to_dense(element)
        };
        if changed {
            self.invalidate();
        }
        Ok(changed)
    }

    /// Raises each register to that of `registers` where that is higher.
    pub(crate) fn raise_to(
        &mut self,
        registers: &Registers,
        sparse_max: usize,
    ) -> Result<(), Corrupt> {
        for (index, rank) in registers.iter().copied().enumerate().filter(|(_, rank)| *rank > 0) {
            self.add(Element { index, rank }, sparse_max)?;
        }
        Ok(())
    }

    /// Makes it dense. The stored estimate stays.
    pub(crate) fn make_dense(&mut self) -> Result<(), Corrupt> {
        if !self.is_sparse() {
            return Ok(());
        }
        let mut registers = [0; REGISTERS];
        self.view().raise(&mut registers)?;
        let mut bytes = vec![0; DENSE_LEN];
        bytes[..HEADER].copy_from_slice(&self.bytes[..HEADER]);
        bytes[4] = DENSE;
        for (index, value) in registers.into_iter().enumerate().filter(|(_, value)| *value > 0) {
            dense::set(&mut bytes[HEADER..], index, value);
        }
        self.bytes = bytes;
        Ok(())
    }

    fn add_to_dense(&mut self, Element { index, rank }: Element) -> bool {
        let body = &mut self.bytes[HEADER..];
        let byte = |at: usize| body.get(at).copied().unwrap_or_default();
        let higher = dense::register(index, byte) < rank;
        if higher {
            dense::set(body, index, rank);
        }
        higher
    }

    fn add_to_sparse(&mut self, element: Element, sparse_max: usize) -> Result<bool, Corrupt> {
        if element.rank > VALUE_MAX {
            self.make_dense()?;
            return Ok(self.add_to_dense(element));
        }
        let (Position { at, first, before }, run) = self.find(element.index)?;
        if run.value >= element.rank {
            return Ok(false);
        }
        let ahead = element.index - first;
        let mut runs = Vec::with_capacity(5);
        put_run(&mut runs, run.value, ahead);
        put_run(&mut runs, element.rank, 1);
        put_run(&mut runs, run.value, run.len - ahead - 1);
        let grows = runs.len() > run.width;
        if grows && self.bytes.len() + runs.len() - run.width > sparse_max {
            self.make_dense()?;
            return Ok(self.add_to_dense(element));
        }
        self.bytes.splice(at..at + run.width, runs);
        if self.resume.at == at {
            // Joining may move this run.
            self.resume = START;
        }
        self.join(before.unwrap_or(HEADER));
        Ok(true)
    }

    /// The run that the register belongs to.
    fn find(&mut self, index: usize) -> Result<(Position, Run), Corrupt> {
        if index < self.resume.first {
            self.resume = START;
        }
        let mut here = self.resume;
        loop {
            let run = Run::first(&self.bytes[here.at..]).ok_or(Corrupt)?;
            if index < here.first + run.len {
                return Ok((here, run));
            }
            // What lies before this run is left alone by the change, and by joining after it.
            self.resume = here;
            here = Position {
                at: here.at + run.width,
                first: here.first + run.len,
                before: Some(here.at),
            };
        }
    }

    /// Joins neighbouring runs of the same value, from the run at `from` on, as far as Redis looks.
    fn join(&mut self, from: usize) {
        let mut at = from;
        for _ in 0..JOIN_RUNS {
            let Some(run) = Run::first(&self.bytes[at..]) else { return };
            let next = Run::first(&self.bytes[at + run.width..]);
            match next {
                Some(next)
                    if run.value > 0
                        && next.value == run.value
                        && run.len + next.len <= VALUE_LEN_MAX =>
                {
                    let mut joined = Vec::with_capacity(1);
                    put_run(&mut joined, run.value, run.len + next.len);
                    self.bytes.splice(at..at + 2, joined);
                }
                _ => at += run.width,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::hyperloglog::estimate_registers;

    const SPARSE_MAX: usize = 3000;

    fn element(number: u32) -> Element {
        Element::of(format!("element-{number}").as_bytes())
    }

    #[test]
    fn sparse_and_dense_hold_the_same_registers() {
        let mut sparse = Sketch::new();
        let mut dense = Sketch::new();
        dense.make_dense().expect("a new one is not corrupt");
        let mut naive = [0u8; REGISTERS];
        for number in 0..3000 {
            let element = element(number);
            let higher = naive[element.index] < element.rank;
            naive[element.index] = naive[element.index].max(element.rank);
            assert_eq!(sparse.add(element, 1 << 20), Ok(higher));
            assert_eq!(dense.add(element, 1 << 20), Ok(higher));
        }
        for sketch in [sparse, dense] {
            let mut registers = [0; REGISTERS];
            let bytes = sketch.into_bytes();
            let view = View::of(&bytes).expect("a HyperLogLog");
            assert_eq!(view.raise(&mut registers), Ok(()));
            assert!(registers == naive);
            assert_eq!(view.estimate(), Ok(estimate_registers(&naive)));
        }
    }

    #[test]
    fn estimates_are_close() {
        let mut sketch = Sketch::new();
        let mut next = 0;
        for count in [1, 10, 100, 1000, 10_000, 100_000] {
            while next < count {
                sketch.add(element(next), SPARSE_MAX).expect("not corrupt");
                next += 1;
            }
            let estimate = View::of(&sketch.bytes).expect("a HyperLogLog").estimate();
            let error = estimate.expect("not corrupt") as f64 / f64::from(count) - 1.0;
            assert!(error.abs() < 0.03, "{count}: off by {error}");
        }
        assert!(!sketch.is_sparse());
    }

    /// Searches that go on from the last one find what searches from the start find.
    #[test]
    fn adding_in_order_gives_what_adding_at_random_gives() {
        let mut registers = [0; REGISTERS];
        let mut fresh = Sketch::new();
        for number in 0..900 {
            let Element { index, rank } = element(number);
            registers[index] = rank.max(registers[index]);
        }
        for (index, rank) in registers.iter().copied().enumerate().filter(|(_, rank)| *rank > 0) {
            fresh.resume = START;
            fresh.add(Element { index, rank }, SPARSE_MAX).expect("not corrupt");
        }
        let mut resumed = Sketch::new();
        resumed.raise_to(&registers, SPARSE_MAX).expect("not corrupt");
        assert_eq!(resumed.into_bytes(), fresh.into_bytes());
    }

    #[test]
    fn what_does_not_fit_becomes_dense() {
        let mut sketch = Sketch::new();
        sketch.add(Element { index: 5, rank: 32 }, SPARSE_MAX).expect("not corrupt");
        assert!(sketch.is_sparse());
        assert_eq!(sketch.add(Element { index: 5, rank: 33 }, SPARSE_MAX), Ok(true));
        assert!(!sketch.is_sparse());
        let mut sketch = Sketch::new();
        assert_eq!(sketch.add(Element { index: 5, rank: 1 }, 21), Ok(true));
        assert!(sketch.is_sparse());
        assert_eq!(sketch.add(Element { index: 900, rank: 1 }, 21), Ok(true));
        assert!(!sketch.is_sparse());
    }
}
