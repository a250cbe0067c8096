//! Users of the page: those of the ACL, by name and password (HTTP Basic).
//!
//! Whoever may come in without a password as a client may look without one, as the user `default`,
//! but only through a loopback address. A user sees the page or does not: it shows what
//! [`COMMANDS`] show, so the user has to be allowed all of them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use router::acl::user::User;
use shard::acl::{Context, Incident};

use super::{is_private, is_private_host, said};
use crate::clock::Clock;
use crate::error::NodeError;
use crate::node::Node;
use crate::web::Ends;

/// The commands that show what the page shows.
pub(super) const COMMANDS: &[&str] = &[
    "info",
    "client|list",
    "cluster|getkeysinslot",
    "cluster|nodes",
    "cluster|slot-stats",
    "config|get",
    "object|encoding",
    "object|idletime",
    "script|stats",
    "slowlog|get",
];

/// How long whoever has sent a wrong password waits for the answer.
const DELAY: Duration = Duration::from_millis(500);

/// Wrong passwords from one address that are looked at in a row.
const GUESSES_MAX: u32 = 10;

/// After how long there is one more.
const GUESS_EVERY: Duration = Duration::from_secs(2);

/// Addresses that are remembered for having guessed.
const ADDRESSES_MAX: usize = 1024;

/// What becomes of a request.
pub(super) enum Verdict {
    Pass,
    Refused(Box<Response<Body>>),
}

/// Who has guessed. See the module.
#[derive(Default)]
pub(super) struct Access {
    guessers: Mutex<BTreeMap<IpAddr, Guesser>>,
}

#[derive(Debug, Clone, Copy)]
struct Guesser {
    left: u32,
    since: Instant,
}

/// Refuses a start with a page that others can reach while nobody needs a password.
///
/// # Errors
/// That is so.
pub(crate) fn check_start(node: &Node) -> Result<(), NodeError> {
    let config = &node.config;
    let open = config.admin_bind.iter().find(|host| !is_private_host(host));
    let default = node.acl.default_user();
    match open.filter(|_| config.admin_port != 0 && default.enabled && default.nopass) {
        Some(host) => Err(NodeError::BadValue {
            key: "admin-bind".into(),
            why: format!(
                "{host:?} can be reached from other machines, but the user `default` needs no \
                 password: set requirepass or users, or bind the page to 127.0.0.1"
            ),
        }),
        None => Ok(()),
    }
}

impl Access {
    /// Decides about a request. Takes time when the password is wrong.
    pub(super) async fn look(&self, node: &Node, ends: Ends, headers: &HeaderMap) -> Verdict {
        let Some(header) = headers.get(AUTHORIZATION) else {
            let default = node.acl.default_user();
            let is_open = default.enabled && default.nopass && is_private(ends.local.ip());
            return if is_open && missing(node, &default).is_none() {
                Verdict::Pass
            } else {
                refused(challenge("Who are you? A user of the node is asked for."))
            };
        };
        let address = ends.remote.ip();
        if !self.may_guess(address, Instant::now()) {
            let mut response =
                said(StatusCode::TOO_MANY_REQUESTS, "Too many wrong passwords. Wait a moment.");
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
            return refused(response);
        }
        let Some((name, password)) = header.to_str().ok().and_then(credentials) else {
            return refused(challenge("A name and a password are asked for (Basic)."));
        };
        let Some(user) = node.acl.authenticate(&name, &password) else {
            self.note_guess(address, Instant::now());
            note(node, ends, "auth", b"admin-page", &name);
            tokio::time::sleep(DELAY).await;
            return refused(challenge("There is no such user, or the password is wrong."));
        };
        match missing(node, &user) {
            None => Verdict::Pass,
            Some(command) => {
                note(node, ends, "command", command.as_bytes(), &name);
                let command = command.replace('|', " ").to_uppercase();
                let text = format!("This user may not run {command}, which the page shows.");
                refused(said(StatusCode::FORBIDDEN, text))
            }
        }
    }

    /// Whether one more password from this address is looked at.
    fn may_guess(&self, address: IpAddr, now: Instant) -> bool {
        let guessers = self.guessers.lock().unwrap_or_else(PoisonError::into_inner);
        guessers.get(&address).is_none_or(|guesser| guesser.at(now).left > 0)
    }

    /// Notes a wrong password.
    fn note_guess(&self, address: IpAddr, now: Instant) {
        let mut guessers = self.guessers.lock().unwrap_or_else(PoisonError::into_inner);
        if guessers.len() >= ADDRESSES_MAX {
            guessers.retain(|_, guesser| guesser.at(now).left < GUESSES_MAX);
        }
        if guessers.len() >= ADDRESSES_MAX {
            guessers.pop_first();
        }
        let guesser = guessers.entry(address).or_insert(Guesser { left: GUESSES_MAX, since: now });
        *guesser = guesser.at(now);
        guesser.left = guesser.left.saturating_sub(1);
    }
}

impl Guesser {
    /// With what time has given back.
    fn at(self, now: Instant) -> Self {
        let passed = now.saturating_duration_since(self.since);
        let given = (passed.as_millis() / GUESS_EVERY.as_millis()) as u32;
        let left = self.left.saturating_add(given);
        if left >= GUESSES_MAX {
            return Self { left: GUESSES_MAX, since: now };
        }
        Self { left, since: self.since + GUESS_EVERY * given }
    }
}

/// A command of [`COMMANDS`] that a user may not run.
fn missing(node: &Node, user: &User) -> Option<&'static str> {
    let permissions = user.permissions();
    let may = |name: &str| {
        node.table()
            .lookup(name.as_bytes())
            .is_some_and(|id| permissions.selectors.iter().any(|selector| selector.has_command(id)))
    };
    COMMANDS.iter().find(|name| !may(name)).copied()
}

fn refused(response: Response<Body>) -> Verdict {
    Verdict::Refused(Box::new(response))
}

/// Has a browser ask for name and password.
fn challenge(text: &'static str) -> Response<Body> {
    let mut response = said(StatusCode::UNAUTHORIZED, text);
    let basic = HeaderValue::from_static("Basic realm=\"Atoll\", charset=\"UTF-8\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, basic);
    response
}

/// Adds a refusal to ACL LOG.
fn note(node: &Node, ends: Ends, reason: &'static str, object: &[u8], user: &[u8]) {
    let incident = Incident { reason, context: Context::TopLevel, object, user };
    let client = format!("addr={} laddr={} cmd=admin-page", ends.remote, ends.local);
    let most = node.settings.acllog_max_len.load(std::sync::atomic::Ordering::Relaxed);
    node.acl_log.note(incident, client, Clock::default().now().millis().0, most);
}

/// Name and password of an `Authorization: Basic …`. Without a name it is that of `default`, as
/// with AUTH.
fn credentials(header: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = decode_base64(encoded.trim())?;
    let at = text.iter().position(|byte| *byte == b':')?;
    let name = if at == 0 { router::acl::DEFAULT_USER } else { &text[..at] };
    Some((name.to_vec(), text[at + 1..].to_vec()))
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.trim_end_matches('=').as_bytes();
    if digits.len() % 4 == 1 || text.len() - digits.len() > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.chunks(4) {
        let mut bits = 0u32;
        for digit in group {
            bits = bits << 6 | ALPHABET.iter().position(|known| known == digit)? as u32;
        }
        bits <<= 6 * (4 - group.len());
        out.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_are_read() {
        let read = |header: &str| {
            let (name, password) = credentials(header)?;
            Some((String::from_utf8(name).unwrap(), String::from_utf8(password).unwrap()))
        };
        let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        assert_eq!(read("Basic YWxpY2U6c2VjcmV0"), pair("alice", "secret"));
        assert_eq!(read("basic YWxpY2U6YTpi"), pair("alice", "a:b"));
        assert_eq!(read("Basic YTo="), pair("a", ""));
        assert_eq!(read("Basic YWI6Yw=="), pair("ab", "c"));
        assert_eq!(read("Basic OnA="), pair("default", "p"));
        for wrong in
            ["", "Basic", "Bearer YTpi", "Basic YQ==", "Basic !!!!", "Basic Y", "Basic YTpi==="]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn guesses_run_out_and_come_back() {
        let access = Access::default();
        let [us, them]: [IpAddr; 2] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().unwrap());
        let now = Instant::now();
        for _ in 0..GUESSES_MAX {
            assert!(access.may_guess(us, now));
            access.note_guess(us, now);
        }
        assert!(!access.may_guess(us, now));
        assert!(access.may_guess(them, now), "others are not concerned");
        assert!(!access.may_guess(us, now + GUESS_EVERY / 2));
        let later = now + GUESS_EVERY;
        assert!(access.may_guess(us, later));
        access.note_guess(us, later);
        assert!(!access.may_guess(us, later));
        assert!(access.may_guess(us, later + GUESS_EVERY));
    }

    #[test]
    fn not_all_addresses_are_remembered() {
        let access = Access::default();
        let now = Instant::now();
        for number in 0..2 * ADDRESSES_MAX as u32 {
            access.note_guess(IpAddr::from(number.to_be_bytes()), now);
        }
        assert!(access.guessers.lock().unwrap().len() <= ADDRESSES_MAX);
    }

    #[test]
    fn the_commands_are_there() {
        let registry = router::registry::Registry::new(&crate::commands::commands());
        for name in COMMANDS {
            assert!(registry.table().lookup(name.as_bytes()).is_some(), "{name}");
        }
    }
}
