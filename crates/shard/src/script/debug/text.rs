//! Values and replies as the debugger shows them.
//!
//! # Invariants
//! - I1. Whoever writes here stops soon after `limit` bytes: what is longer will be cut, and a small
//!   table that holds itself many times over would be written without end.

use std::ffi::c_int;
use std::io::Write;

use protocol::args::Args;
use protocol::encode::Version;

use crate::script::lib::write_g;
use crate::script::raw::{Kind, Stack};

/// Levels of tables that are shown.
const DEPTH_MAX: usize = 10;

/// How many words of a call are shown.
const WORDS_MAX: usize = 10;

const TOO_DEEP: &[u8] = b"<max recursion level reached! Nested table?>";

/// A string in quotes, with escapes for what is not printable.
pub(super) fn write_quoted(out: &mut Vec<u8>, bytes: &[u8], limit: usize) {
    out.push(b'"');
    for &byte in bytes {
        if out.len() > limit {
            return;
        }
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x07 => out.extend_from_slice(b"\\a"),
            0x08 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => append(out, format_args!("\\x{byte:02x}")),
        }
    }
    out.push(b'"');
}

/// The call of a command.
pub(super) fn human_call(words: Args<'_>, limit: usize) -> Vec<u8> {
    let more = words.len().saturating_sub(WORDS_MAX);
    let mut line = b"<redis>".to_vec();
    for word in words.iter_from(0).take(WORDS_MAX) {
        line.push(b' ');
        line.extend_from_slice(&word[..word.len().min(limit)]);
        if word.len() > limit {
            line.extend_from_slice(b"...");
        }
    }
    if more > 0 {
        append(&mut line, format_args!(" ... ({more} more)"));
    }
    line
}

/// The value at a place of the stack.
pub(in crate::script) fn value(stack: Stack, index: c_int, limit: usize) -> Vec<u8> {
    let mut writer = Writer { stack, out: Vec::new(), limit };
    writer.value(stack.absolute(index), 0);
    writer.out
}

/// The reply of a command at a place of the stack, as RESP would have it: the tables there were made
/// by the reply's sink, not by the script.
pub(in crate::script) fn reply(
    stack: Stack,
    index: c_int,
    version: Version,
    limit: usize,
) -> Vec<u8> {
    let mut writer = Writer { stack, out: Vec::new(), limit };
    writer.reply(stack.absolute(index), version);
    writer.out
}

struct Writer {
    stack: Stack,
    out: Vec<u8>,
    limit: usize,
}

impl Writer {
    fn is_full(&self) -> bool {
        self.out.len() > self.limit
    }

    fn add(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
    }

    fn value(&mut self, index: c_int, depth: usize) {
        if self.is_full() {
            return;
        }
        if depth == DEPTH_MAX || !self.stack.ensure(6) {
            return self.add(TOO_DEEP);
        }
        match self.stack.kind(index) {
            Kind::Nil => self.add(b"nil"),
            Kind::Boolean => self.add(if self.stack.boolean(index) { b"true" } else { b"false" }),
            Kind::Number => write_g(&mut self.out, self.stack.number(index), 6),
            Kind::String => self.string(index),
            Kind::Table => self.table(index, depth + 1),
            Kind::Other => self.other(index),
        }
    }

    fn string(&mut self, index: c_int) {
        let (stack, limit) = (self.stack, self.limit);
        stack.with_bytes(index, |bytes| write_quoted(&mut self.out, bytes, limit));
    }

    fn other(&mut self, index: c_int) {
        let name = match self.stack.kind_name(index) {
            "userdata" => "light-userdata",
            name => name,
        };
        match self.stack.address(index) {
            0 => append(&mut self.out, format_args!("\"{name}@(nil)\"")),
            address => append(&mut self.out, format_args!("\"{name}@{address:#x}\"")),
        }
    }

    fn table(&mut self, index: c_int, depth: usize) {
        let stack = self.stack;
        let is_list = self.is_list(index);
        let empty = self.out.len() + 1;
        self.add(b"{");
        stack.push_nil();
        while stack.next(index) {
            if self.out.len() > empty {
                self.add(b"; ");
            }
            let value = stack.top();
            if !is_list {
                self.add(b"[");
                self.value(value - 1, depth);
                self.add(b"]=");
            }
            self.value(value, depth);
            stack.pop(1);
            if self.is_full() {
                stack.pop(1);
                return;
            }
        }
        self.add(b"}");
    }

    /// Whether the keys of a table are 1, 2, 3, … in this order.
    fn is_list(&self, index: c_int) -> bool {
        let stack = self.stack;
        let mut expected = 1.0;
        stack.push_nil();
        while stack.next(index) {
            stack.pop(1);
            if stack.kind(-1) != Kind::Number || stack.number(-1) != expected {
                stack.pop(1);
                return false;
            }
            expected += 1.0;
        }
        true
    }

    fn reply(&mut self, index: c_int, version: Version) {
        if self.is_full() || !self.stack.ensure(6) {
            return;
        }
        match self.stack.kind(index) {
            Kind::Nil => self.add(b"(null)"),
            Kind::Boolean => self.add(match (version, self.stack.boolean(index)) {
                (_, true) => b"#true",
                (Version::Resp3, false) => b"#false",
                // The null of RESP2.
                (Version::Resp2, false) => b"NULL",
            }),
            Kind::Number => write_g(&mut self.out, self.stack.number(index), 17),
            Kind::String => self.string(index),
            Kind::Table => self.tagged(index, version),
            Kind::Other => self.other(index),
        }
    }

    /// A table of a reply: one with a single field that says what it is, or an array.
    fn tagged(&mut self, index: c_int, version: Version) {
        let stack = self.stack;
        for (name, sign) in [(&b"ok"[..], b'+'), (b"err", b'-')] {
            stack.raw_get_name(index, name);
            if let Some(text) = stack.with_bytes(-1, |text| [&[sign], text].concat()) {
                write_quoted(&mut self.out, &text, self.limit);
                stack.pop(1);
                return;
            }
            stack.pop(1);
        }
        stack.raw_get_name(index, b"double");
        if stack.kind(-1) == Kind::Number {
            self.add(b"(double) ");
            write_g(&mut self.out, stack.number(-1), 17);
            stack.pop(1);
            return;
        }
        stack.pop(1);
        stack.raw_get_name(index, b"verbatim_string");
        if stack.kind(-1) == Kind::Table {
            stack.raw_get_name(-1, b"string");
            self.add(b"(verbatim) ");
            self.string(-1);
            stack.pop(2);
            return;
        }
        stack.pop(1);
        for (name, is_map) in [(&b"map"[..], true), (b"set", false)] {
            stack.raw_get_name(index, name);
            if stack.kind(-1) == Kind::Table {
                self.members(is_map, version);
                stack.pop(1);
                return;
            }
            stack.pop(1);
        }
        self.array(index, version);
    }

    /// The members of the table on top of the stack.
    fn members(&mut self, is_map: bool, version: Version) {
        let stack = self.stack;
        let table = stack.top();
        self.add(if is_map { b"{" } else { b"~(" });
        let empty = self.out.len();
        stack.push_nil();
        while stack.next(table) {
            if self.out.len() > empty {
                self.add(b",");
            }
            let value = stack.top();
            self.reply(value - 1, version);
            if is_map {
                self.add(b" => ");
                self.reply(value, version);
            }
            stack.pop(1);
            if self.is_full() {
                stack.pop(1);
                return;
            }
        }
        self.add(if is_map { b"}" } else { b")" });
    }

    /// The items of a table up to the last that is there.
    fn array(&mut self, index: c_int, version: Version) {
        let stack = self.stack;
        let count = self.last_item(index);
        self.add(b"[");
        for at in 1..=count {
            if self.is_full() {
                return;
            }
            if at > 1 {
                self.add(b",");
            }
            stack.raw_get_index(index, at);
            self.reply(stack.top(), version);
            stack.pop(1);
        }
        self.add(b"]");
    }

    fn last_item(&self, index: c_int) -> usize {
        let stack = self.stack;
        let mut last = 0.0;
        stack.push_nil();
        while stack.next(index) {
            stack.pop(1);
            if stack.kind(-1) == Kind::Number {
                last = stack.number(-1).max(last);
            }
        }
        last as usize
    }
}

fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a vector does not fail.
    let _ = out.write_fmt(text);
}
