//! What the script host of a shard asks of the node.

use std::rc::{Rc, Weak};
use std::time::Duration;

use protocol::args::Args;
use protocol::slot::Slot;
use quanta::Clock;
use router::commands::SessionCall;
use router::registry::Home;
use router::session::Session;
use shard::commands::table::CommandId;
use shard::error::CommandError;
use shard::reply::Reply;
use shard::script::{Services, SlotOwner};

use crate::executor::Executor;
use crate::node_state::NodeChange;

/// The services of one executor. See `shard::script::Services`.
pub(crate) struct ScriptServices {
    executor: Weak<Executor>,
    /// Read at every script, so the time stamp counter of the processor: no system call.
    clock: Clock,
}

impl ScriptServices {
    pub(crate) fn new(executor: Weak<Executor>) -> Self {
        Self { executor, clock: Clock::new() }
    }

    fn executor(&self) -> Option<Rc<Executor>> {
        self.executor.upgrade()
    }
}

impl Services for ScriptServices {
    /// Commands of the session have a session of their own: nothing a script says about the
    /// connection outlives it.
    fn answer(
        &self,
        id: CommandId,
        args: Args<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), CommandError> {
        let refused = CommandError::Text("ERR This Redis command is not allowed from script");
        let executor = self.executor().ok_or(refused.clone())?;
        let node = &executor.node;
        match node.registry.home(id) {
            Home::Router(run) => {
                let mut session = Session::new(0);
                session.version = reply.version();
                let view = &node.views[0];
                let table = node.table();
                let acl = &node.acl;
                run(&mut SessionCall { session: &mut session, view, table, acl, reply }, args)
            }
            Home::Node(_) => {
                match node.table().spec(id).name {
                    "info" => {
                        let sections: Vec<&[u8]> = args.iter_from(1).collect();
                        let text = crate::commands::info::text(node, &sections);
                        reply.verbatim(text.as_bytes());
                    }
                    // For tests of a server, see DEBUG SET-DISABLE-DENY-SCRIPTS.
                    "debug|sleep" => {
                        let seconds = args.float(2)?.clamp(0.0, 60.0);
                        std::thread::sleep(Duration::from_secs_f64(seconds));
                        reply.ok();
                    }
                    "config|help" => crate::commands::config::reply_help(reply),
                    _ => return Err(refused),
                }
                Ok(())
            }
            Home::Shard => Err(refused),
        }
    }

    fn attend(&self, request: Option<Args<'_>>) {
        if let Some(executor) = self.executor() {
            executor.attend(request);
        }
    }

    fn is_monitored(&self) -> bool {
        self.executor().is_some_and(|executor| executor.node.monitors.any())
    }

    fn show(&self, args: Args<'_>) {
        if let Some(executor) = self.executor() {
            executor.show_command("lua", args);
        }
    }

    fn owner(&self, slot: Slot) -> SlotOwner {
        self.executor().map_or(SlotOwner::Here, |executor| executor.slot_owner(slot))
    }

    fn ticks(&self) -> u64 {
        self.clock.raw()
    }

    fn between(&self, from: u64, to: u64) -> Duration {
        self.clock.delta(from, to)
    }

    fn libraries_changed(&self) {
        let Some(executor) = self.executor() else { return };
        let node = &executor.node;
        node.log.change_node(|| NodeChange::Libraries(&node.functions.dump()).encode());
        let shards = 0..executor.node.topology.shards();
        for shard in shards.filter(|&shard| shard != executor.index) {
            executor.tell(shard, |executor| {
                if let Ok(mut shard) = executor.shard.try_borrow_mut() {
                    shard.scripts_mut().refresh_functions();
                }
            });
        }
    }
}
