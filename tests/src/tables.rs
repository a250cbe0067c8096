//! Tables of scripts: files of what is run and what it replies, in RESP2 and in RESP3.
//!
//! ```text
//! # a comment
//! ## a title: new connections to an emptied server
//! ! SET {t}k v
//! lua return redis.call('get', KEYS[1])
//! with 1 {t}k
//! < $v
//! lua redis.setresp(3)
//! lua return true
//! < :1
//! <3 #t
//! > EVAL "return 1" x
//! < -ERR value is not an integer or out of range
//! ? since 7.2: what came with that version
//! ? atoll: why Redis is not asked
//! ? later: a command that Atoll does not have yet
//! ```
//! `lua` is a line of a script as it is, without escapes; `with` the words behind it, `0` when
//! there is no such line. `>` sends words, quoted as in redis-cli; `!` does so and shows no reply.
//! `<` is the reply as [`crate::resp`] shows it, `<3` the one in RESP3 where that is another.
//! `<at 2>` in a reply is ` script: <sha>, on @user_script:2.` with the SHA-1 of the script. `?` marks
//! the row that follows it. Each part is played twice, over a RESP2 and over a RESP3 connection.
//! With `UPDATE=1` the replies in the file are replaced by those that came from Atoll, with
//! `UPDATE=redis` by those of Redis.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::golden::Peer;
use crate::resp::{Client, Value, encode, split};

/// Who is asked, and where.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub peer: Peer,
    pub port: u16,
    /// Rows marked as newer are not asked.
    pub version: (u32, u32),
}

/// Plays a file.
///
/// # Panics
/// When something else comes back than the file says; all differences are named.
#[track_caller]
pub fn play(path: &Path, target: Target) {
    let file = fs::read_to_string(path).expect("read a table");
    let mut parts = parse(&file);
    for part in &mut parts {
        for version in [2, 3] {
            part.play(target, version);
        }
    }
    let wanted = match target.peer {
        Peer::Atoll => "1",
        Peer::Redis => "redis",
    };
    if std::env::var_os("UPDATE").is_some_and(|who| who == wanted) {
        let text: String = parts.iter().map(Part::text).collect();
        fs::write(path, text).expect("write a table");
        return;
    }
    let differences: Vec<String> = parts.iter().flat_map(Part::differences).collect();
    assert!(
        differences.is_empty(),
        "{}, {:?}, {} rows:\n{}",
        path.display(),
        target.peer,
        differences.len(),
        differences.join("\n")
    );
}

/// Rows from one title to the next.
#[derive(Debug, Default)]
struct Part {
    rows: Vec<Row>,
}

/// A request and what is replied to it.
#[derive(Debug, Default)]
struct Row {
    /// Comments and blank lines in front, the title and the marks among them.
    before: Vec<String>,
    /// The lines of the request as they stand in the file.
    lines: Vec<String>,
    words: Vec<Vec<u8>>,
    is_script: bool,
    /// The reply is of no interest.
    is_silent: bool,
    only_atoll: bool,
    /// Atoll may say that it does not know the command.
    later: bool,
    since: (u32, u32),
    /// In the file, in RESP2 and RESP3.
    wanted: [Option<String>; 2],
    came: [Option<String>; 2],
}

fn parse(file: &str) -> Vec<Part> {
    let mut parts = vec![Part::default()];
    let mut row = Row::default();
    for line in file.lines() {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        // What belongs to a request ends with its replies.
        if !row.lines.is_empty() && !row.goes_on_with(kind) {
            let done = std::mem::take(&mut row);
            parts.last_mut().expect("there is one").rows.push(done);
        }
        if kind == "##" {
            parts.push(Part::default());
        }
        row.add(kind, rest, line);
    }
    parts.last_mut().expect("there is one").rows.push(row);
    parts
}

impl Row {
    fn goes_on_with(&self, kind: &str) -> bool {
        match kind {
            "<" | "<3" => true,
            "lua" | "with" => self.is_script && self.wanted[0].is_none(),
            _ => false,
        }
    }

    fn add(&mut self, kind: &str, rest: &str, line: &str) {
        match kind {
            "lua" => self.add_script(rest),
            "with" => {
                self.words.truncate(2);
                self.words.extend(split(rest));
            }
            ">" | "!" => {
                self.words = split(rest);
                self.is_silent = kind == "!";
            }
            "<" => self.wanted = [Some(rest.into()), Some(rest.into())],
            "<3" => self.wanted[1] = Some(rest.into()),
            _ => {
                if kind == "?" {
                    self.mark(rest);
                }
                return self.before.push(line.into());
            }
        }
        if !kind.starts_with('<') {
            self.lines.push(line.into());
        }
    }

    fn add_script(&mut self, line: &str) {
        if self.is_script {
            self.words[1].push(b'\n');
            self.words[1].extend_from_slice(line.as_bytes());
        } else {
            self.is_script = true;
            self.words = vec![b"EVAL".to_vec(), line.into(), b"0".to_vec()];
        }
    }

    fn mark(&mut self, mark: &str) {
        let (mark, _) = mark.split_once(':').expect("a mark has a reason behind a colon");
        match mark.strip_prefix("since ").and_then(|version| version.split_once('.')) {
            Some((major, minor)) => {
                let number = |text: &str| text.parse().expect("a number of a version");
                self.since = (number(major), number(minor));
            }
            None if mark == "atoll" => self.only_atoll = true,
            None if mark == "later" => self.later = true,
            None => panic!("an unknown mark: {mark}"),
        }
    }

    fn is_for(&self, target: Target) -> bool {
        match target.peer {
            Peer::Atoll => true,
            Peer::Redis => !self.only_atoll && self.since <= target.version,
        }
    }

    fn play(&mut self, client: &mut Client, target: Target, at: usize) {
        if self.words.is_empty() || !self.is_for(target) {
            return;
        }
        client.send(&encode(&self.words));
        let reply = match client.try_read() {
            Ok(Some(reply)) => reply,
            other => panic!("{}: in place of a reply: {other:?}", self.lines.join("\n")),
        };
        if self.is_silent {
            assert!(!reply.is_error(), "{}: {reply}", self.lines.join("\n"));
            return;
        }
        let unknown = self.later && reply.to_string().starts_with("-ERR Unknown Redis command");
        if !unknown {
            self.came[at] = Some(shorten(&one_line(&reply), &self.words, client));
        }
    }

    fn differences(&self) -> Vec<String> {
        let mut differences = Vec::new();
        for (at, resp) in [(0, 2), (1, 3)] {
            let (Some(came), wanted) = (&self.came[at], &self.wanted[at]) else { continue };
            if wanted.as_ref() != Some(came) {
                let wanted = wanted.as_deref().unwrap_or("(the file has no reply)");
                let request = self.lines.join("\n");
                differences
                    .push(format!("{request}\n  RESP{resp}\n  file {wanted}\n  came {came}"));
            }
        }
        differences
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for line in self.before.iter().chain(&self.lines) {
            let _ = writeln!(text, "{line}");
        }
        let [two, three] = [0, 1].map(|at| self.came[at].as_ref().or(self.wanted[at].as_ref()));
        if let (Some(two), Some(three)) = (two, three) {
            let _ = writeln!(text, "< {two}");
            if two != three {
                let _ = writeln!(text, "<3 {three}");
            }
        }
        text
    }
}

/// A reply as text; what would break a line of a file is escaped.
fn one_line(reply: &Value) -> String {
    let mut line = String::new();
    for letter in reply.to_string().chars() {
        if letter.is_control() {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    line
}

/// Puts `<at 2>` in place of where an error was raised, if the script is named as it should be.
fn shorten(reply: &str, words: &[Vec<u8>], client: &mut Client) -> String {
    const MARK: &str = ", on @user_script:";
    let (Some(at), Some(body)) = (reply.find(MARK), words.get(1)) else { return reply.into() };
    let name = client.call(&[b"EVAL", &b"return redis.sha1hex(ARGV[1])"[..], b"0", body]);
    let (before, after) = (&reply[..at], &reply[at + MARK.len()..]);
    let (Some(before), Some((line, after))) =
        (before.strip_suffix(&format!(" script: {}", &name[1..])), after.split_once('.'))
    else {
        return reply.into();
    };
    format!("{before}<at {line}>{after}")
}

impl Part {
    fn play(&mut self, target: Target, version: usize) {
        let mut client = Client::connect(target.port);
        client.check("FLUSHALL", "+OK");
        if version == 3 {
            client.value("HELLO 3");
        }
        for row in &mut self.rows {
            row.play(&mut client, target, version - 2);
        }
    }

    fn differences(&self) -> Vec<String> {
        self.rows.iter().flat_map(Row::differences).collect()
    }

    fn text(&self) -> String {
        self.rows.iter().map(Row::text).collect()
    }
}
