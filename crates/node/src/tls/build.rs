//! Configurations of rustls out of the settings.
//!
//! Cryptography is `ring`'s: it is small, has no C library of its own to build, and runs everywhere
//! the node does.

use std::path::Path;
use std::sync::Arc;

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::chain::AnyName;
use super::ciphers;
use super::settings::{AuthClients, TlsSettings};

/// What clients are served with.
///
/// # Errors
/// What is missing or cannot be used, naming the parameter.
pub(super) fn server(settings: &TlsSettings) -> Result<Arc<ServerConfig>, String> {
    let provider = provider(settings)?;
    let (chain, key) = own_certificate(settings, false)?;
    let versions = ciphers::versions(&settings.tls_protocols)?;
    let mut config = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions)
        .map_err(|error| format!("tls-protocols: {error}"))?
        .with_client_cert_verifier(client_verifier(settings, provider)?)
        .with_single_cert(chain, key)
        .map_err(|error| format!("tls-cert-file and tls-key-file: {error}"))?;
    config.ignore_client_order = settings.tls_prefer_server_ciphers;
    config.session_storage = match usize::try_from(settings.tls_session_cache_size) {
        Ok(size @ 1..) if settings.tls_session_caching => ServerSessionMemoryCache::new(size),
        _ => Arc::new(NoServerSessionStorage {}),
    };
    Ok(Arc::new(config))
}

/// How other nodes are talked to.
///
/// # Errors
/// As [`server`].
pub(super) fn client(settings: &TlsSettings) -> Result<Arc<ClientConfig>, String> {
    let provider = provider(settings)?;
    let (chain, key) = own_certificate(settings, true)?;
    let versions = ciphers::versions(&settings.tls_protocols)?;
    // Without authorities nobody is believed.
    let roots = Arc::new(roots(settings)?);
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions)
        .map_err(|error| format!("tls-protocols: {error}"))?;
    let verifier = if roots.is_empty() {
        AnyName::nobody(provider)
    } else {
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build();
        AnyName::of(verifier.map_err(|error| error.to_string())?, provider)
    };
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_auth_cert(chain, key)
        .map_err(|error| format!("the certificate for other nodes: {error}"))?;
    // Connections to other nodes last; each shows its certificate.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn provider(settings: &TlsSettings) -> Result<Arc<CryptoProvider>, String> {
    let cipher_suites = ciphers::suites(&settings.tls_ciphers, &settings.tls_ciphersuites)?;
    Ok(Arc::new(CryptoProvider { cipher_suites, ..ring::default_provider() }))
}

/// Who may come in.
fn client_verifier(
    settings: &TlsSettings,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    if settings.tls_auth_clients == AuthClients::No && !settings.tls_cluster {
        return Ok(WebPkiClientVerifier::no_client_auth());
    }
    let roots = Arc::new(roots(settings)?);
    if roots.is_empty() {
        return Err("Either tls-ca-cert-file or tls-ca-cert-dir must be specified when \
                    tls-cluster or tls-auth-clients are enabled!"
            .into());
    }
    if settings.tls_auth_clients == AuthClients::No {
        return Ok(WebPkiClientVerifier::no_client_auth());
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots, provider);
    if settings.tls_auth_clients == AuthClients::Optional {
        builder = builder.allow_unauthenticated();
    }
    builder.build().map_err(|error| error.to_string())
}

/// The certificate of this node with its chain, and the key; that for other nodes when it has one of
/// its own.
fn own_certificate(
    settings: &TlsSettings,
    as_client: bool,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
    let has_own = as_client && !settings.tls_client_cert_file.is_empty();
    let ((cert, cert_file), (key, key_file)) = if has_own {
        (
            ("tls-client-cert-file", &settings.tls_client_cert_file),
            ("tls-client-key-file", &settings.tls_client_key_file),
        )
    } else {
        (("tls-cert-file", &settings.tls_cert_file), ("tls-key-file", &settings.tls_key_file))
    };
    for (name, file) in [(cert, cert_file), (key, key_file)] {
        if file.is_empty() {
            return Err(format!("No {name} configured!"));
        }
    }
    let chain = certificates(cert_file.as_ref()).map_err(|why| format!("{cert}: {why}"))?;
    if chain.is_empty() {
        return Err(format!("{cert}: no certificate in {cert_file}"));
    }
    let secret = PrivateKeyDer::from_pem_file(key_file)
        .map_err(|error| format!("{key}: no key in {key_file}: {error}"))?;
    Ok((chain, secret))
}

/// All authorities.
fn roots(settings: &TlsSettings) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let (file, folder) = (&settings.tls_ca_cert_file, &settings.tls_ca_cert_dir);
    if !file.is_empty() {
        let failed = |why: String| format!("tls-ca-cert-file: {why}");
        let found = certificates(file.as_ref()).map_err(failed)?;
        if found.is_empty() {
            return Err(failed(format!("no certificate in {file}")));
        }
        for certificate in found {
            roots.add(certificate).map_err(|error| failed(format!("{file}: {error}")))?;
        }
    }
    if !folder.is_empty() {
        let failed = |why: String| format!("tls-ca-cert-dir: {folder}: {why}");
        let entries = std::fs::read_dir(folder).map_err(|error| failed(error.to_string()))?;
        for entry in entries {
            let path = entry.map_err(|error| failed(error.to_string()))?.path();
            // Whatever else lies there is no certificate.
            for certificate in certificates(&path).unwrap_or_default() {
                let _ = roots.add(certificate);
            }
        }
        if roots.is_empty() {
            return Err(failed("no certificate in any file".into()));
        }
    }
    Ok(roots)
}

/// The certificates of a PEM file.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = |error| format!("{}: {error}", path.display());
    CertificateDer::pem_file_iter(path).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)
}
