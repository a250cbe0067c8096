//! Values of keys: a string or one of the collections.

use crate::types::hash::Hash;
use crate::types::string::StringValue;

/// The value of a key.
#[derive(Clone)]
pub(crate) enum Value {
    String(StringValue),
    Hash(Box<Hash>),
}

const _: () = assert!(size_of::<Value>() == 32);

/// What kind of value a key holds: the reply of TYPE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    String,
    /// A hash.
    Hash,
}

impl Kind {
    /// The name that TYPE replies and `SCAN … TYPE` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Hash => "hash",
        }
    }
}

impl Value {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::String(_) => Kind::String,
            Self::Hash(_) => Kind::Hash,
        }
    }

    /// What OBJECT ENCODING replies.
    pub(crate) fn encoding(&self) -> &'static str {
        match self {
            Self::String(string) => string.encoding(),
            Self::Hash(hash) => hash.encoding(),
        }
    }

    /// Bytes allocated outside of this struct.
    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::String(string) => string.memory(),
            Self::Hash(hash) => size_of::<Hash>() + hash.memory(),
        }
    }
}
