//! How entries are replied: an id, and an array of fields and values.
//!
//! Not a command.

use crate::error::CommandError;
use crate::reply::Reply;
use crate::script::{Pulse, beat};
use crate::types::stream::Entry;
use crate::types::stream::id::StreamId;

/// How many entries are looked at between two beats.
const ENTRIES_PER_BEAT: usize = 64;

pub(super) fn put_id(reply: &mut Reply<'_>, id: StreamId) {
    id.with_text(|text| reply.bulk(text));
}

pub(super) fn put_entry(reply: &mut Reply<'_>, entry: Entry<'_>) {
    reply.array(2);
    put_id(reply, entry.id);
    reply.array(entry.fields.len() * 2);
    for (field, value) in entry.fields {
        reply.bulk(field);
        reply.bulk(value);
    }
}

/// The first `count` of the entries, and all of them when that is 0.
///
/// # Errors
/// [`CommandError::Interrupted`].
pub(super) fn gather<'a>(
    entries: impl Iterator<Item = Entry<'a>>,
    count: usize,
    pulse: Option<Pulse<'_>>,
) -> Result<Vec<Entry<'a>>, CommandError> {
    let count = if count == 0 { usize::MAX } else { count };
    let mut gathered = Vec::new();
    for entry in entries.take(count) {
        gathered.push(entry);
        if gathered.len().is_multiple_of(ENTRIES_PER_BEAT) {
            beat(pulse)?;
        }
    }
    Ok(gathered)
}

/// Replies entries as an array.
///
/// # Errors
/// [`CommandError::Interrupted`].
pub(super) fn put_entries(
    reply: &mut Reply<'_>,
    entries: &[Entry<'_>],
    pulse: Option<Pulse<'_>>,
) -> Result<(), CommandError> {
    reply.array(entries.len());
    for some in entries.chunks(ENTRIES_PER_BEAT) {
        some.iter().for_each(|entry| put_entry(reply, *entry));
        beat(pulse)?;
    }
    Ok(())
}
