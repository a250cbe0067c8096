//! What can go wrong, by what the owner must do about it.

use std::io;

use crate::identity::NodeId;

/// A record was not taken into the frame. The frame is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The record does not follow the last one of its shard: a mistake of the caller.
    #[error("record of shard {shard} has index {found}, but {expected} follows")]
    Index {
        /// The shard, or [`crate::NODE`].
        shard: u16,
        /// What would follow.
        expected: u64,
        /// What the record has.
        found: u64,
    },
    /// There is no such shard, or the kind does not go with it: a mistake of the caller.
    #[error("a record of this kind cannot be of shard {shard}")]
    Shard {
        /// The shard, or [`crate::NODE`].
        shard: u16,
    },
    /// The body is larger than [`crate::limits::BODY_BYTES_MAX`].
    #[error("a record of {bytes} bytes is larger than the log takes")]
    TooLarge {
        /// Of the body.
        bytes: usize,
    },
    /// The frame would get too large: write it, then append again.
    #[error("the frame is full")]
    FrameFull,
}

/// The disk refused to make bytes last. What was written since the last sync may or may not be on
/// the disk, and a second try would tell nothing: the process must end.
#[derive(Debug, thiserror::Error)]
#[error("cannot sync {file}: {source}")]
pub struct SyncError {
    /// The file, or the directory of the log.
    pub file: String,
    /// What the system said.
    pub source: io::Error,
}

/// Something was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The disk is full. The log is as before, and the frame is kept: try again later.
    #[error("no space left for {file}: {source}")]
    NoSpace {
        /// The file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else. The process must end.
    #[error("cannot {action} {file}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file, or the directory of the log.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// A sync failed. The process must end.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// An earlier error was one after which the process must end.
    #[error("the log has failed before")]
    Failed,
    /// The log belongs to another node, or says something that cannot be continued.
    #[error("the log cannot be continued: {0}")]
    Unfit(&'static str),
}

impl WriteError {
    /// Whether the owner must end the process.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::NoSpace { .. } => false,
            Self::Io { .. } | Self::Sync(_) | Self::Failed | Self::Unfit(_) => true,
        }
    }

    pub(crate) fn new(action: &'static str, file: &str, source: io::Error) -> Self {
        let file = file.to_owned();
        if is_full(&source) {
            Self::NoSpace { file, source }
        } else {
            Self::Io { action, file, source }
        }
    }
}

/// Whether an error says that there is no space.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// A log or a snapshot cannot be read. Nothing has been changed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file system refused.
    #[error("cannot {action} {file}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file does not begin as one of its kind does.
    #[error("{file} has the name of a file of Atoll's, but does not begin like one")]
    Magic {
        /// The file.
        file: String,
    },
    /// The file was written in another version of the format.
    #[error("{file} has format version {found}; this build reads version {known}")]
    Version {
        /// The file.
        file: String,
        /// The version in the file.
        found: u32,
        /// The version of this build.
        known: u32,
    },
    /// The file belongs to another node.
    #[error(
        "{file} belongs to node {found}, but this is node {expected}: the data of another node \
         lies in this directory"
    )]
    OtherNode {
        /// The file.
        file: String,
        /// Whose directory this should be.
        expected: NodeId,
        /// Whose file it is.
        found: NodeId,
    },
    /// Bytes that had been synced cannot be read any more, or are missing.
    #[error(
        "{file} is damaged at byte {offset} (frame {frame}): {what}. Writes that were acknowledged \
         would be lost without it. Restore the file, or have the log cut there with `atoll log \
         repair --accept-data-loss`, which keeps copies"
    )]
    Damaged {
        /// The file.
        file: String,
        /// Where, in bytes from the start of the file.
        offset: u64,
        /// The number of the frame that should lie there.
        frame: u64,
        /// What is wrong, and how that is known.
        what: String,
    },
    /// Frames are missing between two files.
    #[error(
        "frames {expected} to {last} are missing before {file}: a file of the log is gone, or cut. \
         Restore it, or have the log end there with `atoll log repair --accept-data-loss`, which \
         keeps copies"
    )]
    Missing {
        /// The file after them.
        file: String,
        /// The first frame that is missing.
        expected: u64,
        /// The last frame that is missing.
        last: u64,
    },
    /// Between what the snapshot covers and where the log begins, something is missing.
    #[error(
        "{file}: the log begins behind index {base} of shard {shard}, but the snapshot covers only \
         {covered}: a file of the log, or a newer snapshot, is gone. Restore it from a copy"
    )]
    OutOfReach {
        /// The first file.
        file: String,
        /// The shard, or [`crate::NODE`].
        shard: u16,
        /// The last index before the file.
        base: u64,
        /// The last index in the snapshot; 0 without one.
        covered: u64,
    },
    /// A frame has a valid checksum, but says what it cannot say: written by a build with a fault,
    /// or by a newer one.
    #[error("{file} at byte {offset} (frame {frame}): {what}")]
    Malformed {
        /// The file.
        file: String,
        /// Where the frame begins, in bytes from the start of the file.
        offset: u64,
        /// The number of the frame.
        frame: u64,
        /// What is wrong.
        what: String,
    },
}

impl LogError {
    pub(crate) fn io(action: &'static str, file: &str, source: io::Error) -> Self {
        Self::Io { action, file: file.to_owned(), source }
    }
}

/// Recovery ended before the end of the log.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError<E> {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Who was shown the records did not take one.
    #[error("a record was not taken: {0}")]
    Visit(E),
}

/// A snapshot cannot be read, or not be finished. The log is not concerned.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file system refused.
    #[error("cannot {action} {file}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file does not begin as one of its kind does.
    #[error("{file} has the name of a snapshot of Atoll's, but does not begin like one")]
    Magic {
        /// The file.
        file: String,
    },
    /// The file was written in another version of the format.
    #[error("{file} has format version {found}; this build reads version {known}")]
    Version {
        /// The file.
        file: String,
        /// The version in the file.
        found: u32,
        /// The version of this build.
        known: u32,
    },
    /// The set belongs to another node.
    #[error(
        "{file} belongs to node {found}, but this is node {expected}: the data of another node \
         lies in this directory"
    )]
    OtherNode {
        /// The directory of the set.
        file: String,
        /// Whose directory this should be.
        expected: NodeId,
        /// Whose set it is.
        found: NodeId,
    },
    /// A file of a set that was whole is gone.
    #[error("{file} is missing: restore it from a copy")]
    Missing {
        /// The file.
        file: String,
    },
    /// A file of a set that was whole cannot be read any more.
    #[error("{file} is damaged at byte {offset}: {what}. Restore it from a copy")]
    Damaged {
        /// The file.
        file: String,
        /// Where, in bytes from the start of the file.
        offset: u64,
        /// What is wrong.
        what: String,
    },
}
