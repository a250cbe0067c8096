//! Small blocks that a VM has given back and will soon want again.
//!
//! Scripts make strings and tables of a few dozen bytes and leave them to the collector: going to the
//! process's allocator and back for each costs more than making them. Blocks are kept by size, in
//! lists that run through the blocks themselves.
//!
//! # Invariants
//! - I1. A block of a class was allocated with that class's size, whatever part of it is used.
//! - I2. What is kept is not more than [`KEPT_MAX`].

use std::alloc::{Layout, alloc, dealloc};
use std::ptr;

/// What LuaJIT's own allocator gives, too. More would make blocks larger and slower to get.
pub(super) const ALIGNMENT: usize = 8;

/// Sizes of classes are multiples of this.
const STEP: usize = 16;
const CLASSES: usize = 16;
/// Largest block of a class, in bytes.
pub(super) const SMALL: usize = STEP * CLASSES;

/// Most bytes that are kept. A cycle of the collector of a VM that runs small scripts frees less.
const KEPT_MAX: usize = 1 << 20;

/// A block that nobody uses.
struct Free {
    next: *mut Free,
}

/// The blocks that are kept. See the module.
pub(super) struct Pool {
    lists: [*mut Free; CLASSES],
    /// Bytes.
    kept: usize,
}

impl Default for Pool {
    fn default() -> Self {
        Self { lists: [ptr::null_mut(); CLASSES], kept: 0 }
    }
}

/// The class of a block of 1 to [`SMALL`] bytes.
#[inline]
pub(super) fn class_of(size: usize) -> usize {
    (size - 1) / STEP
}

fn layout(class: usize) -> Layout {
    // SAFETY: the alignment is a power of two, and sizes are small.
    unsafe { Layout::from_size_align_unchecked((class + 1) * STEP, ALIGNMENT) }
}

impl Pool {
    /// A block of a class; null when there is no memory.
    #[inline]
    pub(super) fn take(&mut self, class: usize) -> *mut u8 {
        let block = self.lists[class];
        if block.is_null() {
            // SAFETY: the size is not 0.
            return unsafe { alloc(layout(class)) };
        }
        // SAFETY: what is in a list was put there by `give` and is nobody else's.
        self.lists[class] = unsafe { (*block).next };
        self.kept -= (class + 1) * STEP;
        block.cast()
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// The block is of this class (I1), and nobody uses it any more.
    #[inline]
    pub(super) unsafe fn give(&mut self, block: *mut u8, class: usize) {
        let kept = self.kept + (class + 1) * STEP;
        // SAFETY: by the caller. A block has room for a pointer and is aligned for it.
        unsafe {
            if kept > KEPT_MAX {
                return dealloc(block, layout(class));
            }
            self.kept = kept;
            let block = block.cast::<Free>();
            (*block).next = self.lists[class];
        }
        self.lists[class] = block.cast();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for (class, list) in self.lists.iter_mut().enumerate() {
            while !list.is_null() {
                let block = *list;
                // SAFETY: what is in a list was put there by `give` and is nobody else's.
                unsafe {
                    *list = (*block).next;
                    dealloc(block.cast(), layout(class));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back_by_class_and_not_too_many_are_kept() {
        let mut pool = Pool::default();
        assert_eq!((class_of(1), class_of(16), class_of(17), class_of(SMALL)), (0, 0, 1, 15));
        // SAFETY: each block is given back once, with its class.
        unsafe {
            let (small, large) = (pool.take(0), pool.take(15));
            pool.give(small, 0);
            pool.give(large, 15);
            assert_eq!(pool.kept, STEP + SMALL);
            assert_eq!(pool.take(15), large);
            assert_eq!(pool.take(0), small);
            assert_eq!(pool.kept, 0);
            let blocks: Vec<_> = (0..2 * KEPT_MAX / SMALL).map(|_| pool.take(15)).collect();
            blocks.into_iter().for_each(|block| pool.give(block, 15));
            assert_eq!(pool.kept, KEPT_MAX);
            pool.give(small, 0);
            pool.give(large, 15);
            assert_eq!(pool.kept, KEPT_MAX);
        }
    }
}
