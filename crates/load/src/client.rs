//! A blocking client for what comes before and after a run: scripts, keys, questions.
//!
//! It keeps replies, which the generator must not, and is slow, which here does not matter.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::encoder::append_command;

/// Longer than any set-up request takes on a server that is alive.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Nested deeper than any reply that is asked for here.
const DEPTH_MAX: usize = 16;
/// Larger than any reply that is asked for here.
const LENGTH_MAX: i64 = 64 << 20;

/// As whom connections log in. The default is not to.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// The user; the default one without.
    pub user: Option<String>,
    /// The password; without one there is no AUTH.
    pub password: Option<String>,
}

impl fmt::Debug for Access {
    /// Without the password, which must not get into any text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let password = self.password.as_ref().map(|_| "(hidden)");
        f.debug_struct("Access").field("user", &self.user).field("password", &password).finish()
    }
}

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A status line.
    Simple(String),
    /// An error line, without its type byte.
    Error(String),
    /// A number.
    Integer(i64),
    /// Bytes, or nil.
    Bulk(Option<Vec<u8>>),
    /// Elements, or nil.
    Array(Option<Vec<Self>>),
}

impl Value {
    /// The elements of an array.
    pub fn array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(elements) => elements.as_deref(),
            Self::Simple(_) | Self::Error(_) | Self::Integer(_) | Self::Bulk(_) => None,
        }
    }

    /// The text of a status or a bulk.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Simple(text) => Some(text.clone()),
            Self::Bulk(Some(bytes)) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Self::Error(_) | Self::Integer(_) | Self::Bulk(None) | Self::Array(_) => None,
        }
    }
}

/// One blocking connection.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects to `host:port`.
    pub fn connect(address: &str) -> Result<Self> {
        Self::connect_as(address, &Access::default(), TIMEOUT)
    }

    /// Connects to `host:port` and logs in; nothing takes longer than `timeout`.
    pub fn connect_as(address: &str, access: &Access, timeout: Duration) -> Result<Self> {
        let stream = connect_within(address, timeout)?;
        stream.set_read_timeout(Some(timeout)).context("set the read timeout")?;
        stream.set_write_timeout(Some(timeout)).context("set the write timeout")?;
        let mut client = Self { stream: BufReader::new(stream) };
        if let Some(password) = &access.password {
            let words = ["AUTH"].into_iter().chain(access.user.as_deref()).chain([&**password]);
            let words: Vec<&str> = words.collect();
            client.request(&words).with_context(|| format!("log in at {address}"))?;
        }
        Ok(client)
    }

    /// The connection, for other use. All replies must have been read.
    pub fn into_stream(self) -> TcpStream {
        self.stream.into_inner()
    }

    /// Sends one request and waits for its reply. An error reply is an `Err`.
    pub fn request(&mut self, words: &[&str]) -> Result<Value> {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let mut bytes = Vec::new();
        append_command(&mut bytes, &words);
        let mut replies = self.batch(&bytes, 1)?;
        let reply = replies.pop().context("no reply")?;
        if let Value::Error(text) = reply {
            let command = String::from_utf8_lossy(words[0]).into_owned();
            bail!("{command} answered: {text}");
        }
        Ok(reply)
    }

    /// Sends ready requests in one write and reads as many replies. The requests and their
    /// replies together must fit in the socket buffers, or both sides would wait for ever.
    pub fn batch(&mut self, bytes: &[u8], requests: u64) -> Result<Vec<Value>> {
        self.stream.get_mut().write_all(bytes).context("send requests")?;
        (0..requests).map(|_| self.read_value(0)).collect()
    }

    fn read_value(&mut self, depth: usize) -> Result<Value> {
        ensure!(depth < DEPTH_MAX, "reply nested too deep");
        let mut line = String::new();
        let length = self.stream.read_line(&mut line).context("read a reply")?;
        ensure!(length > 0, "server closed the connection");
        let text = line.trim_end_matches(['\r', '\n']);
        let Some((kind, rest)) = text.split_at_checked(1) else { bail!("empty reply line") };
        Ok(match kind {
            "+" => Value::Simple(rest.to_owned()),
            "-" => Value::Error(rest.to_owned()),
            ":" => Value::Integer(rest.parse().context("bad integer reply")?),
            "$" => Value::Bulk(self.read_bulk(rest)?),
            "*" => {
                let count: i64 = rest.parse().context("bad array length")?;
                ensure!(count <= LENGTH_MAX, "array too long");
                if count < 0 {
                    return Ok(Value::Array(None));
                }
                let elements = (0..count).map(|_| self.read_value(depth + 1));
                Value::Array(Some(elements.collect::<Result<_>>()?))
            }
            other => bail!("unknown reply type {other}"),
        })
    }

    fn read_bulk(&mut self, length: &str) -> Result<Option<Vec<u8>>> {
        let length: i64 = length.parse().context("bad bulk length")?;
        ensure!(length <= LENGTH_MAX, "bulk too long");
        let Ok(length) = usize::try_from(length) else { return Ok(None) };
        let mut bytes = vec![0; length + 2];
        self.stream.read_exact(&mut bytes).context("read a bulk")?;
        bytes.truncate(length);
        Ok(Some(bytes))
    }
}

/// Opens a connection without Nagle's delay, which would hold back every second small batch.
fn connect_within(address: &str, timeout: Duration) -> Result<TcpStream> {
    let resolved = address.to_socket_addrs().with_context(|| format!("resolve {address}"))?;
    let mut last_error = None;
    // A name may stand for addresses of which only some are listened on.
    for socket_address in resolved {
        match TcpStream::connect_timeout(&socket_address, timeout) {
            Ok(stream) => {
                stream.set_nodelay(true).context("set TCP_NODELAY")?;
                return Ok(stream);
            }
            Err(error) => last_error = Some(error),
        }
    }
    let error = last_error.with_context(|| format!("{address} has no address"))?;
    Err(error).with_context(|| format!("connect to {address}"))
}
