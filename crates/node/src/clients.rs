//! All clients of the node: what CLIENT LIST shows and CLIENT KILL ends.
//!
//! Connections live on executor threads; what others may know of them is kept here. A client is
//! killed by shutting its socket down, which its own thread then notices as the end of input. Next
//! to no per-request cost: a request stores the time and the command and counts itself.
//!
//! # Invariants
//! - I1. A client is in the table exactly as long as its socket is open, so that a file descriptor
//!   found here is never another client's.

mod line;
mod memory;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use nix::sys::socket::{Shutdown, shutdown};
use shard::keyspace::WatchFlag;
use shard::time::Millis;
use tokio::sync::Notify;

use crate::clock::Clock;

pub(crate) use line::Now;
pub(crate) use memory::{Footprint, limit};

/// What others see of one client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: u64,
    pub(crate) address: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) fd: RawFd,
    /// The executor that its connection lives on.
    pub(crate) executor: u16,
    pub(crate) since: Instant,
    /// The wall clock at the last request, in milliseconds since the epoch.
    pub(crate) last_active_ms: AtomicU64,
    /// Number of the last command's row; `u32::MAX` before the first.
    pub(crate) last_command: AtomicU32,
    /// Commands that it has sent, and bytes read from it and written to it.
    pub(crate) commands: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    pub(crate) killed: AtomicBool,
    /// It waits for data.
    pub(crate) blocked: AtomicBool,
    /// It waits for the end of CLIENT PAUSE.
    pub(crate) paused: AtomicBool,
    /// The client that is told of changes in its place has gone.
    pub(crate) redirect_broken: AtomicBool,
    footprint: Mutex<Footprint>,
    /// What of it counts towards `maxmemory-clients`.
    counted: AtomicU64,
    unblock: Mutex<Option<Unblock>>,
    unblock_asked: Notify,
    facts: Mutex<Facts>,
}

/// How CLIENT UNBLOCK has a blocked client end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unblock {
    /// As if its time were up.
    TimeOut,
    /// With an error.
    Error,
}

/// What changes seldom, and by commands that do not mind a lock.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) name: Vec<u8>,
    /// The name of its user.
    pub(crate) user: Vec<u8>,
    pub(crate) lib_name: Vec<u8>,
    pub(crate) lib_ver: Vec<u8>,
    pub(crate) resp: i64,
    /// Commands queued; `None` outside of MULTI.
    pub(crate) multi: Option<usize>,
    pub(crate) watching: usize,
    /// Says whether one of those keys has changed; `None` when there are none.
    pub(crate) watch_flag: Option<WatchFlag>,
    pub(crate) readonly: bool,
    pub(crate) no_evict: bool,
    pub(crate) no_touch: bool,
    pub(crate) monitors: bool,
    pub(crate) tracking: bool,
    /// It tracks in broadcasting mode.
    pub(crate) broadcast: bool,
    /// Where invalidations go; -1 without tracking.
    pub(crate) redirect: i64,
    /// Channels, patterns, shard channels.
    pub(crate) subscriptions: [usize; 3],
}

impl Client {
    pub(crate) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it takes of memory.
    pub(crate) fn footprint(&self) -> MutexGuard<'_, Footprint> {
        self.footprint.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes bytes read.
    #[inline]
    pub(crate) fn note_in(&self, bytes: usize) {
        add(&self.bytes_in, bytes as u64);
    }

    /// Notes bytes written.
    #[inline]
    pub(crate) fn note_out(&self, bytes: usize) {
        add(&self.bytes_out, bytes as u64);
    }

    /// Notes a request.
    #[inline]
    pub(crate) fn note(&self, command: u32, now: Millis) {
        self.last_active_ms.store(now.0 as u64, Ordering::Relaxed);
        self.last_command.store(command, Ordering::Relaxed);
        add(&self.commands, 1);
    }

    fn unblock(&self) -> MutexGuard<'_, Option<Unblock>> {
        self.unblock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client begins to wait for data.
    pub(crate) fn block(&self) {
        *self.unblock() = None;
        self.blocked.store(true, Ordering::Release);
    }

    /// Has a client that waits for data go on. Says whether it waited.
    pub(crate) fn ask_to_unblock(&self, how: Unblock) -> bool {
        if !self.blocked.load(Ordering::Acquire) {
            return false;
        }
        *self.unblock() = Some(how);
        self.unblock_asked.notify_one();
        true
    }

    /// Waits until somebody asks for that.
    pub(crate) async fn unblocked(&self) -> Unblock {
        loop {
            if let Some(how) = self.unblock().take() {
                return how;
            }
            self.unblock_asked.notified().await;
        }
    }

    pub(crate) fn age_seconds(&self) -> u64 {
        self.since.elapsed().as_secs()
    }

    pub(crate) fn idle_seconds(&self) -> u64 {
        let last = self.last_active_ms.load(Ordering::Relaxed);
        wall_clock_ms().saturating_sub(last) / 1000
    }
}

/// Adds to a number that this thread alone changes.
#[inline]
fn add(number: &AtomicU64, more: u64) {
    number.store(number.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

fn wall_clock_ms() -> u64 {
    Clock::default().now().millis().0 as u64
}

/// All clients of the node. See the module.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    open: Mutex<BTreeMap<u64, Arc<Client>>>,
    next_id: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
    /// Bytes that count towards `maxmemory-clients`.
    memory: AtomicU64,
    evicted: AtomicU64,
}

impl Clients {
    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Client>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a client whose socket has just been accepted.
    pub(crate) fn add(
        &self,
        fd: RawFd,
        address: SocketAddr,
        local: SocketAddr,
        executor: u16,
    ) -> Arc<Client> {
        let client = Arc::new(Client {
            id: self.next_id.fetch_add(1, Ordering::Relaxed) + 1,
            address,
            local,
            fd,
            executor,
            since: Instant::now(),
            last_active_ms: AtomicU64::new(wall_clock_ms()),
            last_command: AtomicU32::new(u32::MAX),
            commands: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            killed: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            redirect_broken: AtomicBool::new(false),
            footprint: Mutex::default(),
            counted: AtomicU64::new(0),
            unblock: Mutex::default(),
            unblock_asked: Notify::new(),
            facts: Mutex::new(Facts {
                user: b"default".to_vec(),
                resp: 2,
                redirect: -1,
                ..Facts::default()
            }),
        });
        self.accepted.fetch_add(1, Ordering::Relaxed);
        self.open().insert(client.id, client.clone());
        client
    }

    /// Forgets a client. Its socket is closed only after this (I1).
    pub(crate) fn remove(&self, id: u64) {
        let client = self.open().remove(&id);
        if let Some(client) = client {
            self.count_memory(&client, 0);
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.open().len()
    }

    /// The client with this id.
    pub(crate) fn find(&self, id: u64) -> Option<Arc<Client>> {
        self.open().get(&id).cloned()
    }

    /// All that have not been killed.
    pub(crate) fn all(&self) -> Vec<Arc<Client>> {
        let alive = |client: &&Arc<Client>| !client.killed.load(Ordering::Relaxed);
        self.open().values().filter(alive).cloned().collect()
    }

    pub(crate) fn note_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Connections accepted and connections refused since the start.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.accepted.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }

    /// How many have been evicted.
    pub(crate) fn evictions(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// CONFIG RESETSTAT.
    pub(crate) fn reset_statistics(&self) {
        self.evicted.store(0, Ordering::Relaxed);
    }

    /// Ends every client for which `chosen` says yes, but not `spared`. Returns how many were
    /// chosen, the spared one included.
    pub(crate) fn kill(&self, spared: Option<u64>, chosen: impl Fn(&Client) -> bool) -> usize {
        let open = self.open();
        let mut count = 0;
        let alive = |client: &&Arc<Client>| !client.killed.load(Ordering::Relaxed);
        for client in open.values().filter(alive).filter(|client| chosen(client)) {
            count += 1;
            if spared != Some(client.id) {
                client.killed.store(true, Ordering::Relaxed);
                self.count_memory(client, 0);
                // Under the lock, so the descriptor is still this client's (I1).
                let _ = shutdown(client.fd, Shutdown::Both);
            }
        }
        count
    }
}
