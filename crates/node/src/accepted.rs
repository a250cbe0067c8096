//! Parameters of Redis that programs and existing configurations set and that this server has no use
//! for: they are checked as Redis checks them, kept and shown, and have no effect. What would be a
//! promise that is not kept (`activedefrag yes`) is refused.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What a value has to look like.
#[derive(Clone, Copy)]
enum Form {
    /// `yes` or `no`.
    Flag,
    /// An integer from 0, or another least, on.
    Int(i64),
    /// A size: `1mb` and the like.
    Size,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Any text.
    Text,
    /// This alone.
    Only(&'static str),
}

use Form::{Flag, Int, Only, Size, Text, Word};

const ACCEPTED: &[(&str, &str, Form)] = &[
    ("active-defrag-ignore-bytes", "104857600", Size),
    ("active-expire-effort", "1", Int(1)),
    ("activedefrag", "no", Only("no")),
    ("activerehashing", "yes", Flag),
    ("aof-load-truncated", "yes", Flag),
    ("aof-rewrite-incremental-fsync", "yes", Flag),
    ("aof-use-rdb-preamble", "yes", Flag),
    ("cluster-allow-pubsubshard-when-down", "yes", Flag),
    ("cluster-allow-reads-when-down", "no", Flag),
    ("cluster-allow-replica-migration", "yes", Flag),
    ("cluster-link-sendbuf-limit", "0", Size),
    ("cluster-migration-barrier", "1", Int(0)),
    ("cluster-node-timeout", "15000", Int(0)),
    ("cluster-replica-no-failover", "no", Flag),
    ("cluster-replica-validity-factor", "10", Int(0)),
    ("crash-log-enabled", "yes", Flag),
    ("dynamic-hz", "yes", Flag),
    ("hz", "10", Int(0)),
    ("jemalloc-bg-thread", "yes", Flag),
    ("lazyfree-lazy-eviction", "no", Flag),
    ("lazyfree-lazy-expire", "no", Flag),
    ("lazyfree-lazy-server-del", "no", Flag),
    ("lazyfree-lazy-user-del", "no", Flag),
    ("lazyfree-lazy-user-flush", "no", Flag),
    ("loglevel", "notice", Word(&["debug", "verbose", "notice", "warning", "nothing"])),
    ("maxmemory-eviction-tenacity", "10", Int(0)),
    ("no-appendfsync-on-rewrite", "no", Flag),
    ("oom-score-adj", "no", Word(&["no", "yes", "relative", "absolute"])),
    ("oom-score-adj-values", "0 200 800", Text),
    ("proc-title-template", "{title} {listen-addr} {server-mode}", Text),
    ("rdb-del-sync-files", "no", Flag),
    ("rdb-save-incremental-fsync", "yes", Flag),
    ("rdbchecksum", "yes", Flag),
    ("rdbcompression", "yes", Flag),
    ("repl-backlog-size", "1048576", Size),
    ("repl-backlog-ttl", "3600", Int(0)),
    ("repl-disable-tcp-nodelay", "no", Flag),
    ("repl-diskless-load", "disabled", Word(&["disabled", "on-empty-db", "swapdb"])),
    ("repl-diskless-sync", "yes", Flag),
    ("repl-diskless-sync-delay", "5", Int(0)),
    ("repl-diskless-sync-period", "0", Int(0)),
    ("repl-ping-replica-period", "10", Int(1)),
    ("repl-timeout", "60", Int(1)),
    ("replica-announced", "yes", Flag),
    ("replica-ignore-maxmemory", "yes", Flag),
    ("replica-lazy-flush", "no", Flag),
    ("replica-priority", "100", Int(0)),
    ("replica-read-only", "yes", Flag),
    ("replica-serve-stale-data", "yes", Flag),
    ("sanitize-dump-payload", "no", Word(&["no", "yes", "clients"])),
    ("set-proc-title", "yes", Flag),
    ("slave-read-only", "yes", Flag),
    ("slave-serve-stale-data", "yes", Flag),
    ("stop-writes-on-bgsave-error", "yes", Flag),
    ("tls-client-key-file-pass", "", Only("")),
    ("tls-dh-params-file", "", Only("")),
    ("tls-key-file-pass", "", Only("")),
    ("tls-replication", "no", Only("no")),
    ("tls-session-cache-timeout", "300", Int(0)),
];

/// The values that have been set. See the module.
#[derive(Debug, Default)]
pub(crate) struct Accepted {
    set: Mutex<BTreeMap<&'static str, String>>,
}

impl Accepted {
    /// With these values from the start, which [`check`] has let through.
    pub(crate) fn new(set: BTreeMap<&'static str, String>) -> Self {
        Self { set: Mutex::new(set) }
    }

    /// The values that are not the defaults, or have been set to them.
    pub(crate) fn chosen(&self) -> BTreeMap<&'static str, String> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All parameters with their values.
    pub(crate) fn all(&self) -> Vec<(&'static str, String)> {
        let set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        let value = |name, default: &str| set.get(name).cloned().unwrap_or_else(|| default.into());
        ACCEPTED.iter().map(|(name, default, _)| (*name, value(*name, default))).collect()
    }

    /// Keeps a value that [`check`] has let through.
    pub(crate) fn set(&self, name: &'static str, value: String) {
        self.set.lock().unwrap_or_else(PoisonError::into_inner).insert(name, value);
    }
}

/// Whether this is a parameter that has no meaning here.
pub(crate) fn is_known(name: &str) -> bool {
    ACCEPTED.iter().any(|(known, _, _)| *known == name)
}

/// Checks a value for a parameter; `None` when there is no such parameter.
///
/// # Errors
/// Why it cannot be set.
pub(crate) fn check(name: &str, value: &str) -> Option<Result<&'static str, String>> {
    let (name, _, form) = ACCEPTED.iter().find(|(known, _, _)| *known == name)?;
    let number = || value.parse::<i64>().ok();
    let why = match form {
        Flag if value.eq_ignore_ascii_case("yes") || value.eq_ignore_ascii_case("no") => None,
        Flag => Some("argument must be 'yes' or 'no'".into()),
        Int(least) => match number() {
            None => Some("argument couldn't be parsed into an integer".into()),
            Some(number) if number < *least => {
                Some(format!("argument must be between {least} and {} inclusive", i64::MAX))
            }
            Some(_) => None,
        },
        Size => {
            let known = crate::settings::parse_memory(value).is_some_and(|size| size >= 0);
            (!known).then(|| "argument must be a memory value".into())
        }
        Word(words) => (!words.iter().any(|word| word.eq_ignore_ascii_case(value)))
            .then(|| format!("argument(s) must be one of the following: {}", words.join(", "))),
        Text => None,
        Only(only) => (!value.eq_ignore_ascii_case(only))
            .then(|| format!("this server has nothing but '{only}' for it")),
    };
    Some(why.map_or(Ok(*name), Err))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_and_kept() {
        let accepted = Accepted::default();
        assert_eq!(check("nosuch", "1"), None);
        assert_eq!(check("hz", "50"), Some(Ok("hz")));
        assert!(check("hz", "x").unwrap().is_err());
        assert!(check("rdbchecksum", "maybe").unwrap().is_err());
        assert!(check("repl-backlog-size", "1mb").unwrap().is_ok());
        assert!(check("activedefrag", "no").unwrap().is_ok());
        assert!(check("activedefrag", "yes").unwrap().is_err());
        accepted.set("hz", "50".into());
        let all = accepted.all();
        assert!(all.contains(&("hz", "50".into())) && all.contains(&("repl-timeout", "60".into())));
        let names: Vec<&str> = ACCEPTED.iter().map(|(name, _, _)| *name).collect();
        assert!(names.is_sorted_by(|a, b| a < b));
        // Every default is a value that can be set.
        for (name, default, _) in ACCEPTED {
            assert_eq!(check(name, default), Some(Ok(*name)));
        }
    }
}
