//! What executors send to each other: bounded, and always answered.

use std::net::TcpStream;
use std::sync::Arc;

use protocol::encode::Version;
use shard::acl::RestrictedUser;
use shard::shard::Queued;
use tokio::sync::oneshot;

use crate::connection::tls::TlsSession;
use crate::executor::Executor;

/// A message to an executor.
pub(crate) enum Message {
    /// A new connection, accepted by listener number `listener`, with what its handshake has left.
    Accept { stream: TcpStream, listener: usize, tls: Option<Box<TlsSession>> },
    /// Requests of one connection for this executor's shard, in order.
    Run(Run),
    /// Anything else: runs on the executor's thread.
    Call(Box<dyn FnOnce(&Executor) + Send>),
}

/// Requests of one connection for another executor's shard.
pub(crate) struct Run {
    pub(crate) requests: Vec<Queued>,
    /// Whose they are, when that is somebody who may not do everything.
    pub(crate) restricted: Option<Arc<RestrictedUser>>,
    pub(crate) version: Version,
    /// Replies wait until what they tell of is on the disk.
    pub(crate) holds: bool,
    pub(crate) reply_to: oneshot::Sender<Replies>,
}

/// The replies to a [`Run`], one after the other, and where each ends.
#[derive(Default)]
pub(crate) struct Replies {
    pub(crate) bytes: Vec<u8>,
    pub(crate) ends: Vec<usize>,
}

impl Replies {
    /// The bytes of reply `index`.
    pub(crate) fn get(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }
}
