//! One connection under load: a batch of prebuilt requests out, its replies counted in.
//!
//! # Invariants
//! - I1. At most one batch is under way. Its latency ends with the last byte of its last reply,
//!   also of those that another node gives after a redirect.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::encoder::request_at;
use crate::reply::{Redirect, ReplySkipper};
use crate::tally::Tally;
use crate::tape::Tape;

/// A non-blocking connection with its tape of requests.
#[derive(Debug)]
pub struct Connection {
    /// `None` while there is no connection.
    stream: Option<TcpStream>,
    /// Index of the node at the other end.
    node: usize,
    tape: Tape,
    /// The current batch in the tape.
    batch: Range<usize>,
    /// What of it is not written yet.
    unsent: Range<usize>,
    skipper: ReplySkipper,
    /// Replies of the current batch that are still to come; 0 when idle.
    outstanding: u64,
    /// How many of them another node is asked for.
    elsewhere: u64,
    started: Instant,
    /// What comes from a batch that was given up is told apart by this.
    life: u32,
}

/// What is there in the place of a connection's tape, node and stream.
#[derive(Debug)]
pub struct Renewal {
    /// Other requests, for another node.
    pub tape: Option<Tape>,
    /// Another connection.
    pub stream: Option<TcpStream>,
    /// The node at its other end.
    pub node: usize,
}

impl Connection {
    /// A connection to a node, which has been opened.
    pub fn new(stream: TcpStream, node: usize, tape: Tape, follows: bool) -> Result<Self> {
        stream.set_nonblocking(true).context("make the socket non-blocking")?;
        Ok(Self {
            stream: Some(stream),
            node,
            batch: 0..0,
            unsent: 0..0,
            skipper: ReplySkipper::new(tape.steps(), follows),
            tape,
            outstanding: 0,
            elsewhere: 0,
            started: Instant::now(),
            life: 0,
        })
    }

    /// The socket, while there is one.
    pub fn stream(&self) -> Option<&TcpStream> {
        self.stream.as_ref()
    }

    /// Index of the node at the other end.
    pub fn node(&self) -> usize {
        self.node
    }

    /// Whether no batch is under way.
    pub fn idle(&self) -> bool {
        self.outstanding == 0
    }

    /// Whether a part of the batch waits for room in the socket's buffer.
    pub fn blocked(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// From when the latency of the current batch counts.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Which life of the connection this is; see [`Self::end`].
    pub fn life(&self) -> u32 {
        self.life
    }

    /// Sends the next batch, or as much of it as the socket takes.
    pub fn start_batch(&mut self, requests: u64, started: Instant) -> Result<()> {
        assert!(self.idle(), "the batch before this one is not answered"); // I1
        self.skipper.begin_batch(self.tape.next_step());
        self.batch = self.tape.next_batch();
        self.unsent = self.batch.clone();
        self.outstanding = requests;
        self.started = started;
        self.flush()
    }

    /// Sends more of the current batch.
    pub fn flush(&mut self) -> Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        while !self.unsent.is_empty() {
            match stream.write(&self.tape.bytes()[self.unsent.clone()]) {
                Ok(length) => self.unsent.start += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("send a batch"),
            }
        }
        Ok(())
    }

    /// Whether there are redirects to take.
    pub fn redirected(&self) -> bool {
        self.skipper.has_redirects()
    }

    /// Reads once and says whether that completed the batch.
    pub fn receive(&mut self, buffer: &mut [u8], tally: &mut Tally) -> Result<bool> {
        let Some(stream) = &mut self.stream else { return Ok(false) };
        let length = match stream.read(buffer) {
            Ok(0) => bail!("server closed the connection"),
            Ok(length) => length,
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                return Ok(false);
            }
            Err(error) => return Err(error).context("read replies"),
        };
        let complete = self.skipper.feed(&buffer[..length], tally)?;
        let expected = self.outstanding - self.elsewhere;
        ensure!(complete <= expected, "server sent more replies than requests");
        self.outstanding -= complete;
        Ok(complete > 0 && self.outstanding == 0 && !self.redirected())
    }

    /// The redirects that have come in, each with the request that it is about. The batch is not
    /// complete before [`Self::answered_elsewhere`] has been called for each.
    pub fn take_redirects(&mut self) -> Vec<(Redirect, Vec<u8>)> {
        let redirects = self.skipper.take_redirects();
        self.outstanding += redirects.len() as u64;
        self.elsewhere += redirects.len() as u64;
        let batch = &self.tape.bytes()[self.batch.clone()];
        let with_request = |redirect: Redirect| {
            let request = request_at(batch, redirect.place as usize).to_vec();
            (redirect, request)
        };
        redirects.into_iter().map(with_request).collect()
    }

    /// Notes the reply of another node and says whether that completed the batch.
    pub fn answered_elsewhere(&mut self) -> bool {
        self.elsewhere -= 1;
        self.outstanding -= 1;
        self.outstanding == 0
    }

    /// Closes the connection and gives back how many requests of its batch have no reply.
    pub fn end(&mut self) -> u64 {
        self.stream = None;
        self.unsent = 0..0;
        self.elsewhere = 0;
        self.life += 1;
        let follows = self.skipper.follows();
        self.skipper = ReplySkipper::new(self.tape.steps(), follows);
        std::mem::take(&mut self.outstanding)
    }

    /// Takes what has been made new. The connection must be idle.
    pub fn renew(&mut self, renewal: Renewal) -> Result<()> {
        assert!(self.idle(), "the tape is being read"); // I1
        if let Some(stream) = renewal.stream {
            stream.set_nonblocking(true).context("make the socket non-blocking")?;
            self.stream = Some(stream);
        }
        if let Some(tape) = renewal.tape {
            self.tape = tape;
        }
        self.node = renewal.node;
        Ok(())
    }
}
