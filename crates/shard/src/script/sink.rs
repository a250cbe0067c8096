//! Replies as Lua values: the sink that handlers write to when a script calls them.
//!
//! The rules are those of Redis's conversion from RESP to Lua; which ones apply depends on what
//! the script has said with `redis.setresp`. Values go straight onto the Lua stack, elements of
//! arrays straight into their table.

use protocol::encode::Version;
use protocol::number::write_reply_f64;

use super::raw::{Stack, script_is_to_end};

/// What a table under construction is.
enum Shape {
    Array,
    /// RESP3 only: keys and values alternate.
    Map,
    /// RESP3 only: members become keys with the value true.
    Set,
}

/// A table under construction, on top of the stack while its values come.
struct Frame {
    shape: Shape,
    /// Values that are still to come; those of a map are counted singly.
    left: usize,
    next_index: usize,
}

/// The sink of one command. See the module.
pub(crate) struct LuaSink {
    stack: Stack,
    version: Version,
    frames: Vec<Frame>,
    is_error: bool,
    /// Values until the next look at whether the script is to end.
    left: u32,
    /// It is: nothing is pushed any more.
    is_cut: bool,
}

/// Values between two looks at whether the script is to end.
const LOOK_EVERY: u32 = 256;

impl LuaSink {
    pub(super) fn new(stack: Stack, version: Version) -> Self {
        Self {
            stack,
            version,
            frames: Vec::new(),
            is_error: false,
            left: LOOK_EVERY,
            is_cut: false,
        }
    }

    /// Whether the whole reply is an error.
    pub(super) fn is_error(&self) -> bool {
        self.is_error
    }

    /// Whether values are missing since the script is to end.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether nothing is to be pushed any more.
    #[inline]
    fn cut(&mut self) -> bool {
        self.left -= 1;
        if self.left == 0 {
            self.left = LOOK_EVERY;
            self.is_cut |= script_is_to_end();
        }
        self.is_cut
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// A value has been pushed: puts it where it belongs.
    #[inline]
    fn settle(&mut self) {
        if !self.frames.is_empty() {
            self.settle_in_frame();
        }
    }

    /// The same for a value of a table, and what that completes as well.
    fn settle_in_frame(&mut self) {
        while let Some(frame) = self.frames.last_mut() {
            frame.left -= 1;
            match frame.shape {
                Shape::Array => {
                    self.stack.raw_set_index(-2, frame.next_index);
                    frame.next_index += 1;
                }
                // A key stays on the stack until its value comes.
                Shape::Map if frame.left % 2 == 1 => return,
                Shape::Map => self.stack.raw_set(-3),
                Shape::Set => {
                    self.stack.push_boolean(true);
                    self.stack.raw_set(-3);
                }
            }
            if frame.left > 0 {
                return;
            }
            let name: &[u8] = match frame.shape {
                Shape::Array => b"",
                Shape::Map => b"map",
                Shape::Set => b"set",
            };
            self.frames.pop();
            self.wrap(name);
        }
    }

    /// Puts the completed table on top of the stack into the one below, which stands for it.
    fn wrap(&mut self, name: &[u8]) {
        if !name.is_empty() {
            self.stack.raw_set_name(-2, name);
        }
    }

    /// Begins a table of `left` values.
    fn open(&mut self, shape: Shape, left: usize) {
        if self.cut() {
            return;
        }
        // Room for this table, its wrapper, a key, a value and what they are made of.
        if !self.stack.ensure(8) {
            // Replies of commands are a few levels deep; the stack has room for thousands.
            unreachable!("replies of commands are not nested deeply");
        }
        let name: &[u8] = match shape {
            Shape::Array => b"",
            Shape::Map => b"map",
            Shape::Set => b"set",
        };
        if !name.is_empty() {
            self.stack.push_table(0, 1);
        }
        match shape {
            Shape::Array => self.stack.push_table(left, 0),
            Shape::Map => self.stack.push_table(0, left / 2),
            Shape::Set => self.stack.push_table(0, left),
        }
        if left == 0 {
            self.wrap(name);
            self.settle();
        } else {
            self.frames.push(Frame { shape, left, next_index: 1 });
        }
    }

    /// A table of one field.
    fn tagged(&mut self, name: &[u8], push: impl FnOnce(Stack)) {
        if self.is_cut {
            return;
        }
        self.stack.push_table(0, 1);
        self.stack.raw_set_field(name, push);
        self.settle();
    }

    pub(crate) fn status(&mut self, text: &[u8]) {
        if self.cut() {
            return;
        }
        self.tagged(b"ok", |stack| stack.push_bytes(text));
    }

    pub(crate) fn error(&mut self, text: &[u8]) {
        if self.cut() {
            return;
        }
        self.is_error = self.frames.is_empty();
        push_error(self.stack, text, true);
        self.settle();
    }

    #[inline]
    pub(crate) fn int(&mut self, value: i64) {
        if self.cut() {
            return;
        }
        self.stack.push_number(value as f64);
        self.settle();
    }

    #[inline]
    pub(crate) fn bulk(&mut self, bytes: &[u8]) {
        if self.cut() {
            return;
        }
        self.stack.push_bytes(bytes);
        self.settle();
    }

    #[inline]
    pub(crate) fn null(&mut self) {
        if self.cut() {
            return;
        }
        match self.version {
            Version::Resp2 => self.stack.push_boolean(false),
            Version::Resp3 => self.stack.push_nil(),
        }
        self.settle();
    }

    pub(crate) fn array(&mut self, count: usize) {
        self.open(Shape::Array, count);
    }

    pub(crate) fn map(&mut self, pairs: usize) {
        match self.version {
            Version::Resp2 => self.open(Shape::Array, pairs * 2),
            Version::Resp3 => self.open(Shape::Map, pairs * 2),
        }
    }

    pub(crate) fn set(&mut self, count: usize) {
        match self.version {
            Version::Resp2 => self.open(Shape::Array, count),
            Version::Resp3 => self.open(Shape::Set, count),
        }
    }

    pub(crate) fn double(&mut self, value: f64) {
        match self.version {
            Version::Resp2 => {
                let mut text = Vec::with_capacity(32);
                write_reply_f64(&mut text, value);
                self.bulk(&text);
            }
            Version::Resp3 => self.tagged(b"double", |stack| stack.push_number(value)),
        }
    }

    pub(crate) fn boolean(&mut self, value: bool) {
        if self.cut() {
            return;
        }
        match self.version {
            Version::Resp2 => self.stack.push_number(f64::from(u8::from(value))),
            Version::Resp3 => self.stack.push_boolean(value),
        }
        self.settle();
    }

    pub(crate) fn big_number(&mut self, digits: &[u8]) {
        if matches!(self.version, Version::Resp2) {
            return self.bulk(digits);
        }
        if !self.cut() {
            self.tagged(b"big_number", |stack| stack.push_bytes(digits));
        }
    }

    pub(crate) fn verbatim(&mut self, format: [u8; 3], text: &[u8]) {
        match self.version {
            Version::Resp2 => self.bulk(text),
            Version::Resp3 => self.tagged(b"verbatim_string", |stack| {
                stack.push_table(0, 2);
                stack.push_bytes(&format);
                stack.raw_set_name(-2, b"format");
                stack.push_bytes(text);
                stack.raw_set_name(-2, b"string");
            }),
        }
    }
}

/// Pushes an error table. `counted` marks one that has been counted in the statistics already.
pub(super) fn push_error(stack: Stack, text: &[u8], counted: bool) {
    stack.push_table(0, 2);
    stack.raw_set_field(b"err", |stack| stack.push_bytes(text));
    if counted {
        stack.raw_set_field(b"ignore_error_stats_update", |stack| stack.push_boolean(true));
    }
}
