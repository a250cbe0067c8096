//! What becomes of pending entries when the entries themselves are removed: KEEPREF, DELREF, ACKED
//! (since Redis 8.2).
//!
//! Not a command.

use protocol::args::Args;
use protocol::error::ArgsError;

use super::id::parse;
use crate::error::CommandError;
use crate::keyspace::Keyspace;
use crate::types::stream::id::StreamId;

/// What becomes of the groups' references to an entry that is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum References {
    /// KEEPREF: they stay.
    Keep,
    /// DELREF: they go too.
    Delete,
    /// ACKED: an entry that some group has not read or not acknowledged is not removed.
    Acknowledged,
}

/// What has become of an entry, as XDELEX and XACKDEL reply it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There is no such entry.
    Missing = -1,
    /// It is removed.
    Removed = 1,
    /// It stays, since it is referred to.
    Kept = 2,
}

impl References {
    pub(super) fn parse(args: Args<'_>, at: usize) -> Option<Self> {
        const WORDS: [(&str, References); 3] = [
            ("KEEPREF", References::Keep),
            ("DELREF", References::Delete),
            ("ACKED", References::Acknowledged),
        ];
        WORDS.iter().find(|(word, _)| args.is(at, word)).map(|(_, references)| *references)
    }

    /// Removes an entry of the stream at a key, or not.
    pub(super) fn delete(self, keyspace: &mut Keyspace, key: &[u8], id: StreamId) -> Outcome {
        let Ok(Some(stream)) = keyspace.stream(key) else { return Outcome::Missing };
        // As in Redis, both before looking whether there is such an entry.
        if self == Self::Acknowledged && !stream.is_acknowledged(id) {
            return Outcome::Kept;
        }
        if self == Self::Delete {
            Self::forget(keyspace, key, id);
        }
        if !keyspace.stream_delete(key, id, false) {
            return Outcome::Missing;
        }
        Outcome::Removed
    }

    /// Has all groups forget an entry.
    fn forget(keyspace: &mut Keyspace, key: &[u8], id: StreamId) {
        let Ok(Some(stream)) = keyspace.stream(key) else { return };
        let groups = stream.groups().iter();
        let names: Vec<Box<[u8]>> = groups
            .filter(|(_, group)| group.pending().contains_key(&id))
            .map(|(name, _)| name.clone())
            .collect();
        for name in names {
            keyspace.stream_forget(key, &name, id);
        }
    }

    /// Has all groups forget the entries that there are up to an id.
    pub(super) fn forget_through(keyspace: &mut Keyspace, key: &[u8], point: StreamId) {
        let Ok(Some(stream)) = keyspace.stream(key) else { return };
        let mut references: Vec<(Box<[u8]>, StreamId)> = Vec::new();
        for (name, group) in stream.groups() {
            let pending = group.pending().range(..=point).map(|(id, _)| *id);
            let there = pending.filter(|id| stream.entry(*id).is_some());
            references.extend(there.map(|id| (name.clone(), id)));
        }
        for (name, id) in references {
            keyspace.stream_forget(key, &name, id);
        }
    }
}

/// `[KEEPREF|DELREF|ACKED] IDS n id …`, from part `from` on, in any order.
pub(super) fn parse_with_ids(
    args: Args<'_>,
    from: usize,
) -> Result<(References, Vec<StreamId>), CommandError> {
    let (mut references, mut ids) = (None, None);
    let mut at = from;
    while at < args.len() {
        if references.is_none() {
            references = References::parse(args, at);
            if references.is_some() {
                at += 1;
                continue;
            }
        }
        if !args.is(at, "IDS") || ids.is_some() || at + 1 >= args.len() {
            return Err(ArgsError::Syntax.into());
        }
        let count = args.int(at + 1).ok().filter(|count| *count > 0);
        let count =
            count.ok_or(CommandError::Text("ERR Number of IDs must be a positive integer"))?;
        at += 2;
        let end = usize::try_from(count).ok().and_then(|count| at.checked_add(count));
        let end = end.filter(|end| *end <= args.len()).ok_or(CommandError::Text(
            "ERR The `numids` parameter must match the number of arguments",
        ))?;
        ids = Some(at..end);
        at = end;
    }
    let ids = ids.ok_or(ArgsError::Syntax)?;
    let ids = ids.map(|at| parse(args.at(at))).collect::<Result<_, _>>()?;
    Ok((references.unwrap_or(References::Keep), ids))
}
