//! What belongs to the node as a whole and outlives it: libraries of functions, and the scripts that
//! SCRIPT LOAD has pinned. The log and snapshots carry it as changes: a byte that says which, and a
//! body.

use shard::script::functions::FunctionStore;
use shard::script::sha::Sha;
use shard::script::store::{Change, ScriptStore};

/// One change of what belongs to the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NodeChange<'a> {
    /// These are all libraries: a payload of FUNCTION DUMP.
    Libraries(&'a [u8]),
    /// This script is pinned.
    Script(&'a [u8]),
    /// No script is pinned.
    NoScripts,
}

const LIBRARIES: u8 = 1;
const SCRIPT: u8 = 2;
const NO_SCRIPTS: u8 = 3;

impl<'a> NodeChange<'a> {
    /// The change as bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Libraries(payload) => [&[LIBRARIES], *payload].concat(),
            Self::Script(text) => [&[SCRIPT], *text].concat(),
            Self::NoScripts => vec![NO_SCRIPTS],
        }
    }

    /// The change that bytes are.
    pub(crate) fn decode(bytes: &'a [u8]) -> Option<Self> {
        match bytes.split_first()? {
            (&LIBRARIES, payload) => Some(Self::Libraries(payload)),
            (&SCRIPT, text) => Some(Self::Script(text)),
            (&NO_SCRIPTS, []) => Some(Self::NoScripts),
            _ => None,
        }
    }

    /// What the store of scripts has told.
    pub(crate) fn of(change: Change<'a>) -> Self {
        match change {
            Change::Pinned(text) => Self::Script(text),
            Change::Flushed => Self::NoScripts,
        }
    }

    /// The change as a command that makes it: what people are shown.
    pub(crate) fn as_command(&self) -> Vec<Vec<u8>> {
        let words = |words: &[&[u8]]| words.iter().map(|word| word.to_vec()).collect();
        match self {
            Self::Libraries(payload) => words(&[b"FUNCTION", b"RESTORE", payload, b"FLUSH"]),
            Self::Script(text) => words(&[b"SCRIPT", b"LOAD", text]),
            Self::NoScripts => words(&[b"SCRIPT", b"FLUSH"]),
        }
    }
}

/// All that there is, as changes that make it.
pub(crate) fn all(scripts: &ScriptStore, functions: &FunctionStore) -> Vec<Vec<u8>> {
    let pinned = scripts.list().into_iter().filter(|(_, pinned)| *pinned);
    let mut changes = vec![NodeChange::NoScripts.encode()];
    changes.extend(pinned.map(|(source, _)| NodeChange::Script(&source.body).encode()));
    changes.push(NodeChange::Libraries(&functions.dump()).encode());
    changes
}

/// Pins a script that was pinned before the start.
pub(crate) fn pin(scripts: &ScriptStore, text: &[u8]) {
    scripts.add(Sha::of(text), text, true);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_read_back() {
        let changes = [
            NodeChange::Libraries(b"payload"),
            NodeChange::Script(b"return 1"),
            NodeChange::NoScripts,
        ];
        for change in changes {
            assert_eq!(NodeChange::decode(&change.encode()), Some(change));
        }
        assert_eq!(NodeChange::decode(b""), None);
        assert_eq!(NodeChange::decode(b"\x09"), None);
        assert_eq!(NodeChange::decode(b"\x03more"), None);
    }
}
