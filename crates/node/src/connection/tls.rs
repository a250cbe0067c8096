//! TLS of one connection, as reads and writes that never wait.
//!
//! Bytes go through rustls by our own hands, so that they can go wherever the connection is looked
//! after: from its task, from a script's hook, from a debugger.
//!
//! # Invariants
//! - I1. What is read is decrypted as a whole: nothing of it is left inside that the socket's readiness
//!   would not announce. Only the handshake may leave something, and a buffer that is too small
//!   ([`TlsSession::has_unread`]).
//! - I2. Bytes count as written when the socket has taken what has been made of them. Whoever was not
//!   told so comes again with the same bytes, and they are not encrypted twice. So what is inside is
//!   bounded by rustls's limit, and what a client leaves unread stays where its limits look.

use std::io::{self, IoSlice, Read as _, Write};
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::sys::socket::{MsgFlags, recv};
use rustls::ServerConnection;
use socket2::SockRef;

/// A buffer to read into should be as large as this.
pub(crate) const READ_SIZE: usize = 64 * 1024;

/// The longest record that may have come in part before.
const RECORD_MAX: usize = 18 * 1024 + 512;

/// What a session takes besides what it has not sent: itself, what it has negotiated, and room for a
/// part of a record.
const ITSELF: usize = 12 * 1024;

/// See the module.
#[derive(Debug)]
pub(crate) struct TlsSession {
    tls: ServerConnection,
    /// How many bytes of what is to be written are inside (I2).
    accepted: usize,
    /// There may be something to read inside.
    unread: bool,
    /// The client sends no more.
    ended: bool,
}

/// What a read has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// So many bytes. With `drained`, the socket had no more.
    Some {
        count: usize,
        drained: bool,
    },
    /// Nothing that is for anybody but TLS itself.
    Nothing {
        drained: bool,
    },
    End,
}

impl Read {
    /// How many bytes, 0 at the end of the input; `None` when there is nothing yet.
    pub(super) fn count(self) -> Option<usize> {
        match self {
            Self::Some { count, .. } => Some(count),
            Self::Nothing { .. } => None,
            Self::End => Some(0),
        }
    }

    /// Whether the socket had no more.
    pub(super) fn is_drained(self) -> bool {
        matches!(self, Self::Some { drained: true, .. } | Self::Nothing { drained: true })
    }
}

impl TlsSession {
    /// One whose handshake is over.
    pub(crate) fn new(tls: ServerConnection) -> Self {
        Self { tls, accepted: 0, unread: true, ended: false }
    }

    /// The client's certificate, if it has shown one.
    pub(crate) fn certificate(&self) -> Option<&[u8]> {
        self.tls.peer_certificates()?.first().map(AsRef::as_ref)
    }

    /// Whether there may be something to read that the socket does not announce; the end, too.
    pub(crate) fn has_unread(&self) -> bool {
        self.unread || self.ended
    }

    /// Bytes of memory that it takes.
    pub(crate) fn memory(&self) -> usize {
        ITSELF + self.accepted
    }

    /// Reads what is there, at most one look at the socket.
    ///
    /// # Errors
    /// `WouldBlock`: nothing has come. Otherwise the connection is lost.
    pub(crate) fn read(&mut self, socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Read> {
        if self.unread {
            let count = self.take(buffer);
            if count > 0 {
                return Ok(Read::Some { count, drained: false });
            }
        }
        if self.ended {
            return Ok(Read::End);
        }
        // Decrypted it is no more than it was, but for what had come in part before (I1).
        let room = buffer.len().saturating_sub(RECORD_MAX) / 2;
        let at = buffer.len() - room.max(buffer.len() / 4).max(1);
        let (plain, encrypted) = buffer.split_at_mut(at);
        let received = recv(socket.as_raw_fd(), encrypted, MsgFlags::MSG_DONTWAIT)?;
        let drained = received < encrypted.len();
        let count = self.decrypt(socket, &encrypted[..received], plain)?;
        self.ended |= received == 0;
        match count {
            0 if self.ended => Ok(Read::End),
            0 => Ok(Read::Nothing { drained }),
            _ => Ok(Read::Some { count, drained: drained && !self.ended && !self.unread }),
        }
    }

    /// Decrypts what has come, and answers what is TLS's own.
    fn decrypt(
        &mut self,
        socket: BorrowedFd<'_>,
        mut encrypted: &[u8],
        plain: &mut [u8],
    ) -> io::Result<usize> {
        let mut count = 0;
        while !encrypted.is_empty() && !self.ended {
            // After a goodbye nothing is taken.
            self.ended |= self.tls.read_tls(&mut encrypted)? == 0;
            if let Err(error) = self.tls.process_new_packets() {
                // It is told why, if it can be.
                let _ = self.send(socket);
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
            count += self.take(&mut plain[count..]);
        }
        if self.accepted == 0 && self.tls.wants_write() {
            // What does not go now goes with what is written next.
            let _ = self.send(socket);
        }
        Ok(count)
    }

    /// Takes what has been decrypted.
    fn take(&mut self, buffer: &mut [u8]) -> usize {
        let mut count = 0;
        while count < buffer.len() {
            match self.tls.reader().read(&mut buffer[count..]) {
                Ok(more @ 1..) => count += more,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.unread = false;
                    return count;
                }
                // It has said so, or its socket has.
                Ok(0) | Err(_) => {
                    self.unread = false;
                    self.ended = true;
                    return count;
                }
            }
        }
        self.unread = true;
        count
    }

    /// Writes as much as the socket takes and returns how much of `bytes` that was, which is not
    /// nothing unless `bytes` is empty. To be called again with what is left.
    ///
    /// # Errors
    /// `WouldBlock`: the socket takes nothing. Otherwise the connection is lost.
    pub(crate) fn write(&mut self, socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        loop {
            match self.send(socket) {
                Ok(()) => written += std::mem::take(&mut self.accepted),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && written > 0 => {
                    return Ok(written);
                }
                Err(error) => return Err(error),
            }
            let rest = bytes.get(written..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(bytes.len());
            }
            self.accepted = self.tls.writer().write(rest)?;
        }
    }

    /// Sends what has been encrypted.
    fn send(&mut self, socket: BorrowedFd<'_>) -> io::Result<()> {
        while self.tls.wants_write() {
            if self.tls.write_tls(&mut Socket(socket))? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }

    /// Tells the client that nothing more comes, as far as the socket takes it.
    pub(crate) fn say_goodbye(&mut self, socket: BorrowedFd<'_>) {
        self.tls.send_close_notify();
        let _ = self.send(socket);
    }
}

/// Takes encrypted bytes, without waiting and without a signal when nobody is there.
struct Socket<'a>(BorrowedFd<'a>);

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        SockRef::from(&self.0).send_vectored_with_flags(parts, flags.bits())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
