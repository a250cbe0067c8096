//! TLS: what the settings make, and its renewal while the node runs.
//!
//! What is made of the settings is made whole or not at all, so a file that cannot be used leaves
//! what was there. Connections keep what they began with.
//!
//! | module | holds |
//! |---|---|
//! | `settings` | the parameters, by their names |
//! | `build` | configurations of rustls out of them |
//! | `ciphers` | names of cipher suites and versions |
//! | `chain` | that a certificate is one of our authority's, whatever its name |
//! | `common_name` | whom a client's certificate is for |
//! | `handshakes` | the thread that new clients' handshakes take place on |
//! | `link` | connections to other nodes |

mod build;
mod chain;
mod ciphers;
mod common_name;
pub(crate) mod handshakes;
pub(crate) mod link;
mod settings;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::{ClientConfig, ServerConfig};

pub(crate) use self::common_name::common_name;
pub(crate) use self::settings::{ClientUser, TlsSettings, parameter};

/// TLS of the node. See the module.
#[derive(Debug)]
pub(crate) struct Tls {
    /// There are listeners for it.
    serves: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    settings: TlsSettings,
    /// What is made of them; none while nothing needs it.
    made: Option<Made>,
}

#[derive(Debug, Clone)]
struct Made {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Tls {
    /// With these settings, for a node that has listeners for TLS, or none.
    ///
    /// # Errors
    /// TLS is needed and cannot be had: why.
    pub(crate) fn new(settings: TlsSettings, serves: bool) -> Result<Self, String> {
        let made = Self::make(&settings, serves)?;
        Ok(Self { serves, state: Mutex::new(State { settings, made }) })
    }

    fn make(settings: &TlsSettings, serves: bool) -> Result<Option<Made>, String> {
        if !serves && !settings.tls_cluster {
            return Ok(None);
        }
        let made = Made { server: build::server(settings)?, client: build::client(settings)? };
        Ok(Some(made))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is any TLS to renew.
    pub(crate) fn is_on(&self) -> bool {
        self.state().made.is_some()
    }

    /// The settings in force.
    pub(crate) fn settings(&self) -> TlsSettings {
        self.state().settings.clone()
    }

    /// Puts settings in force for connections from now on, reading all files again.
    ///
    /// # Errors
    /// Why they cannot be; what was in force still is.
    pub(crate) fn set(&self, settings: TlsSettings) -> Result<(), String> {
        let made = Self::make(&settings, self.serves)?;
        *self.state() = State { settings, made };
        Ok(())
    }

    /// Reads all files again.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub(crate) fn reload(&self) -> Result<(), String> {
        self.set(self.settings())
    }

    /// What clients that come now are served with.
    fn server(&self) -> Option<Arc<ServerConfig>> {
        self.state().made.as_ref().map(|made| made.server.clone())
    }

    /// How other nodes are talked to, when that is by TLS (`tls-cluster`).
    fn client(&self) -> Option<Arc<ClientConfig>> {
        let state = self.state();
        let made = state.made.as_ref().filter(|_| state.settings.tls_cluster);
        made.map(|made| made.client.clone())
    }
}
