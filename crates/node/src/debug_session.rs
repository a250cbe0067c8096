//! A session of the script debugger, from the EVAL that begins it to its reply.
//!
//! The script runs on the thread of its shard, which waits for the client between two lines. That
//! thread talks with the client's socket directly, whichever executor the connection lives on: the
//! connection waits for the reply and does not read meanwhile, and both have a descriptor of the
//! same socket. So nothing has to travel between the threads but the beginning and the end.
//!
//! # Invariants
//! - I1. While a session is open, only [`DebugClient`] reads from and writes to the socket.
//! - I2. While the client thinks, the shard's thread looks after its other sockets, every
//!   [`ATTEND_EVERY`]; they are answered BUSY where they need the shard.

mod client;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use protocol::args::Args;
use protocol::encode::{self, Version};
use protocol::slot::Slot;
use router::plan::{Plan, plan};
use router::session::{DebugMode, Session};
use router::topology::Owner;
use shard::acl::RestrictedUser;
use shard::commands::table::CommandId;
use shard::reply::Reply;
use shard::script::debug;
use shard::shard::Queued;

use self::client::DebugClient;
use crate::clients::Client;
use crate::connection::Connection;
use crate::connection::stream::Channel;
use crate::executor::{BUSY_SCRIPT, Executor};

/// How often the other sockets of the shard are looked after.
const ATTEND_EVERY: Duration = Duration::from_millis(20);

/// How long a session waits for its shard: a debugger that is started again may find the session
/// before not quite over.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is said when the script begins anew on another shard.
const MOVED: &str = "The first key of the script is another shard's: it begins anew there.";

/// A session that has not begun. See the module.
pub(crate) struct DebugSession {
    queued: Queued,
    /// Where it runs.
    shard: u16,
    /// What the script has done is kept if it reaches its end.
    keeps: bool,
    version: Version,
    /// Whose session it is, when that is somebody who may not do everything.
    restricted: Option<Arc<RestrictedUser>>,
}

/// What a shard needs to have a session.
struct Begin {
    queued: Queued,
    keeps: bool,
    version: Version,
    restricted: Option<Arc<RestrictedUser>>,
    channel: Channel,
    client: Arc<Client>,
    /// What the client has sent already.
    input: BytesMut,
    hint: Option<String>,
}

enum End {
    Reply(Vec<u8>),
    /// The script has to run on the shard of this slot.
    Elsewhere(Slot),
}

impl DebugSession {
    /// The session that a command begins on a connection that debugs scripts, if it does.
    ///
    /// # Errors
    /// Why it does not, although it runs a script.
    pub(crate) fn wanted(
        executor: &Executor,
        session: &Session,
        id: CommandId,
        args: Args<'_>,
    ) -> Option<Result<Self, &'static str>> {
        let spec = executor.node.table().spec(id);
        match spec.name {
            "eval" | "eval_ro" => {}
            "evalsha" | "evalsha_ro" if args.at(1).len() == 40 => {
                return Some(Err("ERR Please use EVAL instead of EVALSHA for debugging"));
            }
            _ => return None,
        }
        let (shard, slot) = match plan(spec, args, &executor.node.topology) {
            Plan::Local => (executor.index, None),
            Plan::Shard { shard, slot } => (shard, Some(slot)),
            // It runs nowhere on this node, debugged or not.
            Plan::FanOut(_) | Plan::Moved { .. } | Plan::CrossSlot | Plan::Down(_) => return None,
        };
        let queued =
            Queued { id, request: args.to_request(), slot, caller: session.caller(), once: None };
        let keeps = session.debug == DebugMode::Keep;
        let restricted = session.login.restricted().cloned();
        Some(Ok(Self { queued, shard, keeps, version: session.version, restricted }))
    }

    /// Has the session and returns what EVAL replies.
    pub(crate) async fn run(self, executor: Rc<Executor>, connection: Rc<Connection>) -> Vec<u8> {
        let Self { mut queued, mut shard, keeps, version, restricted } = self;
        let mut hint = None;
        if !is_free(&executor, shard).await {
            return error(BUSY_SCRIPT);
        }
        connection.close_when_written();
        loop {
            let Ok(channel) = connection.channel() else {
                return error("ERR the debugger has no descriptor left");
            };
            let begin = Begin {
                queued: queued.clone(),
                keeps,
                version,
                restricted: restricted.clone(),
                channel,
                client: connection.client.clone(),
                input: connection.take_input(),
                hint: hint.take(),
            };
            let slot = match executor.ask(shard, move |executor| begin.run(executor)).await {
                Some(End::Reply(bytes)) => return bytes,
                Some(End::Elsewhere(slot)) => slot,
                None => return error("ERR the shard of this key did not answer"),
            };
            match executor.node.topology.owner(slot) {
                // Once only: on the shard of its first key no script leaves.
                Owner::Here(owner) if queued.slot.is_none() && owner != shard => shard = owner,
                Owner::Here(_) | Owner::Node(_) | Owner::Nobody => {
                    return error(router::plan::DOWN);
                }
            }
            queued.slot = Some(slot);
            hint = Some(MOVED.to_owned());
        }
    }
}

/// Waits for a while until a shard is not busy; whether it is then.
async fn is_free(executor: &Executor, shard: u16) -> bool {
    let end = Instant::now() + PATIENCE;
    let mut pause = pin!(tokio::time::sleep(Duration::ZERO));
    poll_fn(|cx| {
        let own = shard == executor.index;
        let in_use = executor.is_busy(shard) || own && executor.is_in_script();
        if !in_use {
            return Poll::Ready(true);
        }
        // From within a script's hook, where timers do not run, this is polled again and again.
        if Instant::now() >= end {
            return Poll::Ready(false);
        }
        while pause.as_mut().poll(cx).is_ready() {
            pause.as_mut().reset(tokio::time::Instant::now() + ATTEND_EVERY);
        }
        Poll::Pending
    })
    .await
}

fn error(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    encode::error(&mut out, text.as_bytes());
    out
}

impl Begin {
    /// Has the session on the shard of this thread's executor.
    fn run(self, executor: &Executor) -> End {
        let Self { queued, keeps, version, restricted, channel, client, input, hint } = self;
        let (Some(me), Ok(mut shard)) = (executor.myself(), executor.shard.try_borrow_mut()) else {
            return End::Reply(error(BUSY_SCRIPT));
        };
        // People take longer than any threshold.
        executor.node.executors[usize::from(executor.index)].busy.store(true, Ordering::Release);
        let client = Box::new(DebugClient::new(me, channel, client, input));
        shard.scripts_mut().debug_next(debug::Request { client, keeps, hint });
        shard.set_restricted(restricted);
        let mut bytes = Vec::new();
        let mut reply = Reply::resp(&mut bytes, version);
        let now = executor.clock.now();
        let args = queued.request.args();
        let elsewhere = shard.execute(queued.id, args, queued.slot, now, &mut reply);
        shard.set_restricted(None);
        shard.scripts_mut().debug_no_more();
        executor.release(&mut shard);
        drop(shard);
        executor.after_script();
        match elsewhere {
            Some(slot) => End::Elsewhere(slot),
            None => End::Reply(bytes),
        }
    }
}
