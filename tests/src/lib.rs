//! A running Atoll to test: starts servers as processes of their own and talks to them.
//!
//! | module | holds |
//! |---|---|
//! | [`server`] | one process: started on free ports, ready when it answers, gone when dropped |
//! | [`cluster`] | several, from one list of nodes |
//! | [`resp`] | a client that shows exactly what comes over the wire |
//! | [`golden`] | dialogues in files |
//! | [`metrics`] | figures as Prometheus reads them |
//! | [`tables`] | scripts and their replies in files |
//! | [`redis`] | a real Redis to compare with |
//! | [`generator`] | scripts made up from a seed |
//! | [`requests`] | requests made up from a seed |
//! | [`slot`] | which slot a key is in, computed apart from the server |
//! | [`tls`] | certificates, and clients that talk TLS |
//! | [`poll`] | waiting for something to become true |
//!
//! # Invariants
//! - I1. Nothing waits for a fixed time: [`poll`] does, up to a limit.
//! - I2. A server that ends by itself, or that logs a warning which the test has not announced,
//!   fails its test.

pub mod cluster;
pub mod generator;
pub mod golden;
pub mod metrics;
pub mod ports;
pub mod redis;
pub mod requests;
pub mod resp;
pub mod server;
pub mod slot;
pub mod tables;
pub mod tls;

use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// The root of the repository.
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the package is a folder of the repository").to_owned()
}

/// Waits until `ask` gives something, and returns that.
///
/// # Panics
/// When it gives nothing for [`PATIENCE`].
#[track_caller]
pub fn poll<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "waited {PATIENCE:?} in vain: {what}");
        sleep(Duration::from_millis(5));
    }
}
