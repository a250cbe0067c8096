//! The admin page: what an operator looks at with a browser (`admin-port`).
//!
//! | module | holds |
//! |---|---|
//! | [`assets`] | the page itself: files that are in the binary |
//! | [`gate`] | who may ask: the name that is asked for, users, headers of every answer |
//! | [`access`] | names and passwords (HTTP Basic), and what keeps from guessing them |
//! | [`gather`] | asking the executors, without waiting for a busy one |
//! | [`overview`] | `/api/overview`: the node, its shards, memory, log and snapshots |
//! | [`slots`] | `/api/slots` and `/api/slot?number=N` |
//! | [`scripts`] | `/api/scripts` |
//! | [`lists`] | `/api/clients` and `/api/slowlog` |
//! | [`configuration`] | `/api/config` |
//! | [`cluster`] | `/api/cluster` |
//! | [`threads`] | what the threads of the process take of the processors |
//!
//! All of it is read-only. Figures are gathered when somebody asks, and kept for a moment for all
//! who look; nothing is counted for the page. To add a figure: where commands get it from, too (`info`,
//! `slot_stats`), and in the endpoint that shows it.
//!
//! # Invariants
//! - I1. Nothing here changes anything.
//! - I2. What users have chosen (keys, names, texts) goes out as strings in JSON only, and the page
//!   shows it as text only.
//! - I3. Nobody is served who may not run the commands that show the same ([`access::COMMANDS`]).
//! - I4. An executor has at most one question of each kind to answer, however many look.

mod access;
mod assets;
mod cluster;
mod configuration;
mod gate;
mod gather;
mod lists;
mod overview;
mod scripts;
mod slots;
mod threads;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Response, StatusCode};
use axum::routing::get;
use serde_json::Value;

use crate::config::Config;
use crate::error::NodeError;
use crate::node::Node;

pub(crate) use access::check_start;

/// For how long an answer is good for others, too.
const FRESH: Duration = Duration::from_millis(500);

/// What the page is made from.
struct Site {
    node: Arc<Node>,
    access: access::Access,
    shards: gather::Gatherer<overview::Glance>,
    slots: gather::Gatherer<slots::SlotsOfShard>,
    scripts: gather::Gatherer<scripts::Figures>,
    keys: slots::KeysOfSlot,
    answers: [Kept; 5],
}

/// The last answer of an endpoint.
#[derive(Default)]
struct Kept(tokio::sync::Mutex<Option<(Instant, Bytes)>>);

/// The endpoints whose answers are kept.
#[derive(Clone, Copy)]
enum Endpoint {
    Overview,
    Slots,
    Scripts,
    Clients,
    Config,
}

/// What answers requests for the page.
pub(crate) fn router(node: &Arc<Node>) -> Router {
    let site = Arc::new(Site {
        node: node.clone(),
        access: access::Access::default(),
        shards: gather::Gatherer::new(node, overview::glance),
        slots: gather::Gatherer::new(node, slots::look),
        scripts: gather::Gatherer::new(node, scripts::look),
        keys: slots::KeysOfSlot::default(),
        answers: Default::default(),
    });
    let gate = axum::middleware::from_fn_with_state(site.clone(), gate::pass);
    assets::router()
        .route("/api/overview", get(overview::show))
        .route("/api/slots", get(slots::show))
        .route("/api/slot", get(slots::show_one))
        .route("/api/scripts", get(scripts::show))
        .route("/api/clients", get(lists::show_clients))
        .route("/api/slowlog", get(lists::show_slow_log))
        .route("/api/config", get(configuration::show))
        .route("/api/cluster", get(cluster::show))
        .fallback(|| async { said(StatusCode::NOT_FOUND, "There is nothing here.") })
        .layer(gate)
        .with_state(site)
}

/// What is wrong with the keys of the configuration that are about the page, if they are used.
pub(crate) fn wrong(config: &Config) -> Option<(&'static str, String)> {
    if config.admin_port == 0 {
        return None;
    }
    if config.admin_bind.iter().all(String::is_empty) {
        return Some(("admin-bind", "at least one address is needed".into()));
    }
    let is_odd = |host: &&String| host.is_empty() || host.contains(['/', ' ', '*']);
    let odd = config.admin_hosts.iter().find(is_odd)?;
    Some(("admin-hosts", format!("{odd:?} is not the name of a host")))
}

impl Site {
    /// The answer of an endpoint: the last one, if that is new enough, or what `make` makes.
    async fn answer<F>(&self, endpoint: Endpoint, make: impl FnOnce() -> F) -> Response<Body>
    where
        F: Future<Output = Value>,
    {
        let mut kept = self.answers[endpoint as usize].0.lock().await;
        let fresh = kept.as_ref().filter(|(at, _)| at.elapsed() < FRESH);
        let bytes = match fresh {
            Some((_, bytes)) => bytes.clone(),
            None => {
                let bytes = Bytes::from(make().await.to_string());
                *kept = Some((Instant::now(), bytes.clone()));
                bytes
            }
        };
        json(bytes)
    }

    /// Milliseconds since the node has started: what the page computes rates by.
    fn millis(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.node.started).as_millis() as u64
    }
}

/// What every endpoint is given.
type AskedFor = State<Arc<Site>>;

fn json(bytes: impl Into<Body>) -> Response<Body> {
    typed("application/json", bytes.into())
}

fn typed(kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, axum::http::HeaderValue::from_static(kind));
    response
}

/// An answer that is a sentence.
fn said(status: StatusCode, text: impl Into<Body>) -> Response<Body> {
    let mut response = typed("text/plain; charset=utf-8", text.into());
    *response.status_mut() = status;
    response
}

/// Bytes of a user as a text (I2): as they are if they are one; else with what is none as `\x00`.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.escape_ascii().to_string(),
    }
}

/// The same, of so many bytes at most.
fn text_of(bytes: &[u8], most: usize) -> String {
    if bytes.len() <= most {
        return text(bytes);
    }
    let mut end = most;
    // Not within a character.
    while end > 0 && bytes[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    format!("{}…", text(&bytes[..end]))
}

/// Whether somebody who has not said who they are may look through this address of the node. What
/// is reachable from elsewhere always wants a password.
fn is_private(address: std::net::IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Whether a host of `admin-bind` cannot be reached from elsewhere.
fn is_private_host(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(is_private)
}

/// As [`wrong`], as an error of the configuration.
pub(crate) fn check(config: &Config) -> Result<(), NodeError> {
    let bad = |(key, why): (&str, String)| NodeError::BadValue { key: key.into(), why };
    wrong(config).map(bad).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_users_are_shown_as_text() {
        assert_eq!(text("<b>é</b>".as_bytes()), "<b>é</b>");
        assert_eq!(text(b"a\xff\x00"), "a\\xff\\x00");
        assert_eq!(text_of("éé".as_bytes(), 3), "é…");
        assert_eq!(text_of(b"abc", 3), "abc");
        assert_eq!(text_of(b"abcd", 3), "abc…");
        assert_eq!(text_of(b"\x80\x80\x80", 2), "…");
    }

    #[test]
    fn what_is_reachable_from_elsewhere_is_known() {
        for host in ["127.0.0.1", "127.9.9.9", "::1", "localhost", "::ffff:127.0.0.1"] {
            assert!(is_private_host(host), "{host}");
        }
        for host in ["0.0.0.0", "::", "*", "10.0.0.1", "example.org", "localhost.example"] {
            assert!(!is_private_host(host), "{host}");
        }
    }
}
