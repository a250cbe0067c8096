//! Handshakes of new clients, on a thread of their own.
//!
//! A handshake takes as long as thousands of requests, and as many turns as the client likes. So no
//! executor has to do with it: a connection is given to one when its handshake is over. That also
//! goes on while a script keeps an executor busy.
//!
//! # Invariants
//! - I1. A handshake is over after [`PATIENCE`], one way or the other, and until then it counts as a
//!   client (`maxclients`).

use std::io;
use std::net::TcpStream as StdTcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::connection::tls::TlsSession;
use crate::mailbox::Message;
use crate::node::Node;

/// How long a client is given for its handshake.
const PATIENCE: Duration = Duration::from_secs(10);

/// The thread. See the module.
#[derive(Debug)]
pub(crate) struct Handshakes {
    runtime: Handle,
    under_way: Arc<AtomicUsize>,
}

/// One that counts for as long as it is there.
struct UnderWay(Arc<AtomicUsize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Handshakes {
    /// Starts the thread, which runs as long as the process.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let thread = std::thread::Builder::new().name("handshakes".into());
        thread.spawn(move || runtime.block_on(std::future::pending::<()>()))?;
        Ok(Self { runtime: handle, under_way: Arc::default() })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Has a client's handshake done, and gives its connection to the executor with this mailbox.
    pub(crate) fn begin(
        &self,
        node: &Arc<Node>,
        stream: StdTcpStream,
        listener: usize,
        mailbox: mpsc::Sender<Message>,
    ) {
        let Some(config) = node.tls.server() else { return };
        self.under_way.fetch_add(1, Ordering::Relaxed);
        let under_way = UnderWay(self.under_way.clone());
        let acceptor = TlsAcceptor::from(config);
        self.runtime.spawn(async move {
            let address = stream.peer_addr();
            match timeout(PATIENCE, shake_hands(&acceptor, stream)).await {
                Ok(Ok((stream, session))) => {
                    let tls = Some(Box::new(session));
                    // The node may be ending.
                    let _ = mailbox.send(Message::Accept { stream, listener, tls }).await;
                }
                Ok(Err(error)) => tracing::debug!(?address, %error, "no TLS with a client"),
                Err(_) => tracing::debug!(?address, "a client has not finished its handshake"),
            }
            drop(under_way);
        });
    }
}

async fn shake_hands(
    acceptor: &TlsAcceptor,
    stream: StdTcpStream,
) -> io::Result<(StdTcpStream, TlsSession)> {
    let stream = acceptor.accept(TcpStream::from_std(stream)?).await?;
    let (stream, session) = stream.into_inner();
    Ok((stream.into_std()?, TlsSession::new(session)))
}
