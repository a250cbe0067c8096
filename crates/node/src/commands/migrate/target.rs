//! The conversation with the other server: all requests at once, and a line in reply to each.

use std::time::Duration;

use protocol::encode;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::request::Migration;
use crate::tls::Tls;
use crate::tls::link::Link;

/// No reply to what is asked here is longer; whoever sends more is no Redis.
const LINE_MAX: usize = 64 * 1024;

/// What did not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    Connecting,
    Reading,
    Writing,
}

/// What has become of the keys.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Which of them the target has taken, as far as it has replied.
    pub(super) taken: Vec<bool>,
    /// The first error that it has replied.
    pub(super) refusal: Option<String>,
    pub(super) failure: Option<Failure>,
}

/// Has the target run the requests for `count` keys.
pub(super) async fn hand_over(
    migration: &Migration,
    requests: &[u8],
    count: usize,
    tls: &Tls,
) -> Outcome {
    let greeting = greeting(migration);
    let replies = greeting.replies + count;
    let mut lines = Lines::default();
    let failure = match connect(migration, tls).await {
        Ok(mut stream) => {
            let requests = [&greeting.requests, requests];
            exchange(&mut stream, requests, &mut lines, replies, migration.patience).await.err()
        }
        Err(failure) => Some(failure),
    };
    judge(&lines.whole, greeting.replies, failure)
}

/// What is said before the keys.
struct Greeting {
    requests: Vec<u8>,
    replies: usize,
}

fn greeting(migration: &Migration) -> Greeting {
    let mut greeting = Greeting { requests: Vec::new(), replies: 0 };
    let mut say = |parts: &[&[u8]]| {
        encode::header(&mut greeting.requests, b'*', parts.len() as i64);
        parts.iter().for_each(|part| encode::bulk(&mut greeting.requests, part));
        greeting.replies += 1;
    };
    if !migration.login.is_empty() {
        let words = migration.login.iter().map(Vec::as_slice);
        let parts: Vec<&[u8]> = std::iter::once(b"AUTH".as_slice()).chain(words).collect();
        say(&parts);
    }
    if migration.database != 0 {
        say(&[b"SELECT", migration.database.to_string().as_bytes()]);
    }
    greeting
}

async fn connect(migration: &Migration, tls: &Tls) -> Result<Link, Failure> {
    let connecting = async {
        let addresses = lookup_host((migration.host.as_str(), migration.port)).await;
        let addresses: Vec<_> = addresses.map_err(|_| Failure::Connecting)?.collect();
        // Redis learns of a refusal when it writes, and says so.
        let connected = TcpStream::connect(addresses.as_slice()).await;
        let stream = connected.map_err(|_| Failure::Writing)?;
        tls.link(stream, &migration.host).await.map_err(|_| Failure::Connecting)
    };
    timeout(migration.patience, connecting).await.unwrap_or(Err(Failure::Connecting))
}

/// Lines out of bytes.
#[derive(Debug, Default)]
struct Lines {
    whole: Vec<Vec<u8>>,
    rest: Vec<u8>,
}

impl Lines {
    /// Takes what is whole out of what has come.
    fn take(&mut self) {
        let mut start = 0;
        for (end, _) in self.rest.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
            self.whole.push(self.rest[start..end].trim_ascii_end().to_vec());
            start = end + 1;
        }
        self.rest.drain(..start);
    }
}

/// Writes and reads until there are `count` lines. Reading goes on while there is more to write: a
/// target whose replies nobody takes need not take requests.
async fn exchange(
    stream: &mut Link,
    requests: [&[u8]; 2],
    lines: &mut Lines,
    count: usize,
    patience: Duration,
) -> Result<(), Failure> {
    let (mut from, mut to) = split(stream);
    let [mut unsent, mut later] = requests;
    let mut is_flushed = false;
    while lines.whole.len() < count {
        if unsent.is_empty() {
            (unsent, later) = (later, &[]);
        }
        let is_sending = !unsent.is_empty() || !is_flushed;
        let failure = if is_sending { Failure::Writing } else { Failure::Reading };
        let step = async {
            tokio::select! {
                sent = send(&mut to, unsent), if is_sending => sent.map(Step::Sent),
                read = from.read_buf(&mut lines.rest) => read.map(Step::Read),
            }
        };
        match timeout(patience, step).await {
            Ok(Ok(Step::Sent(0))) if unsent.is_empty() => is_flushed = true,
            Ok(Ok(Step::Sent(sent @ 1..))) => unsent = &unsent[sent..],
            Ok(Ok(Step::Read(1..))) => lines.take(),
            Ok(Ok(Step::Sent(0) | Step::Read(0)) | Err(_)) | Err(_) => return Err(failure),
        }
        if lines.rest.len() > LINE_MAX {
            return Err(Failure::Reading);
        }
    }
    Ok(())
}

/// Writes some of it, or in the end what TLS still has of it.
async fn send(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<usize> {
    if bytes.is_empty() {
        return to.flush().await.map(|()| 0);
    }
    to.write(bytes).await
}

enum Step {
    Sent(usize),
    Read(usize),
}

/// What the lines mean, of which the first `greetings` are not about keys.
fn judge(lines: &[Vec<u8>], greetings: usize, failure: Option<Failure>) -> Outcome {
    let mut outcome = Outcome { failure, ..Outcome::default() };
    let (greetings, about_keys) = lines.split_at(greetings.min(lines.len()));
    let unwelcome = greetings.iter().find(|line| line.starts_with(b"-"));
    for line in about_keys {
        let refusal = unwelcome.unwrap_or(line).strip_prefix(b"-");
        outcome.taken.push(refusal.is_none() && line.starts_with(b"+"));
        if let Some(refusal) = refusal {
            let text = || String::from_utf8_lossy(refusal).into_owned();
            outcome.refusal.get_or_insert_with(text);
        } else if !line.starts_with(b"+") {
            // Redis would not say that.
            outcome.failure = Some(Failure::Reading);
            break;
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(lines: &[&str], greetings: usize) -> (Vec<bool>, Option<String>, Option<Failure>) {
        let lines: Vec<Vec<u8>> = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
        let Outcome { taken, refusal, failure } = judge(&lines, greetings, None);
        (taken, refusal, failure)
    }

    #[test]
    fn replies_are_understood() {
        assert_eq!(judged(&["+OK", "+OK"], 0), (vec![true, true], None, None));
        let busy = Some("BUSYKEY x".to_owned());
        assert_eq!(
            judged(&["+OK", "-BUSYKEY x", "-ERR y", "+OK"], 0),
            (vec![true, false, false, true], busy, None)
        );
        let wrong = Some("WRONGPASS x".to_owned());
        assert_eq!(judged(&["-WRONGPASS x", "+OK"], 1), (vec![false], wrong, None));
        assert_eq!(judged(&["+OK"], 2), (vec![], None, None));
    }

    #[test]
    fn whoever_is_no_redis_has_taken_nothing() {
        let expected = (vec![true, false], None, Some(Failure::Reading));
        assert_eq!(judged(&["+OK", "HTTP/1.1 400 Bad Request", "+OK"], 0), expected);
    }

    #[test]
    fn lines_come_in_pieces() {
        let mut lines = Lines::default();
        for piece in ["+O", "K\r", "\n+OK\r\n-E", "RR x\r\n"] {
            lines.rest.extend_from_slice(piece.as_bytes());
            lines.take();
        }
        assert_eq!(lines.whole, [b"+OK".to_vec(), b"+OK".to_vec(), b"-ERR x".to_vec()]);
        assert!(lines.rest.is_empty());
    }
}
