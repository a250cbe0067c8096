//! All clients of the node: what CLIENT LIST shows and CLIENT KILL ends.
//!
//! Connections live on executor threads; what others may know of them is kept here. A client is
//! killed by shutting its socket down, which its own thread then notices as the end of input. No
//! per-request cost: a request stores the time and the command, nothing more.
//!
//! # Invariants
//! - I1. A client is in the table exactly as long as its socket is open, so that a file descriptor
//!   found here is never another client's.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use nix::sys::socket::{Shutdown, shutdown};
use shard::time::Millis;
use tokio::sync::Notify;

use crate::clock::Clock;

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
    pub(crate) killed: AtomicBool,
    /// It waits for data.
    pub(crate) blocked: AtomicBool,
    /// It waits for the end of CLIENT PAUSE.
    pub(crate) paused: AtomicBool,
    /// The client that is told of changes in its place has gone.
    pub(crate) redirect_broken: AtomicBool,
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
    pub(crate) readonly: bool,
    pub(crate) no_evict: bool,
    pub(crate) no_touch: bool,
    pub(crate) monitors: bool,
    pub(crate) tracking: bool,
    /// Where invalidations go; -1 without tracking.
    pub(crate) redirect: i64,
    /// Channels, patterns, shard channels.
    pub(crate) subscriptions: [usize; 3],
}

impl Client {
    pub(crate) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request.
    #[inline]
    pub(crate) fn note(&self, command: u32, now: Millis) {
        self.last_active_ms.store(now.0 as u64, Ordering::Relaxed);
        self.last_command.store(command, Ordering::Relaxed);
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

    /// The client's line in CLIENT LIST. `command` is the name of its last one.
    pub(crate) fn describe(&self, command: &str) -> String {
        let facts = self.facts();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut flags = String::new();
        let states = [
            (facts.multi.is_some(), 'x'),
            (self.blocked.load(Ordering::Relaxed) || self.paused.load(Ordering::Relaxed), 'b'),
            (facts.readonly, 'r'),
            (facts.no_evict, 'e'),
            (facts.no_touch, 'T'),
            (facts.monitors, 'O'),
            (facts.tracking, 't'),
            (facts.subscriptions != [0; 3], 'P'),
        ];
        states.iter().filter(|(set, _)| *set).for_each(|(_, letter)| flags.push(*letter));
        if flags.is_empty() {
            flags.push('N');
        }
        format!(
            "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db=0 sub={} psub={} \
             ssub={} multi={} watch={} qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 \
             oll=0 omem=0 tot-mem=0 events=r cmd={} user={} redir={} resp={} lib-name={} \
             lib-ver={}",
            self.id,
            self.address,
            self.local,
            self.fd,
            text(&facts.name),
            self.age_seconds(),
            self.idle_seconds(),
            flags,
            facts.subscriptions[0],
            facts.subscriptions[1],
            facts.subscriptions[2],
            facts.multi.map_or(-1, |count| count as i64),
            facts.watching,
            command,
            text(&facts.user),
            facts.redirect,
            facts.resp,
            text(&facts.lib_name),
            text(&facts.lib_ver),
        )
    }
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
            killed: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            redirect_broken: AtomicBool::new(false),
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
        self.open().remove(&id);
    }

    pub(crate) fn count(&self) -> usize {
        self.open().len()
    }

    /// The client with this id.
    pub(crate) fn find(&self, id: u64) -> Option<Arc<Client>> {
        self.open().get(&id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Client>> {
        self.open().values().cloned().collect()
    }

    pub(crate) fn note_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Connections accepted and connections refused since the start.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.accepted.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
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
                // Under the lock, so the descriptor is still this client's (I1).
                let _ = shutdown(client.fd, Shutdown::Both);
            }
        }
        count
    }
}
