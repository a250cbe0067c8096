//! A connection: reads requests, has each of them run where it belongs, writes the replies.
//!
//! All complete requests of a read are one batch. Those for the own shard run at once, in place,
//! and write their replies into the output buffer; those for other shards of the node are gathered
//! and travel as one message for each shard; replies leave in the order of the requests, with one
//! write for the batch, see [`together`]. What needs all shards, or waits, is a barrier: everything
//! before it is answered first.
//!
//! # Invariants
//! - I1. Replies leave in the order of their requests.
//! - I2. Requests of one connection for one shard run in their order.
//! - I3. The state is not borrowed across an await. What has to be waited for lies in `open`, not in
//!   a task, so that both the connection's task and the hook of a script can go on with it; while
//!   something is open nothing behind it is read.

mod account;
mod in_script;
mod input;
mod push;
pub(crate) mod stream;
pub(crate) mod tls;
pub(crate) mod together;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::TcpStream as StdTcpStream;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::BytesMut;
use nix::sys::socket::{MsgFlags, Shutdown, send, shutdown};
use protocol::args::Args;
use protocol::decode::Decoder;
use protocol::encode::{self, Version};
use router::session::Session;
use router::view::View;
use shard::time::Millis;

use self::stream::{Channel, Stream};
use self::tls::TlsSession;
use crate::acl_log::ClientWitness;
use crate::clients::{Client, Footprint};
use crate::dispatch::Wait;
use crate::executor::Executor;
use crate::node::Node;

/// An output buffer that has grown past this is given back when it is empty.
const KEEP_OUTPUT: usize = 64 * 1024;

/// When so many bytes of replies wait in the middle of a batch, they are written before more requests
/// are served: who does not read is not served any further.
const PAUSE_OUTPUT: usize = 1 << 20;

/// One connection. See the module.
pub(crate) struct Connection {
    stream: Stream,
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
    /// What it takes of memory, as others have been told.
    footprint: Cell<Footprint>,
    /// It is not to be evicted.
    spared: Cell<bool>,
    /// What the output had room for when that was counted last; another number when it has to be
    /// counted again.
    output_room: Cell<usize>,
    /// Since when more output waits than the soft limit allows.
    over_since: Cell<Option<Instant>>,
    /// There is something for the task to do although nothing has come in.
    left_over: Cell<bool>,
    /// The output waits until this index of the executor's shard is on the disk.
    waits_for: Cell<u64>,
    /// It stands in line to have its output written, see [`together`].
    has_left_output: Cell<bool>,
    /// Its socket has not taken all of the output: nothing is read before it has.
    is_stuck: Cell<bool>,
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
    /// There are requests in the input that wait for nothing but that the output is written.
    paused: bool,
}

impl Connection {
    /// Takes in a socket that listener number `listener` has accepted.
    pub(crate) fn new(
        node: &Arc<Node>,
        executor: u16,
        stream: StdTcpStream,
        listener: usize,
        tls: Option<Box<TlsSession>>,
    ) -> io::Result<Self> {
        let (address, local) = (stream.peer_addr()?, stream.local_addr()?);
        let stream = Stream::new(stream, tls)?;
        let client = node.clients.add(stream.as_raw_fd(), address, local, executor);
        let footprint = Footprint { tls: stream.memory(), ..Footprint::default() };
        if footprint.tls > 0 {
            node.clients.note_footprint(&client, footprint, false);
        }
        let mut decoder = Decoder::default();
        let bulk_len_max = node.settings.proto_max_bulk_len.load(Ordering::Relaxed);
        decoder.set_bulk_len_max(usize::try_from(bulk_len_max).unwrap_or(usize::MAX));
        let mut session = Session::new(client.id);
        let witness = ClientWitness { node: node.clone(), client: client.clone() };
        session.witness = Some(Arc::new(witness));
        node.acl.enter(&mut session);
        if stream.log_in(node, &mut session) {
            client.facts().user.clone_from(&session.login.user.name);
        }
        Ok(Self {
            stream,
            state: RefCell::new(State {
                session,
                decoder,
                input: BytesMut::new(),
                output: Vec::new(),
                closing: false,
                paused: false,
            }),
            client,
            view: node.views[listener].clone(),
            open: RefCell::default(),
            polling: Cell::new(false),
            waker: RefCell::new(Waker::noop().clone()),
            pushes: RefCell::default(),
            resp3: Cell::new(false),
            listens: Cell::new(false),
            footprint: Cell::new(footprint),
            spared: Cell::new(false),
            output_room: Cell::new(usize::MAX),
            over_since: Cell::default(),
            left_over: Cell::new(false),
            waits_for: Cell::new(0),
            has_left_output: Cell::new(false),
            is_stuck: Cell::new(false),
        })
    }

    pub(crate) fn id(&self) -> u64 {
        self.client.id
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Something may have come that the socket does not announce.
    pub(crate) fn has_unread(&self) -> bool {
        self.stream.has_unread()
    }

    /// The socket for somebody who talks with the client in the connection's place.
    ///
    /// # Errors
    /// There is no descriptor left.
    pub(crate) fn channel(&self) -> io::Result<Channel> {
        self.stream.channel()
    }

    /// Serves the client until it goes, is killed, or breaks the protocol.
    pub(crate) async fn serve(self: &Rc<Self>, executor: &Rc<Executor>) {
        if let Err(error) = self.serve_all(executor).await {
            tracing::debug!(client = self.id(), %error, "connection lost");
        }
    }

    async fn serve_all(self: &Rc<Self>, executor: &Rc<Executor>) -> io::Result<()> {
        'input: loop {
            let readable = poll_fn(|cx| self.poll_input(cx)).await?;
            if executor.outlet.is_congested() {
                executor.outlet.durable(executor.outlet.last()).await;
            }
            // What a client had sent before it was killed may still be there.
            let killed = self.client.killed.load(Ordering::Relaxed);
            if killed {
                return Ok(());
            }
            if readable && !self.read(executor)? {
                return self.flush(executor).await;
            }
            loop {
                if !poll_fn(|cx| self.poll_open_and_socket(executor, cx)).await {
                    return Ok(());
                }
                if self.leave_output(executor) {
                    continue 'input;
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
            // What was served last may have been QUIT.
            if self.state.borrow().closing {
                return Ok(());
            }
        }
    }

    /// Serves what is behind a barrier that is answered. Whether there is another one, or more to be
    /// served when the output is written.
    fn go_on(self: &Rc<Self>, executor: &Rc<Executor>) -> bool {
        // While the output was being written, a script's hook may have gone on already.
        if self.open.borrow().is_none() {
            self.take_in(executor, &[]);
        }
        self.open.borrow().is_some() || self.state.borrow().paused
    }

    /// Ready with true when there is something to read, with false when something was left over.
    fn poll_input(&self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.is_stuck.get() {
            return Poll::Ready(Ok(false));
        }
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

    /// Adds a reply that has come later than its request.
    pub(crate) fn add_late_reply(&self, executor: &Executor, bytes: &[u8]) {
        let mut state = self.state.borrow_mut();
        if !state.session.silent() {
            state.output.extend_from_slice(bytes);
        }
        let unread = state.output.len();
        let harmless = executor.node.settings.output_limits.harmless(self.class());
        if unread >= harmless && self.is_over_limit(executor, unread) {
            state.output.clear();
            state.closing = true;
        }
        state.session.advance_reply_mode();
        self.publish_facts(executor, &state.session);
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
            self.kill();
        }
    }

    /// Ends the connection; nothing that has come is served any more.
    pub(crate) fn kill(&self) {
        self.client.killed.store(true, Ordering::Relaxed);
        let _ = shutdown(self.stream.as_raw_fd(), Shutdown::Both);
    }

    /// Takes what has been read and not served.
    pub(crate) fn take_input(&self) -> BytesMut {
        std::mem::take(&mut self.state.borrow_mut().input)
    }

    /// The output waits until this index of the executor's shard is on the disk.
    pub(crate) fn wait_for(&self, index: u64) {
        self.waits_for.set(self.waits_for.get().max(index));
    }

    /// Whether the output may not leave yet.
    #[inline]
    fn is_held(&self, executor: &Executor) -> bool {
        let index = self.waits_for.get();
        index != 0 && !executor.outlet.is_durable(index)
    }

    /// Writes the output, waiting for the disk and the socket where it must.
    async fn flush(&self, executor: &Executor) -> io::Result<()> {
        if self.is_held(executor) {
            executor.outlet.durable(self.waits_for.get()).await;
        }
        loop {
            {
                let mut state = self.state.borrow_mut();
                state.output.append(&mut self.pushes.borrow_mut());
                if state.output.is_empty() {
                    self.is_stuck.set(false);
                    self.settle(executor, &state);
                    return Ok(());
                }
                match self.stream.write(&state.output) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(count) => {
                        self.note_out(executor, count);
                        state.wrote(count);
                        continue;
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        self.account(executor, &state);
                        let harmless = executor.node.settings.output_limits.harmless(self.class());
                        if state.output.len() >= harmless
                            && self.is_over_limit(executor, state.output.len())
                        {
                            return Err(io::Error::other("output buffer limit"));
                        }
                    }
                    Err(error) => return Err(error),
                }
            }
            self.stream.writable().await?;
        }
    }

    /// Tells other threads what has changed about this client.
    pub(crate) fn publish_facts(&self, executor: &Executor, session: &Session) {
        let mut facts = self.client.facts();
        facts.name.clone_from(&session.name);
        facts.user.clone_from(&session.login.user.name);
        facts.lib_name.clone_from(&session.lib_name);
        facts.lib_ver.clone_from(&session.lib_ver);
        facts.resp = session.version.number();
        facts.multi = session.transaction.as_ref().map(|transaction| transaction.queue.len());
        facts.watching = session.watched.len();
        facts.watch_flag = (facts.watching > 0).then(|| session.watch_flag.clone());
        facts.readonly = session.readonly;
        facts.no_evict = session.no_evict;
        facts.no_touch = session.no_touch;
        facts.subscriptions = session.subscriptions.counts();
        facts.monitors = session.monitors;
        facts.tracking = session.tracking.is_some();
        facts.broadcast = session.tracking.as_ref().is_some_and(|tracking| tracking.broadcast);
        facts.redirect = session.tracking.as_ref().map_or(-1, |tracking| tracking.redirect as i64);
        drop(facts);
        self.resp3.set(matches!(session.version, Version::Resp3));
        self.listens.set(!session.subscriptions.is_empty());
        self.account_session(executor, session);
    }

    #[inline]
    fn note_in(&self, executor: &Executor, count: usize) {
        executor.bytes_in.set(executor.bytes_in.get() + count as u64);
        self.client.note_in(count);
    }

    #[inline]
    fn note_out(&self, executor: &Executor, count: usize) {
        executor.bytes_out.set(executor.bytes_out.get() + count as u64);
        self.client.note_out(count);
    }

    /// Notes a request, for CLIENT LIST.
    #[inline]
    pub(crate) fn note(&self, command: usize, now: Millis) {
        self.client.note(command as u32, now);
    }

    /// Forgets the client. The socket closes when the connection is dropped, after this.
    pub(crate) fn close(&self, executor: &Rc<Executor>) {
        self.stream.say_goodbye();
        executor.node.clients.remove(self.id());
        let mut state = self.state.borrow_mut();
        executor.node.log.note_holding(state.session.holds_replies.take(), None);
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
