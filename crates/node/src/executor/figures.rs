//! What an executor counts and times, for INFO, SLOWLOG and LATENCY.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use protocol::args::Args;
use protocol::spec::{CommandSpec, Family, Flags, Slots};
use shard::Shard;
use shard::commands::table::CommandId;
use shard::error::CommandError;
use shard::keyspace::Tally;

use super::Executor;
use crate::command_log::{self, LogEntry, LogKind};
use crate::node::{CommandFigures, Published};
use crate::secrets;
use crate::slot_stats::SlotCost;
use crate::timing::Row;

impl Executor {
    fn figures(&self, id: CommandId, row: Row, scripts: &Tally) -> CommandFigures {
        CommandFigures {
            calls: row.calls,
            scripted: scripts.calls().get(id.index()).copied().unwrap_or_default(),
            rejected: row.rejected + scripts.failures(id).rejected,
            failed: row.failed + scripts.failures(id).failed,
            nanos: self.timings.nanos(row.ticks),
            times: row.times,
        }
    }

    /// A command of a client has ended that began with the end of the last one, or with
    /// `Timings::begin`.
    #[inline]
    pub(crate) fn note_end(&self, client: u64, id: CommandId, args: Args<'_>, reply: &[u8]) {
        let failed = reply.first() == Some(&b'-');
        let notable = self.timings.end(id, failed);
        if failed {
            self.note_failure(id, &reply[1..]);
        }
        if notable.is_some() || self.timings.is_large(args.wire_len_max() + reply.len()) {
            self.note_more(client, id, args, reply.len(), notable);
        }
    }

    /// A request that waited for data ends without: with the reply of a time-out, or an error.
    pub(crate) fn note_given_up(&self, spec: &CommandSpec, reply: &[u8]) {
        let Some(id) = self.node.table().lookup(spec.name.as_bytes()) else { return };
        self.timings.begin();
        let failed = reply.first() == Some(&b'-');
        self.timings.end(id, failed);
        if failed {
            self.timings.note_error(Some(id), &reply[1..]);
        }
    }

    /// A command has replied an error.
    #[cold]
    fn note_failure(&self, id: CommandId, error: &[u8]) {
        /// What a request is told that did not run for the state of the node.
        const REFUSALS: [CommandError; 3] =
            [CommandError::OutOfMemory, CommandError::NoReplicas, CommandError::NoDisk];
        self.timings.note_error(Some(id), error);
        let is_script = self.node.table().spec(id).family == Family::Scripting;
        let error = String::from_utf8_lossy(error);
        if !is_script && REFUSALS.iter().any(|refusal| refusal.to_string() == error.trim_end()) {
            self.timings.take_back(id);
        }
    }

    /// A command has ended that may be for a log, the latency monitor or the statistics of its slot.
    #[cold]
    fn note_more(
        &self,
        client: u64,
        id: CommandId,
        args: Args<'_>,
        reply_len: usize,
        nanos: Option<u64>,
    ) {
        let settings = &self.node.settings;
        let spec = self.node.table().spec(id);
        let at_least = |limit: &AtomicU64, value: u64| {
            u64::try_from(limit.load(Ordering::Relaxed) as i64).is_ok_and(|limit| value >= limit)
        };
        if let Some(nanos) = nanos {
            self.note_slow(spec, nanos);
            let micros = nanos / 1000;
            if at_least(&settings.slowlog_log_slower_than, micros) {
                self.log(LogKind::Slow, client, spec, args, micros);
            }
            if settings.counts_slots()
                && let Slots::One(slot) = spec.slots(args)
            {
                let (bytes_in, bytes_out) = (args.wire_len() as u64, reply_len as u64);
                self.slot_stats.add(slot, SlotCost { calls: 1, nanos, bytes_in, bytes_out });
            }
        }
        let request_len = args.wire_len() as u64;
        if at_least(&settings.commandlog_request_larger_than, request_len) {
            self.log(LogKind::LargeRequest, client, spec, args, request_len);
        }
        if at_least(&settings.commandlog_reply_larger_than, reply_len as u64) {
            self.log(LogKind::LargeReply, client, spec, args, reply_len as u64);
        }
    }

    /// Tells the latency monitor of a command that may have been slow.
    fn note_slow(&self, spec: &CommandSpec, nanos: u64) {
        let event = if spec.flags.contains(Flags::FAST) { "fast-command" } else { "command" };
        self.note_latency(event, Duration::from_nanos(nanos));
    }

    /// Something has taken this long that the latency monitor may want to know.
    pub(crate) fn note_latency(&self, event: &'static str, time: Duration) {
        let least = self.node.settings.latency_monitor_threshold.load(Ordering::Relaxed);
        let millis = time.as_millis() as u64;
        if least > 0 && millis >= least {
            self.node.latency.add(event, self.clock.now().0 / 1_000_000, millis);
        }
    }

    /// Adds a request to a log.
    fn log(&self, kind: LogKind, client: u64, spec: &CommandSpec, args: Args<'_>, amount: u64) {
        if spec.flags.contains(Flags::SKIP_SLOWLOG) {
            return;
        }
        let client = self.node.clients.find(client);
        let shown = secrets::without(spec, args);
        let entry = LogEntry {
            id: 0,
            time: self.clock.now().0 / 1_000_000,
            amount,
            parts: command_log::shorten(shown.as_ref().map_or(args, |shown| shown.args())),
            address: client.as_ref().map(|client| client.address.to_string()).unwrap_or_default(),
            name: client.map(|client| client.facts().name.clone()).unwrap_or_default(),
        };
        let most = self.node.settings.log_len_max(kind);
        self.node.command_log.add(kind, entry, most);
    }

    /// From where on the time and the size of a command are worth a look, by the settings.
    pub(crate) fn follow_time_settings(&self) {
        let settings = &self.node.settings;
        let limit = |number: &AtomicU64| u64::try_from(number.load(Ordering::Relaxed) as i64).ok();
        let slower_than = limit(&settings.slowlog_log_slower_than);
        let slow = slower_than.map(|micros| micros.saturating_mul(1000));
        let millis = settings.latency_monitor_threshold.load(Ordering::Relaxed);
        let latent = (millis > 0).then(|| millis.saturating_mul(1_000_000));
        self.timings.set_tracking(settings.tracks_latencies());
        // The costs of slots are counted of every request.
        let all = settings.counts_slots().then_some(0);
        self.timings.set_notable(slow.into_iter().chain(latent).chain(all).min());
        let request = limit(&settings.commandlog_request_larger_than);
        let reply = limit(&settings.commandlog_reply_larger_than);
        let large = request.into_iter().chain(reply).min();
        self.timings.set_large(large.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)));
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
        let tally = shard.keyspace().tally();
        let scripted: u64 = tally.calls().iter().sum();
        let ids = self.node.table().iter().map(|(id, _)| id);
        let rows = ids.zip(self.timings.rows());
        let mut errors = self.timings.errors();
        for (code, row, count) in tally.errors() {
            *errors.entry(code.to_owned()).or_default().entry(row).or_default() += count;
        }
        let kept_replies = shard.keyspace().kept_replies();
        let published = Published {
            keys: shard.keyspace().len() as u64,
            expiring: shard.keyspace().expiring() as u64,
            commands: self.timings.total() + scripted,
            hits: counters.hits,
            misses: counters.misses,
            expired: counters.expired,
            evicted: counters.evicted,
            expired_fields: counters.expired_fields,
            with_expiring_fields: shard.keyspace().with_expiring_fields() as u64,
            overdue: shard.keyspace().overdue() as u64,
            expire_nanos: self.upkeep.expire_nanos.get(),
            expire_cut_short: self.upkeep.cut_short.get(),
            garbage: shard.keyspace().garbage() as u64,
            lazily_freed: shard.keyspace().lazily_freed(),
            changes: counters.changes,
            tracked: (tracked.0 as u64, tracked.1 as u64),
            kept_replies: (kept_replies.0 as u64, kept_replies.1 as u64),
            bytes_in: self.bytes_in.get(),
            bytes_out: self.bytes_out.get(),
            script_memory: shard.scripts().memory_used() as u64,
            function_memory: shard.scripts().functions_memory_used() as u64,
            scripts: shard.scripts().counters(),
            calls: rows.map(|(id, row)| self.figures(id, row, tally)).collect(),
            errors,
            connections: self.connections.borrow().len() as u64,
            delays: self.delays.borrow().clone(),
            messages: self.messages.get(),
            unsynced: self.outlet.unsynced(),
        };
        let handle = &self.node.executors[usize::from(self.index)];
        *handle.published.lock().unwrap_or_else(PoisonError::into_inner) = published;
        // Published between requests: nothing runs now.
        *handle.slow.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
