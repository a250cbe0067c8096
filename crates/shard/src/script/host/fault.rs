//! Faults that tests inject.

/// Fails the k-th command that writes, right after it has written.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::script) struct Fault {
    /// Writes until it strikes; `None`: never.
    left: Option<u64>,
}

impl Fault {
    /// A fault after `writes` commands that write, counted from 1.
    pub(in crate::script) fn after(writes: Option<u64>) -> Self {
        Self { left: writes }
    }

    /// Counts a command that has written.
    pub(super) fn strikes(&mut self) -> bool {
        match &mut self.left {
            None => false,
            Some(left) => {
                *left = left.saturating_sub(1);
                *left == 0
            }
        }
    }
}
