//! What an executor keeps of what has been done, and which replies wait for the disk.

use protocol::args::Args;
use protocol::spec::Family;
use router::session::Session;
use shard::Shard;
use shard::commands::table::CommandId;

use super::Executor;
use crate::log::Durability;

impl Executor {
    /// Takes what a command, transaction or script that is kept has done to where it is kept.
    #[inline]
    pub(crate) fn keep(&self, shard: &mut Shard) {
        if !shard.keyspace().effects().is_empty() {
            self.outlet.take(shard);
        }
    }

    /// The index that the reply of a request waits for that has just run here (R4): what it has
    /// written, and what it has read that is not on the disk.
    pub(crate) fn index_of(&self, id: CommandId, args: Args<'_>) -> u64 {
        let spec = self.node.table().spec(id);
        if spec.family == Family::Scripting && spec.name.contains('|') {
            // What it has changed of the node's libraries and scripts is on its way, too.
            self.outlet.mark();
        }
        // What scripts and SORT touch is not all in their keys.
        let is_told = spec.family != Family::Scripting && !spec.name.starts_with("sort");
        let mut index = 0;
        let mut has_keys = false;
        let visited = spec.visit_keys(args, |at, _| {
            has_keys = true;
            index = index.max(self.outlet.of_key(args.at(at)));
        });
        if is_told && has_keys && visited.is_ok() { index } else { self.outlet.last() }
    }

    /// Whether replies of a session wait for the disk.
    #[inline]
    pub(crate) fn holds(&self, session: &Session) -> bool {
        let log = &self.node.log;
        log.may_hold() && session.holds_replies.unwrap_or(log.durability() == Durability::Always)
    }
}
