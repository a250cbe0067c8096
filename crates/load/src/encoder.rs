//! Writes the requests of a workload, as bytes.
//!
//! # Not here
//! The order and number of requests (tape), and who sends them (generator).

use fastrand::Rng;

use crate::collections;
use crate::scripts;
use crate::workload::{TOGETHER, Workload, beside, member_key};

/// More than any run takes away, and exact as a Lua number.
const STOCK: u64 = 1_000_000_000_000;
/// Of a hundred requests of [`Workload::Mixed`].
const READS_PERCENT: u8 = 80;

/// Writes the requests of one workload.
#[derive(Debug, Clone)]
pub struct RequestEncoder {
    workload: Workload,
    value: Vec<u8>,
    /// What is decoded and encoded.
    document: String,
    /// What SCRIPT LOAD has answered; empty for a workload without a script.
    script_sha: String,
    reads_percent: u8,
    /// What there is of each article at first.
    stock: u64,
}

impl RequestEncoder {
    /// An encoder with values of the given size.
    pub fn new(workload: Workload, value_size: usize, script_sha: String) -> Self {
        Self {
            workload,
            value: vec![b'x'; value_size],
            document: scripts::document(),
            script_sha,
            reads_percent: READS_PERCENT,
            stock: STOCK,
        }
    }

    /// So many of a hundred requests of [`Workload::Mixed`] are reads, up to 100.
    pub fn with_reads(self, reads_percent: u8) -> Self {
        Self { reads_percent, ..self }
    }

    /// So many units of each article are there at first.
    pub fn with_stock(self, stock: u64) -> Self {
        Self { stock, ..self }
    }

    /// The workload whose requests these are.
    pub fn workload(&self) -> Workload {
        self.workload
    }

    /// Appends step `step` of the requests on key `index`.
    ///
    /// `token` names the sender, so that a lock is released by the one who took it.
    pub fn append(&self, out: &mut Vec<u8>, target: Target<'_>, random: &mut Rng) {
        let Target { index, step, token, sequence } = target;
        let key = self.workload.routing_key(index);
        let key = key.as_bytes();
        match self.workload {
            Workload::Ping => append_command(out, &[b"PING"]),
            Workload::Get => append_command(out, &[b"GET", key]),
            Workload::Mixed if random.u8(0..100) < self.reads_percent => {
                append_command(out, &[b"GET", key]);
            }
            Workload::Set | Workload::Mixed => append_command(out, &[b"SET", key, &self.value]),
            Workload::Incr => append_command(out, &[b"INCR", key]),
            Workload::Stock => self.append_script(out, key, &["1"]),
            Workload::Sale => {
                let sold = beside(index, 'a', 's');
                let sha = self.script_sha.as_bytes();
                append_command(out, &[b"EVALSHA", sha, b"2", key, sold.as_bytes(), b"1"]);
            }
            Workload::Queue => self.append_queue(out, key, index, step),
            Workload::Lock if step == 0 => {
                append_command(out, &[b"SET", key, token.as_bytes(), b"NX", b"PX", b"30000"]);
            }
            Workload::Lock => self.append_script(out, key, &[token]),
            Workload::Counter => self.append_script(out, key, &["60000"]),
            Workload::EvalNoop | Workload::EvalGet => self.append_script(out, key, &[]),
            Workload::Release if step == 0 => {
                append_many(out, "MSET", index, 'r', Some(token));
            }
            Workload::Release => {
                let key = member_key(index, step as u64 - 1, 'r');
                self.append_script(out, key.as_bytes(), &[token]);
            }
            Workload::TokenBucket => {
                let now = time_ms(sequence);
                self.append_script(out, key, &["100", "0.01", &now, "1"]);
            }
            Workload::SlidingWindow => {
                let name = format!("{token}:{sequence}");
                let now = time_ms(sequence);
                self.append_script(out, key, &[&now, "60000", "10", &name]);
            }
            Workload::Hincrby100 => self.append_script(out, key, &["field"]),
            Workload::Cjson => self.append_script(out, key, &[&self.document]),
            Workload::Mget10 => append_many(out, "MGET", index, 'm', None),
            other => collections::append(other, out, key, step, &self.value, random),
        }
    }

    /// Appends what puts the keys of `index` in place, and says how many requests that took.
    pub fn append_preload(&self, out: &mut Vec<u8>, index: u64) -> u64 {
        match self.workload {
            Workload::Mget10 => {
                for member in 0..TOGETHER {
                    let key = member_key(index, member, 'm');
                    append_command(out, &[b"SET", key.as_bytes(), &self.value]);
                }
                TOGETHER
            }
            Workload::Sale => {
                let (left, sold) = (beside(index, 'a', 'l'), beside(index, 'a', 's'));
                let stock = self.stock.to_string();
                let words: [&[u8]; 5] =
                    [b"MSET", left.as_bytes(), stock.as_bytes(), sold.as_bytes(), b"0"];
                append_command(out, &words);
                1
            }
            workload => {
                let key = workload.routing_key(index);
                let key = key.as_bytes();
                match workload {
                    Workload::Stock => {
                        append_command(out, &[b"SET", key, self.stock.to_string().as_bytes()]);
                    }
                    // What an earlier run has left behind would be taken for this one's.
                    Workload::Lock | Workload::Queue => {
                        return self.append_clean_up(out, index);
                    }
                    Workload::Get | Workload::Mixed | Workload::EvalGet => {
                        append_command(out, &[b"SET", key, &self.value]);
                    }
                    other => collections::append_preload(other, out, key, &self.value),
                }
                1
            }
        }
    }

    /// Appends what removes the keys of `index`, and says how many requests that took.
    pub fn append_clean_up(&self, out: &mut Vec<u8>, index: u64) -> u64 {
        match self.workload {
            Workload::Ping => return 0,
            Workload::Mget10 => append_many(out, "DEL", index, 'm', None),
            Workload::Release => append_many(out, "DEL", index, 'r', None),
            Workload::Sale | Workload::Queue => {
                let keys = self.workload.keys_of(index);
                append_command(out, &[b"DEL", keys[0].as_bytes(), keys[1].as_bytes()]);
            }
            workload => append_command(out, &[b"DEL", workload.routing_key(index).as_bytes()]),
        }
        1
    }

    /// A job comes, is taken over into the list of those at work, and is done.
    fn append_queue(&self, out: &mut Vec<u8>, key: &[u8], index: u64, step: usize) {
        /// In seconds. Each connection has put in a job before it takes one, so there is one.
        const PATIENCE: &[u8] = b"5";
        let work = beside(index, 'u', 'w');
        let work = work.as_bytes();
        match step {
            0 => append_command(out, &[b"LPUSH", key, &self.value]),
            1 => append_command(out, &[b"BRPOPLPUSH", key, work, PATIENCE]),
            _ => append_command(out, &[b"RPOP", work]),
        }
    }

    fn append_script(&self, out: &mut Vec<u8>, key: &[u8], arguments: &[&str]) {
        let mut words: Vec<&[u8]> = vec![b"EVALSHA", self.script_sha.as_bytes(), b"1", key];
        words.extend(arguments.iter().map(|argument| argument.as_bytes()));
        append_command(out, &words);
    }
}

/// Appends a command on all keys of an index, each followed by `value` if there is one.
fn append_many(out: &mut Vec<u8>, name: &str, index: u64, family: char, value: Option<&str>) {
    let keys: Vec<String> = (0..TOGETHER).map(|member| member_key(index, member, family)).collect();
    let mut words = vec![name.as_bytes()];
    for key in &keys {
        words.push(key.as_bytes());
        words.extend(value.map(str::as_bytes));
    }
    append_command(out, &words);
}

/// The time that request number `sequence` of a connection tells its script: requests are a while
/// apart, so that windows move on.
fn time_ms(sequence: u64) -> String {
    const APART_MS: u64 = 50;
    (1_700_000_000_000 + sequence * APART_MS).to_string()
}

/// What one request is about.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The key's index, below [`Workload::index_count`].
    pub index: u64,
    /// Which of the requests that belong together, below [`Workload::steps`].
    pub step: usize,
    /// The name of the sending connection.
    pub token: &'a str,
    /// How many requests come before this one on the connection.
    pub sequence: u64,
}

/// Appends a request as an array of bulks.
pub fn append_command(out: &mut Vec<u8>, words: &[&[u8]]) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// The request that has this many before it in `bytes`, which must be whole requests.
///
/// # Panics
/// When there is none.
pub(crate) fn request_at(bytes: &[u8], place: usize) -> &[u8] {
    let mut rest = bytes;
    for _ in 0..place {
        rest = &rest[length_of_first(rest)..];
    }
    &rest[..length_of_first(rest)]
}

/// How long the first request is.
fn length_of_first(bytes: &[u8]) -> usize {
    let (words, mut at) = number_at(bytes, 0);
    for _ in 0..words {
        let (length, after) = number_at(bytes, at);
        at = after + length + 2;
    }
    at
}

/// The number behind the type byte at `at`, and where its line ends.
fn number_at(bytes: &[u8], at: usize) -> (usize, usize) {
    let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit());
    let (number, count) = digits.fold((0, 0), |(number, count), digit| {
        (number * 10 + usize::from(digit - b'0'), count + 1)
    });
    (number, at + 1 + count + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_found_by_its_place() {
        let mut bytes = Vec::new();
        let requests: [&[&[u8]]; 3] =
            [&[b"SET", b"key", b"*2\r\n$1\r\n"], &[b"PING"], &[b"GET", b""]];
        let mut starts = Vec::new();
        for words in requests {
            starts.push(bytes.len());
            append_command(&mut bytes, words);
        }
        starts.push(bytes.len());
        for place in 0..3 {
            assert_eq!(request_at(&bytes, place), &bytes[starts[place]..starts[place + 1]]);
        }
    }
}
