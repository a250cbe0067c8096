//! The logs of notable requests: those that took longer than `slowlog-log-slower-than`, those that
//! were larger than `commandlog-request-larger-than`, and those whose replies were larger than
//! `commandlog-reply-larger-than`.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use protocol::args::Args;

/// Parts of a request that are kept, the last one saying how many more there were.
const PARTS_MAX: usize = 32;
/// Bytes of a part that are kept.
const PART_LEN_MAX: usize = 128;

/// Which log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogKind {
    Slow,
    LargeRequest,
    LargeReply,
}

/// One notable request.
#[derive(Debug, Clone)]
pub(crate) struct LogEntry {
    pub(crate) id: u64,
    /// Seconds since the epoch.
    pub(crate) time: i64,
    /// Microseconds in the slow log, bytes in the others.
    pub(crate) amount: u64,
    pub(crate) parts: Vec<Vec<u8>>,
    pub(crate) address: String,
    pub(crate) name: Vec<u8>,
}

#[derive(Debug, Default)]
struct Log {
    /// Newest first.
    entries: VecDeque<LogEntry>,
    next_id: u64,
}

/// The node's logs. See the module.
#[derive(Debug, Default)]
pub(crate) struct CommandLog {
    logs: [Mutex<Log>; 3],
}

impl CommandLog {
    fn log(&self, kind: LogKind) -> MutexGuard<'_, Log> {
        self.logs[kind as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an entry, which is given its id here; keeps at most `most`.
    pub(crate) fn add(&self, kind: LogKind, mut entry: LogEntry, most: usize) {
        let mut log = self.log(kind);
        entry.id = log.next_id;
        log.next_id += 1;
        log.entries.push_front(entry);
        log.entries.truncate(most);
    }

    /// The newest entries.
    pub(crate) fn newest(&self, kind: LogKind, count: usize) -> Vec<LogEntry> {
        self.log(kind).entries.iter().take(count).cloned().collect()
    }

    pub(crate) fn len(&self, kind: LogKind) -> usize {
        self.log(kind).entries.len()
    }

    pub(crate) fn clear(&self, kind: LogKind) {
        self.log(kind).entries.clear();
    }
}

/// The parts of a request as the log keeps them: not all of many, and not all of long ones.
pub(crate) fn shorten(args: Args<'_>) -> Vec<Vec<u8>> {
    let kept = if args.len() > PARTS_MAX { PARTS_MAX - 1 } else { args.len() };
    let mut parts: Vec<Vec<u8>> = args.iter_from(0).take(kept).map(shorten_part).collect();
    if kept < args.len() {
        parts.push(format!("... ({} more arguments)", args.len() - kept).into_bytes());
    }
    parts
}

fn shorten_part(part: &[u8]) -> Vec<u8> {
    if part.len() <= PART_LEN_MAX {
        return part.to_vec();
    }
    let mut short = part[..PART_LEN_MAX].to_vec();
    short.extend(format!("... ({} more bytes)", part.len() - PART_LEN_MAX).into_bytes());
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::args::Request;

    #[test]
    fn long_requests_are_cut_as_redis_cuts_them() {
        let long = "x".repeat(129);
        let request = Request::of(["SET", "k", &long]);
        let parts = shorten(request.args());
        assert_eq!(parts[2], format!("{}... (1 more bytes)", "x".repeat(128)).into_bytes());
        let request = Request::of((0..33).map(|number| number.to_string()));
        let parts = shorten(request.args());
        assert_eq!(parts.len(), 32);
        assert_eq!(parts[31], b"... (2 more arguments)");
    }

    #[test]
    fn ids_go_on_and_old_entries_go() {
        let log = CommandLog::default();
        let entry = LogEntry {
            id: 0,
            time: 0,
            amount: 1,
            parts: Vec::new(),
            address: String::new(),
            name: Vec::new(),
        };
        (0..5).for_each(|_| log.add(LogKind::Slow, entry.clone(), 3));
        let ids: Vec<u64> = log.newest(LogKind::Slow, 10).iter().map(|entry| entry.id).collect();
        assert_eq!(ids, [4, 3, 2]);
        log.clear(LogKind::Slow);
        assert_eq!(log.len(LogKind::Slow), 0);
        log.add(LogKind::Slow, entry.clone(), 3);
        assert_eq!(log.newest(LogKind::Slow, 1)[0].id, 5);
        log.add(LogKind::LargeReply, entry, 3);
        assert_eq!(log.newest(LogKind::LargeReply, 1)[0].id, 0);
        assert_eq!(log.len(LogKind::LargeRequest), 0);
    }
}
