//! Changes to single bytes of a string, gathered before any is made.
//!
//! A command that changes several places computes all of them first, so that it can still fail
//! without having changed anything, and what it then writes is as large as the change.

use std::collections::BTreeMap;

/// Bytes by their offset.
#[derive(Debug, Default)]
pub(crate) struct Patch(BTreeMap<usize, u8>);

impl Patch {
    /// The byte at `at`, as patched or as in `text`, with zeros behind the end.
    pub(crate) fn byte(&self, text: &[u8], at: usize) -> u8 {
        self.0.get(&at).copied().unwrap_or_else(|| text.get(at).copied().unwrap_or_default())
    }

    /// The byte at `at` becomes this.
    pub(crate) fn set(&mut self, at: usize, byte: u8) {
        self.0.insert(at, byte);
    }

    /// The text becomes at least `len` long, with zeros.
    pub(crate) fn reach(&mut self, text: &[u8], len: usize) {
        if len > text.len() {
            self.0.entry(len - 1).or_insert(0);
        }
    }

    /// The runs of neighbouring bytes with their offsets, the last one first: so a string grows
    /// once, and if it cannot, nothing has been changed.
    pub(crate) fn into_runs(self) -> impl Iterator<Item = (usize, Vec<u8>)> {
        let mut runs: Vec<(usize, Vec<u8>)> = Vec::new();
        for (at, byte) in self.0 {
            match runs.last_mut() {
                Some((start, run)) if *start + run.len() == at => run.push(byte),
                _ => runs.push((at, vec![byte])),
            }
        }
        runs.into_iter().rev()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_make_one_run_and_the_last_comes_first() {
        let mut patch = Patch::default();
        for (at, byte) in [(5, 1), (2, 2), (6, 3), (5, 4)] {
            patch.set(at, byte);
        }
        patch.reach(b"abc", 10);
        patch.reach(b"abc", 3);
        assert_eq!(patch.byte(b"abc", 5), 4);
        assert_eq!(patch.byte(b"abc", 1), b'b');
        assert_eq!(patch.byte(b"abc", 100), 0);
        let runs: Vec<_> = patch.into_runs().collect();
        assert_eq!(runs, [(9, vec![0]), (5, vec![4, 3]), (2, vec![2])]);
    }
}
