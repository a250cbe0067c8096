//! The short way through dispatch, which nearly all requests of nearly all clients take: a command on
//! one key of the own shard, which neither waits nor is a script, of a session about which there is
//! nothing special, on a node where nothing special goes on.
//!
//! It does what [`Dispatch::run_request`] comes to in that case, and nothing else; whatever is not
//! certain to be that case goes the long way. What makes a case special is said in three places:
//! [`Row::is_plain`] (the command), [`Session::is_plain`] (the session), [`Attention`] (the node).
//!
//! # Invariants
//! - I1. `is_plain` is what [`Session::is_plain`] says. Only what goes the long way changes a session,
//!   and it is asked again after each of that.
//!
//! [`Row::is_plain`]: shard::commands::table::Row::is_plain
//! [`Session::is_plain`]: router::session::Session::is_plain
//! [`Attention`]: crate::attention::Attention

use protocol::args::Args;
use protocol::slot::Slot;
use router::topology::Owner;
use shard::commands::table::{CommandId, CommandTable, Recent};
use shard::reply::Reply;

use super::Dispatch;
use crate::panic::note_command;

/// What is known of a request before it runs.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ahead {
    /// Its command, if there is one whose arity fits.
    pub(crate) id: Option<CommandId>,
    /// The slot of its one key.
    pub(crate) slot: Option<Slot>,
    /// Its command is plain.
    is_plain: bool,
}

impl Ahead {
    /// Looks at a request. Returns also which part of it is its one key.
    #[inline]
    pub(crate) fn of(
        table: &CommandTable,
        args: Args<'_>,
        recent: &mut Recent,
    ) -> (Self, Option<usize>) {
        let Some(id) = table.find_again(args, recent) else { return (Self::default(), None) };
        let row = table.row(id);
        let key = row.only_key_at(args);
        let slot = key.map(|at| Slot::of_key(args.at(at)));
        (Self { id: Some(id), slot, is_plain: row.is_plain }, key)
    }
}

impl Dispatch<'_> {
    /// Runs a request the short way. False when it has to go the long way: then nothing has
    /// happened.
    #[inline]
    pub(super) fn run_plain(&mut self, args: Args<'_>, ahead: Ahead) -> bool {
        let executor = self.executor;
        let (true, Some(id), Some(slot)) = (self.is_plain && ahead.is_plain, ahead.id, ahead.slot)
        else {
            return false;
        };
        if executor.node.attention.any()
            || executor.node.topology.owner(slot) != Owner::Here(executor.index)
        {
            return false;
        }
        let Ok(mut shard) = executor.shard.try_borrow_mut() else { return false };
        note_command(shard.table().spec(id).name);
        self.connection.note(id.index(), self.now.millis());
        shard.keyspace_mut().set_caller(self.session.caller());
        let out = match &mut self.gathered {
            Some(gathered) => &mut gathered.local,
            None => &mut *self.output,
        };
        let start = out.len();
        let mut reply = Reply::resp(out, self.session.version);
        let elsewhere = shard.execute(id, args, Some(slot), self.now, &mut reply);
        debug_assert!(elsewhere.is_none(), "only scripts go elsewhere");
        executor.note_end(self.session.id, id, args, &out[start..]);
        if let Some(gathered) = &mut self.gathered {
            gathered.note_local();
        }
        executor.release(&mut shard);
        drop(shard);
        self.note_index(id, args);
        true
    }
}
