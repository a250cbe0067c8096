//! What a generator has done apart, because it takes long: following redirects, opening connections
//! anew, asking who owns what now, making other tapes.
//!
//! All of it is rare. The event loop goes on meanwhile and is told by an event when something has
//! been done. The thread of a generator's errands begins with the first and ends with the
//! generator.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::eventfd::EventFd;

use crate::client::{Client, Value};
use crate::connection::Renewal;
use crate::reply::{Redirect, ReplySkipper};
use crate::tally::Tally;
use crate::tape::{Tape, TapePlan};
use crate::topology::{self, Topology};

/// How long one errand waits for a node.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Between two questions who owns what.
const REFRESH_INTERVAL: Duration = Duration::from_millis(200);
/// After a failure, until somebody is asked again.
const PAUSE: Duration = Duration::from_millis(50);
/// Redirects of one request, one after the other.
const REDIRECTS_MAX: u32 = 5;

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Errand {
    /// Sends a request where its redirect points.
    Follow {
        /// The place of its connection in the generator, and the life it is in.
        connection: usize,
        life: u32,
        /// The node that has answered with the redirect.
        node: usize,
        redirect: Redirect,
        request: Vec<u8>,
    },
    /// Sees whether a connection should go elsewhere, and opens it if so, or if it has ended.
    Renew {
        connection: usize,
        /// Its number in the run.
        number: usize,
        /// The node it goes to now, `None` when it has ended.
        node: Option<usize>,
        /// The state of the topology that its tape was made for.
        version: u64,
    },
}

/// What was done.
#[derive(Debug)]
pub(crate) enum Done {
    /// A request was followed; the tally has all that came of it.
    Followed { connection: usize, life: u32, tally: Tally },
    /// There is something new for a connection, made for this state of the topology.
    Renewed { connection: usize, renewal: Renewal, version: u64 },
    /// There is no connection to be had.
    Failed { connection: usize, why: String },
}

/// The generator's end.
#[derive(Debug)]
pub(crate) struct Errands {
    sender: Sender<Errand>,
    done: Receiver<Done>,
}

impl Errands {
    /// Starts the thread. `event` is notified whenever something has been done.
    pub(crate) fn start(plan: TapePlan, script: Option<&'static str>, event: Arc<EventFd>) -> Self {
        let (sender, errands) = channel();
        let (answers, done) = channel();
        thread::spawn(move || {
            let mut runner =
                Runner { plan, script, version: 0, asked: None, clients: HashMap::new() };
            for errand in errands {
                if answers.send(runner.run(errand)).is_err() || event.write(1).is_err() {
                    return;
                }
            }
        });
        Self { sender, done }
    }

    /// Has it done. Nothing comes of it when the thread has ended, which only a bug makes it do.
    pub(crate) fn send(&self, errand: Errand) {
        let _ = self.sender.send(errand);
    }

    /// Something that was done, if there is.
    pub(crate) fn done(&self) -> Option<Done> {
        self.done.try_recv().ok()
    }
}

struct Runner {
    plan: TapePlan,
    /// What every node must have loaded.
    script: Option<&'static str>,
    /// How often the topology has changed.
    version: u64,
    /// When it was asked for last.
    asked: Option<Instant>,
    /// Connections for requests that are redirected, by address.
    clients: HashMap<String, Client>,
}

impl Runner {
    fn run(&mut self, errand: Errand) -> Done {
        match errand {
            Errand::Follow { connection, life, node, redirect, request } => {
                let mut tally = Tally::default();
                if let Err(error) = self.follow(node, redirect, &request, &mut tally) {
                    tally.note_failed("redirect", 1, &format!("{error:#}"));
                }
                Done::Followed { connection, life, tally }
            }
            Errand::Renew { connection, number, node, version } => {
                match self.renew(number, node, version) {
                    Ok(renewal) => Done::Renewed { connection, renewal, version: self.version },
                    Err(error) => {
                        thread::sleep(PAUSE);
                        Done::Failed { connection, why: format!("{error:#}") }
                    }
                }
            }
        }
    }

    fn follow(
        &mut self,
        node: usize,
        redirect: Redirect,
        request: &[u8],
        tally: &mut Tally,
    ) -> Result<()> {
        let step = redirect.step;
        let mut from = self.plan.topology.known_nodes().get(node).cloned().unwrap_or_default();
        let mut next = redirect;
        for _ in 0..REDIRECTS_MAX {
            let count = if next.asking { &mut tally.asked } else { &mut tally.moved };
            *count += 1;
            let to = full_address(&next.address, &from);
            let reply = match self.ask(&to, next.asking, request) {
                Ok(reply) => reply,
                Err(error) => {
                    // It may have ended; the next one finds a new connection.
                    self.clients.remove(&to);
                    return Err(error).with_context(|| format!("follow a redirect to {to}"));
                }
            };
            // It is counted as every other reply.
            let mut skipper = ReplySkipper::new(self.plan.encoder.workload().steps(), true);
            skipper.begin_batch(step);
            skipper.feed(&reply, tally)?;
            match skipper.take_redirects().pop() {
                Some(redirect) => next = redirect,
                None => return Ok(()),
            }
            from = to;
        }
        bail!("more than {REDIRECTS_MAX} redirects of one request")
    }

    /// Sends a request to a node and gives back the bytes of its reply.
    fn ask(&mut self, address: &str, asking: bool, request: &[u8]) -> Result<Vec<u8>> {
        if !self.clients.contains_key(address) {
            let client = self.open(address)?;
            self.clients.insert(address.to_owned(), client);
        }
        let client = self.clients.get_mut(address).context("it was put there")?;
        if asking {
            client.request(&["ASKING"])?;
        }
        let mut replies = client.batch(request, 1)?;
        Ok(encode(&replies.pop().context("no reply")?))
    }

    /// A connection to a node that has what the workload needs.
    fn open(&self, address: &str) -> Result<Client> {
        let mut client = self.plan.topology.open(address, TIMEOUT)?;
        if let Some(script) = self.script {
            client.request(&["SCRIPT", "LOAD", script])?;
        }
        Ok(client)
    }

    fn renew(&mut self, number: usize, at: Option<usize>, version: u64) -> Result<Renewal> {
        let refreshed = self.refresh();
        let topology = Arc::clone(&self.plan.topology);
        let node = topology.node_of(number);
        let stream = if at == Some(node) {
            refreshed?;
            None
        } else {
            // The node may be there though nobody says who owns what.
            Some(self.open(&topology.nodes()[node])?.into_stream())
        };
        let tape = (version != self.version).then(|| Tape::build(&self.plan, number, node));
        Ok(Renewal { tape, stream, node })
    }

    fn refresh(&mut self) -> Result<()> {
        if self.asked.is_some_and(|asked| asked.elapsed() < REFRESH_INTERVAL) {
            return Ok(());
        }
        self.asked = Some(Instant::now());
        if let Some(topology) = self.plan.topology.refreshed(TIMEOUT)? {
            let workload = self.plan.encoder.workload();
            let count = workload.index_count(self.plan.keys);
            let topology: Topology = topology.with_keys(count, |key| workload.routing_key(key));
            self.plan.topology = Arc::new(topology);
            self.version += 1;
        }
        Ok(())
    }
}

/// Where a redirect points that may leave out the host of the node that gave it.
fn full_address(address: &str, from: &str) -> String {
    match address.strip_prefix(':') {
        Some(port) => topology::address(topology::host_of(from), port),
        None => address.to_owned(),
    }
}

/// The bytes of a reply, as far as they are counted.
fn encode(value: &Value) -> Vec<u8> {
    match value {
        Value::Simple(text) => format!("+{text}\r\n").into_bytes(),
        Value::Error(text) => format!("-{text}\r\n").into_bytes(),
        Value::Integer(number) => format!(":{number}\r\n").into_bytes(),
        Value::Bulk(None) | Value::Array(None) => b"$-1\r\n".to_vec(),
        Value::Bulk(Some(bytes)) => {
            [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
        }
        Value::Array(Some(values)) => {
            let mut bytes = format!("*{}\r\n", values.len()).into_bytes();
            values.iter().for_each(|value| bytes.extend(encode(value)));
            bytes
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_without_host_means_that_of_the_node() {
        assert_eq!(full_address(":7", "host:1"), "host:7");
        assert_eq!(full_address("other:7", "host:1"), "other:7");
        assert_eq!(full_address(":7", "[::1]:1"), "[::1]:7");
    }

    #[test]
    fn an_encoded_reply_is_counted_as_it_came() {
        let inner = Value::Array(Some(vec![Value::Integer(1), Value::Bulk(None)]));
        let all = Value::Array(Some(vec![inner, Value::Error("ERR x".to_owned())]));
        assert_eq!(encode(&all), b"*2\r\n*2\r\n:1\r\n$-1\r\n-ERR x\r\n");
        assert_eq!(encode(&Value::Bulk(Some(b"a".to_vec()))), b"$1\r\na\r\n");
    }
}
