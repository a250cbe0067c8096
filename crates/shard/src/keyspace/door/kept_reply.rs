//! The door's part for replies that are kept, see [`crate::keyspace::kept_replies`].

use protocol::encode::Version;
use protocol::slot::Slot;

use super::super::Keyspace;
use super::super::kept_replies::{KeptReply, memory_of, name_of};
use super::super::undo::Undo;
use crate::effect::{Effect, KeepReply};
use crate::time::Millis;

impl Keyspace {
    /// The reply that is kept of a request of the entered slot, by what the client calls it.
    pub fn kept_reply(&self, id: &[u8]) -> Option<&KeptReply> {
        let kept = self.kept_replies.find(&name_of(self.slot, id))?;
        (kept.until > self.now()).then_some(kept)
    }

    /// Keeps a reply for `window_ms`: what is replied to the request of the entered slot that has
    /// just run. False, and nothing is changed, when there is no room for it.
    pub fn keep_reply(
        &mut self,
        id: &[u8],
        request: u64,
        window_ms: i64,
        version: Version,
        reply: &[u8],
    ) -> bool {
        let made = self.now();
        if !self.has_room_for_reply(id.len(), reply.len()) {
            return false;
        }
        let until = made.0.saturating_add(window_ms);
        let (slot, made) = (self.slot, made.0);
        let effect = KeepReply { slot, id, request, made, until, version, reply };
        self.counters.changes += 1;
        if self.record {
            Effect::KeepReply(effect).encode(&mut self.effects);
        }
        self.undo.push(|| Undo::KeptReply { name: name_of(slot, id) });
        self.take_in_reply(&effect);
        true
    }

    /// Whether there is room for one more reply; what is kept no more makes room.
    pub fn has_room_for_reply(&mut self, id_len: usize, reply_len: usize) -> bool {
        /// What is freed at once at most.
        const SOME: usize = 256;
        let (now, most) = (self.now(), self.settings.kept_replies_memory_max);
        let needed = memory_of(id_len, reply_len);
        loop {
            if self.kept_replies.memory() + needed <= most {
                return true;
            }
            if self.kept_replies.forget(now, SOME) == 0 {
                return false;
            }
        }
    }

    /// Forgets up to `most` replies whose time has come; says how many.
    pub fn forget_replies(&mut self, most: usize) -> usize {
        self.kept_replies.forget(self.now(), most)
    }

    /// How many replies are kept, and about how many bytes of memory they take.
    pub fn kept_replies(&self) -> (usize, usize) {
        (self.kept_replies.len(), self.kept_replies.memory())
    }

    /// Keeps a reply as an effect says. Its time says what is kept no more: as many as come in go
    /// out, so that a log can be longer than memory is large.
    pub(super) fn take_in_reply(&mut self, effect: &KeepReply<'_>) {
        /// More than one, to catch up after a time in which nothing was kept.
        const SOME: usize = 4;
        let KeepReply { slot, id, request, made, until, version, reply } = *effect;
        let (made, until) = (Millis(made), Millis(until));
        self.kept_replies.forget(made, SOME);
        let kept = KeptReply { request, made, until, version, reply: reply.into() };
        self.kept_replies.insert(name_of(slot, id), kept);
    }

    /// Applies an effect of replay, if the slot is one of this keyspace.
    pub(super) fn apply_kept_reply(&mut self, effect: &KeepReply<'_>) {
        if self.has(effect.slot) {
            self.take_in_reply(effect);
        }
    }

    /// Whether a slot is one of this keyspace.
    fn has(&self, slot: Slot) -> bool {
        slot.index().wrapping_sub(self.tables.first) < self.tables.slots.len()
    }
}
