//! Golden dialogues: files of what is sent and what comes back.
//!
//! ```text
//! # a comment
//! ## a title: a new connection to an emptied server
//! > SET key "a value"
//! < +OK
//! ~ *1\r\n$4\r\nPING\r\n
//! < +PONG
//! ## a title [atoll]: Redis is not asked to agree
//! b> GET key
//! < _
//! ```
//! `>` sends words, quoted as in redis-cli, on connection `a`, `b>` on connection `b`; `~` sends
//! bytes, with escapes; `!` sends words and shows no reply. `<` is a reply as [`crate::resp`] shows it, and `< (closed)` the end of the
//! connection. With `UPDATE=1` the replies in the file are replaced by those that came.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::time::Duration;

use crate::repository;
use crate::resp::{Client, encode, split, unescape_all};

/// The end of a connection, in the place of a reply.
const CLOSED: &str = "(closed)";

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    Atoll,
    /// A real Redis, which is to agree with the file.
    Redis,
}

/// Plays the dialogues of `tests/data/<name>.txt` against the server on `port`.
///
/// # Panics
/// When something else comes back than the file says; all differences are named.
#[track_caller]
pub fn play(name: &str, port: u16, peer: Peer) {
    let path = repository().join("tests/data").join(format!("{name}.txt"));
    let file = fs::read_to_string(&path).expect("read a golden file");
    let update = peer == Peer::Atoll && std::env::var_os("UPDATE").is_some();
    let played = Player { port, peer, update, ..Player::default() }.play(&file);
    if update {
        fs::write(&path, played.text).expect("write a golden file");
        return;
    }
    let differences = played.differences;
    assert!(differences.is_empty(), "{name}.txt, {peer:?}:\n{}", differences.join("\n"));
}

#[derive(Debug)]
struct Player {
    port: u16,
    peer: Peer,
    update: bool,
    clients: BTreeMap<String, Client>,
    current: String,
    /// What has been sent last, to name it.
    sent: String,
    skipping: bool,
    text: String,
    differences: Vec<String>,
}

impl Default for Player {
    fn default() -> Self {
        Self {
            port: 0,
            peer: Peer::Atoll,
            update: false,
            clients: BTreeMap::new(),
            current: String::new(),
            sent: String::new(),
            skipping: false,
            text: String::new(),
            differences: Vec::new(),
        }
    }
}

impl Player {
    fn play(mut self, file: &str) -> Self {
        let mut lines = file.lines().peekable();
        while let Some(line) = lines.next() {
            let _ = writeln!(self.text, "{line}");
            if let Some(title) = line.strip_prefix("## ") {
                self.begin(title);
                continue;
            }
            if !self.send(line) {
                continue;
            }
            if line.starts_with('!') {
                if !self.skipping {
                    let reply = self.client().read();
                    assert!(!reply.is_error(), "{line}: {reply}");
                }
                continue;
            }
            let mut expected = Vec::new();
            while let Some(reply) = lines.next_if(|line| line.starts_with("< ")) {
                expected.push(&reply[2..]);
            }
            if !self.skipping {
                self.compare(&expected);
            }
        }
        self
    }

    fn begin(&mut self, title: &str) {
        self.skipping = self.peer == Peer::Redis && title.ends_with("[atoll]");
        self.clients.clear();
        Client::connect(self.port).check("FLUSHALL", "+OK");
    }

    /// Whether the line sends something.
    fn send(&mut self, line: &str) -> bool {
        let (name, bytes) = match line.split_once(' ') {
            Some(("~", raw)) => ("a", unescape_all(raw)),
            Some((">" | "!", words)) => ("a", encode(&split(words))),
            Some((name, words)) if name.ends_with('>') && name.len() == 2 => {
                (&name[..1], encode(&split(words)))
            }
            _ => return false,
        };
        self.current = name.into();
        self.sent = line.into();
        if !self.skipping {
            self.client().send(&bytes);
        }
        true
    }

    fn client(&mut self) -> &mut Client {
        let port = self.port;
        self.clients.entry(self.current.clone()).or_insert_with(|| Client::connect(port))
    }

    fn compare(&mut self, expected: &[&str]) {
        let mut at = 0;
        while at < expected.len().max(1) || self.has_more() {
            let reply = self.read();
            let _ = writeln!(self.text, "< {reply}");
            let wanted = expected.get(at).copied().unwrap_or("(the file has no reply)");
            if reply != wanted {
                self.differences.push(format!("{}\n  file {wanted}\n  came {reply}", self.sent));
            }
            at += 1;
            if reply == CLOSED {
                break;
            }
        }
    }

    /// When a file is written: whether more replies come than it has.
    fn has_more(&mut self) -> bool {
        const QUIET: Duration = Duration::from_millis(30);
        self.update && !self.client().is_silent_for(QUIET)
    }

    fn read(&mut self) -> String {
        match self.client().try_read() {
            Ok(Some(value)) => value.to_string(),
            Ok(None) => CLOSED.into(),
            Err(error) => format!("({error})"),
        }
    }
}
