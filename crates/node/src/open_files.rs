//! How many files the process may have open: each client is one.
//!
//! Redis (`adjustOpenFilesLimit`) raises the soft limit as far as it may, and serves fewer clients where
//! that is not enough; so does a node.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Files besides clients: the log, snapshots, listeners, other nodes, and what the runtime needs for
/// each thread.
const RESERVED: u64 = 64;
/// Of those, for each shard.
const RESERVED_FOR_SHARD: u64 = 8;

/// Has the process able to serve `maxclients`, if it may; returns how many it can serve.
pub(crate) fn make_room(maxclients: u64, shards: u64) -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return maxclients };
    let reserved = RESERVED + RESERVED_FOR_SHARD * shards;
    let wanted = maxclients.saturating_add(reserved);
    let mut allowed = soft;
    if soft < wanted {
        let limit = wanted.min(hard);
        if setrlimit(Resource::RLIMIT_NOFILE, limit, hard).is_ok() {
            allowed = limit;
        }
    }
    maxclients.min(allowed.saturating_sub(reserved).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_operating_system_allows() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!(make_room(100, 2), 100);
        assert!(make_room(u64::from(u32::MAX), 2) <= hard.max(1));
        let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!(soft, hard.min(u64::from(u32::MAX) + RESERVED + 2 * RESERVED_FOR_SHARD));
    }
}
