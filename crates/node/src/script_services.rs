//! What the script host of a shard asks of the node.

use std::rc::{Rc, Weak};

use protocol::args::Args;
use protocol::encode::Version;
use quanta::Instant;
use router::commands::SessionCall;
use router::registry::Home;
use router::session::Session;
use shard::commands::table::CommandId;
use shard::error::CommandError;
use shard::reply::Reply;

use crate::executor::Executor;

/// The services of one executor. See `shard::script::Services`.
pub(crate) struct ScriptServices {
    executor: Weak<Executor>,
    /// Read at every script, so the time stamp counter of the processor: no system call.
    pub(crate) started: Instant,
}

impl ScriptServices {
    pub(crate) fn new(executor: Weak<Executor>) -> Self {
        Self { executor, started: Instant::now() }
    }

    pub(crate) fn executor(&self) -> Option<Rc<Executor>> {
        self.executor.upgrade()
    }

    /// Answers a command that no shard runs: those of the session, with a session of its own, as
    /// nothing a script says about the connection outlives it.
    pub(crate) fn answer_command(
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
                session.version = match reply.version() {
                    Version::Resp2 => Version::Resp2,
                    Version::Resp3 => Version::Resp3,
                };
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
                        std::thread::sleep(std::time::Duration::from_secs_f64(seconds));
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
}
