//! What requests ask of the state of the node before they run.

use protocol::spec::{CommandSpec, Family, Flags};

/// What one request, or all of a transaction together, asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// Memory: it is refused when there is none.
    pub memory: bool,
    /// A script runs: room is made for it, and what it may do when there is none is decided when it
    /// is known what it calls.
    pub script: bool,
    /// Something is written. What scripts write is looked at when they do.
    pub writes: bool,
}

impl Needs {
    /// Those of a command.
    #[inline]
    pub fn of(spec: &CommandSpec) -> Self {
        Self {
            memory: spec.flags.contains(Flags::DENYOOM),
            script: spec.family == Family::Scripting,
            writes: spec.writes(),
        }
    }

    /// Those of several commands that run as one.
    pub fn of_all<'a>(specs: impl IntoIterator<Item = &'a CommandSpec>) -> Self {
        specs.into_iter().map(Self::of).fold(Self::default(), |all, one| Self {
            memory: all.memory || one.memory,
            script: all.script || one.script,
            writes: all.writes || one.writes,
        })
    }
}
