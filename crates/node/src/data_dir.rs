//! The data directory: created when it is missing, and locked so that two processes never share it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use crate::error::NodeError;

/// The file that is locked.
const LOCK: &str = "atoll.lock";

/// The file that says whose directory it is.
const NODE_ID: &str = "node-id";

/// A locked data directory. The lock ends with the value.
#[derive(Debug)]
pub(crate) struct DataDir {
    _lock: Option<File>,
}

impl DataDir {
    /// Creates `path` if it is missing, and locks it.
    ///
    /// # Errors
    /// The directory cannot be made or written, or another process has it.
    pub(crate) fn open(path: &Path) -> Result<Self, NodeError> {
        let failed = |source| NodeError::Directory { path: path.into(), source };
        fs::create_dir_all(path).map_err(failed)?;
        Self::open_existing(path, true)
    }

    /// Locks a directory that is there. Unless it is to be written, nothing is made in it: a copy
    /// may lie where nobody can write. When that has no lock file, no node uses it, and it is not
    /// locked.
    ///
    /// # Errors
    /// There is no such directory, it cannot be written though it is to be, or another process has
    /// it.
    pub(crate) fn open_existing(path: &Path, writes: bool) -> Result<Self, NodeError> {
        let failed = |source| NodeError::Directory { path: path.into(), source };
        fs::read_dir(path).map_err(failed)?;
        let mut options = OpenOptions::new();
        options.create(writes).truncate(false).read(true).write(writes);
        let lock = match options.open(path.join(LOCK)) {
            Err(error) if !writes && error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { _lock: None });
            }
            opened => opened.map_err(failed)?,
        };
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: Some(lock) }),
            Err(TryLockError::WouldBlock) => Err(NodeError::DirectoryInUse(path.into())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// The id of the node that a directory belongs to, if it has been started.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn known_id(path: &Path) -> io::Result<Option<String>> {
        match fs::read_to_string(path.join(NODE_ID)) {
            Ok(id) => Ok(Some(id.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The id of this node, made at its first start and kept.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub(crate) fn node_id(&self, path: &Path) -> Result<String, NodeError> {
        let failed = |source| NodeError::Directory { path: path.into(), source };
        match Self::known_id(path).map_err(failed)? {
            Some(id) if id.len() == 40 => Ok(id),
            Some(_) => Err(NodeError::BadValue {
                key: path.join(NODE_ID).display().to_string(),
                why: "does not hold a node id of 40 hexadecimal digits".into(),
            }),
            None => {
                let id = random_id();
                fs::write(path.join(NODE_ID), format!("{id}\n")).map_err(failed)?;
                Ok(id)
            }
        }
    }
}

/// Forty random hexadecimal digits.
pub(crate) fn random_id() -> String {
    (0..40).map(|_| char::from(b"0123456789abcdef"[fastrand::usize(..16)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_serves_one_process_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        let first = DataDir::open(&path).unwrap();
        let id = first.node_id(&path).unwrap();
        assert_eq!(first.node_id(&path).unwrap(), id);
        let error = DataDir::open(&path).unwrap_err().to_string();
        assert!(error.contains("in use by another process"), "{error}");
        assert!(DataDir::open_existing(&path, false).is_err());
        drop(first);
        assert!(DataDir::open(&path).is_ok());
    }

    #[test]
    fn a_look_makes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing");
        assert!(DataDir::open_existing(&missing, false).is_err());
        assert!(DataDir::open_existing(&missing, true).is_err());
        assert!(!missing.exists());
        let looked = DataDir::open_existing(dir.path(), false).unwrap();
        assert_eq!(DataDir::known_id(dir.path()).unwrap(), None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        drop(looked);
        let repaired = DataDir::open_existing(dir.path(), true).unwrap();
        assert!(DataDir::open_existing(dir.path(), false).is_err());
        drop(repaired);
        assert!(DataDir::open_existing(dir.path(), false).is_ok());
    }
}
