//! What an executor counts and times, for INFO, SLOWLOG and LATENCY.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use protocol::args::Args;
use protocol::spec::Flags;
use shard::Shard;
use shard::commands::table::CommandId;

use super::Executor;
use crate::node::{CommandFigures, Published};
use crate::secrets;
use crate::slow_log::{self, SlowEntry};
use crate::timing::Row;

impl Executor {
    fn figures(&self, row: Row) -> CommandFigures {
        let longest =
            |power: usize| self.timings.nanos(1u64.checked_shl(power as u32).unwrap_or(u64::MAX));
        let counted = row.buckets.iter().flat_map(|buckets| buckets.iter().enumerate());
        CommandFigures {
            calls: row.calls,
            rejected: row.rejected,
            failed: row.failed,
            nanos: self.timings.nanos(row.ticks),
            buckets: counted
                .filter(|(_, count)| **count > 0)
                .map(|(power, count)| (longest(power), u64::from(*count)))
                .collect(),
        }
    }

    /// A command of a client has ended that began with the end of the last one, or with
    /// `Timings::begin`.
    #[inline]
    pub(crate) fn note_end(&self, client: u64, id: CommandId, args: Args<'_>, reply: &[u8]) {
        let failed = reply.first() == Some(&b'-');
        let notable = self.timings.end(id, failed);
        if failed {
            self.timings.note_error(&reply[1..]);
        }
        if let Some(nanos) = notable {
            self.note_slow(client, id, args, nanos);
        }
    }

    /// A command has ended that took long enough for the slow log or the latency monitor.
    #[cold]
    fn note_slow(&self, client: u64, id: CommandId, args: Args<'_>, nanos: u64) {
        let client = self.node.clients.find(client);
        let settings = &self.node.settings;
        let spec = self.node.table().spec(id);
        let second = self.clock.now().0 / 1_000_000;
        let least = settings.latency_monitor_threshold.load(Ordering::Relaxed);
        let millis = nanos / 1_000_000;
        if least > 0 && millis >= least {
            let event = if spec.flags.contains(Flags::FAST) { "fast-command" } else { "command" };
            self.node.latency.add(event, second, millis);
        }
        let slower_than = settings.slowlog_log_slower_than.load(Ordering::Relaxed) as i64;
        let micros = nanos / 1000;
        let skipped = spec.flags.contains(Flags::SKIP_SLOWLOG);
        if slower_than >= 0 && micros >= slower_than as u64 && !skipped {
            let shown = secrets::without(spec, args);
            let most = settings.slowlog_max_len.load(Ordering::Relaxed) as usize;
            let entry = SlowEntry {
                id: 0,
                time: second,
                micros,
                parts: slow_log::shorten(shown.as_ref().map_or(args, |shown| shown.args())),
                address: client
                    .as_ref()
                    .map(|client| client.address.to_string())
                    .unwrap_or_default(),
                name: client.map(|client| client.facts().name.clone()).unwrap_or_default(),
            };
            self.node.slow_log.add(entry, most);
        }
    }

    /// From where on the time of a command is worth a look, by the settings.
    pub(crate) fn follow_time_settings(&self) {
        let settings = &self.node.settings;
        let slower_than = settings.slowlog_log_slower_than.load(Ordering::Relaxed) as i64;
        let slow = u64::try_from(slower_than).ok().map(|micros| micros.saturating_mul(1000));
        let millis = settings.latency_monitor_threshold.load(Ordering::Relaxed);
        let latent = (millis > 0).then(|| millis.saturating_mul(1_000_000));
        self.timings.set_notable(slow.into_iter().chain(latent).min());
    }

    /// Publishes the figures now, for a command of this executor that shows them.
    pub(crate) fn publish_now(&self) {
        if let Ok(shard) = self.shard.try_borrow() {
            self.publish(&shard);
        }
    }

    /// Publishes the shard's figures, for INFO on any thread.
    pub(crate) fn publish(&self, shard: &Shard) {
        let counters = shard.keyspace().counters();
        let tracked = shard.keyspace().tracked();
        let (commands, failed) = self.timings.total();
        let published = Published {
            keys: shard.keyspace().len() as u64,
            expiring: shard.keyspace().expiring() as u64,
            commands,
            failed,
            hits: counters.hits,
            misses: counters.misses,
            expired: counters.expired,
            evicted: counters.evicted,
            expired_fields: counters.expired_fields,
            with_expiring_fields: shard.keyspace().with_expiring_fields() as u64,
            changes: counters.changes,
            tracked: (tracked.0 as u64, tracked.1 as u64),
            bytes_in: self.bytes_in.get(),
            bytes_out: self.bytes_out.get(),
            script_memory: shard.scripts().memory_used() as u64,
            function_memory: shard.scripts().functions_memory_used() as u64,
            scripts: shard.scripts().counters(),
            calls: self.timings.rows().into_iter().map(|row| self.figures(row)).collect(),
            errors: self.timings.errors(),
        };
        let handle = &self.node.executors[usize::from(self.index)];
        *handle.published.lock().unwrap_or_else(PoisonError::into_inner) = published;
        // Published between requests: nothing runs now.
        *handle.slow.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
