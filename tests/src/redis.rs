//! A real Redis to compare with, where one is installed.
//!
//! `REDIS_SERVER` names another binary than the `redis-server` of the machine; Valkey's will do.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::resp::Client;
use crate::server::{Process, folder};
use crate::{poll, ports};

/// A Redis that owns all slots of a cluster of one.
#[derive(Debug)]
pub struct Redis {
    _process: Process,
    port: u16,
    _folder: TempDir,
}

impl Redis {
    /// Starts it; `None` on a machine that has none, which can still run the other tests.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Option<Self> {
        Self::start_at(std::env::var_os("REDIS_SERVER").unwrap_or_else(|| "redis-server".into()))
    }

    /// The same with another binary.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_at(binary: OsString) -> Option<Self> {
        if Command::new(&binary).arg("--version").output().is_err() {
            eprintln!("no redis-server on this machine: nothing to compare with");
            return None;
        }
        Some(Self::launch(binary))
    }

    fn launch(binary: OsString) -> Self {
        let folder = folder();
        let port = ports::take(1);
        let mut command = Command::new(binary);
        command
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--cluster-enabled", "yes", "--cluster-port", &ports::take(1).to_string()])
            .arg("--dir")
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = Process::start(command);
        let mut client = poll("redis-server answers", || Client::try_connect(port).ok());
        client.check("CLUSTER ADDSLOTSRANGE 0 16383", "+OK");
        poll("its cluster is complete", || {
            client.value("CLUSTER INFO").text().contains("cluster_state:ok").then_some(())
        });
        Self { _process: process, port, _folder: folder }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A new connection.
    #[track_caller]
    pub fn client(&self) -> Client {
        Client::connect(self.port)
    }

    /// Its version, as major and minor number; that of Redis it claims to be when it is another's.
    ///
    /// # Panics
    /// When it does not say.
    pub fn version(&self) -> (u32, u32) {
        let info = self.client().value("INFO server").text();
        let line = info.lines().find_map(|line| line.strip_prefix("redis_version:"));
        let mut parts = line.expect("INFO has a version").split('.');
        let mut number = || parts.next().and_then(|part| part.parse().ok()).expect("a number");
        (number(), number())
    }
}
