//! Requests of one batch that run on several shards, and their replies in order.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use protocol::encode::Version;
use shard::acl::RestrictedUser;
use shard::shard::Queued;
use tokio::sync::{mpsc, oneshot};

use crate::executor::Executor;
use crate::mailbox::{Message, Replies, Run};

/// Where the reply of a request comes from.
enum Source {
    /// It is in `local`, up to here.
    Local { end: usize },
    /// It is reply `index` of `runs[run]`.
    Remote { run: usize, index: usize, silent: bool },
}

/// The requests of a batch from the first one on that was for another shard.
pub(crate) struct Gathered {
    version: Version,
    /// Whose requests they are, when that is somebody who may not do everything.
    restricted: Option<Arc<RestrictedUser>>,
    /// Their replies wait for the disk.
    holds: bool,
    /// Replies of requests that have run already.
    pub(crate) local: Vec<u8>,
    order: Vec<Source>,
    runs: Vec<(u16, Vec<Queued>)>,
}

/// All replies of a [`Gathered`].
pub(crate) struct Answered {
    local: Vec<u8>,
    order: Vec<Source>,
    replies: Vec<Option<Replies>>,
}

impl Gathered {
    pub(crate) fn new(
        version: Version,
        restricted: Option<Arc<RestrictedUser>>,
        holds: bool,
    ) -> Self {
        let (local, order, runs) = (Vec::new(), Vec::new(), Vec::new());
        Self { version, restricted, holds, local, order, runs }
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// Notes that the reply of the next request has been written to `local`.
    pub(crate) fn note_local(&mut self) {
        self.order.push(Source::Local { end: self.local.len() });
    }

    /// The last request has replied nothing after all.
    pub(crate) fn forget_last(&mut self) {
        self.order.pop();
    }

    /// Adds a request for another shard.
    pub(crate) fn add(&mut self, shard: u16, queued: Queued, silent: bool) {
        let known = self.runs.iter().position(|(target, _)| *target == shard);
        let run = known.unwrap_or_else(|| {
            self.runs.push((shard, Vec::new()));
            self.runs.len() - 1
        });
        let requests = &mut self.runs[run].1;
        requests.push(queued);
        self.order.push(Source::Remote { run, index: requests.len() - 1, silent });
    }

    /// Sends the requests to their shards, side by side.
    async fn send(self, executor: &Executor) -> Sent {
        let Self { version, restricted, holds, local, order, runs } = self;
        let mut replies = Vec::with_capacity(runs.len());
        for (shard, requests) in runs {
            let (reply_to, wait) = oneshot::channel();
            let mailbox = &executor.node.executors[usize::from(shard)].mailbox;
            // A full mailbox makes this connection wait, and with it its client.
            let run = Run { requests, restricted: restricted.clone(), version, holds, reply_to };
            let run = Message::Run(run);
            let sent = mailbox.send(run).await.is_ok();
            replies.push(if sent { Awaited::Open(wait) } else { Awaited::Settled(None) });
        }
        Sent { local, order, replies }
    }

    /// The same from within a script's hook, where nothing can be awaited.
    ///
    /// # Errors
    /// Hands itself back, with nothing sent, when a mailbox has no room.
    fn send_now(self, executor: &Executor) -> Result<Sent, Self> {
        let mut permits = Vec::with_capacity(self.runs.len());
        for (shard, _) in &self.runs {
            let mailbox = executor.node.executors[usize::from(*shard)].mailbox.clone();
            match mailbox.try_reserve_owned() {
                Ok(permit) => permits.push(permit),
                Err(_) => return Err(self),
            }
        }
        let Self { version, restricted, holds, local, order, runs } = self;
        let send = |(permit, (_, requests)): (mpsc::OwnedPermit<Message>, (u16, Vec<Queued>))| {
            let (reply_to, wait) = oneshot::channel();
            let restricted = restricted.clone();
            permit.send(Message::Run(Run { requests, restricted, version, holds, reply_to }));
            Awaited::Open(wait)
        };
        let replies = permits.into_iter().zip(runs).map(send).collect();
        Ok(Sent { local, order, replies })
    }
}

/// The replies of one shard.
enum Awaited {
    /// They have not come yet.
    Open(oneshot::Receiver<Replies>),
    /// They have come, or never will.
    Settled(Option<Replies>),
}

/// Requests that are with their shards.
pub(crate) struct Sent {
    local: Vec<u8>,
    order: Vec<Source>,
    replies: Vec<Awaited>,
}

impl Sent {
    /// Waits for all replies.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Answered> {
        for reply in &mut self.replies {
            if let Awaited::Open(wait) = reply {
                *reply = Awaited::Settled(ready!(Pin::new(wait).poll(cx)).ok());
            }
        }
        let settled = std::mem::take(&mut self.replies).into_iter().map(|reply| match reply {
            Awaited::Settled(replies) => replies,
            Awaited::Open(_) => None,
        });
        Poll::Ready(Answered {
            local: std::mem::take(&mut self.local),
            order: std::mem::take(&mut self.order),
            replies: settled.collect(),
        })
    }

    /// Looks for the replies for a short time.
    ///
    /// # Errors
    /// Hands itself back when some have not come.
    fn wait_now(mut self) -> Result<Answered, Self> {
        /// How long a script is held up for the sake of another shard's client.
        const PATIENCE: Duration = Duration::from_millis(5);
        let end = Instant::now() + PATIENCE;
        loop {
            for reply in &mut self.replies {
                if let Awaited::Open(wait) = reply {
                    match wait.try_recv() {
                        Ok(replies) => *reply = Awaited::Settled(Some(replies)),
                        Err(oneshot::error::TryRecvError::Closed) => {
                            *reply = Awaited::Settled(None)
                        }
                        Err(oneshot::error::TryRecvError::Empty) => {}
                    }
                }
            }
            let settled = self.replies.iter().all(|reply| matches!(reply, Awaited::Settled(_)));
            if settled {
                let Self { local, order, replies } = self;
                let replies = replies.into_iter().filter_map(|reply| match reply {
                    Awaited::Settled(reply) => Some(reply),
                    Awaited::Open(_) => None,
                });
                return Ok(Answered { local, order, replies: replies.collect() });
            }
            if Instant::now() >= end {
                return Err(self);
            }
            std::thread::sleep(Duration::from_micros(50));
        }
    }
}

/// Requests for other shards that have no replies yet.
pub(crate) enum Open {
    /// They are still here.
    Unsent(Gathered),
    /// They are on their way.
    Sending(Pin<Box<dyn Future<Output = Sent>>>),
    /// They are with their shards.
    Sent(Sent),
}

impl Open {
    /// Sends what is not sent and waits for all replies.
    pub(crate) fn poll(&mut self, executor: &Rc<Executor>, cx: &mut Context<'_>) -> Poll<Answered> {
        loop {
            match self {
                Self::Unsent(gathered) => {
                    let gathered =
                        std::mem::replace(gathered, Gathered::new(Version::Resp2, None, false));
                    let executor = executor.clone();
                    *self = Self::Sending(Box::pin(async move { gathered.send(&executor).await }));
                }
                Self::Sending(sending) => *self = Self::Sent(ready!(sending.as_mut().poll(cx))),
                Self::Sent(sent) => return sent.poll(cx),
            }
        }
    }

    /// The same from within a script's hook, where nothing can be awaited.
    ///
    /// # Errors
    /// What is still open after a short time.
    pub(crate) fn answer_now(self, executor: &Executor) -> Result<Answered, Self> {
        let sent = match self {
            Self::Unsent(gathered) => gathered.send_now(executor).map_err(Self::Unsent)?,
            Self::Sending(_) => return Err(self),
            Self::Sent(sent) => sent,
        };
        sent.wait_now().map_err(Self::Sent)
    }
}

impl Answered {
    /// Appends all replies in the order of their requests.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut start = 0;
        for source in &self.order {
            match *source {
                Source::Local { end } => {
                    out.extend_from_slice(&self.local[start..end]);
                    start = end;
                }
                Source::Remote { silent: true, .. } => {}
                Source::Remote { run, index, .. } => match &self.replies[run] {
                    Some(replies) => out.extend_from_slice(replies.get(index)),
                    None => protocol::encode::error(
                        out,
                        b"ERR the shard of this key did not answer; the command may have run",
                    ),
                },
            }
        }
    }
}
