//! Removes segments that a snapshot has made superfluous.

use crate::error::{SyncError, WriteError};
use crate::indices::Indices;
use crate::storage::Storage;

use super::Writer;

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purged {
    /// Files.
    pub segments: u64,
    /// Bytes of their headers and frames.
    pub bytes: u64,
}

impl<S: Storage> Writer<S> {
    /// Removes the oldest segments, up to the first that holds a record which `covered` does not
    /// cover. `covered` is what a snapshot of the present layout reflects, one that lasts: so it
    /// covers every segment of another layout. The present segment stays.
    ///
    /// # Errors
    /// Fatal when a file cannot be removed or the directory not be synced. A file that is gone
    /// already is fine.
    pub fn purge(&mut self, covered: &Indices) -> Result<Purged, WriteError> {
        self.unless_failed(|writer| writer.purge_covered(covered))
    }

    fn purge_covered(&mut self, covered: &Indices) -> Result<Purged, WriteError> {
        let mut purged = Purged::default();
        while let Some(oldest) = self.older.front() {
            let same_layout = oldest.header.layout == self.current.header.layout;
            if same_layout && !covered.cover(&oldest.last) {
                break;
            }
            let name = &oldest.name;
            match self.storage.remove(name) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(WriteError::new("remove", name, error));
                }
                _ => {}
            }
            purged.segments += 1;
            purged.bytes += oldest.end;
            self.older.pop_front();
        }
        if purged.segments > 0 {
            self.storage.sync_directory("").map_err(|source| SyncError {
                file: "the directory of the log".to_owned(),
                source,
            })?;
        }
        Ok(purged)
    }
}
