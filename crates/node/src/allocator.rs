//! The allocator, and how many bytes are in use.
//!
//! Every allocation is counted in the thread that makes it, and the counts are added up now and
//! then: an atomic for each allocation would be shared by all cores. So the sum is exact to some
//! kilobytes for each thread.

#![expect(unsafe_code, reason = "a global allocator: it passes everything on and counts")]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering};

use mimalloc::MiMalloc;

/// A thread's count is added to the sum when it is this far from 0, in bytes.
const DRIFT_MAX: isize = 16 * 1024;

/// Bytes in use, but for what threads have not added yet.
static USED: AtomicIsize = AtomicIsize::new(0);

thread_local! {
    /// What this thread has allocated and freed since it last added it to the sum. It needs neither
    /// initialisation nor a destructor, so it can be used from within the allocator.
    static DRIFT: Cell<isize> = const { Cell::new(0) };
}

/// mimalloc, counting. See the module.
pub(crate) struct Counting;

/// Bytes that the process has allocated and not freed.
pub(crate) fn used() -> u64 {
    let drift = DRIFT.with(|drift| drift.take());
    let sum = USED.fetch_add(drift, Ordering::Relaxed) + drift;
    u64::try_from(sum).unwrap_or(0)
}

#[inline]
fn count(bytes: isize) {
    DRIFT.with(|drift| {
        let sum = drift.get() + bytes;
        if sum.abs() < DRIFT_MAX {
            drift.set(sum);
        } else {
            drift.set(0);
            USED.fetch_add(sum, Ordering::Relaxed);
        }
    });
}

// SAFETY: every call is passed on unchanged to mimalloc, which keeps the contract; counting touches
// nothing but a cell of the thread and an atomic, and never allocates.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's contract is that of the function called.
        unsafe { MiMalloc.alloc(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { MiMalloc.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as above.
        unsafe { MiMalloc.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size as isize - layout.size() as isize);
        // SAFETY: as above.
        unsafe { MiMalloc.realloc(block, layout, new_size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allocated_is_counted_until_it_is_freed() {
        // Other tests of the process allocate too, so only something large is seen for sure.
        let before = used();
        let block = vec![1u8; 256 << 20];
        let during = used();
        assert!(during > before + (200 << 20), "{before} {during}");
        drop(block);
        assert!(used() + (100 << 20) < during);
    }
}
