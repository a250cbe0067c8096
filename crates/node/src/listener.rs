//! Listeners: sockets that accept clients, and the threads that their connections go to.
//!
//! One thread accepts for all listeners and deals connections out in turn, so that executors carry
//! about equally many (a shared listening socket would leave that to chance). A listener of one
//! shard gives all of its connections to that shard's executor.

use std::io;
use std::net::{self, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream, lookup_host};

use crate::connection::refuse;
use crate::error::NodeError;
use crate::mailbox::Message;
use crate::membership::Endpoint;
use crate::node::Node;
use crate::tls::handshakes::Handshakes;

/// Connections that may wait to be accepted (Redis: `tcp-backlog`).
pub(crate) const BACKLOG: i32 = 511;

/// A bound socket, and where its connections go.
pub(crate) struct Listener {
    socket: TcpListener,
    /// Number of the listener: which view its clients are told.
    view: usize,
    /// The shard whose endpoint this is; `None`: any.
    shard: Option<u16>,
    /// Who does the handshakes of its clients; `None`: they do not talk TLS.
    handshakes: Option<Arc<Handshakes>>,
}

/// Binds an endpoint; `handshakes` if its clients talk TLS.
///
/// # Errors
/// [`NodeError::Listen`], naming the address.
pub(crate) async fn bind(
    endpoint: &Endpoint,
    handshakes: Option<Arc<Handshakes>>,
) -> Result<Listener, NodeError> {
    let Endpoint { host, port, view, shard, .. } = endpoint;
    let socket = bind_socket(host, *port).await?;
    let failed = |source| NodeError::Listen { address: named(host, *port), source };
    let socket = TcpListener::from_std(socket).map_err(failed)?;
    Ok(Listener { socket, view: *view, shard: *shard, handshakes })
}

/// A socket that listens on `host:port`, for the runtime of whoever wants it.
///
/// # Errors
/// [`NodeError::Listen`], naming the address.
pub(crate) async fn bind_socket(host: &str, port: u16) -> Result<net::TcpListener, NodeError> {
    let failed = |source| NodeError::Listen { address: named(host, port), source };
    let host = if host == "*" { "0.0.0.0" } else { host };
    let mut addresses = lookup_host((host, port)).await.map_err(failed)?;
    let address = addresses.next().ok_or_else(|| {
        failed(io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
    })?;
    listen(address).map_err(failed)
}

fn named(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn listen(address: SocketAddr) -> io::Result<net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for old connections to time out. (Never SO_REUSEPORT: a second
    // process on the same port is to fail, not to take half of the clients.)
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

impl Listener {
    /// The address that it is bound to.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Whether its clients talk TLS.
    pub(crate) fn is_for_tls(&self) -> bool {
        self.handshakes.is_some()
    }

    /// Accepts for ever. `turn` is shared by all listeners.
    pub(crate) async fn accept_all(self, node: Arc<Node>, turn: Arc<AtomicUsize>) {
        loop {
            match self.socket.accept().await {
                Ok((stream, _)) => self.deal(&node, &turn, stream).await,
                Err(error) => {
                    // Out of file descriptors, most likely: others have to close some first.
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn deal(&self, node: &Arc<Node>, turn: &AtomicUsize, stream: TcpStream) {
        let Ok(stream) = stream.into_std() else { return };
        let most = node.settings.maxclients.load(Ordering::Relaxed);
        let shaking_hands = self.handshakes.as_ref().map_or(0, |handshakes| handshakes.count());
        if (node.clients.count() + shaking_hands) as u64 >= most {
            node.clients.note_refused();
            // With TLS there is no way to say it yet.
            if self.handshakes.is_none() {
                refuse(&stream, "ERR max number of clients reached");
            }
            return;
        }
        // Replies are whole when they are written; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        let keepalive = node.settings.tcp_keepalive.load(Ordering::Relaxed);
        if keepalive > 0 {
            let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(keepalive));
            let _ = SockRef::from(&stream).set_tcp_keepalive(&keepalive);
        }
        let executor = match self.shard {
            Some(shard) => usize::from(shard),
            None => turn.fetch_add(1, Ordering::Relaxed) % node.executors.len(),
        };
        let mailbox = &node.executors[executor].mailbox;
        if let Some(handshakes) = &self.handshakes {
            handshakes.begin(node, stream, self.view, mailbox.clone());
            return;
        }
        let accept = Message::Accept { stream, listener: self.view, tls: None };
        if mailbox.send(accept).await.is_err() {
            tracing::debug!(executor, "a connection came while the node was ending");
        }
    }
}
