//! Cuts a damaged log where it is damaged, keeping copies: the operator's way out, never taken
//! without being asked for.

use std::io;

use crate::check::{bad_file, check};
use crate::error::LogError;
use crate::limits::READ_BYTES;
use crate::storage::{Storage, StorageFile as _, read_full, write_all};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Repaired {
    /// The file that was cut, with where, in bytes from its start.
    pub cut: Option<(String, u64)>,
    /// Copies of what was cut and files that were taken out, by their new names.
    pub kept: Vec<String>,
    /// The number of the frame that is next.
    pub next_frame: u64,
}

/// Cuts the log at the first frame that cannot be read, if that one is damaged. The file is copied
/// to `….damaged` first, and later files are renamed to that. A log that can be recovered, also
/// with a torn tail, is left alone. Ending half way is harmless: it can be run again.
///
/// # Errors
/// The damage itself, unless `accept_data_loss`; also when the file is not the log's to cut: one of
/// another node or version. When the disk refuses.
pub fn repair<S: Storage>(storage: &S, accept_data_loss: bool) -> Result<Repaired, LogError> {
    let report = check(storage)?;
    let mut repaired = Repaired { next_frame: report.sound.next_frame, ..Repaired::default() };
    let Some(damage) = report.damage else { return Ok(repaired) };
    let ours = match &damage.error {
        LogError::Damaged { .. } | LogError::Missing { .. } | LogError::Malformed { .. } => true,
        LogError::Io { .. }
        | LogError::Magic { .. }
        | LogError::Version { .. }
        | LogError::OutOfReach { .. }
        | LogError::OtherNode { .. } => false,
    };
    if !accept_data_loss || !ours {
        return Err(damage.error);
    }
    let bad = bad_file(&damage.error).to_owned();
    let cut = report.sound.segments.last().filter(|segment| segment.name == bad);
    // Newest first, so that what is left is the start of a log whenever this ends.
    let mut aside: Vec<&String> = damage.files_after.iter().rev().collect();
    if cut.is_none() {
        aside.push(&bad);
    }
    for name in aside {
        let copy = free_name(storage, name)?;
        storage.rename(name, &copy).map_err(|error| LogError::io("rename", name, error))?;
        storage.sync_directory("").map_err(|error| LogError::io("sync", "the log", error))?;
        repaired.kept.push(copy);
    }
    if let Some(segment) = cut {
        let copy = free_name(storage, &bad)?;
        copy_file(storage, &bad, &copy).map_err(|error| LogError::io("copy", &bad, error))?;
        cut_file(storage, &bad, segment.end).map_err(|error| LogError::io("cut", &bad, error))?;
        repaired.kept.push(copy);
        repaired.cut = Some((bad, segment.end));
    }
    Ok(repaired)
}

/// A name for the copy of a file that no file has.
fn free_name<S: Storage>(storage: &S, name: &str) -> Result<String, LogError> {
    let names = storage.list("").map_err(|error| LogError::io("list", "the log", error))?;
    let mut candidate = format!("{name}.damaged");
    let mut number = 2_u32;
    while names.contains(&candidate) {
        candidate = format!("{name}.damaged.{number}");
        number += 1;
    }
    Ok(candidate)
}

fn copy_file<S: Storage>(storage: &S, from: &str, to: &str) -> io::Result<()> {
    let source = storage.open_read(from)?;
    let target = storage.create(to)?;
    let mut buffer = vec![0; READ_BYTES];
    let mut offset = 0;
    loop {
        let count = read_full(&source, &mut buffer, offset)?;
        if count == 0 {
            break;
        }
        write_all(&target, &buffer[..count], offset)?;
        offset += count as u64;
    }
    target.sync()?;
    storage.sync_directory("")
}

fn cut_file<S: Storage>(storage: &S, name: &str, size: u64) -> io::Result<()> {
    let file = storage.open(name)?;
    file.truncate(size)?;
    file.sync()
}
