//! MONITOR: clients that are shown every command that the node runs.
//!
//! A line is written when a command arrives, before it runs; those that scripts call too.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, PoisonError, RwLock};

use protocol::args::Args;
use shard::channels::Subscriber;

use crate::attention::{Attention, Reason};
use crate::delivery::Payload;
use crate::executor::Executor;

/// The clients that watch. See the module.
#[derive(Debug)]
pub(crate) struct Monitors {
    clients: RwLock<BTreeMap<u64, Subscriber>>,
    attention: Arc<Attention>,
}

impl Monitors {
    /// Nobody watches. As soon as somebody does, requests are told by `attention`.
    pub(crate) fn new(attention: Arc<Attention>) -> Self {
        Self { clients: RwLock::default(), attention }
    }

    /// Whether anybody watches.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        self.attention.has(Reason::Monitored)
    }

    /// A client watches from now on.
    pub(crate) fn add(&self, subscriber: Subscriber) {
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        clients.insert(subscriber.client, subscriber);
        self.attention.set(Reason::Monitored, true);
    }

    /// A client watches no more.
    pub(crate) fn remove(&self, client: u64) {
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        clients.remove(&client);
        self.attention.set(Reason::Monitored, !clients.is_empty());
    }

    fn all(&self) -> Vec<Subscriber> {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        clients.values().copied().collect()
    }
}

impl Executor {
    /// Shows a command to those who watch. `source` is the address of its client, or `lua`.
    #[cold]
    pub(crate) fn show_command(&self, source: &str, args: Args<'_>) {
        let now = self.clock.now().0;
        let mut line = format!("+{}.{:06}", now / 1_000_000, now % 1_000_000);
        let _ = write!(line, " [0 {source}]");
        for part in args.iter_from(0) {
            line.push_str(" \"");
            escape(part, &mut line);
            line.push('"');
        }
        line.push_str("\r\n");
        let line: Arc<[u8]> = line.into_bytes().into();
        let told = self.node.monitors.all().into_iter();
        self.push_all(told.map(|to| (to, Payload::Line(line.clone()))).collect());
    }
}

/// As Redis quotes: what is not printable in hexadecimal.
pub(crate) fn escape(part: &[u8], out: &mut String) {
    for &byte in part {
        match byte {
            b'\\' | b'"' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            7 => out.push_str("\\a"),
            8 => out.push_str("\\b"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_for_as_long_as_anybody_watches() {
        let attention = Arc::new(Attention::default());
        let monitors = Monitors::new(attention.clone());
        let watcher = |client| Subscriber { executor: 0, client };
        assert!(!monitors.any() && !attention.any());
        monitors.add(watcher(1));
        monitors.add(watcher(2));
        monitors.remove(1);
        assert!(monitors.any() && attention.any());
        monitors.remove(2);
        monitors.remove(2);
        assert!(!monitors.any() && !attention.any());
    }

    #[test]
    fn what_is_not_printable_is_shown_in_hexadecimal() {
        let mut line = String::new();
        escape(b"a \"\\\n\x00\xff\x07", &mut line);
        assert_eq!(line, r#"a \"\\\n\x00\xff\a"#);
    }
}
