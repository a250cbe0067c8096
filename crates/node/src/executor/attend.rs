//! What an executor does from within a script's hook: it looks after its sockets and its mailbox.

use std::rc::Rc;
use std::sync::PoisonError;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use protocol::args::Args;

use super::Executor;
use crate::connection::Connection;
use crate::mailbox::Message;
use crate::node::SlowRequest;

impl Executor {
    /// Looks after sockets and mailbox while a script runs. Called from the script's hook.
    pub(crate) fn attend(&self, request: Option<Args<'_>>) {
        self.show_slow_request(request);
        self.timings.aside(|| self.attend_all());
    }

    fn attend_all(&self) {
        let Some(me) = self.me.upgrade() else { return };
        self.write_left();
        self.attend_mailbox();
        self.take_pushes();
        let connections: Vec<Rc<Connection>> =
            self.connections.borrow().values().cloned().collect();
        let idle: Vec<&Rc<Connection>> =
            connections.iter().filter(|connection| connection.attend_open(&me)).collect();
        let mut fds: Vec<PollFd<'_>> = idle
            .iter()
            .map(|connection| PollFd::new(connection.as_fd(), PollFlags::POLLIN))
            .collect();
        let found = matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1..));
        for (connection, fd) in idle.iter().zip(&fds) {
            connection.write_pushes(&me);
            if found && fd.any().unwrap_or(false) || connection.has_unread() {
                connection.attend(&me);
            }
        }
    }

    /// Lets other threads know which request has called what runs.
    fn show_slow_request(&self, request: Option<Args<'_>>) {
        let handle = &self.node.executors[usize::from(self.index)];
        let run = handle.live.get().and_then(|live| live.control.running());
        let (Some(run), Some(request)) = (run, request) else { return };
        let mut slow = handle.slow.lock().unwrap_or_else(PoisonError::into_inner);
        if slow.as_ref().is_none_or(|known| known.run != run) {
            let command = request.iter_from(0).map(<[u8]>::to_vec).collect();
            *slow = Some(SlowRequest { run, command });
        }
    }

    fn attend_mailbox(&self) {
        loop {
            let message = self.mailbox.borrow_mut().try_recv();
            match message {
                Ok(message @ Message::Accept { .. }) => self.receive(message),
                Ok(message) => self.deferred.borrow_mut().push(message),
                Err(_) => break,
            }
        }
        if !self.is_busy(self.index) {
            return;
        }
        // Requests of other executors' connections are told so; calls wait for the shard.
        let (runs, calls): (Vec<Message>, Vec<Message>) = self
            .deferred
            .take()
            .into_iter()
            .partition(|message| matches!(message, Message::Run(_)));
        self.deferred.borrow_mut().extend(calls);
        for run in runs {
            if let Message::Run(run) = run {
                // The shard is busy: nothing has run.
                let (replies, _) = self.run_requests(&run);
                let _ = run.reply_to.send(replies);
            }
        }
    }
}
