//! Savepoints: `redis.atomic(f, …)` and `redis.rollback(error)`.
//!
//! `redis.atomic` is written in Lua (`sandbox.lua`) around the three functions here, since the
//! host does not call back into Lua. It is a pcall whose effects vanish when the function fails.
//!
//! # Invariants
//! - I1. Savepoints end in the reverse order of their beginning. Where coroutines would end them in
//!   another order, the script is rolled back as a whole: nothing else would be true to both.

use std::ffi::c_int;

use super::{Host, Stop};
use crate::keyspace::Mark;
use crate::script::raw::{HostFunction, Kind, Raise, Stack};

/// A point inside a script that can be rolled back to.
pub(in crate::script) struct Savepoint {
    mark: Mark,
    /// Commands that were queued by `MULTI`; `None` when there was no `MULTI`.
    queued: Option<usize>,
}

/// What `redis.atomic` is made of.
pub(in crate::script) const SAVEPOINT: &[(&str, HostFunction)] = &[
    ("keep", Host::savepoint_keep),
    ("open", Host::savepoint_open),
    ("roll_back", Host::savepoint_roll_back),
];

/// What is replied when `redis.rollback` is given nothing.
const GAVE_UP: &[u8] = b"ERR Script was rolled back by redis.rollback";

impl Host {
    /// Opens a savepoint and returns its number.
    fn savepoint_open(&mut self, stack: Stack) -> Result<c_int, Raise> {
        let Some(keyspace) = self.keyspace.get() else {
            return Err(Raise::At(b"no script is running".to_vec()));
        };
        let mark = keyspace.begin();
        let queued = self.run.queue.as_ref().map(Vec::len);
        self.run.savepoints.push(Savepoint { mark, queued });
        stack.push_number(self.run.savepoints.len() as f64);
        Ok(1)
    }

    fn savepoint_keep(&mut self, stack: Stack) -> Result<c_int, Raise> {
        let savepoint = self.savepoint_close(stack)?;
        if let Some(keyspace) = self.keyspace.get() {
            keyspace.keep(savepoint.mark);
        }
        Ok(0)
    }

    fn savepoint_roll_back(&mut self, stack: Stack) -> Result<c_int, Raise> {
        let savepoint = self.savepoint_close(stack)?;
        if let Some(keyspace) = self.keyspace.get() {
            keyspace.roll_back(savepoint.mark);
        }
        match savepoint.queued {
            None => self.run.queue = None,
            Some(len) => {
                if let Some(queue) = &mut self.run.queue {
                    queue.truncate(len);
                }
            }
        }
        Ok(0)
    }

    /// Takes the savepoint whose number is the argument (I1).
    fn savepoint_close(&mut self, stack: Stack) -> Result<Savepoint, Raise> {
        if stack.number(1) == self.run.savepoints.len() as f64
            && let Some(savepoint) = self.run.savepoints.pop()
        {
            return Ok(savepoint);
        }
        self.last_words = b"ERR redis.atomic calls of coroutines do not end in order".to_vec();
        self.stop_now(stack, Stop::GaveUp);
        stack.push_nil();
        Err(Raise::Top)
    }

    /// `redis.rollback([error])`: ends the script and takes back what it has done. The error is a
    /// text, or an error table.
    pub(in crate::script) fn rollback(&mut self, stack: Stack) -> Result<c_int, Raise> {
        self.last_words = match stack.kind(1) {
            Kind::String => with_code(stack.text(1).unwrap_or_default()),
            Kind::Table => {
                stack.raw_get_name(1, b"err");
                let text = stack.text(-1);
                stack.pop(1);
                text.unwrap_or_else(|| GAVE_UP.to_vec())
            }
            _ => GAVE_UP.to_vec(),
        };
        self.stop_now(stack, Stop::GaveUp);
        stack.push_nil();
        Err(Raise::Top)
    }
}

/// An error text as `redis.error_reply` makes it: one word gets a code, more have their own.
fn with_code(text: Vec<u8>) -> Vec<u8> {
    let text = text.strip_prefix(b"-").map(<[u8]>::to_vec).unwrap_or(text);
    if text.contains(&b' ') { text } else { [b"ERR ", &text[..]].concat() }
}
