//! Why a node does not start, or stops: for the operator.

use std::io;
use std::path::PathBuf;

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NodeError {
    #[error("configuration: {0}")]
    Config(#[source] config::ConfigError),
    #[error("configuration: {key}: {why}")]
    BadValue { key: String, why: String },
    #[error(
        "configuration: announce-host and announce-port say that this node is {0}, which is not \
         in cluster.initial-nodes"
    )]
    NotAMember(String),
    #[error("cluster: {0}")]
    Topology(String),
    #[error("listen on {address}: {source}")]
    Listen { address: String, source: io::Error },
    #[error("data directory {}: {source}", path.display())]
    Directory { path: PathBuf, source: io::Error },
    #[error(
        "data directory {} is in use by another process; give this node its own with --dir",
        .0.display()
    )]
    DirectoryInUse(PathBuf),
    #[error(transparent)]
    Log(#[from] wal::error::LogError),
    #[error(transparent)]
    Snapshot(#[from] wal::error::SnapshotError),
    #[error("the log cannot be written: {0}")]
    Write(#[from] wal::error::WriteError),
    #[error("{}: {why}", path.display())]
    Rdb { path: PathBuf, why: String },
    #[error("the data cannot be read: {0}")]
    Data(String),
    #[error("start {what}: {source}")]
    Start { what: &'static str, source: io::Error },
}
