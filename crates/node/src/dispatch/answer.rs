//! Dispatch of commands that are the session's or the node's, and no shard's.

use std::rc::Rc;

use protocol::args::Args;
use router::commands::SessionCall;
use shard::commands::table::CommandId;
use shard::reply::Reply;

use super::{Dispatch, Step, Then};
use crate::commands::{Done, NodeCall};
use crate::executor::Executor;

impl Dispatch<'_> {
    pub(super) fn answer_by_session(
        &mut self,
        id: CommandId,
        run: router::commands::Run,
        args: Args<'_>,
        executor: &Rc<Executor>,
        view: &router::view::View,
    ) -> Step {
        // The session may change the version of the replies, or whether there are any.
        if self.gathered.is_some() {
            return Step::Again(Then::Nothing);
        }
        let start = self.output.len();
        let held = self.session.holds_replies;
        let mut reply = Reply::resp(self.output, self.session.version);
        let mut call = SessionCall {
            session: self.session,
            view,
            table: executor.node.table(),
            acl: &executor.node.acl,
            reply: &mut reply,
        };
        if let Err(error) = run(&mut call, args) {
            reply.error(&error);
        }
        executor.note_end(self.session.id, id, args, &self.output[start..]);
        if self.session.silent() {
            self.output.truncate(start);
        }
        if self.session.was_reset {
            self.session.was_reset = false;
            executor.node.log.note_holding(held, self.session.holds_replies);
            crate::commands::watch::unwatch_all(executor, self.session);
            crate::commands::subscribe::unsubscribe_all(executor, self.session);
            self.session.tracking = None;
            executor.follow_tracking(self.session.id, None);
            executor.node.monitors.remove(self.session.id);
            self.connection.forget_pushes();
        }
        self.connection.publish_facts(self.executor, self.session);
        Step::Next
    }

    pub(super) fn answer_by_node(
        &mut self,
        id: CommandId,
        run: crate::commands::NodeCommand,
        args: Args<'_>,
    ) -> Step {
        // Node commands may wait, and may look at what requests before them have done.
        if self.gathered.is_some() {
            return Step::Again(Then::Nothing);
        }
        let start = self.output.len();
        let mut reply = Reply::resp(self.output, self.session.version);
        let mut call = NodeCall {
            executor: self.executor,
            connection: self.connection,
            session: self.session,
            reply: &mut reply,
            in_exec: false,
        };
        let done = match run(&mut call, args) {
            Ok(done) => done,
            Err(error) => {
                reply.error(&error);
                Done::Replied
            }
        };
        if !matches!(done, Done::WhenShardFree) {
            self.executor.note_end(self.session.id, id, args, &self.output[start..]);
        }
        if self.session.silent() && !matches!(done, Done::Told) {
            self.output.truncate(start);
        }
        self.connection.publish_facts(self.executor, self.session);
        self.now = self.executor.clock.now();
        self.note_index(id, args);
        match done {
            Done::Replied | Done::Told => Step::Next,
            Done::Later(later) => Step::Wait(Then::Reply(later)),
            Done::Blocked(later) => Step::Wait(Then::Blocked(later)),
            Done::Close => Step::Close,
            Done::WhenShardFree => Step::Again(Then::ShardFree),
        }
    }
}
