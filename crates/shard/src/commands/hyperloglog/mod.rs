//! Commands of the family *hyperloglog*: how many different elements, about, in little memory.
//!
//! A HyperLogLog is a string with a format of its own (`types::hyperloglog`), the same as Redis's.
//! Anybody can write anything into a string, so each command checks what it finds.

mod pfadd;
mod pfcount;
mod pfdebug;
mod pfmerge;
mod pfselftest;

use super::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::{Keyspace, NewExpiry};
use crate::types::hyperloglog::{Corrupt, HEADER, View};
use crate::types::string::StringValue;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[
    &pfadd::COMMAND,
    &pfcount::COMMAND,
    &pfdebug::COMMAND,
    &pfmerge::COMMAND,
    &pfselftest::COMMAND,
];

impl From<Corrupt> for CommandError {
    fn from(Corrupt: Corrupt) -> Self {
        Self::Text("INVALIDOBJ Corrupted HLL object detected")
    }
}

/// Calls `read` with the HyperLogLog at a key, or with `None` when the key is missing.
fn with_view<R>(
    call: &mut Call<'_, '_>,
    key: &[u8],
    read: impl FnOnce(Option<View<'_>>) -> Result<R, CommandError>,
) -> Result<R, CommandError> {
    const NONE: CommandError =
        CommandError::Text("WRONGTYPE Key is not a valid HyperLogLog string value.");
    match call.keyspace.string(key)? {
        Some(value) => value.with_text(|text| read(Some(View::of(text).ok_or(NONE)?))),
        None => read(None),
    }
}

/// What a command makes of the value at a key.
enum Change {
    /// Another value, which may be a new one.
    Whole(Vec<u8>),
    /// These bytes at these offsets, the last first.
    Parts(Vec<(usize, Vec<u8>)>),
}

impl Change {
    /// From one value to another: what differs, where the other is no shorter and of the same form.
    fn between(old: View<'_>, new: Vec<u8>) -> Self {
        let old_text = old.text();
        let same_form = View::of(&new).is_some_and(|new| new.is_sparse() == old.is_sparse());
        if new.len() < old_text.len() || !same_form {
            return Self::Whole(new);
        }
        let mut parts = Vec::new();
        let (old_head, old_body) = old_text.split_at(HEADER);
        let (new_head, new_body) = new.split_at(HEADER);
        for (at, old, new) in [(HEADER, old_body, new_body), (0, old_head, new_head)] {
            let same = new.iter().zip(old).take_while(|(new, old)| new == old).count();
            if same == new.len() {
                continue;
            }
            let mut changed = &new[same..];
            if new.len() == old.len() {
                let tail = new.iter().zip(old).rev().take_while(|(new, old)| new == old).count();
                changed = &new[same..new.len() - tail];
            }
            parts.push((at + same, changed.to_vec()));
        }
        Self::Parts(parts)
    }

    /// Makes the change.
    fn store(self, keyspace: &mut Keyspace, key: &[u8]) -> Result<(), CommandError> {
        match self {
            Self::Whole(text) => {
                keyspace.set_string(key, StringValue::raw(text), NewExpiry::Keep);
            }
            Self::Parts(parts) => {
                // Only the first can be refused, since the others lie before it.
                for (offset, part) in parts {
                    keyspace.splice_string(key, offset, &part)?;
                }
            }
        }
        Ok(())
    }
}
