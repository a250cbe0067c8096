//! Sets as they lie in a directory: names, the newest one, and what is in the way.

use crate::error::{SnapshotError, WriteError};
use crate::identity::{Layout, NodeId};
use crate::indices::Indices;
use crate::record::NODE;
use crate::storage::Storage;

use super::read::{Opened, open_file};

/// A file of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// The shard, or [`NODE`].
    pub shard: u16,
    /// How many chunks it has.
    pub chunks: u64,
    /// Bytes of all chunks.
    pub bytes: u64,
    /// The last log index that it reflects.
    pub covered: u64,
}

/// A set that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetInfo {
    /// Its number.
    pub number: u64,
    /// The name of its directory.
    pub directory: String,
    /// Whose state it is.
    pub node_id: NodeId,
    /// The slots of each shard.
    pub layout: Layout,
    /// When the file of the node was begun, in milliseconds since 1970.
    pub created_ms: u64,
    /// The last log index that each file reflects.
    pub covered: Indices,
    /// Its files, by shard; that of the node is the last.
    pub files: Vec<FileInfo>,
}

pub(super) fn directory_name(number: u64) -> String {
    format!("snapshot-{number:016x}")
}

pub(super) fn temporary_name(number: u64) -> String {
    format!("snapshot-{number:016x}.tmp")
}

pub(super) fn file_name(shard: u16) -> String {
    if shard == NODE { "node.snap".to_owned() } else { format!("shard-{shard}.snap") }
}

/// The number in the name of a set, and whether the set was finished.
fn parse_name(name: &str) -> Option<(u64, bool)> {
    let rest = name.strip_prefix("snapshot-")?;
    let (digits, finished) = rest.strip_suffix(".tmp").map_or((rest, true), |rest| (rest, false));
    let exact = digits.len() == 16
        && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    let number = u64::from_str_radix(digits, 16).ok().filter(|_| exact)?;
    Some((number, finished))
}

/// The set with the highest number; `None` when there is none. Headers and trailers of all its
/// files have been looked at, the chunks not. `node_id` is whose it must be; `None` takes any.
///
/// # Errors
/// When a file is missing, damaged or not to be read: sets that have their name are whole, so an
/// older set is no substitute.
pub fn newest<S: Storage>(
    storage: &S,
    node_id: Option<&NodeId>,
) -> Result<Option<SetInfo>, SnapshotError> {
    let names = storage.list("").map_err(|source| SnapshotError::Io {
        action: "list",
        file: "the directory of the snapshots".to_owned(),
        source,
    })?;
    let finished = names.iter().filter_map(|name| parse_name(name).filter(|(_, whole)| *whole));
    let Some(number) = finished.map(|(number, _)| number).max() else { return Ok(None) };
    let set = look(storage, number, &directory_name(number))?;
    match node_id {
        Some(expected) if *expected != set.node_id => Err(SnapshotError::OtherNode {
            file: set.directory,
            expected: *expected,
            found: set.node_id,
        }),
        _ => Ok(Some(set)),
    }
}

/// Looks at the files of a set.
pub(super) fn look<S: Storage>(
    storage: &S,
    number: u64,
    directory: &str,
) -> Result<SetInfo, SnapshotError> {
    let node = open_file(storage, directory, number, NODE)?;
    let (node_id, shards) = (node.header.node_id, node.header.shards);
    let mut set = SetInfo {
        number,
        directory: directory.to_owned(),
        node_id,
        layout: Layout::default(),
        created_ms: node.header.created_ms,
        covered: Indices { shards: Vec::new(), node: node.trailer.covered },
        files: Vec::new(),
    };
    for shard in 0..shards {
        let opened = open_file(storage, directory, number, shard)?;
        if opened.header.node_id != node_id || opened.header.shards != shards {
            return Err(SnapshotError::Damaged {
                file: opened.name,
                offset: 0,
                what: "it does not belong to this set".to_owned(),
            });
        }
        set.layout.shards.push(opened.header.slots);
        set.covered.shards.push(opened.trailer.covered);
        set.files.push(info(&opened));
    }
    set.files.push(info(&node));
    Ok(set)
}

fn info<F>(opened: &Opened<F>) -> FileInfo {
    FileInfo {
        shard: opened.header.shard,
        chunks: opened.trailer.chunks,
        bytes: opened.trailer.bytes,
        covered: opened.trailer.covered,
    }
}

/// Removes all sets but that one, and what was not finished. To be called when that one lasts; says
/// how many were removed.
///
/// # Errors
/// When one cannot be removed; the others may be gone.
pub fn remove_others<S: Storage>(storage: &S, kept: u64) -> Result<u64, WriteError> {
    let listed = storage.list("");
    let io = |source| WriteError::new("list", "the directory of the snapshots", source);
    let mut removed = 0;
    for name in listed.map_err(io)? {
        if parse_name(&name).is_none_or(|set| set == (kept, true)) {
            continue;
        }
        let gone = storage.remove_directory(&name);
        gone.map_err(|source| WriteError::new("remove", &name, source))?;
        removed += 1;
    }
    if removed > 0 {
        let synced = storage.sync_directory("");
        synced
            .map_err(|source| WriteError::new("sync", "the directory of the snapshots", source))?;
    }
    Ok(removed)
}
