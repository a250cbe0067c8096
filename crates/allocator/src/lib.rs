//! The allocator, and how many bytes are in use.
//!
//! Every allocation is counted in the thread that makes it, and the counts are added up now and
//! then: an atomic for each allocation would be shared by all cores. So the sum is exact to some
//! kilobytes for each thread.
//!
//! What has been freed is given back to the operating system by a thread of its own, once a second.
//! mimalloc does it within whatever call allocates next, all at once: a request that comes after a
//! large value has been freed would wait for tens of milliseconds.
//!
//! A crate of its own, so that the programs of `benches/` measure with what a node runs on.

#![expect(unsafe_code, reason = "a global allocator: it passes everything on and counts")]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::time::Duration;

use libmimalloc_sys as mi;
use mimalloc::MiMalloc;

/// A thread's count is added to the sum when it is this far from 0, in bytes.
const DRIFT_MAX: isize = 16 * 1024;

/// Each block of mimalloc that is no smaller than this begins at a multiple of it, in bytes; each
/// smaller one at a multiple of its size.
const ALIGNED: usize = 16;

/// How often memory that has been freed is given back.
const GIVE_BACK_EVERY: Duration = Duration::from_secs(1);

/// The number of mimalloc's option `purge_delay`, which the crate has no name for.
const PURGE_DELAY: mi::mi_option_t = 15;

/// Bytes in use, but for what threads have not added yet.
static USED: AtomicIsize = AtomicIsize::new(0);

thread_local! {
    /// What this thread has allocated and freed since it last added it to the sum. It needs neither
    /// initialisation nor a destructor, so it can be used from within the allocator.
    static DRIFT: Cell<isize> = const { Cell::new(0) };
}

/// mimalloc, counting. See the module.
pub struct Counting;

/// Bytes that the process has allocated and not freed.
pub fn used() -> u64 {
    let drift = DRIFT.with(|drift| drift.take());
    let sum = USED.fetch_add(drift, Ordering::Relaxed) + drift;
    u64::try_from(sum).unwrap_or(0)
}

/// From now on a thread of its own gives back what has been freed, and no other call does.
///
/// # Errors
/// If the thread cannot be started.
pub fn give_back_apart() -> io::Result<()> {
    keep_freed();
    std::thread::Builder::new().name("give-back".into()).spawn(|| give_back_for_ever())?;
    Ok(())
}

/// From now on memory that has been freed is given back by [`give_back_for_ever`] alone.
fn keep_freed() {
    // Not -1, with which nothing would be noted as freed. In milliseconds: a hundred years.
    const NEVER: std::ffi::c_long = 100 * 365 * 86_400 * 1000;
    // SAFETY: it sets a number of mimalloc's, which may be done at any time.
    unsafe { mi::mi_option_set(PURGE_DELAY, NEVER) };
}

/// Gives back what has been freed, again and again: the life of a thread that does nothing else.
fn give_back_for_ever() -> ! {
    loop {
        std::thread::sleep(GIVE_BACK_EVERY);
        // SAFETY: it may be called by any thread at any time. Of other threads it takes only whole
        // pages that they have freed.
        unsafe { mi::mi_collect(true) };
    }
}

/// Whether plain calls of mimalloc do for blocks of this alignment: those that take an alignment
/// ask for a larger block where they do not know that it is given, of 14 KB instead of 12.
#[inline]
fn is_plain(layout: Layout, size: usize) -> bool {
    layout.align() <= ALIGNED && layout.align() <= size
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
        if is_plain(layout, layout.size()) {
            // SAFETY: any size will do, and the block is aligned as it has to be.
            return unsafe { mi::mi_malloc(layout.size()) }.cast();
        }
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
        if is_plain(layout, layout.size()) {
            // SAFETY: as above.
            return unsafe { mi::mi_zalloc(layout.size()) }.cast();
        }
        // SAFETY: as above.
        unsafe { MiMalloc.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size as isize - layout.size() as isize);
        if is_plain(layout, new_size) {
            // SAFETY: as above; the block is mimalloc's, and what is in it comes along.
            return unsafe { mi::mi_realloc(block.cast(), new_size) }.cast();
        }
        // SAFETY: as above.
        unsafe { MiMalloc.realloc(block, layout, new_size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static ALLOCATOR: Counting = Counting;

    #[test]
    fn blocks_are_aligned_and_no_larger_than_they_have_to_be() {
        for size in (1..200).chain([1000, 1536, 2560, 4096, 12_288, 40_000, 1 << 20]) {
            for align in [1, 2, 4, 8, 16, 32, 64].into_iter().filter(|align| *align <= size) {
                let Ok(layout) = Layout::from_size_align(size, align) else { unreachable!() };
                // SAFETY: the size is not 0, and the blocks are freed as they have been allocated.
                unsafe {
                    let blocks = [(); 20].map(|()| Counting.alloc(layout));
                    for block in blocks {
                        assert_eq!(block.addr() % align, 0, "{size} at {align}");
                        let grown = Counting.realloc(block, layout, 2 * size);
                        assert_eq!(grown.addr() % align, 0, "{size} at {align}");
                        let layout = Layout::from_size_align_unchecked(2 * size, align);
                        Counting.dealloc(grown, layout);
                    }
                }
            }
        }
        // SAFETY: as above.
        unsafe {
            let block = Counting.alloc(Layout::new::<[u64; 1536]>());
            assert_eq!(mi::mi_usable_size(block.cast()), 12_288);
            Counting.dealloc(block, Layout::new::<[u64; 1536]>());
        }
    }

    #[test]
    fn the_number_of_the_option_is_right() {
        // SAFETY: it reads a number.
        let default = unsafe { mi::mi_option_get(PURGE_DELAY) };
        assert!(default == 1000 || std::env::var_os("MIMALLOC_PURGE_DELAY").is_some(), "{default}");
    }

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
