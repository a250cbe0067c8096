//! Why requests cannot take the short way now, as far as the whole node is concerned.
//!
//! A request in a pipeline costs some hundred nanoseconds, so it does not ask each part of the node
//! whether that has something to say to it. A part that does raises its reason here, and as long as
//! none is raised a request looks at one number, see [`crate::dispatch`].
//!
//! # Invariants
//! - I1. Whether a part concerns requests is said by its reason and by nothing else, so the two
//!   cannot differ.

use std::sync::atomic::{AtomicU32, Ordering};

/// A part of the node that may concern every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Reason {
    /// Somebody is shown all commands (MONITOR).
    Monitored = 1,
    /// Requests may have to wait (CLIENT PAUSE).
    Paused = 1 << 1,
    /// The data is being read.
    Loading = 1 << 2,
}

impl Reason {
    /// All there are.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 3] = [Self::Monitored, Self::Paused, Self::Loading];
}

/// The reasons that are raised. See the module.
#[derive(Debug, Default)]
pub(crate) struct Attention(AtomicU32);

impl Attention {
    /// Raises a reason, or takes it back. Who calls this from several threads does so under a lock.
    pub(crate) fn set(&self, reason: Reason, raised: bool) {
        if raised {
            self.0.fetch_or(reason as u32, Ordering::Release);
        } else {
            self.0.fetch_and(!(reason as u32), Ordering::Release);
        }
    }

    /// Whether this reason is raised.
    #[inline]
    pub(crate) fn has(&self, reason: Reason) -> bool {
        self.0.load(Ordering::Relaxed) & reason as u32 != 0
    }

    /// Whether any reason is raised.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_counts_by_itself() {
        let attention = Attention::default();
        for reason in Reason::ALL {
            assert!(!attention.any() && !attention.has(reason));
            attention.set(reason, true);
            assert!(attention.any());
            let raised = Reason::ALL.into_iter().filter(|other| attention.has(*other));
            assert_eq!(raised.collect::<Vec<_>>(), [reason]);
            attention.set(reason, false);
        }
        Reason::ALL.iter().for_each(|reason| attention.set(*reason, true));
        for reason in Reason::ALL {
            assert!(attention.any());
            attention.set(reason, false);
            assert!(!attention.has(reason));
        }
        assert!(!attention.any());
    }
}
