//! Dispatch of commands that can wait for data.

use std::cell::Cell;

use protocol::args::Args;
use protocol::slot::Slot;
use protocol::spec::CommandSpec;
use shard::commands::blocking;
use shard::commands::table::CommandId;
use shard::reply::Reply;
use shard::shard::{Outcome, Queued};

use super::{Dispatch, Step, Then};
use crate::blocked::{self, Waiting};
use crate::connection::own;

impl Dispatch<'_> {
    /// Runs a command on the own shard that can wait for data.
    pub(super) fn run_or_wait(
        &mut self,
        id: CommandId,
        spec: &'static CommandSpec,
        args: Args<'_>,
        slot: Option<Slot>,
    ) -> Step {
        let executor = self.executor;
        let Ok(mut shard) = executor.shard.try_borrow_mut() else {
            return self.wait_for_shard();
        };
        let now = self.now;
        let outcome = Cell::new(Outcome::Replied);
        shard.keyspace_mut().set_caller(self.session.caller());
        let client = self.session.id;
        let write = |reply: &mut Reply<'_>| outcome.set(shard.attempt(id, args, slot, now, reply));
        // One that waits is counted when it is served.
        self.reply_with(write, |reply| {
            if outcome.get() != Outcome::Blocked {
                executor.note_end(client, id, args, reply);
            }
        });
        let outcome = outcome.get();
        if outcome != Outcome::Blocked {
            executor.release(&mut shard);
            drop(shard);
            self.note_index(id, args);
            return Step::Next;
        }
        if let Some(gathered) = &mut self.gathered {
            gathered.forget_last();
        }
        let version = self.session.version;
        let queued =
            Queued { id, request: own(args), slot, caller: self.session.caller(), once: None };
        let (ticket, receiver) = executor.wait(&mut shard, queued, version);
        let timeout = blocking::timeout_ms(spec, args);
        let shard = executor.index;
        let waiting = Waiting { shard, ticket, receiver, timeout, spec, version };
        let client = self.connection.client.clone();
        let later = blocked::wait_for_reply(executor.clone(), client, waiting);
        Step::Wait(Then::Blocked(Box::pin(later)))
    }

    /// Sends a command to another shard of this node that can wait for data there.
    pub(super) fn wait_there(
        &mut self,
        shard: u16,
        id: CommandId,
        args: Args<'_>,
        slot: Slot,
    ) -> Step {
        if let Some(busy) = self.executor.busy(shard) {
            self.reply_error(busy);
            return Step::Next;
        }
        let caller = self.session.caller();
        let queued = Queued { id, request: own(args), slot: Some(slot), caller, once: None };
        let (executor, client) = (self.executor.clone(), self.connection.client.clone());
        let later = blocked::run_there(executor, client, shard, queued, None, self.session.version);
        Step::Wait(Then::Blocked(Box::pin(later)))
    }
}
