//! A shard: a range of slots with its keys and its script host.

use std::sync::Arc;
use std::time::Duration;

use protocol::args::{Args, Request};
use protocol::encode::Version;
use protocol::slot::Slot;

use crate::acl::{Context, RestrictedUser};
use crate::commands::table::{CommandId, CommandTable};
use crate::commands::{Call, blocking};
use crate::error::CommandError;
use crate::gauge::Gauge;
use crate::keyspace::{Caller, Keyspace};
use crate::needs::Needs;
use crate::once::Once;
use crate::reply::Reply;
use crate::script::ScriptEngine;
use crate::time::Micros;

/// A command of a transaction, or one on its way from another executor.
#[derive(Debug, Clone)]
pub struct Queued {
    /// Which command it is.
    pub id: CommandId,
    /// The request, which fits the command's arity.
    pub request: Request,
    /// The slot of its keys, if it has any.
    pub slot: Option<Slot>,
    /// Whose it is.
    pub caller: Caller,
    /// It runs once, however often it is sent. (Of a transaction, EXEC is what has the name.)
    pub once: Option<Arc<Once>>,
}

/// What has become of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The reply is written.
    Replied,
    /// Nothing has happened: run it on the shard of this slot, see [`Shard::execute`].
    Elsewhere(Slot),
    /// Nothing has happened: there is nothing yet, and the command can wait for a change of its
    /// keys.
    Blocked,
}

/// Keys that one command evicts at most.
const ROOM_KEYS: usize = 64;
/// Parts of what is used no more that are freed in the place of one key.
const PARTS: usize = 4;

/// One shard. See the module.
pub struct Shard {
    keyspace: Keyspace,
    scripts: ScriptEngine,
    table: &'static CommandTable,
    gauge: Arc<Gauge>,
    evictions: EvictionTimes,
}

/// The longest times that evicting has taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EvictionTimes {
    /// All keys that were evicted at once.
    pub cycle: Duration,
    /// One key.
    pub key: Duration,
}

impl Shard {
    /// A shard with an empty keyspace.
    pub fn new(keyspace: Keyspace, scripts: ScriptEngine, table: &'static CommandTable) -> Self {
        let (mut keyspace, mut scripts) = (keyspace, scripts);
        scripts.set_table(table);
        keyspace.count_calls(table.len());
        Self {
            keyspace,
            scripts,
            table,
            gauge: Arc::default(),
            evictions: EvictionTimes::default(),
        }
    }

    /// Has the shard look at this gauge of the node's memory.
    pub fn set_gauge(&mut self, gauge: Arc<Gauge>) {
        self.scripts.set_gauge(gauge.clone());
        self.gauge = gauge;
    }

    /// The shard's keys.
    pub fn keyspace(&self) -> &Keyspace {
        &self.keyspace
    }

    /// The shard's keys, for what is not a command: watching, settings, replay, active expiry.
    pub fn keyspace_mut(&mut self) -> &mut Keyspace {
        &mut self.keyspace
    }

    /// The shard's script host.
    pub fn scripts(&self) -> &ScriptEngine {
        &self.scripts
    }

    /// The shard's script host.
    pub fn scripts_mut(&mut self) -> &mut ScriptEngine {
        &mut self.scripts
    }

    /// Whose requests come next, as long as that is somebody who may not do everything. Scripts run
    /// with it, and transactions are checked once more; whether a single request may run, who
    /// sends it has checked.
    #[inline]
    pub fn set_restricted(&mut self, restricted: Option<Arc<RestrictedUser>>) {
        self.scripts.set_restricted(restricted);
    }

    /// The table of all commands.
    pub fn table(&self) -> &'static CommandTable {
        self.table
    }

    /// How long evicting has taken since this was asked last.
    pub fn take_eviction_times(&mut self) -> EvictionTimes {
        std::mem::take(&mut self.evictions)
    }

    /// Sets all counters to zero (CONFIG RESETSTAT).
    pub fn reset_statistics(&mut self) {
        self.keyspace.reset_counters();
        self.keyspace.count_calls(self.table.len());
        self.scripts.reset_statistics();
    }

    /// Runs one request at `now` and writes its reply. `slot` is that of all its keys.
    ///
    /// Returns a slot, with nothing changed and nothing replied, when the request is a script
    /// without declared keys whose first key lives on another shard of the node: run it there.
    #[inline]
    pub fn execute(
        &mut self,
        id: CommandId,
        args: Args<'_>,
        slot: Option<Slot>,
        now: Micros,
        reply: &mut Reply<'_>,
    ) -> Option<Slot> {
        let outcome = self.attempt(id, args, slot, now, reply);
        self.without_waiting(id, outcome, reply)
    }

    #[inline]
    fn without_waiting(
        &self,
        id: CommandId,
        outcome: Outcome,
        reply: &mut Reply<'_>,
    ) -> Option<Slot> {
        match outcome {
            Outcome::Replied => None,
            Outcome::Elsewhere(slot) => Some(slot),
            Outcome::Blocked => {
                blocking::give_up(self.table.spec(id), reply);
                None
            }
        }
    }

    /// The same for a request that can wait: see [`Outcome::Blocked`].
    #[inline]
    pub fn attempt(
        &mut self,
        id: CommandId,
        args: Args<'_>,
        slot: Option<Slot>,
        now: Micros,
        reply: &mut Reply<'_>,
    ) -> Outcome {
        self.keyspace.enter(now, slot);
        if let Err(error) = self.admit(Needs::of(self.table.spec(id))) {
            reply.error(&error);
            return Outcome::Replied;
        }
        self.run_entered(id, args, reply)
    }

    /// Runs a request that is admitted, and for which the keyspace is entered.
    #[inline]
    fn run_entered(&mut self, id: CommandId, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
        let result = self.run_handler(id, args, reply);
        self.keyspace.commit_command();
        Self::outcome(result, reply)
    }

    #[inline]
    pub(crate) fn run_handler(
        &mut self,
        id: CommandId,
        args: Args<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), CommandError> {
        let Some(run) = self.table.row(id).run else {
            return Err(CommandError::Text("ERR this command is not answered by a shard"));
        };
        let Self { keyspace, scripts, .. } = self;
        let mut call = Call { keyspace, reply, scripts: Some(scripts), pulse: None };
        let result = run(&mut call, args);
        self.keyspace.note_read(self.table.spec(id), args);
        result
    }

    #[inline]
    pub(crate) fn outcome(result: Result<(), CommandError>, reply: &mut Reply<'_>) -> Outcome {
        match result {
            Ok(()) => Outcome::Replied,
            Err(CommandError::Relocate(slot)) => Outcome::Elsewhere(slot),
            Err(CommandError::WouldBlock) => Outcome::Blocked,
            Err(error) => {
                reply.error(&error);
                Outcome::Replied
            }
        }
    }

    /// Whether the state of the node lets a request or transaction run. Memory may be made for it.
    ///
    /// # Errors
    /// OOM, NOREPLICAS.
    #[inline]
    pub fn admit(&mut self, needs: Needs) -> Result<(), CommandError> {
        if (needs.memory || needs.script) && self.gauge.is_full() {
            let has_room = self.make_room(ROOM_KEYS);
            if needs.memory && !has_room {
                return Err(CommandError::OutOfMemory);
            }
        }
        if needs.writes
            && let Some(refusal) = self.gauge.refuses_writes()
        {
            return Err(refusal.into());
        }
        Ok(())
    }

    /// Evicts up to `most` keys as far as memory is full. False when it is still full and there was
    /// nothing to evict; who makes some room goes on, and the rest is for later (as Redis).
    #[cold]
    pub fn make_room(&mut self, most: usize) -> bool {
        if self.keyspace.is_undo_open() {
            // What goes inside a transaction that may be rolled back goes to the undo log, and
            // nothing is won.
            return false;
        }
        if self.keyspace.is_held() {
            // As in Redis: what has to run during a pause runs.
            return true;
        }
        let mut evicted = 0;
        let began = self.scripts.ticks();
        let mut before = began;
        while evicted < most && self.gauge.is_full() {
            // What waits to be freed goes before what is still of use.
            if self.keyspace.free_some(PARTS) == 0 && !self.keyspace.evict_one() {
                break;
            }
            evicted += 1;
            self.evictions.key = self.evictions.key.max(self.scripts.since(before));
            before = self.scripts.ticks();
        }
        self.evictions.cycle = self.evictions.cycle.max(self.scripts.since(began));
        // Other shards make room meanwhile: it may not be full any more before this one has begun.
        evicted > 0 || !self.gauge.is_full()
    }

    /// Runs the requests of a transaction one after the other with nothing in between and appends
    /// their replies; returns where each ends in `out`. A request that fails does not keep the
    /// others from running (Redis's rule). What the user may do can have changed since the requests
    /// were queued, so that is looked at again; what the node lets run is for [`Shard::admit`] to say
    /// before, of all of them, so that none stops half-way for want of memory (as in Redis). `ended`
    /// is called after each, with its reply.
    pub fn transaction(
        &mut self,
        requests: &[Queued],
        now: Micros,
        out: &mut Vec<u8>,
        version: Version,
        ended: &mut dyn FnMut(&Queued, &[u8]),
    ) -> Vec<usize> {
        let run_one = |queued: &Queued| {
            let start = out.len();
            let mut reply = Reply::resp(out, version);
            let args = queued.request.args();
            self.keyspace.set_caller(queued.caller);
            if let Some(restricted) = self.scripts.restricted() {
                let spec = self.table.spec(queued.id);
                if let Err(denied) = restricted.check(queued.id, spec, args, Context::Multi) {
                    reply.error_text(denied.text_at_exec().as_bytes());
                    ended(queued, &out[start..]);
                    return out.len();
                }
            }
            self.keyspace.enter(now, queued.slot);
            let outcome = self.run_entered(queued.id, args, &mut reply);
            if self.without_waiting(queued.id, outcome, &mut reply).is_some() {
                // A transaction stays where it is.
                reply.error(&CommandError::Text(
                    "ERR Script attempted to access a non local key in a cluster node",
                ));
            }
            ended(queued, &out[start..]);
            out.len()
        };
        requests.iter().map(run_one).collect()
    }

    /// The same, all or nothing: when a request fails, everything is rolled back.
    ///
    /// # Errors
    /// The text of the first error. Nothing has been changed, and nothing appended to `out`.
    pub fn transaction_or_nothing(
        &mut self,
        requests: &[Queued],
        now: Micros,
        out: &mut Vec<u8>,
        version: Version,
        ended: &mut dyn FnMut(&Queued, &[u8]),
    ) -> Result<Vec<usize>, String> {
        let start = out.len();
        let mark = self.keyspace.begin();
        let mut ends = Vec::with_capacity(requests.len());
        for queued in requests {
            let from = out.len();
            let one = std::slice::from_ref(queued);
            ends.extend(self.transaction(one, now, out, version, ended));
            if out.get(from) == Some(&b'-') {
                let text = String::from_utf8_lossy(&out[from + 1..]).trim_end().to_owned();
                self.keyspace.roll_back(mark);
                out.truncate(start);
                return Err(text);
            }
        }
        self.keyspace.keep(mark);
        Ok(ends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::Eviction;
    use crate::testing::Rig;

    #[test]
    fn nothing_is_evicted_into_an_open_undo_log() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        let shard = rig.shard();
        let gauge = Arc::new(Gauge::default());
        gauge.set_full(true);
        shard.set_gauge(gauge);
        let mut settings = *shard.keyspace().settings();
        settings.eviction = Eviction::AllKeysRandom;
        shard.keyspace_mut().configure(settings);
        let mark = shard.keyspace_mut().begin();
        assert!(!shard.make_room(ROOM_KEYS));
        assert_eq!(shard.keyspace().len(), 1);
        shard.keyspace_mut().keep(mark);
        assert!(shard.make_room(ROOM_KEYS));
        assert_eq!(shard.keyspace().len(), 0);
        // Nothing is left to evict: there is room only when somebody else has made it.
        assert!(!shard.make_room(ROOM_KEYS));
        shard.gauge.set_full(false);
        assert!(shard.make_room(ROOM_KEYS));
    }
}
