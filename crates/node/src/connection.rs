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
//! - I3. The state is not borrowed across an await. What has to be waited for lies in `open`, not in
//!   a task, so that both the connection's task and the hook of a script can go on with it; while
//!   something is open nothing behind it is read.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::net::TcpStream as StdTcpStream;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, BytesMut};
use nix::sys::socket::{MsgFlags, Shutdown, recv, send, shutdown};
use protocol::args::Args;
use protocol::decode::{Batch, Decoder};
use protocol::encode::{self, Version};
use router::session::Session;
use router::view::View;
use shard::time::Millis;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::task::unconstrained;

use crate::acl_log::ClientWitness;
use crate::clients::Client;
use crate::delivery::Payload;
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
    /// What has to be waited for (I3).
    open: RefCell<Option<Wait>>,
    /// That is being gone on with at this moment: `open` is empty and nobody else may read.
    polling: Cell<bool>,
    /// Wakes the connection's task.
    waker: RefCell<Waker>,
    /// What the client is told unasked and that is not in the output yet.
    pushes: RefCell<Vec<u8>>,
    /// Replies are in RESP3.
    resp3: Cell<bool>,
    /// It has subscribed to something.
    listens: Cell<bool>,
    /// There is something for the task to do although nothing has come in.
    left_over: Cell<bool>,
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
    pub(crate) fn new(
        node: &Arc<Node>,
        executor: u16,
        stream: StdTcpStream,
        listener: usize,
    ) -> io::Result<Self> {
        let (address, local) = (stream.peer_addr()?, stream.local_addr()?);
        let stream = TcpStream::from_std(stream)?;
        let client = node.clients.add(stream.as_raw_fd(), address, local, executor);
        let mut decoder = Decoder::default();
        let bulk_len_max = node.settings.proto_max_bulk_len.load(Ordering::Relaxed);
        decoder.set_bulk_len_max(usize::try_from(bulk_len_max).unwrap_or(usize::MAX));
        let mut session = Session::new(client.id);
        let witness = ClientWitness { node: node.clone(), client: client.clone() };
        session.witness = Some(Arc::new(witness));
        node.acl.enter(&mut session);
        Ok(Self {
            stream,
            state: RefCell::new(State {
                session,
                decoder,
                input: BytesMut::new(),
                output: Vec::new(),
                closing: false,
            }),
            client,
            view: node.views[listener].clone(),
            open: RefCell::default(),
            polling: Cell::new(false),
            waker: RefCell::new(Waker::noop().clone()),
            pushes: RefCell::default(),
            resp3: Cell::new(false),
            listens: Cell::new(false),
            left_over: Cell::new(false),
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
            if poll_fn(|cx| self.poll_input(cx)).await? && !self.read(executor)? {
                return Ok(());
            }
            loop {
                if !poll_fn(|cx| self.poll_open_and_socket(executor, cx)).await {
                    return Ok(());
                }
                self.flush(executor).await?;
                if self.state.borrow().closing || self.client.killed.load(Ordering::Relaxed) {
                    return Ok(());
                }
                if self.state.borrow().input.is_empty() || !self.go_on(executor) {
                    break;
                }
            }
            self.flush(executor).await?;
        }
    }

    /// Serves what is behind a barrier that is answered. Whether there is another one.
    fn go_on(self: &Rc<Self>, executor: &Rc<Executor>) -> bool {
        self.take_in(executor, &[]);
        self.open.borrow().is_some()
    }

    /// Ready with true when there is something to read, with false when something was left over.
    fn poll_input(&self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if let Poll::Ready(ready) = self.stream.poll_read_ready(cx) {
            return Poll::Ready(ready.map(|()| true));
        }
        if self.left_over.take() {
            return Poll::Ready(Ok(false));
        }
        self.remember_waker(cx);
        Poll::Pending
    }

    /// Notes how to wake the task. It is nearly always known: then this only compares.
    fn remember_waker(&self, cx: &Context<'_>) {
        self.waker.borrow_mut().clone_from(cx.waker());
    }

    /// Goes on with what is open, until nothing is.
    fn poll_open(self: &Rc<Self>, executor: &Rc<Executor>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(mut wait) = self.open.take() else { return Poll::Ready(()) };
        self.polling.set(true);
        let poll = wait.poll(executor, self, cx);
        self.polling.set(false);
        if poll.is_pending() {
            self.remember_waker(cx);
            self.open.replace(Some(wait));
        }
        poll
    }

    /// The same, looking after the socket meanwhile: what the client is told unasked is written as
    /// far as the socket takes it, and while a request waits for data the end of the input is
    /// noticed. False when the client has gone.
    fn poll_open_and_socket(
        self: &Rc<Self>,
        executor: &Rc<Executor>,
        cx: &mut Context<'_>,
    ) -> Poll<bool> {
        if self.poll_open(executor, cx).is_ready() {
            return Poll::Ready(true);
        }
        let blocked = self.open.borrow().as_ref().is_some_and(Wait::is_blocked);
        if blocked && !self.keep_input(executor, cx) {
            return Poll::Ready(false);
        }
        if !self.pushes.borrow().is_empty() && self.stream.poll_write_ready(cx).is_ready() {
            self.write_now(executor);
        }
        Poll::Pending
    }

    /// Reads what has come while a request waits for data, for later; false at the end of the
    /// input.
    fn keep_input(&self, executor: &Executor, cx: &mut Context<'_>) -> bool {
        /// Who sends more than this behind a request that waits is not read any further.
        const KEPT: usize = 1 << 20;
        loop {
            let mut state = self.state.borrow_mut();
            if state.input.len() > KEPT {
                return true;
            }
            match self.stream.poll_read_ready(cx) {
                Poll::Pending => return true,
                Poll::Ready(Err(_)) => return false,
                Poll::Ready(Ok(())) => {}
            }
            let mut scratch = executor.scratch.borrow_mut();
            let mut count = 0;
            let result = self.stream.try_io(Interest::READABLE, || {
                count = recv(self.stream.as_raw_fd(), &mut scratch, MsgFlags::empty())?;
                Ok(())
            });
            match result {
                Ok(()) if count == 0 => return false,
                Ok(()) => {
                    executor.bytes_in.set(executor.bytes_in.get() + count as u64);
                    state.input.extend_from_slice(&scratch[..count]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return false,
            }
        }
    }

    /// Reads what is there and serves it; false at the end of the input. While something is open,
    /// nothing is read.
    fn read(self: &Rc<Self>, executor: &Rc<Executor>) -> io::Result<bool> {
        if self.open.borrow().is_some() {
            return Ok(true);
        }
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
            Ok(()) if count == 0 => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && count == 0 => {
                return Ok(true);
            }
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            Ok(()) | Err(_) => {}
        }
        executor.bytes_in.set(executor.bytes_in.get() + count as u64);
        self.take_in(executor, &scratch[..count]);
        Ok(true)
    }

    /// Serves the requests in what was kept and in `new`, up to a barrier, which is open then.
    fn take_in(self: &Rc<Self>, executor: &Rc<Executor>, new: &[u8]) {
        debug_assert!(self.open.borrow().is_none(), "I3");
        let wait = self.serve_input(executor, new);
        self.open.replace(wait);
    }

    fn serve_input(self: &Rc<Self>, executor: &Rc<Executor>, new: &[u8]) -> Option<Wait> {
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
        if !state.admit(executor) {
            return (input.len(), None);
        }
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
            // It has authenticated since: what was too much before is not any more.
            Err(error) if error.is_for_strangers() && !dispatch.is_locked() => {
                let wait = dispatch.finish(Then::Nothing);
                state.decoder.restart();
                return (batch.len().checked_sub(1).map_or(0, |at| batch.bytes_through(at)), wait);
            }
            Err(error) => {
                dispatch.reply_error(&error.to_string());
                input.len()
            }
        };
        let wait = dispatch.finish(Then::Nothing);
        state.closing |= decoded.is_err();
        (used, wait)
    }

    /// Adds a reply that has come later than its request.
    pub(crate) fn add_late_reply(&self, bytes: &[u8]) {
        let mut state = self.state.borrow_mut();
        if !state.session.silent() {
            state.output.extend_from_slice(bytes);
        }
        state.session.advance_reply_mode();
        self.publish_facts(&state.session);
    }

    /// Tells the client something that it has not asked for.
    pub(crate) fn push(&self, executor: &Executor, payload: &Payload) {
        let mut pushes = self.pushes.borrow_mut();
        self.write_push(payload, &mut pushes);
        let limit = executor.node.settings.output_buffer_limit.load(Ordering::Relaxed);
        if pushes.len() as u64 > limit {
            // It does not read: Redis ends such clients too.
            self.client.killed.store(true, Ordering::Relaxed);
            pushes.clear();
            let _ = shutdown(self.stream.as_raw_fd(), Shutdown::Both);
            return;
        }
        drop(pushes);
        self.left_over.set(true);
        self.waker.borrow().wake_by_ref();
    }

    /// What it was to be told unasked concerns it no more: RESET.
    pub(crate) fn forget_pushes(&self) {
        self.pushes.borrow_mut().clear();
    }

    fn write_push(&self, payload: &Payload, out: &mut Vec<u8>) {
        let version = if self.resp3.get() { Version::Resp3 } else { Version::Resp2 };
        let resp3 = self.resp3.get();
        match payload {
            Payload::Bytes(bytes) => {
                let start = out.len();
                out.extend_from_slice(bytes);
                out[start] = if resp3 { b'>' } else { b'*' };
            }
            Payload::Line(line) => out.extend_from_slice(line),
            Payload::OnlyResp3(bytes) if resp3 => out.extend_from_slice(bytes),
            Payload::OnlyResp3(_) => {}
            Payload::Keys(_) | Payload::AllKeys => {
                if resp3 {
                    encode::push(out, version, 2);
                    encode::bulk(out, b"invalidate");
                } else if self.listens.get() {
                    // Redirected to a client in RESP2, which has subscribed to this.
                    encode::push(out, version, 3);
                    encode::bulk(out, b"message");
                    encode::bulk(out, b"__redis__:invalidate");
                } else {
                    return;
                }
                match payload {
                    Payload::Keys(keys) => out.extend_from_slice(keys),
                    _ => encode::null_array(out, version),
                }
            }
        }
    }

    /// Ends the connection when its output is written.
    pub(crate) fn close_when_written(&self) {
        self.state.borrow_mut().closing = true;
    }

    /// Ends the connection when it listens to what its user may not listen to any more; `own` is
    /// answered first.
    pub(crate) fn close_eavesdropper(&self, executor: &Executor, own: u64) {
        let Ok(mut state) = self.state.try_borrow_mut() else { return };
        if state.session.subscriptions.is_empty() || !state.admit(executor) {
            return;
        }
        let session = &state.session;
        let may = session.login.restricted().is_none_or(|restricted| {
            let permissions = restricted.permissions();
            session.subscriptions.all(|kind, name| permissions.may_listen(kind, name))
        });
        if may {
            return;
        }
        state.closing = true;
        if self.id() != own {
            self.client.killed.store(true, Ordering::Relaxed);
            let _ = shutdown(self.stream.as_raw_fd(), Shutdown::Both);
        }
    }

    /// Takes what has been read and not served.
    pub(crate) fn take_input(&self) -> BytesMut {
        std::mem::take(&mut self.state.borrow_mut().input)
    }

    /// Writes the output, waiting for the socket where it must.
    async fn flush(&self, executor: &Executor) -> io::Result<()> {
        loop {
            {
                let mut state = self.state.borrow_mut();
                state.output.append(&mut self.pushes.borrow_mut());
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

    /// Goes on with what is open, from within a script's hook. Whether the socket may be looked
    /// after then: nobody else is at it and nothing is open.
    pub(crate) fn attend_open(self: &Rc<Self>, executor: &Rc<Executor>) -> bool {
        if self.polling.get() || self.state.try_borrow_mut().map_or(true, |state| state.closing) {
            return false;
        }
        let Some(mut wait) = self.open.take() else { return true };
        // Where the task has not polled it yet, `left_over` has it do so after the script.
        let waker = self.waker.borrow().clone();
        // The runtime's budget is that of the task that runs the script, which is spent soon.
        let mut polling =
            pin!(unconstrained(poll_fn(|cx| wait.poll_in_script(executor, self, cx))));
        let poll = polling.as_mut().poll(&mut Context::from_waker(&waker));
        if poll.is_pending() {
            self.open.replace(Some(wait));
            return false;
        }
        self.serve_in_script(executor, &[]);
        self.open.borrow().is_none()
    }

    /// Writes what the socket takes at once.
    fn write_now(&self, executor: &Executor) {
        let fd = self.stream.as_raw_fd();
        let mut state = self.state.borrow_mut();
        state.output.append(&mut self.pushes.borrow_mut());
        while !state.output.is_empty() {
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            let Ok(count @ 1..) = send(fd, &state.output, flags) else { return };
            executor.bytes_out.set(executor.bytes_out.get() + count as u64);
            state.wrote(count);
        }
    }

    /// Serves the connection from within a script's hook. The runtime does not run now, so this
    /// reads and writes by itself; what has to be waited for is looked at again at the next turn.
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

    /// Serves what can be served from within a script's hook; the rest is left over for later.
    fn serve_in_script(self: &Rc<Self>, executor: &Rc<Executor>, new: &[u8]) {
        self.take_in(executor, new);
        if let Some(wait) = self.open.take() {
            let rest = wait.try_now(executor, &mut self.state.borrow_mut().output);
            self.open.replace(rest);
        }
        self.write_now(executor);
        if self.state.borrow().closing {
            // The connection's task finds the end of the input and closes it.
            let _ = shutdown(self.stream.as_raw_fd(), Shutdown::Both);
        }
        self.left_over.set(true);
        self.waker.borrow().wake_by_ref();
    }

    /// Tells other threads what has changed about this client.
    pub(crate) fn publish_facts(&self, session: &Session) {
        let mut facts = self.client.facts();
        facts.name.clone_from(&session.name);
        facts.user.clone_from(&session.login.user.name);
        facts.lib_name.clone_from(&session.lib_name);
        facts.lib_ver.clone_from(&session.lib_ver);
        facts.resp = session.version.number();
        facts.multi = session.transaction.as_ref().map(|transaction| transaction.queue.len());
        facts.watching = session.watched.len();
        facts.readonly = session.readonly;
        facts.no_evict = session.no_evict;
        facts.no_touch = session.no_touch;
        facts.subscriptions = session.subscriptions.counts();
        facts.monitors = session.monitors;
        facts.tracking = session.tracking.is_some();
        facts.redirect = session.tracking.as_ref().map_or(-1, |tracking| tracking.redirect as i64);
        self.resp3.set(matches!(session.version, Version::Resp3));
        self.listens.set(!session.subscriptions.is_empty());
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
        crate::commands::subscribe::unsubscribe_all(executor, &mut state.session);
        if state.session.monitors {
            executor.node.monitors.remove(self.id());
        }
        if state.session.tracking.take().is_some() {
            executor.follow_tracking(self.id(), None);
        }
    }
}

impl State {
    /// Brings the session up to date with changes of users. False when its own has been removed:
    /// then the connection ends.
    #[inline]
    fn admit(&mut self, executor: &Executor) -> bool {
        let acl = &executor.node.acl;
        if self.session.login.generation != acl.generation() {
            acl.refresh(&mut self.session);
            self.closing |= self.session.login.is_gone();
        }
        self.decoder.set_authenticated(!self.session.login.is_locked());
        !self.session.login.is_gone()
    }

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
        // EVAL, EVALSHA, FCALL and their like.
        let is_script = args.len() > 3
            && matches!(name, [b'e' | b'E', b'v' | b'V', ..] | [b'f' | b'F', b'c' | b'C', ..]);
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
