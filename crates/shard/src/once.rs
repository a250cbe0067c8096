//! Requests that run once, however often they are sent (CLIENT IDEMPOTENCY).
//!
//! What such a request does and that its reply is kept are one entry: after a crash there are both or
//! neither. Who sends it again is told the same, and nothing runs.

use protocol::args::Args;
use protocol::encode::Version;
use protocol::slot::Slot;

use crate::Shard;
use crate::error::CommandError;
use crate::needs::Needs;
use crate::reply::Reply;
use crate::shard::{Outcome, Queued};
use crate::time::Micros;

/// What names a request that runs once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// What the client calls it.
    pub id: Box<[u8]>,
    /// What tells it from others: a hash of its parts.
    pub request: u64,
    /// For how long its reply is kept, in milliseconds.
    pub window_ms: i64,
}

/// There is no room for one more reply.
const FULL: CommandError = CommandError::Text(
    "OOM 'idempotency-memory-limit' is reached: nothing was run, and nothing was changed",
);

impl Shard {
    /// Runs a request that was queued or sent, once if it is named: see [`Shard::attempt`].
    #[inline]
    pub fn attempt_queued(
        &mut self,
        queued: &Queued,
        now: Micros,
        reply: &mut Reply<'_>,
    ) -> Outcome {
        match &queued.once {
            None => self.attempt(queued.id, queued.request.args(), queued.slot, now, reply),
            Some(once) => self.attempt_once(queued, once, now, reply),
        }
    }

    fn attempt_once(
        &mut self,
        queued: &Queued,
        once: &Once,
        now: Micros,
        reply: &mut Reply<'_>,
    ) -> Outcome {
        let (Some(slot), Some((out, version))) = (queued.slot, reply.as_resp()) else {
            reply.error(&CommandError::Text("ERR a request that runs once needs a key"));
            return Outcome::Replied;
        };
        match self.recall(once, slot, now, version) {
            Ok(None) => {}
            Ok(Some(kept)) => {
                out.extend_from_slice(kept);
                return Outcome::Replied;
            }
            Err(error) => {
                reply.error(&error);
                return Outcome::Replied;
            }
        }
        let needs = Needs::of(self.table().spec(queued.id));
        if let Err(error) = self.admit_once(once, needs) {
            reply.error(&error);
            return Outcome::Replied;
        }
        self.run_once(queued, once, slot, now, reply)
    }

    fn run_once(
        &mut self,
        queued: &Queued,
        once: &Once,
        slot: Slot,
        now: Micros,
        reply: &mut Reply<'_>,
    ) -> Outcome {
        let start = reply.as_resp().map_or(0, |(out, _)| out.len());
        let mark = self.keyspace_mut().begin();
        let args: Args<'_> = queued.request.args();
        let result = self.run_handler(queued.id, args, reply);
        if result.is_ok()
            && let Some((out, version)) = reply.as_resp()
            && let Err(error) = self.keep_reply(once, slot, now, version, &out[start..])
        {
            self.keyspace_mut().roll_back(mark);
            out.truncate(start);
            reply.error(&error);
            return Outcome::Replied;
        }
        // One that is answered with an error has changed nothing, and may run again.
        self.keyspace_mut().keep(mark);
        Self::outcome(result, reply)
    }

    /// The reply to a request that has run already, of a slot.
    ///
    /// # Errors
    /// What has run by this name was another request, or its reply is in another version.
    pub fn recall(
        &mut self,
        once: &Once,
        slot: Slot,
        now: Micros,
        version: Version,
    ) -> Result<Option<&[u8]>, CommandError> {
        self.keyspace_mut().enter(now, Some(slot));
        let Some(kept) = self.keyspace().kept_reply(&once.id) else { return Ok(None) };
        if kept.request != once.request {
            return Err(CommandError::Text("ERR this idempotency id is that of another request"));
        }
        if kept.version != version {
            return Err(CommandError::Text(
                "ERR the request has run, and its reply is in the other version of the protocol: \
                 HELLO",
            ));
        }
        Ok(Some(&kept.reply))
    }

    /// Whether the state of the node, and what is kept already, let a request or transaction run.
    ///
    /// # Errors
    /// Those of [`Shard::admit`]; OOM.
    pub fn admit_once(&mut self, once: &Once, needs: Needs) -> Result<(), CommandError> {
        self.admit(needs)?;
        if self.keyspace_mut().has_room_for_reply(once.id.len(), 0) { Ok(()) } else { Err(FULL) }
    }

    /// Keeps the reply to a request or transaction that has just run.
    ///
    /// # Errors
    /// There is no room: what it has done is to be rolled back.
    pub fn keep_reply(
        &mut self,
        once: &Once,
        slot: Slot,
        now: Micros,
        version: Version,
        reply: &[u8],
    ) -> Result<(), CommandError> {
        let Once { id, request, window_ms } = once;
        // Scripts may have gone to other slots of the shard.
        self.keyspace_mut().enter(now, Some(slot));
        let is_kept = self.keyspace_mut().keep_reply(id, *request, *window_ms, version, reply);
        if is_kept { Ok(()) } else { Err(FULL) }
    }
}

#[cfg(test)]
#[path = "once_test.rs"]
mod tests;
