//! Connections to other nodes, by TLS or without.

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Tls;

/// What bytes can be exchanged over.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection to another node.
pub(crate) type Link = Box<dyn Duplex>;

impl Tls {
    /// Whether other nodes are talked to by TLS (`tls-cluster`).
    pub(crate) fn is_for_nodes(&self) -> bool {
        self.client().is_some()
    }

    /// Makes of a connection to `host` what other nodes are talked to over. May wait for long.
    ///
    /// # Errors
    /// There is no TLS with that node.
    pub(crate) async fn link(&self, stream: TcpStream, host: &str) -> io::Result<Link> {
        let _ = stream.set_nodelay(true);
        let Some(config) = self.client() else { return Ok(Box::new(stream)) };
        // A name that cannot be one in a certificate is not looked at in one either.
        let address = || stream.peer_addr().map(|address| ServerName::from(address.ip()));
        let name = match ServerName::try_from(host.to_owned()) {
            Ok(name) => name,
            Err(_) => address()?,
        };
        let connector = TlsConnector::from(Arc::clone(&config));
        Ok(Box::new(connector.connect(name, stream).await?))
    }
}
