//! What connections take of memory, and which of them go when it is too much (`maxmemory-clients`).
//!
//! Each connection says what it takes whenever that changes: when its buffers grow or shrink, and
//! with what changes its session. What may be evicted is one sum for the node, so that the limit is
//! for all connections together wherever they live; whoever finds the sum beyond the limit ends the
//! largest connections of the node until it is not, whichever executors they live on. One that is
//! ended counts no more from that moment on, so that nobody else goes in its place while its
//! executor takes its time.
//!
//! # Invariants
//! - I1. The sum is that of `counted` of all clients: each change of one changes the other by the
//!   same amount.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use nix::sys::socket::{Shutdown, shutdown};

use super::{Client, Clients};

/// What a connection takes, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Footprint {
    /// Bytes of requests that have not been looked at.
    pub(crate) input: usize,
    /// Arguments of a request that is not complete.
    pub(crate) arguments: usize,
    /// What the input has room for.
    pub(crate) input_room: usize,
    /// Replies and pushes that have not been written.
    pub(crate) output: usize,
    /// What there is room for.
    pub(crate) output_room: usize,
    /// Commands since MULTI.
    pub(crate) queued: usize,
    /// The session: names, watched keys, subscriptions, prefixes.
    pub(crate) session: usize,
    /// What TLS takes.
    pub(crate) tls: usize,
}

impl Footprint {
    /// All of it.
    pub(crate) fn total(&self) -> usize {
        /// The connection, its task, its session and what others see of it.
        const ITSELF: usize = 2048;
        ITSELF + self.input_room + self.output_room + self.queued + self.session + self.tls
    }
}

/// Less than this no limit leaves for connections: some have to be served (as in Redis).
const LIMIT_MIN: u64 = 128 * 1024;

/// The bytes that `maxmemory-clients` comes to: a number of bytes, or a negative one for per cent of
/// `maxmemory`. `None`: any number.
pub(crate) fn limit(setting: i64, maxmemory: u64) -> Option<u64> {
    let bytes = match setting {
        0 => return None,
        1.. => setting.unsigned_abs(),
        _ if maxmemory == 0 => return None,
        _ => (u128::from(maxmemory) * u128::from(setting.unsigned_abs()) / 100) as u64,
    };
    Some(bytes.max(LIMIT_MIN))
}

impl Clients {
    /// Notes what a client takes, and whether it may be evicted.
    pub(crate) fn note_footprint(&self, client: &Client, footprint: Footprint, spared: bool) {
        *client.footprint() = footprint;
        let gone = client.killed.load(Ordering::Relaxed);
        let counted = if spared || gone { 0 } else { footprint.total() as u64 };
        self.count_memory(client, counted);
    }

    /// I1.
    pub(super) fn count_memory(&self, client: &Client, counted: u64) {
        let before = client.counted.swap(counted, Ordering::Relaxed);
        // Wraps where less is counted than before.
        self.memory.fetch_add(counted.wrapping_sub(before), Ordering::Relaxed);
    }

    /// Bytes of all connections that may be evicted.
    pub(crate) fn evictable(&self) -> u64 {
        self.memory.load(Ordering::Relaxed)
    }

    /// Bytes of all connections.
    pub(crate) fn footprint(&self) -> u64 {
        self.open().values().map(|client| client.footprint().total() as u64).sum()
    }

    /// Ends the largest connections until the rest take no more than `limit`, and returns them.
    #[cold]
    pub(crate) fn evict(&self, limit: u64) -> Vec<Arc<Client>> {
        let mut evicted = Vec::new();
        let open = self.open();
        let counted = |client: &Client| client.counted.load(Ordering::Relaxed);
        let mut all: Vec<_> =
            open.values().map(|client| (counted(client), client)).filter(|all| all.0 > 0).collect();
        all.sort_by_key(|(bytes, client)| (std::cmp::Reverse(*bytes), client.id));
        for (bytes, client) in all {
            if self.evictable() <= limit {
                break;
            }
            client.killed.store(true, Ordering::Relaxed);
            self.count_memory(client, 0);
            self.evicted.fetch_add(1, Ordering::Relaxed);
            // Under the lock, so the descriptor is still this client's (I1 of the table).
            let _ = shutdown(client.fd, Shutdown::Both);
            tracing::info!(client = client.id, bytes, "evicted");
            evicted.push(client.clone());
        }
        evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::Clients;

    #[test]
    fn the_limit_is_bytes_or_a_part_of_maxmemory() {
        assert_eq!(limit(0, 1 << 30), None);
        assert_eq!(limit(1 << 20, 0), Some(1 << 20));
        assert_eq!(limit(1, 0), Some(LIMIT_MIN));
        assert_eq!(limit(-5, 0), None);
        assert_eq!(limit(-5, 1 << 30), Some((1 << 30) / 20));
        assert_eq!(limit(-100, u64::MAX), Some(u64::MAX));
    }

    #[test]
    fn the_largest_go_first_and_only_as_many_as_have_to() {
        let clients = Clients::default();
        let address = "127.0.0.1:1".parse().unwrap();
        let sizes = [300_000, 100_000, 500_000, 900_000];
        let all: Vec<_> = sizes
            .iter()
            .map(|size| {
                // No descriptor: shutting it down fails and does nothing.
                let client = clients.add(-1, address, address, 0);
                let footprint = Footprint { input_room: *size, ..Footprint::default() };
                clients.note_footprint(&client, footprint, *size == 900_000);
                client
            })
            .collect();
        let gone = |at: usize| all[at].killed.load(Ordering::Relaxed);
        let before = clients.evictable();
        assert!(before > 900_000 && before < 920_000, "{before}");
        assert_eq!(clients.evict(450_000)[0].id, all[2].id);
        assert_eq!([gone(0), gone(1), gone(2), gone(3)], [false, false, true, false]);
        assert!(clients.evict(450_000).is_empty() && !gone(0));
        clients.evict(150_000);
        assert_eq!([gone(0), gone(1), gone(2), gone(3)], [true, false, true, false]);
        assert_eq!(clients.evictions(), 2);
        // What one that has been ended still takes counts no more.
        clients.note_footprint(&all[0], Footprint::default(), false);
        all.iter().for_each(|client| clients.remove(client.id));
        assert_eq!(clients.evictable(), 0);
    }
}
