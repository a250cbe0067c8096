//! What users have been refused: ACL LOG.
//!
//! Refusals of one kind, of one thing, to one user are one entry as long as they follow one another
//! within a minute. Newest first.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shard::acl::{Context, Incident, Witness};

use crate::clients::{Client, Now};
use crate::clock::Clock;
use crate::connection::command_name;
use crate::node::Node;

/// How long after the last one a refusal joins the entry of those before, in milliseconds.
const TOGETHER_MS: i64 = 60_000;

/// How many entries are looked at for one that a refusal joins: so that noting one is cheap.
const LOOKED_AT: usize = 10;

/// Refusals of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    pub(crate) count: u64,
    pub(crate) reason: &'static str,
    pub(crate) context: Context,
    pub(crate) object: Vec<u8>,
    pub(crate) user: Vec<u8>,
    /// The client of the last one, as CLIENT LIST shows it.
    pub(crate) client: String,
    /// When it began and when it was last added to: milliseconds since the epoch.
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
}

/// The log. See the module.
#[derive(Debug, Default)]
pub(crate) struct AclLog {
    entries: Mutex<VecDeque<Entry>>,
    next_id: AtomicU64,
    /// Refusals since the start, in the order of [`REASONS`].
    counts: [AtomicU64; REASONS.len()],
}

/// Why users are refused something.
pub(crate) const REASONS: [&str; 4] = ["auth", "command", "key", "channel"];

impl AclLog {
    /// How many refusals there have been for a reason.
    pub(crate) fn count(&self, reason: &str) -> u64 {
        let place = REASONS.iter().position(|known| *known == reason);
        place.map_or(0, |place| self.counts[place].load(Ordering::Relaxed))
    }

    /// Counts from nothing again (CONFIG RESETSTAT).
    pub(crate) fn reset_counts(&self) {
        self.counts.iter().for_each(|count| count.store(0, Ordering::Relaxed));
    }

    fn entries(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a refusal at `now_ms`; at most `most` entries are kept.
    pub(crate) fn note(&self, incident: Incident<'_>, client: String, now_ms: i64, most: u64) {
        if let Some(place) = REASONS.iter().position(|known| *known == incident.reason) {
            self.counts[place].fetch_add(1, Ordering::Relaxed);
        }
        let mut entries = self.entries();
        let same = |entry: &Entry| {
            entry.reason == incident.reason
                && entry.context == incident.context
                && entry.object == incident.object
                && entry.user == incident.user
                && now_ms - entry.updated_ms <= TOGETHER_MS
        };
        let known = entries.iter().take(LOOKED_AT).position(same);
        let entry = match known.and_then(|at| entries.remove(at)) {
            Some(known) => Entry { count: known.count + 1, updated_ms: now_ms, client, ..known },
            None => Entry {
                id: self.next_id.fetch_add(1, Ordering::Relaxed),
                count: 1,
                reason: incident.reason,
                context: incident.context,
                object: incident.object.to_vec(),
                user: incident.user.to_vec(),
                client,
                created_ms: now_ms,
                updated_ms: now_ms,
            },
        };
        entries.push_front(entry);
        entries.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    }

    /// The newest entries.
    pub(crate) fn newest(&self, count: usize) -> Vec<Entry> {
        self.entries().iter().take(count).cloned().collect()
    }

    /// Forgets all of them.
    pub(crate) fn clear(&self) {
        self.entries().clear();
    }
}

/// A client, as who is refused something.
pub(crate) struct ClientWitness {
    pub(crate) node: Arc<Node>,
    pub(crate) client: Arc<Client>,
}

impl fmt::Debug for ClientWitness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientWitness").field(&self.client.id).finish()
    }
}

impl Witness for ClientWitness {
    fn note(&self, incident: Incident<'_>) {
        let Self { node, client } = self;
        let command = command_name(node, client.last_command.load(Ordering::Relaxed));
        let now_ms = Clock::default().now().millis().0;
        let most = node.settings.acllog_max_len.load(Ordering::Relaxed);
        node.acl_log.note(incident, client.describe(command, Now::default()), now_ms, most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incident(object: &'static str) -> Incident<'static> {
        Incident {
            reason: "key",
            context: Context::TopLevel,
            object: object.as_bytes(),
            user: b"bob",
        }
    }

    #[test]
    fn refusals_of_one_kind_are_one_entry_for_a_minute() {
        let log = AclLog::default();
        log.note(incident("a"), "c1".into(), 1_000, 9);
        log.note(incident("b"), "c1".into(), 2_000, 9);
        log.note(incident("a"), "c2".into(), 61_000, 9);
        let newest = log.newest(9);
        assert_eq!(newest.len(), 2);
        let entry = &newest[0];
        assert_eq!((entry.id, entry.count, &entry.client[..]), (0, 2, "c2"));
        assert_eq!((entry.created_ms, entry.updated_ms), (1_000, 61_000));
        log.note(incident("b"), "c1".into(), 63_000, 9);
        assert_eq!(log.newest(1)[0].count, 1, "too late");
        assert_eq!(log.newest(9).len(), 3);
    }

    #[test]
    fn only_so_many_are_kept() {
        let log = AclLog::default();
        for (at, object) in ["a", "b", "c"].into_iter().enumerate() {
            log.note(incident(object), String::new(), at as i64, 2);
        }
        let objects: Vec<Vec<u8>> = log.newest(9).into_iter().map(|entry| entry.object).collect();
        assert_eq!(objects, [b"c", b"b"]);
        log.note(incident("d"), String::new(), 9, 0);
        assert!(log.newest(9).is_empty());
        log.note(incident("d"), String::new(), 9, 1);
        log.clear();
        assert!(log.newest(9).is_empty());
    }
}
