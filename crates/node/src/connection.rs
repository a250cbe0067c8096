//! A connection: reads requests, has each of them run where it belongs, writes the replies.
//!
//! All complete requests of a read are one batch. Those for the own shard run at once, in place,
//! and write their replies into the output buffer; those for other shards of the node are gathered
//! and travel as one message for each shard; replies leave in the order of the requests, with one
//! write for the batch. What needs all shards, or waits, is a barrier: everything before it is
//! answered first.
//!
//! # Invariants
//! - I1. Replies leave in the order of their requests.
//! - I2. Requests of one connection for one shard run in their order.
//! - I3. The state is not borrowed across an await; `waiting` says that a request is under way, and
//!   then nobody else serves the connection.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::TcpStream as StdTcpStream;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Buf, BytesMut};
use nix::sys::socket::{MsgFlags, Shutdown, recv, send, shutdown};
use protocol::args::Args;
use protocol::decode::{Batch, Decoder};
use protocol::encode;
use router::session::Session;
use router::view::View;
use shard::time::Millis;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::spawn_local;

use crate::clients::Client;
use crate::dispatch::{Dispatch, Step, Then, Wait};
use crate::executor::Executor;
use crate::node::Node;

/// An output buffer that has grown past this is given back when it is empty.
const KEEP_OUTPUT: usize = 64 * 1024;

/// One connection. See the module.
pub(crate) struct Connection {
    stream: TcpStream,
    pub(crate) client: Arc<Client>,
    pub(crate) view: Arc<View>,
    pub(crate) state: RefCell<State>,
    /// A request is under way that has to be waited for (I3).
    waiting: Cell<bool>,
    /// Tells that it is answered.
    served: Notify,
    /// That request waits for the own shard, which is in a script.
    held: Cell<bool>,
    /// Counts tasks that were to go on with the connection: only the last one may.
    turn: Cell<u64>,
}

/// What changes with each request.
pub(crate) struct State {
    pub(crate) session: Session,
    decoder: Decoder,
    /// Bytes of requests that are incomplete, or that wait behind a barrier.
    input: BytesMut,
    /// Replies that have not been written.
    pub(crate) output: Vec<u8>,
    /// The connection ends when the output is written.
    closing: bool,
}

impl Connection {
    /// Takes in a socket that listener number `listener` has accepted.
    pub(crate) fn new(node: &Node, stream: StdTcpStream, listener: usize) -> io::Result<Self> {
        let (address, local) = (stream.peer_addr()?, stream.local_addr()?);
        let stream = TcpStream::from_std(stream)?;
        let client = node.clients.add(stream.as_raw_fd(), address, local);
        let mut decoder = Decoder::default();
        let bulk_len_max = node.settings.proto_max_bulk_len.load(Ordering::Relaxed);
        decoder.set_bulk_len_max(usize::try_from(bulk_len_max).unwrap_or(usize::MAX));
        Ok(Self {
            stream,
            state: RefCell::new(State {
                session: Session::new(client.id),
                decoder,
                input: BytesMut::new(),
                output: Vec::new(),
                closing: false,
            }),
            client,
            view: node.views[listener].clone(),
            waiting: Cell::new(false),
            served: Notify::new(),
            held: Cell::new(false),
            turn: Cell::new(0),
        })
    }

    pub(crate) fn id(&self) -> u64 {
        self.client.id
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Serves the client until it goes, is killed, or breaks the protocol.
    pub(crate) async fn serve(self: &Rc<Self>, executor: &Rc<Executor>) {
        if let Err(error) = self.serve_all(executor).await {
            tracing::debug!(client = self.id(), %error, "connection lost");
        }
    }

    async fn serve_all(self: &Rc<Self>, executor: &Rc<Executor>) -> io::Result<()> {
        loop {
            poll_fn(|cx| self.stream.poll_read_ready(cx)).await?;
            if self.waiting.get() {
                // A request that `attend` began is waited for in a task of its own.
                self.served.notified().await;
                continue;
            }
            let Some(mut wait) = self.read(executor)? else { return Ok(()) };
            loop {
                if let Some(wait) = wait.take() {
                    self.waiting.set(true);
                    self.resolve(executor, wait).await;
                    self.waiting.set(false);
                }
                self.flush(executor).await?;
                if self.state.borrow().closing || self.client.killed.load(Ordering::Relaxed) {
                    return Ok(());
                }
                if self.state.borrow().input.is_empty() {
                    break;
                }
                wait = self.take_in(executor, &[]);
                if wait.is_none() {
                    self.flush(executor).await?;
                    break;
                }
            }
        }
    }

    /// Reads what is there and serves it; `None` at the end of the input.
    fn read(self: &Rc<Self>, executor: &Rc<Executor>) -> io::Result<Option<Option<Wait>>> {
        let mut scratch = executor.scratch.borrow_mut();
        let mut count = 0;
        let full = scratch.len();
        let result = self.stream.try_io(Interest::READABLE, || {
            count = recv(self.stream.as_raw_fd(), &mut scratch, MsgFlags::empty())?;
            // A short read has drained the socket. Saying so clears tokio's readiness, which
            // otherwise stays set, costs another read each time and starves the reactor.
            if count > 0 && count < full { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        match result {
            Ok(()) if count == 0 => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && count == 0 => {
                return Ok(Some(None));
            }
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            Ok(()) | Err(_) => {}
        }
        executor.bytes_in.set(executor.bytes_in.get() + count as u64);
        Ok(Some(self.take_in(executor, &scratch[..count])))
    }

    /// Serves the requests in what was kept and in `new`, up to a barrier.
    fn take_in(self: &Rc<Self>, executor: &Rc<Executor>, new: &[u8]) -> Option<Wait> {
        let mut state = self.state.borrow_mut();
        if state.input.is_empty() {
            let (used, wait) = self.process(&mut state, executor, new);
            state.input.extend_from_slice(&new[used..]);
            return wait;
        }
        let mut input = std::mem::take(&mut state.input);
        input.extend_from_slice(new);
        let (used, wait) = self.process(&mut state, executor, &input);
        if used == input.len() {
            input = BytesMut::new();
        } else {
            input.advance(used);
            if let Some(wanted) = state.decoder.bytes_wanted() {
                input.reserve(wanted.saturating_sub(input.len()));
            }
        }
        state.input = input;
        wait
    }

    /// Decodes `input` and runs what is complete. Returns how many bytes are done with, and what
    /// is to be waited for.
    fn process(
        self: &Rc<Self>,
        state: &mut State,
        executor: &Rc<Executor>,
        input: &[u8],
    ) -> (usize, Option<Wait>) {
        let mut batch = executor.batch.take().unwrap_or_default();
        batch.clear();
        let decoded = state.decoder.decode(input, &mut batch);
        let done = self.run_batch(state, executor, input, &batch, decoded);
        executor.batch.set(Some(batch));
        done
    }

    fn run_batch(
        self: &Rc<Self>,
        state: &mut State,
        executor: &Rc<Executor>,
        input: &[u8],
        batch: &Batch,
        decoded: Result<usize, protocol::error::DecodeError>,
    ) -> (usize, Option<Wait>) {
        if batch.len() > 1 {
            warm(executor, input, batch);
        }
        let State { session, output, .. } = state;
        let mut dispatch = Dispatch::new(executor, self, session, output);
        for index in 0..batch.len() {
            let done_before = if index == 0 { 0 } else { batch.bytes_through(index - 1) };
            match dispatch.run(batch.request(index, input)) {
                Step::Next => {}
                Step::Wait(then) => {
                    let wait = dispatch.finish(then);
                    state.decoder.restart();
                    return (batch.bytes_through(index), wait);
                }
                Step::Again(then) => {
                    let wait = dispatch.finish(then);
                    state.decoder.restart();
                    return (done_before, wait);
                }
                Step::Close => {
                    let wait = dispatch.finish(Then::Nothing);
                    state.closing = true;
                    return (input.len(), wait);
                }
            }
        }
        let used = match decoded {
            Ok(used) => used,
            Err(error) => {
                dispatch.reply_error(&error.to_string());
                input.len()
            }
        };
        let wait = dispatch.finish(Then::Nothing);
        state.closing |= decoded.is_err();
        (used, wait)
    }

    /// Waits for what a batch has left open and adds its replies to the output.
    async fn resolve(self: &Rc<Self>, executor: &Rc<Executor>, wait: Wait) {
        let Wait { gathered, then } = wait;
        if let Some(gathered) = gathered {
            let replies = gathered.answer(executor).await;
            replies.write(&mut self.state.borrow_mut().output);
        }
        match then {
            // Whoever polls this runs after the script.
            Then::Nothing | Then::ShardFree => {}
            Then::Pause(end) => executor.node.pause.wait(end).await,
            Then::Reply(later) => {
                let bytes = later.await;
                let mut state = self.state.borrow_mut();
                if !state.session.silent() {
                    state.output.extend_from_slice(&bytes);
                }
                state.session.advance_reply_mode();
                self.publish_facts(&state.session);
            }
        }
    }

    /// Writes the output, waiting for the socket where it must.
    async fn flush(&self, executor: &Executor) -> io::Result<()> {
        loop {
            {
                let mut state = self.state.borrow_mut();
                if state.output.is_empty() {
                    return Ok(());
                }
                match self.stream.try_write(&state.output) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(count) => {
                        executor.bytes_out.set(executor.bytes_out.get() + count as u64);
                        state.wrote(count);
                        continue;
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        let limit = &executor.node.settings.output_buffer_limit;
                        if state.output.len() as u64 > limit.load(Ordering::Relaxed) {
                            return Err(io::Error::other("output buffer limit"));
                        }
                    }
                    Err(error) => return Err(error),
                }
            }
            self.stream.writable().await?;
        }
    }

    /// Whether `attend` may serve this connection: nobody else is at it.
    pub(crate) fn can_attend(&self) -> bool {
        !self.waiting.get() && self.state.try_borrow_mut().is_ok_and(|state| !state.closing)
    }

    /// The script that this connection waits for has become slow: tells it so. Called from within
    /// the script's hook.
    pub(crate) fn refuse_held(self: &Rc<Self>, executor: &Rc<Executor>) {
        if self.held.replace(false) {
            // The task that was to go on with it finds that it has been gone on with.
            self.turn.set(self.turn.get() + 1);
            self.waiting.set(false);
            self.served.notify_one();
            self.serve_in_script(executor, &[]);
        }
    }

    /// Writes what the socket takes at once.
    fn write_now(&self, executor: &Executor) {
        let fd = self.stream.as_raw_fd();
        let mut state = self.state.borrow_mut();
        while !state.output.is_empty() {
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            let Ok(count @ 1..) = send(fd, &state.output, flags) else { return };
            executor.bytes_out.set(executor.bytes_out.get() + count as u64);
            state.wrote(count);
        }
    }

    /// Serves the connection from within a script's hook. The runtime does not run now, so this
    /// reads and writes by itself; what has to be waited for is, when the script has ended.
    pub(crate) fn attend(self: &Rc<Self>, executor: &Rc<Executor>) {
        let mut buffer = vec![0; 16 * 1024];
        let fd = self.stream.as_raw_fd();
        let Ok(count @ 1..) = recv(fd, &mut buffer, MsgFlags::MSG_DONTWAIT) else {
            // The end of the input is for the connection's own task to find.
            return;
        };
        executor.bytes_in.set(executor.bytes_in.get() + count as u64);
        self.serve_in_script(executor, &buffer[..count]);
    }

    /// Serves what can be served from within a script's hook; the rest goes on after it.
    fn serve_in_script(self: &Rc<Self>, executor: &Rc<Executor>, new: &[u8]) {
        let mut wait = self.take_in(executor, new);
        if let Some(ready) = wait.take() {
            wait = ready.try_now(executor, &mut self.state.borrow_mut().output);
        }
        self.write_now(executor);
        let state = self.state.borrow();
        if state.closing {
            // The connection's task finds the end of the input and closes it.
            let _ = shutdown(self.stream.as_raw_fd(), Shutdown::Both);
        } else if wait.is_some() || !state.output.is_empty() || !state.input.is_empty() {
            let held = matches!(&wait, Some(Wait { gathered: None, then: Then::ShardFree }));
            self.held.set(held);
            drop(state);
            self.go_on_later(executor, wait);
        }
    }

    /// Has the connection served on by the runtime, once it runs again.
    fn go_on_later(self: &Rc<Self>, executor: &Rc<Executor>, mut wait: Option<Wait>) {
        let (connection, executor) = (self.clone(), executor.clone());
        self.waiting.set(true);
        let turn = self.turn.get() + 1;
        self.turn.set(turn);
        spawn_local(async move {
            if connection.turn.get() != turn {
                return;
            }
            connection.held.set(false);
            loop {
                if let Some(wait) = wait.take() {
                    connection.resolve(&executor, wait).await;
                }
                if connection.flush(&executor).await.is_err() {
                    break;
                }
                wait = connection.take_in(&executor, &[]);
                if wait.is_none() {
                    break;
                }
            }
            let _ = connection.flush(&executor).await;
            connection.waiting.set(false);
            connection.served.notify_one();
            if connection.state.borrow().closing {
                let _ = shutdown(connection.stream.as_raw_fd(), Shutdown::Both);
            }
        });
    }

    /// Tells other threads what has changed about this client.
    pub(crate) fn publish_facts(&self, session: &Session) {
        let mut facts = self.client.facts();
        facts.name.clone_from(&session.name);
        facts.lib_name.clone_from(&session.lib_name);
        facts.lib_ver.clone_from(&session.lib_ver);
        facts.resp = session.version.number();
        facts.multi = session.transaction.as_ref().map(|transaction| transaction.queue.len());
        facts.watching = session.watched.len();
        facts.readonly = session.readonly;
        facts.no_evict = session.no_evict;
        facts.no_touch = session.no_touch;
    }

    /// Notes a request, for CLIENT LIST.
    #[inline]
    pub(crate) fn note(&self, command: usize, now: Millis) {
        self.client.note(command as u32, now);
    }

    /// Forgets the client. The socket closes when the connection is dropped, after this.
    pub(crate) fn close(&self, executor: &Rc<Executor>) {
        executor.node.clients.remove(self.id());
        let mut state = self.state.borrow_mut();
        crate::commands::watch::unwatch_all(executor, &mut state.session);
    }
}

impl State {
    /// Takes off what has been written.
    fn wrote(&mut self, count: usize) {
        if count < self.output.len() {
            self.output.drain(..count);
        } else if self.output.capacity() > KEEP_OUTPUT {
            self.output = Vec::new();
        } else {
            self.output.clear();
        }
    }
}

/// Has the shard look at the keys of the batch before it runs. Where the key of a request is, is
/// guessed: a wrong guess costs a look and nothing else.
fn warm(executor: &Executor, input: &[u8], batch: &Batch) {
    let Ok(shard) = executor.shard.try_borrow() else { return };
    shard.keyspace().warm((0..batch.len()).filter_map(|index| {
        let args = batch.request(index, input);
        let name = args.get(0)?;
        // EVAL, EVALSHA and their like; EXISTS and EXPIRE have no number at part 2 and four parts.
        let is_script = args.len() > 3 && matches!(name, [b'e' | b'E', b'v' | b'V', ..]);
        args.get(if is_script { 3 } else { 1 })
    }));
}

/// Refuses a connection with an error, without serving it.
pub(crate) fn refuse(stream: &StdTcpStream, text: &str) {
    let mut out = Vec::new();
    encode::error(&mut out, text.as_bytes());
    // Best effort: the client may have gone already.
    let _ = send(stream.as_raw_fd(), &out, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL);
}

/// The name of a command as CLIENT LIST shows it.
pub(crate) fn command_name(node: &Node, row: u32) -> &'static str {
    node.table().iter().nth(row as usize).map_or("NULL", |(_, row)| row.spec.name)
}

/// A request as it is queued or sent: with its own bytes.
pub(crate) fn own(args: Args<'_>) -> protocol::args::Request {
    args.to_request()
}
