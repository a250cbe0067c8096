//! Requests of one batch that run on several shards, and their replies in order.

use std::time::{Duration, Instant};

use protocol::encode::Version;
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
    pub(crate) fn new(version: Version) -> Self {
        Self { version, local: Vec::new(), order: Vec::new(), runs: Vec::new() }
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

    /// Sends the requests to their shards, side by side, and waits for all replies.
    pub(crate) async fn send(self, executor: &Executor) -> Answered {
        let Self { version, local, order, runs } = self;
        let mut waits = Vec::with_capacity(runs.len());
        for (shard, requests) in runs {
            let (reply_to, replies) = oneshot::channel();
            let mailbox = &executor.node.executors[usize::from(shard)].mailbox;
            // A full mailbox makes this connection wait, and with it its client.
            let run = Message::Run(Run { requests, version, reply_to });
            waits.push(mailbox.send(run).await.is_ok().then_some(replies));
        }
        let mut replies = Vec::with_capacity(waits.len());
        for wait in waits {
            replies.push(match wait {
                Some(wait) => wait.await.ok(),
                None => None,
            });
        }
        Answered { local, order, replies }
    }

    /// The same from within a script's hook, where nothing can be awaited: sends if the mailboxes
    /// have room and looks for the replies for a short time.
    ///
    /// # Errors
    /// Hands itself back when nothing has been sent; what has been sent but not answered in time
    /// is answered with an error.
    pub(crate) fn send_now(self, executor: &Executor) -> Result<Answered, Self> {
        /// How long the script is held up for the sake of another shard's client.
        const PATIENCE: Duration = Duration::from_millis(20);
        let mut permits = Vec::with_capacity(self.runs.len());
        for (shard, _) in &self.runs {
            let mailbox = executor.node.executors[usize::from(*shard)].mailbox.clone();
            match mailbox.try_reserve_owned() {
                Ok(permit) => permits.push(permit),
                Err(_) => return Err(self),
            }
        }
        let Self { version, local, order, runs } = self;
        let send = |(permit, (_, requests)): (mpsc::OwnedPermit<Message>, (u16, Vec<Queued>))| {
            let (reply_to, replies) = oneshot::channel();
            permit.send(Message::Run(Run { requests, version, reply_to }));
            replies
        };
        let waits: Vec<oneshot::Receiver<Replies>> =
            permits.into_iter().zip(runs).map(send).collect();
        let end = Instant::now() + PATIENCE;
        let replies = waits.into_iter().map(|mut wait| {
            loop {
                match wait.try_recv() {
                    Ok(replies) => return Some(replies),
                    Err(oneshot::error::TryRecvError::Closed) => return None,
                    Err(oneshot::error::TryRecvError::Empty) if Instant::now() >= end => {
                        return None;
                    }
                    Err(oneshot::error::TryRecvError::Empty) => {
                        std::thread::sleep(Duration::from_micros(50));
                    }
                }
            }
        });
        let replies = replies.collect();
        Ok(Answered { local, order, replies })
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
