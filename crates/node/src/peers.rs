//! The other nodes of the cluster, as far as this one talks to them: messages of PUBLISH.
//!
//! A link for each other member, opened with the first message. Publishing is at most once, as in
//! Redis: what cannot be sent now, because the member is down or slow, is dropped and counted. The
//! member tells its own subscribers and passes nothing on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use protocol::encode;
use router::topology::Topology;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Messages that wait for one member before more are dropped.
const QUEUE: usize = 16 * 1024;

/// How long a member is given to take a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// How long after a failure the next connection is tried.
const PAUSE: Duration = Duration::from_millis(200);

/// The other members. See the module.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    links: Vec<mpsc::Sender<Vec<u8>>>,
    dropped: AtomicU64,
}

impl Peers {
    /// Links to all members but this node. To be called in a runtime that lives as long as the
    /// node.
    pub(crate) fn start(topology: &Topology) -> Self {
        let myself = usize::from(topology.myself());
        let others = topology.members().iter().enumerate().filter(|(place, _)| *place != myself);
        let links = others.map(|(_, member)| {
            let (link, messages) = mpsc::channel(QUEUE);
            tokio::spawn(serve(member.host.clone(), member.port, messages));
            link
        });
        Self { links: links.collect(), dropped: AtomicU64::new(0) }
    }

    /// Has all other nodes tell their subscribers.
    pub(crate) fn publish(&self, channel: &[u8], payload: &[u8]) {
        if self.links.is_empty() {
            return;
        }
        let mut request = Vec::new();
        encode::header(&mut request, b'*', 4);
        for part in [b"CLUSTER", &b"RELAY"[..], channel, payload] {
            encode::bulk(&mut request, part);
        }
        for link in &self.links {
            if link.try_send(request.clone()).is_err() {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Messages that could not be sent to a member, since the start.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Sends messages to one member for as long as there may be any.
async fn serve(host: String, port: u16, mut messages: mpsc::Receiver<Vec<u8>>) {
    let mut link: Option<OwnedWriteHalf> = None;
    while let Some(mut bytes) = messages.recv().await {
        // What has come meanwhile goes with it: one write.
        while bytes.len() < 64 * 1024
            && let Ok(more) = messages.try_recv()
        {
            bytes.extend(more);
        }
        if link.is_none() {
            link = connect(&host, port).await;
        }
        let Some(open) = &mut link else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        if let Err(error) = open.write_all(&bytes).await {
            tracing::debug!(host, port, %error, "a link to another node is lost");
            link = None;
        }
    }
}

async fn connect(host: &str, port: u16) -> Option<OwnedWriteHalf> {
    match timeout(CONNECT_WITHIN, TcpStream::connect((host, port))).await {
        Ok(Ok(stream)) => {
            let _ = stream.set_nodelay(true);
            let (read, write) = stream.into_split();
            tokio::spawn(drain(read));
            Some(write)
        }
        Ok(Err(error)) => {
            tracing::debug!(host, port, %error, "another node cannot be reached");
            None
        }
        Err(_) => None,
    }
}

/// Reads replies, which say nothing, until the link ends.
async fn drain(mut read: OwnedReadHalf) {
    let mut buffer = [0; 4096];
    while matches!(read.read(&mut buffer).await, Ok(1..)) {}
}
