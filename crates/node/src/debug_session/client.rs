//! The client of a debugger: its socket, used from within a script.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use protocol::decode::{Batch, Decoder};
use protocol::encode;
use shard::script::debug::{self, Input};

use super::ATTEND_EVERY;
use crate::clients::Client;
use crate::connection::stream::Channel;
use crate::executor::Executor;

/// Longest command, in bytes.
const COMMAND_MAX: usize = 1 << 20;

/// A client that takes nothing for so long has gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// See the module.
pub(super) struct DebugClient {
    executor: Rc<Executor>,
    channel: Channel,
    client: Arc<Client>,
    decoder: Decoder,
    input: BytesMut,
    commands: VecDeque<Vec<Vec<u8>>>,
    attended: Instant,
    /// It has gone, or has sent what is not a request.
    end: Option<Input>,
}

impl DebugClient {
    pub(super) fn new(
        executor: Rc<Executor>,
        channel: Channel,
        client: Arc<Client>,
        input: BytesMut,
    ) -> Self {
        let mut decoder = Decoder::default();
        decoder.set_bulk_len_max(COMMAND_MAX);
        let mut this = Self {
            executor,
            channel,
            client,
            decoder,
            input,
            commands: VecDeque::new(),
            attended: Instant::now(),
            end: None,
        };
        this.decode();
        this
    }

    /// Finds the complete commands in what has come in.
    fn decode(&mut self) {
        let mut batch = Batch::default();
        let decoded = self.decoder.decode(&self.input, &mut batch);
        for index in 0..batch.len() {
            let words = batch.request(index, &self.input).iter_from(0);
            self.commands.push_back(words.map(<[u8]>::to_vec).collect());
        }
        match decoded {
            Ok(used) => self.input.advance(used),
            Err(_) => self.end = Some(Input::Broken),
        }
        if self.input.len() > 2 * COMMAND_MAX {
            self.end = Some(Input::Broken);
        }
    }

    /// Waits until the socket is ready for `what`, for a short time; whether it is.
    fn wait(&mut self, what: PollFlags) -> bool {
        if self.attended.elapsed() >= ATTEND_EVERY {
            self.attended = Instant::now();
            self.executor.attend(None);
        }
        if what == PollFlags::POLLIN && self.channel.has_unread() {
            return true;
        }
        let mut fds = [PollFd::new(self.channel.as_fd(), what)];
        let timeout = PollTimeout::try_from(ATTEND_EVERY).unwrap_or(PollTimeout::ZERO);
        // A signal may interrupt it: then there is nothing to read yet.
        matches!(poll(&mut fds, timeout), Ok(1..))
    }

    /// Reads what has come in.
    fn read(&mut self) {
        let mut buffer = vec![0; Channel::READ_SIZE];
        match self.channel.read(&mut buffer) {
            Some(count @ 1..) => {
                let counted = &self.executor.bytes_in;
                counted.set(counted.get() + count as u64);
                self.input.extend_from_slice(&buffer[..count]);
                self.decode();
                let now = self.executor.clock.now().millis();
                self.client.note(self.client.last_command.load(Ordering::Relaxed), now);
            }
            None => {}
            Some(_) => self.end = Some(Input::Gone),
        }
    }

    /// Whether the script is to end, by SCRIPT KILL or because the node ends.
    fn is_over(&self) -> bool {
        let handle = &self.executor.node.executors[usize::from(self.executor.index)];
        handle.live.get().is_some_and(|live| live.control.is_ending())
    }
}

/// Whether it may be tried again.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

impl debug::Client for DebugClient {
    fn send(&mut self, lines: &[Vec<u8>]) {
        let mut out = Vec::new();
        encode::header(&mut out, b'*', lines.len() as i64);
        for line in lines {
            encode::status_sanitised(&mut out, line);
        }
        let mut rest = &out[..];
        let mut progress = Instant::now();
        while !rest.is_empty() && self.end != Some(Input::Gone) {
            match self.channel.write(rest) {
                Ok(count) => {
                    let counted = &self.executor.bytes_out;
                    counted.set(counted.get() + count as u64);
                    rest = &rest[count..];
                    progress = Instant::now();
                }
                Err(error) if is_passing(&error) && progress.elapsed() < PATIENCE => {
                    self.wait(PollFlags::POLLOUT);
                }
                Err(_) => self.end = Some(Input::Gone),
            }
        }
    }

    fn receive(&mut self) -> Input {
        loop {
            if self.is_over() {
                return Input::Over;
            }
            if self.end == Some(Input::Gone) {
                return Input::Gone;
            }
            match self.commands.pop_front() {
                // An empty request is none.
                Some(words) if words.is_empty() => continue,
                Some(words) => return Input::Command(words),
                None => {}
            }
            if let Some(end) = &self.end {
                return end.clone();
            }
            if self.wait(PollFlags::POLLIN) {
                self.read();
            }
        }
    }
}
