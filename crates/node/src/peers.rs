//! The other nodes of the cluster, as far as this one talks to them: messages of PUBLISH.
//!
//! A link for each other member, opened with the first message. Publishing is at most once, as in
//! Redis: what cannot be sent now, because the member is down or slow, is dropped and counted. The
//! member tells its own subscribers and passes nothing on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protocol::encode;
use router::topology::{Member, Topology};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::tls::Tls;
use crate::tls::link::Link;

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
    credentials: Arc<Mutex<Credentials>>,
    dropped: AtomicU64,
}

/// What this node says to others that ask for a password (`masteruser`, `masterauth`).
#[derive(Debug, Clone, Default)]
pub(crate) struct Credentials {
    /// Empty: `default`.
    pub(crate) user: Vec<u8>,
    /// Empty: nothing is said.
    pub(crate) password: Vec<u8>,
}

impl Credentials {
    /// The request that says it; none, when there is nothing to say.
    fn request(&self) -> Option<Vec<u8>> {
        if self.password.is_empty() {
            return None;
        }
        let user: &[u8] = if self.user.is_empty() { b"default" } else { &self.user };
        let mut request = Vec::new();
        encode::header(&mut request, b'*', 3);
        for part in [b"AUTH", user, &self.password] {
            encode::bulk(&mut request, part);
        }
        Some(request)
    }
}

impl Peers {
    /// Links to all members but this node. To be called in a runtime that lives as long as the
    /// node.
    pub(crate) fn start(topology: &Topology, credentials: Credentials, tls: Arc<Tls>) -> Self {
        let credentials = Arc::new(Mutex::new(credentials));
        let myself = usize::from(topology.myself());
        let others = topology.members().iter().enumerate().filter(|(place, _)| *place != myself);
        let links = others.map(|(_, member)| {
            let (link, messages) = mpsc::channel(QUEUE);
            tokio::spawn(serve(member.clone(), credentials.clone(), tls.clone(), messages));
            link
        });
        let links = links.collect();
        Self { links, credentials, dropped: AtomicU64::new(0) }
    }

    /// What this node says to others that ask for a password.
    pub(crate) fn credentials(&self) -> Credentials {
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes what is said on links that are opened from now on.
    pub(crate) fn set_credentials(&self, change: impl FnOnce(&mut Credentials)) {
        change(&mut self.credentials.lock().unwrap_or_else(PoisonError::into_inner));
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
async fn serve(
    member: Member,
    credentials: Arc<Mutex<Credentials>>,
    tls: Arc<Tls>,
    mut messages: mpsc::Receiver<Vec<u8>>,
) {
    let mut link: Option<WriteHalf<Link>> = None;
    let mut distrust_told = false;
    while let Some(mut bytes) = messages.recv().await {
        // What has come meanwhile goes with it: one write.
        while bytes.len() < 64 * 1024
            && let Ok(more) = messages.try_recv()
        {
            bytes.extend(more);
        }
        if link.is_none() {
            let login = credentials.lock().unwrap_or_else(PoisonError::into_inner).request();
            link = connect(&member, login, &tls, &mut distrust_told).await;
        }
        let Some(open) = &mut link else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let written = async {
            open.write_all(&bytes).await?;
            // What TLS has made of them, too.
            open.flush().await
        };
        if let Err(error) = written.await {
            tracing::debug!(host = member.host, port = member.port, %error, "a link to another node is lost");
            link = None;
        }
    }
}

/// Opens a link, and says who this node is on it. That two nodes do not trust each other is told once,
/// until they do: it stays so until somebody does something, and subscribers miss messages meanwhile.
async fn connect(
    member: &Member,
    login: Option<Vec<u8>>,
    tls: &Tls,
    distrust_told: &mut bool,
) -> Option<WriteHalf<Link>> {
    let host = member.host.as_str();
    let port = if tls.is_for_nodes() { member.tls_port } else { member.port };
    let connecting = async { tls.link(TcpStream::connect((host, port)).await?, host).await };
    match timeout(CONNECT_WITHIN, connecting).await {
        Ok(Ok(link)) => {
            *distrust_told = false;
            let (mut read, mut write) = split(link);
            if let Some(login) = login {
                let answered = timeout(CONNECT_WITHIN, log_in(&mut read, &mut write, &login)).await;
                if !matches!(answered, Ok(Ok(true))) {
                    tracing::warn!(host, port, "another node does not let this one in: masterauth");
                    return None;
                }
            }
            tokio::spawn(drain(read, host.to_owned(), port));
            Some(write)
        }
        Ok(Err(error)) if is_distrust(&error) && !*distrust_told => {
            *distrust_told = true;
            tracing::warn!(host, port, %error, "no TLS with another node: tls-ca-cert-file, tls-cert-file");
            None
        }
        Ok(Err(error)) => {
            tracing::debug!(host, port, %error, "another node cannot be reached");
            None
        }
        Err(_) => None,
    }
}

/// Whether a link has failed since one side does not take the other's certificate, or speaks no TLS.
fn is_distrust(error: &std::io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<rustls::Error>())
}

/// Says who this node is; whether that is believed.
async fn log_in(
    read: &mut ReadHalf<Link>,
    write: &mut WriteHalf<Link>,
    request: &[u8],
) -> std::io::Result<bool> {
    write.write_all(request).await?;
    write.flush().await?;
    // Nothing else is asked before this is answered, so its last byte is the reply's.
    let mut reply = Vec::new();
    while !reply.ends_with(b"\n") {
        if read.read_buf(&mut reply).await? == 0 {
            return Ok(false);
        }
    }
    Ok(reply.starts_with(b"+"))
}

/// Reads replies until the link ends. They say nothing, unless this node may not do what it does.
async fn drain(mut read: ReadHalf<Link>, host: String, port: u16) {
    let mut buffer = [0; 4096];
    let mut told = false;
    while let Ok(count @ 1..) = read.read(&mut buffer).await {
        if !told && (buffer[..count].starts_with(b"-NOAUTH") || buffer.starts_with(b"-NOPERM")) {
            told = true;
            tracing::warn!(host, port, "another node takes no messages: masteruser, masterauth");
        }
    }
}
