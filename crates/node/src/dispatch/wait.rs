//! What becomes of a request, and what a batch leaves open.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use crate::connection::Connection;
use crate::executor::Executor;
use crate::gather::Open;

/// A reply that has to be waited for.
pub(crate) type Later = Pin<Box<dyn Future<Output = Vec<u8>>>>;

/// What becomes of a request.
pub(crate) enum Step {
    /// It is answered, or on its way to another shard.
    Next,
    /// It is answered later; nothing behind it is looked at before.
    Wait(Then),
    /// It has to be looked at again after something else.
    Again(Then),
    /// The connection ends.
    Close,
}

/// What is waited for, after requests that went to other shards.
pub(crate) enum Then {
    Nothing,
    Reply(Later),
    /// The reply of a request that waits for data.
    Blocked(Later),
    Pause(Pin<Box<dyn Future<Output = ()>>>),
    /// The own shard is in a script; this is called from within it.
    ShardFree,
}

/// What a batch leaves open.
pub(crate) struct Wait {
    pub(crate) gathered: Option<Open>,
    pub(crate) then: Then,
}

impl Wait {
    /// Goes on with what is open; ready when nothing is.
    pub(crate) fn poll(
        &mut self,
        executor: &Rc<Executor>,
        connection: &Connection,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        if let Some(open) = &mut self.gathered {
            let answered = ready!(open.poll(executor, cx));
            self.gathered = None;
            answered.write(&mut connection.state.borrow_mut().output);
        }
        match &mut self.then {
            // Whoever polls this runs after the script.
            Then::Nothing | Then::ShardFree => Poll::Ready(()),
            Then::Pause(pause) => pause.as_mut().poll(cx),
            Then::Reply(later) | Then::Blocked(later) => {
                let bytes = ready!(later.as_mut().poll(cx));
                connection.add_late_reply(executor, &bytes);
                Poll::Ready(())
            }
        }
    }

    /// Whether a request is waiting for data: then nobody knows for how long.
    pub(crate) fn is_blocked(&self) -> bool {
        matches!(self.then, Then::Blocked(_)) && self.gathered.is_none()
    }

    /// The same from within a script's hook: the own shard is not free. Past the busy threshold
    /// who waits for it is told so.
    pub(crate) fn poll_in_script(
        &mut self,
        executor: &Rc<Executor>,
        connection: &Connection,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let waits_for_shard = matches!(self.then, Then::ShardFree) && self.gathered.is_none();
        if waits_for_shard && !executor.is_busy(executor.index) {
            return Poll::Pending;
        }
        self.poll(executor, connection, cx)
    }

    /// From within a script's hook: settles what can be settled without awaiting.
    pub(crate) fn try_now(self, executor: &Executor, output: &mut Vec<u8>) -> Option<Self> {
        let Self { gathered, then } = self;
        let rest = match gathered.map(|open| open.answer_now(executor)) {
            Some(Ok(answered)) => {
                answered.write(output);
                None
            }
            Some(Err(gathered)) => Some(gathered),
            None => None,
        };
        match (rest, then) {
            (None, Then::Nothing) => None,
            (gathered, then) => Some(Self { gathered, then }),
        }
    }
}
