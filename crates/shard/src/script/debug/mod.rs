//! The debugger of scripts (SCRIPT DEBUG): what `redis-cli --ldb` talks to.
//!
//! | file | holds |
//! |---|---|
//! | `debugger` | what a command of the client does: a state machine that knows neither VM nor socket |
//! | `calls` | what the script tells the debugger by what it calls |
//! | `console` | what is told to the client, and what the script leaves there itself |
//! | `text` | values and replies as the debugger shows them |
//! | `target` | the script that stands still, seen by the debugger |
//! | `session` | one script under the debugger, from its first line to its end |
//!
//! A session has a VM of its own, made for it and dropped with it, so the hook that sees every
//! line never touches the VM that other scripts run in. Redis forks to debug; here the script runs
//! on its shard between `begin` and `keep` or `roll_back`, like any other: what it has done is taken
//! back at the end (YES), or kept if it reaches its end (SYNC). While the client thinks, its shard
//! waits.
//!
//! # Invariants
//! - I1. A session that does not reach its end leaves nothing, whatever its mode.
//! - I2. What the client has evaluated is under the same limits as the script.
//! - I3. Whoever talks with the client has taken the session out of [`Attached`]; without it there
//!   the hook stops nowhere.

mod calls;
mod console;
mod debugger;
mod session;
mod target;
mod text;

pub(super) use session::{Attached, Session, drive};
pub(super) use target::Frame;

/// The lines that end a session, the last of the console.
pub const END_OF_SESSION: &[u8] = b"<endsession>";

/// What comes from the client of a debugger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A command: its words.
    Command(Vec<Vec<u8>>),
    /// The client has gone.
    Gone,
    /// The client has sent what is not a request.
    Broken,
    /// The script is to end: somebody has said so in its control block.
    Over,
}

/// The client of a debugger.
pub trait Client {
    /// Sends lines, as one reply.
    fn send(&mut self, lines: &[Vec<u8>]);

    /// Waits for what the client says next, and looks after the shard's sockets meanwhile.
    fn receive(&mut self) -> Input;
}

/// A script to be debugged instead of just run.
pub struct Request {
    /// Who debugs it.
    pub client: Box<dyn Client>,
    /// What it has done is kept if it reaches its end (SYNC).
    pub keeps: bool,
    /// What the client is told first.
    pub hint: Option<String>,
}

#[cfg(test)]
#[path = "debug_test.rs"]
mod tests;

#[cfg(test)]
#[path = "end_test.rs"]
mod end_tests;
