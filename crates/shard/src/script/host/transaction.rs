//! WATCH, MULTI, EXEC, DISCARD and UNWATCH inside a script.

use protocol::spec::CommandSpec;

use super::Host;
use super::call::Refusal;
use crate::commands::Call;
use crate::commands::blocking;
use crate::error::CommandError;
use crate::reply::Reply;
use crate::script::pulse::Pulse;
use crate::script::raw::Stack;
use crate::script::sink::LuaSink;
use crate::shard::Queued;

impl Host {
    /// WATCH, MULTI, EXEC, DISCARD and UNWATCH inside a script: what the literature on scripts
    /// shows, which Redis refuses. A script is alone on its shard, so WATCH always holds.
    pub(super) fn transaction_command(
        &mut self,
        stack: Stack,
        spec: &CommandSpec,
    ) -> Result<bool, Refusal> {
        let mut sink = LuaSink::new(stack, self.run.resp);
        match (spec.name, self.run.queue.is_some()) {
            ("multi", false) => {
                self.run.queue = Some(Vec::new());
                self.run.queue_failed = false;
                sink.status(b"OK");
            }
            ("multi", true) => return Err("ERR MULTI calls can not be nested".into()),
            ("exec", true) => {
                let queue = self.run.queue.take().unwrap_or_default();
                if self.run.queue_failed {
                    let text = "EXECABORT Transaction discarded because of previous errors.";
                    return Err(text.into());
                }
                self.exec(stack, &queue);
            }
            ("exec", false) => return Err("ERR EXEC without MULTI".into()),
            ("discard", true) => {
                self.run.queue = None;
                sink.status(b"OK");
            }
            ("discard", false) => return Err("ERR DISCARD without MULTI".into()),
            ("watch", true) => return Err("ERR WATCH inside MULTI is not allowed".into()),
            _ => sink.status(b"OK"),
        }
        Ok(true)
    }

    /// Runs what was queued and pushes the array of the replies.
    fn exec(&mut self, stack: Stack, queue: &[Queued]) {
        let mut sink = LuaSink::new(stack, self.run.resp);
        sink.array(queue.len());
        for queued in queue {
            let mut reply = Reply::lua(&mut sink);
            let result = match (self.table.row(queued.id).run, self.keyspace.get()) {
                (Some(run), Some(keyspace)) => {
                    keyspace.enter(self.run.now, queued.slot);
                    let caller = self.invoked_by.get();
                    let pulse = Some(Pulse::new(&self.control, self.services.as_deref(), caller));
                    let mut call = Call { keyspace, reply: &mut reply, scripts: None, pulse };
                    let result = run(&mut call, queued.request.args());
                    blocking::settle(result, self.table.spec(queued.id), call.reply)
                }
                _ => match self.services.clone() {
                    Some(services) => services.answer(queued.id, queued.request.args(), &mut reply),
                    None => {
                        Err(CommandError::Text("ERR This Redis command is not allowed from script"))
                    }
                },
            };
            if let Err(error) = result {
                reply.error(&error);
            }
        }
    }
}
