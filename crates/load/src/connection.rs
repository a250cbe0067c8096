//! One connection under load: a batch of prebuilt requests out, its replies counted in.
//!
//! # Invariants
//! - I1. At most one batch is under way. Its latency ends with the last byte of its last reply.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::client::connect;
use crate::reply::{ReplySkipper, Tally};
use crate::tape::Tape;

/// A non-blocking connection with its tape of requests.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// Index of the node at the other end.
    node: usize,
    tape: Tape,
    /// What of the current batch is not written yet.
    unsent: Range<usize>,
    skipper: ReplySkipper,
    /// Replies of the current batch that are still to come; 0 when idle.
    outstanding: u64,
    started: Instant,
}

impl Connection {
    /// Connects to a node.
    pub fn open(address: &str, node: usize, tape: Tape) -> Result<Self> {
        let stream = connect(address)?;
        stream.set_nonblocking(true).context("make the socket non-blocking")?;
        Ok(Self {
            stream,
            node,
            tape,
            unsent: 0..0,
            skipper: ReplySkipper::default(),
            outstanding: 0,
            started: Instant::now(),
        })
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

    /// Sends the next batch, or as much of it as the socket takes.
    pub fn start_batch(&mut self, requests: u64, started: Instant) -> Result<()> {
        assert!(self.idle(), "the batch before this one is not answered"); // I1
        self.unsent = self.tape.next_batch();
        self.outstanding = requests;
        self.started = started;
        self.flush()
    }

    /// Sends more of the current batch.
    pub fn flush(&mut self) -> Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.tape.bytes()[self.unsent.clone()]) {
                Ok(length) => self.unsent.start += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("send a batch"),
            }
        }
        Ok(())
    }

    /// Reads once and says whether that completed the batch.
    pub fn receive(&mut self, buffer: &mut [u8], tally: &mut Tally) -> Result<bool> {
        let length = match self.stream.read(buffer) {
            Ok(0) => bail!("server closed a connection under load"),
            Ok(length) => length,
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                return Ok(false);
            }
            Err(error) => return Err(error).context("read replies"),
        };
        let complete = self.skipper.feed(&buffer[..length], tally)?;
        ensure!(complete <= self.outstanding, "server sent more replies than requests");
        self.outstanding -= complete;
        Ok(complete > 0 && self.outstanding == 0)
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
