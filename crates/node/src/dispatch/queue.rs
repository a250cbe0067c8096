//! Dispatch of commands inside MULTI.

use protocol::args::Args;
use protocol::spec::{CommandSpec, Flags};
use router::plan::{CROSSSLOT, DOWN, Plan, plan};
use router::session::Abort;
use shard::commands::table::CommandId;
use shard::needs::Needs;
use shard::shard::Queued;

use super::{Dispatch, Step};
use crate::connection::own;

impl Dispatch<'_> {
    /// A command inside MULTI: checked now, run by EXEC.
    pub(super) fn queue(&mut self, id: CommandId, spec: &CommandSpec, args: Args<'_>) -> Step {
        if spec.flags.contains(Flags::NO_MULTI) {
            return self.refuse("ERR Command not allowed inside a transaction");
        }
        if let Some(refusal) = self.executor.node.refusal(Needs::of(spec)) {
            return self.refuse(&refusal.to_string());
        }
        if self.session.atomic_exec && spec.name == "migrate" {
            // What another node has taken cannot be taken back.
            return self.refuse("ERR MIGRATE is not allowed in a transaction that rolls back");
        }
        let slot = match plan(spec, args, &self.executor.node.topology) {
            // Shards of their own threads cannot be rolled back as one.
            Plan::FanOut(_) if self.session.atomic_exec => {
                return self.refuse(
                    "ERR A command for all shards is not allowed in a transaction that rolls back",
                );
            }
            // The libraries of the node are no keys.
            Plan::Local if self.session.atomic_exec && spec.writes() => {
                return self.refuse(
                    "ERR A command on libraries is not allowed in a transaction that rolls back",
                );
            }
            Plan::Local | Plan::FanOut(_) => None,
            Plan::Shard { shard, slot } => {
                if let Some(busy) = self.executor.busy(shard) {
                    if let Some(transaction) = &mut self.session.transaction {
                        transaction.slot.get_or_insert(slot);
                        transaction.abort(Abort::Errors);
                    }
                    self.reply_error(busy);
                    return Step::Next;
                }
                Some(slot)
            }
            Plan::Moved { slot, member } => {
                let text = self.connection.view.moved(slot, member);
                return self.refuse(&text);
            }
            Plan::CrossSlot => return self.refuse(CROSSSLOT),
            Plan::Down(_) => return self.refuse(DOWN),
        };
        let caller = self.session.caller();
        if let Some(transaction) = &mut self.session.transaction {
            transaction.push(Queued { id, request: own(args), slot, caller, once: None });
            if self.connection.has_queued_too_much(self.executor, transaction.memory()) {
                return Step::Close;
            }
        }
        self.reply(|reply| reply.status("QUEUED"));
        self.connection.publish_facts(self.executor, self.session);
        Step::Next
    }
}
