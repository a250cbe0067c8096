//! A stack of handles that never copies much: a million keys that expire together, or places that
//! have become free, are noted without a pause.

/// Handles in one block.
const BLOCK: usize = 1024;

/// Handles in blocks. The block at the top lies beside the others, so that a push waits for memory
/// once less.
#[derive(Debug, Default)]
pub(crate) struct Handles {
    full: Vec<Vec<u32>>,
    last: Vec<u32>,
}

impl Handles {
    #[inline]
    pub(crate) fn push(&mut self, handle: u32) {
        if self.last.len() == self.last.capacity() {
            self.make_room();
        }
        self.last.push(handle);
    }

    #[cold]
    #[inline(never)]
    fn make_room(&mut self) {
        if self.last.len() < BLOCK {
            self.last.reserve(1);
        } else {
            self.full.push(std::mem::replace(&mut self.last, Vec::with_capacity(BLOCK)));
        }
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<u32> {
        if self.last.is_empty() {
            self.last = self.full.pop()?;
        }
        self.last.pop()
    }

    /// Pops some of what there is, at least one if there is any, to the front of `out`; returns how many.
    #[inline]
    pub(crate) fn pop_some(&mut self, out: &mut [u32]) -> usize {
        if self.last.is_empty() {
            let Some(block) = self.full.pop() else { return 0 };
            self.last = block;
        }
        let rest = self.last.len().saturating_sub(out.len());
        let popped = &self.last[rest..];
        out[..popped.len()].copy_from_slice(popped);
        let count = popped.len();
        self.last.truncate(rest);
        count
    }

    pub(crate) fn len(&self) -> usize {
        self.full.len() * BLOCK + self.last.len()
    }

    /// Those that are popped next, of the block at the top.
    #[inline]
    pub(crate) fn next(&self) -> impl Iterator<Item = u32> {
        self.last.iter().rev().copied()
    }

    /// Bytes of memory outside of this struct.
    pub(crate) fn memory(&self) -> usize {
        let handles = self.full.iter().map(Vec::capacity).sum::<usize>() + self.last.capacity();
        self.full.capacity() * size_of::<Vec<u32>>() + handles * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_last_is_popped_first_over_blocks() {
        let mut handles = Handles::default();
        for handle in 0..3 * BLOCK as u32 + 1 {
            handles.push(handle);
        }
        assert_eq!(handles.len(), 3 * BLOCK + 1);
        assert_eq!(handles.next().next(), Some(3 * BLOCK as u32));
        for handle in (0..3 * BLOCK as u32 + 1).rev() {
            assert_eq!(handles.len(), handle as usize + 1);
            assert_eq!(handles.pop(), Some(handle));
        }
        assert_eq!((handles.pop(), handles.len()), (None, 0));
    }

    #[test]
    fn some_are_popped_until_there_are_none() {
        let mut handles = Handles::default();
        (0..BLOCK as u32 + 10).for_each(|handle| handles.push(handle));
        let (mut popped, mut out) = (Vec::new(), [0; 7]);
        loop {
            let count = handles.pop_some(&mut out);
            popped.extend_from_slice(&out[..count]);
            if count == 0 {
                break;
            }
        }
        popped.sort_unstable();
        assert_eq!(popped, (0..BLOCK as u32 + 10).collect::<Vec<_>>());
    }

    #[test]
    fn at_the_edge_of_a_block_nothing_is_allocated_again_and_again() {
        let mut handles = Handles::default();
        (0..=BLOCK as u32).for_each(|handle| handles.push(handle));
        let block = handles.last.as_ptr();
        for _ in 0..3 {
            assert_eq!(handles.pop(), Some(BLOCK as u32));
            handles.push(BLOCK as u32);
            assert_eq!(handles.last.as_ptr(), block);
        }
    }
}
