//! Certificates, and clients that talk TLS.

use std::fmt::Debug;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

use crate::server::folder;

/// What bytes go over.
pub trait Wire: Read + Write + Debug + Send {
    /// Its socket.
    fn socket(&self) -> &TcpStream;
}

impl Wire for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Wire for StreamOwned<ClientConnection, TcpStream> {
    fn socket(&self) -> &TcpStream {
        &self.sock
    }
}

/// How a client talks TLS.
pub type Config = Arc<ClientConfig>;

/// Does not shake hands yet: that comes with the first bytes.
///
/// # Panics
/// When there is no TLS at all.
#[track_caller]
pub fn wrap(stream: TcpStream, config: &Config) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::try_from("127.0.0.1").expect("an address");
    let connection = ClientConnection::new(config.clone(), name).expect("a client of TLS");
    StreamOwned::new(connection, stream)
}

/// A certificate and its key, as files.
#[derive(Debug, Clone)]
pub struct Identity {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// Whose certificates are believed.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
    folder: TempDir,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new one, which nobody else believes.
    ///
    /// # Panics
    /// When there is no folder for its files.
    pub fn new() -> Self {
        let folder = folder();
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority");
        let certificate = params.self_signed(&key).expect("a certificate");
        let file = folder.path().join("ca.pem");
        fs::write(&file, certificate.pem()).expect("write a certificate");
        Self { issuer: Issuer::new(params, key), file, folder }
    }

    /// Its certificate.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A certificate for this machine and this common name.
    #[track_caller]
    pub fn issue(&self, name: &str) -> Identity {
        self.issue_with(name, |_| {})
    }

    /// One whose time is over.
    #[track_caller]
    pub fn issue_expired(&self, name: &str) -> Identity {
        self.issue_with(name, |params| {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        })
    }

    #[track_caller]
    fn issue_with(&self, name: &str, adapt: impl FnOnce(&mut CertificateParams)) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["127.0.0.1".into(), "localhost".into()])
            .expect("names of this machine");
        params.distinguished_name.push(DnType::CommonName, name);
        adapt(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let file = |ending: &str| self.folder.path().join(format!("{name}.{ending}"));
        let identity = Identity { cert: file("pem"), key: file("key") };
        fs::write(&identity.cert, certificate.pem()).expect("write a certificate");
        fs::write(&identity.key, key.serialize_pem()).expect("write a key");
        identity
    }

    /// How clients talk to servers with certificates of this authority: as somebody, or as nobody.
    ///
    /// # Panics
    /// When the files are no certificates.
    pub fn client(&self, identity: Option<&Identity>) -> Config {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_file(&self.file).expect("a certificate");
        roots.add(certificate).expect("an authority");
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots);
        Arc::new(match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { cert, key }) => {
                let chain = vec![CertificateDer::from_pem_file(cert).expect("a certificate")];
                let key = PrivateKeyDer::from_pem_file(key).expect("a key");
                builder.with_client_auth_cert(chain, key).expect("a certificate for clients")
            }
        })
    }
}
