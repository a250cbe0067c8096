//! What a keyspace counts of itself.

/// Counters that INFO shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Keys removed because their time had come.
    pub expired: u64,
    /// Keys removed because memory was full.
    pub evicted: u64,
    /// Fields of hashes removed because their time had come.
    pub expired_fields: u64,
    /// Changes made since the start.
    pub changes: u64,
}
