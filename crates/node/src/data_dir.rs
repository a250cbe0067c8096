//! The data directory: created when it is missing, and locked so that two processes never share it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;

use crate::error::NodeError;

/// A locked data directory. The lock ends with the process.
#[derive(Debug)]
pub(crate) struct DataDir {
    _lock: File,
}

impl DataDir {
    /// Creates `path` if it is missing, and locks it.
    ///
    /// # Errors
    /// The directory cannot be made or written, or another process has it.
    pub(crate) fn open(path: &Path) -> Result<Self, NodeError> {
        let failed = |source| NodeError::Directory { path: path.into(), source };
        fs::create_dir_all(path).map_err(failed)?;
        let mut options = OpenOptions::new();
        let options = options.create(true).truncate(false).read(true).write(true);
        let lock = options.open(path.join("atoll.lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(NodeError::DirectoryInUse(path.into())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// The id of this node, made at its first start and kept.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub(crate) fn node_id(&self, path: &Path) -> Result<String, NodeError> {
        let failed = |source| NodeError::Directory { path: path.into(), source };
        let file = path.join("node-id");
        match fs::read_to_string(&file) {
            Ok(id) if id.trim().len() == 40 => Ok(id.trim().into()),
            Ok(_) => Err(NodeError::BadValue {
                key: file.display().to_string(),
                why: "does not hold a node id of 40 hexadecimal digits".into(),
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let id = random_id();
                fs::write(&file, format!("{id}\n")).map_err(failed)?;
                Ok(id)
            }
            Err(error) => Err(failed(error)),
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
        drop(first);
        assert!(DataDir::open(&path).is_ok());
    }
}
