//! The socket of a connection, with TLS or without.
//!
//! It is used in two ways: from the connection's task, where tokio knows whether the socket is ready,
//! and from within a script's hook or another thread, where nothing waits and nobody is told.

use std::io;
use std::net::TcpStream as StdTcpStream;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use nix::sys::socket::{MsgFlags, recv, send};
use router::session::Session;
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::tls::{self, Read, TlsSession};
use crate::node::Node;
use crate::tls::{ClientUser, common_name};

/// Bytes that are read at once in a script's hook, without TLS.
const READ_SIZE: usize = 16 * 1024;

/// See the module.
pub(crate) struct Stream {
    socket: TcpStream,
    /// Shared with a [`Channel`] of this connection. Nobody else waits for it.
    tls: Option<Arc<Mutex<TlsSession>>>,
}

fn lock(tls: &Mutex<TlsSession>) -> MutexGuard<'_, TlsSession> {
    tls.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stream {
    /// To be called in a runtime.
    pub(super) fn new(socket: StdTcpStream, tls: Option<Box<TlsSession>>) -> io::Result<Self> {
        let tls = tls.map(|session| Arc::new(Mutex::new(*session)));
        Ok(Self { socket: TcpStream::from_std(socket)?, tls })
    }

    pub(super) fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Logs a client in as the user that its certificate names, if that is wanted and there is such a
    /// user (`tls-auth-clients-user`). Whether it has.
    pub(super) fn log_in(&self, node: &Node, session: &mut Session) -> bool {
        let Some(tls) = &self.tls else { return false };
        if node.tls.settings().tls_auth_clients_user == ClientUser::Off {
            return false;
        }
        let name = lock(tls).certificate().and_then(common_name);
        let user = name.and_then(|name| node.acl.user(&name)).filter(|user| user.enabled);
        let is_known = user.is_some();
        if let Some(user) = user {
            node.acl.log_in(session, user);
        }
        is_known
    }

    /// Bytes of memory that it takes besides the socket.
    pub(super) fn memory(&self) -> usize {
        self.tls.as_ref().map_or(0, |tls| lock(tls).memory())
    }

    /// Something may have come that the socket does not announce.
    #[inline]
    pub(crate) fn has_unread(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| lock(tls).has_unread())
    }

    /// Ready when there may be something to read.
    #[inline]
    pub(super) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.has_unread() {
            return Poll::Ready(Ok(()));
        }
        self.socket.poll_read_ready(cx)
    }

    /// Ready when something may be written.
    pub(super) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_write_ready(cx)
    }

    /// Waits until something may be written.
    pub(super) async fn writable(&self) -> io::Result<()> {
        self.socket.writable().await
    }

    /// Reads what is there: how many bytes, 0 at the end of the input, `None` when there is nothing
    /// yet.
    #[inline]
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if let Some(tls) = &self.tls {
            return self.read_tls(&mut lock(tls), buffer);
        }
        let mut count = 0;
        let full = buffer.len();
        let result = self.socket.try_io(Interest::READABLE, || {
            count = recv(self.socket.as_raw_fd(), buffer, MsgFlags::empty())?;
            // A short read has drained the socket. Saying so clears tokio's readiness, which
            // otherwise stays set, costs another read each time and starves the reactor.
            if count > 0 && count < full { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        match result {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            Err(_) if count == 0 => Ok(None),
            Ok(()) | Err(_) => Ok(Some(count)),
        }
    }

    fn read_tls(&self, tls: &mut TlsSession, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if tls.has_unread() {
            // The socket need not be ready for that.
            match tls.read(self.as_fd(), buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read.map(Read::count),
            }
        }
        let mut found = None;
        let result = self.socket.try_io(Interest::READABLE, || {
            let read = tls.read(self.as_fd(), buffer)?;
            found = Some(read);
            // As without TLS.
            if read.is_drained() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        match (found, result) {
            (Some(read), _) => Ok(read.count()),
            (None, Err(error)) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            (None, _) => Ok(None),
        }
    }

    /// A buffer for [`Self::read_now`].
    pub(super) fn buffer(&self) -> Vec<u8> {
        vec![0; if self.tls.is_some() { tls::READ_SIZE } else { READ_SIZE }]
    }

    /// Reads what is there, without the runtime: how many bytes, 0 at the end of the input or when
    /// the connection is lost, `None` when there is nothing.
    pub(super) fn read_now(&self, buffer: &mut [u8]) -> Option<usize> {
        read_now(self.as_fd(), self.tls.as_deref(), buffer)
    }

    /// Writes what the socket takes.
    ///
    /// # Errors
    /// `WouldBlock`: nothing now. Otherwise the connection is lost.
    #[inline]
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &self.tls else { return self.socket.try_write(bytes) };
        self.socket.try_io(Interest::WRITABLE, || lock(tls).write(self.as_fd(), bytes))
    }

    /// The same without the runtime.
    #[inline]
    pub(super) fn write_now(&self, bytes: &[u8]) -> io::Result<usize> {
        write_now(self.as_fd(), self.tls.as_deref(), bytes)
    }

    /// Tells a client with TLS that nothing more comes.
    pub(super) fn say_goodbye(&self) {
        if let Some(tls) = &self.tls {
            lock(tls).say_goodbye(self.as_fd());
        }
    }

    /// The same bytes for somebody else, while the connection itself leaves them alone.
    ///
    /// # Errors
    /// There is no descriptor left.
    pub(super) fn channel(&self) -> io::Result<Channel> {
        Ok(Channel { socket: self.as_fd().try_clone_to_owned()?, tls: self.tls.clone() })
    }
}

fn read_now(
    socket: BorrowedFd<'_>,
    tls: Option<&Mutex<TlsSession>>,
    buffer: &mut [u8],
) -> Option<usize> {
    let Some(tls) = tls else {
        return match recv(socket.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(count) => Some(count),
            Err(error) => is_lost(&error.into()).then_some(0),
        };
    };
    match lock(tls).read(socket, buffer) {
        Ok(read) => read.count(),
        Err(error) => is_lost(&error).then_some(0),
    }
}

fn is_lost(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn write_now(
    socket: BorrowedFd<'_>,
    tls: Option<&Mutex<TlsSession>>,
    bytes: &[u8],
) -> io::Result<usize> {
    match tls {
        Some(tls) => lock(tls).write(socket, bytes),
        None => {
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            Ok(send(socket.as_raw_fd(), bytes, flags)?)
        }
    }
}

/// A connection's bytes for whoever talks with the client in the connection's place, on any thread.
pub(crate) struct Channel {
    socket: OwnedFd,
    tls: Option<Arc<Mutex<TlsSession>>>,
}

impl Channel {
    /// Bytes that a buffer for [`Self::read`] should have.
    pub(crate) const READ_SIZE: usize = tls::READ_SIZE;

    /// Reads what is there: how many bytes, 0 at the end of the input or when the connection is lost,
    /// `None` when there is nothing.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> Option<usize> {
        read_now(self.as_fd(), self.tls.as_deref(), buffer)
    }

    /// Writes what the socket takes.
    ///
    /// # Errors
    /// `WouldBlock` or `Interrupted`: nothing now. Otherwise the connection is lost.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        write_now(self.as_fd(), self.tls.as_deref(), bytes)
    }

    /// Something may have come that the socket does not announce.
    pub(crate) fn has_unread(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| lock(tls).has_unread())
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
