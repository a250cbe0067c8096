//! `cjson.decode`: JSON as Lua values.
//!
//! The tables under construction lie on the Lua stack, each object with the key that waits for its
//! value, so nesting is bounded by the depth setting and by the stack, as in the C library. Below
//! them lie short strings that have been seen: see [`known`](super::known).

use std::ffi::c_int;

use super::known::Known;
use super::lexer::{Lexer, Token};
use super::{Setting, Settings};
use crate::script::host::Host;
use crate::script::lib::{TABLE_MAX, Watch, raise, watched};
use crate::script::raw::{Raise, Stack};

/// A table under construction.
struct Frame {
    /// Values that it has, the one that is next included.
    count: usize,
    is_array: bool,
}

/// Levels whose tables are made with room for as many values as the one before.
const LEVELS: usize = 8;
/// The most values that room is made for.
const ROOM_MAX: usize = 64;
/// Places of the stack that room is made for at once. The collector, which makes the stack smaller,
/// leaves more.
const PLACES: usize = 16;

/// How many values the last array and the last object had, at each of the outer levels: their
/// siblings, and those of the next text, mostly have as many.
#[derive(Clone, Copy)]
pub(in crate::script::lib) struct Sizes([Size; LEVELS]);

#[derive(Clone, Copy)]
struct Size {
    array: u8,
    object: u8,
}

impl Default for Sizes {
    fn default() -> Self {
        Self([Size { array: 4, object: 4 }; LEVELS])
    }
}

struct Decoder<'a> {
    stack: Stack,
    lexer: Lexer<'a>,
    frames: Vec<Frame>,
    sizes: Sizes,
    depth_max: usize,
    /// Places of the stack that there is room for.
    room: usize,
    known: Option<Known>,
    watch: Watch<'a>,
}

/// Decodes a text and pushes the value.
pub(super) fn decode(
    host: &mut Host,
    stack: Stack,
    settings: &Settings,
    text: &[u8],
) -> Result<c_int, Raise> {
    if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
        return Err(raise("JSON parser does not support UTF-16 or UTF-32"));
    }
    // A zero ends the text, wherever it is.
    let text = memchr::memchr(0, text).map_or(text, |end| &text[..end]);
    let scratch = host.libraries.take_buffer();
    let lenient = settings.get(Setting::DecodeInvalidNumbers) != 0;
    let depth_max = settings.get(Setting::DecodeMaxDepth) as usize;
    let mut decoder = Decoder {
        stack,
        lexer: Lexer { text, at: 0, index: 0, scratch, lenient },
        frames: Vec::with_capacity(LEVELS),
        sizes: host.libraries.sizes,
        depth_max,
        room: 0,
        known: Known::new(stack, text.len(), depth_max),
        watch: Watch::new(host),
    };
    let decoded = decoder.run();
    let (scratch, sizes) = (decoder.lexer.scratch, decoder.sizes);
    host.libraries.put_buffer(scratch);
    host.libraries.sizes = sizes;
    watched(host, stack, decoded).map(|()| 1)
}

impl Decoder<'_> {
    fn run(&mut self) -> Result<(), Raise> {
        loop {
            self.watch.tick(0)?;
            if self.value()? && self.settle()? {
                break;
            }
        }
        match self.lexer.next() {
            Token::End => Ok(()),
            other => Err(self.unexpected("the end", other)),
        }
    }

    #[cold]
    fn unexpected(&self, expected: &str, found: Token) -> Raise {
        let (name, place) = (found.name(), self.lexer.index + 1);
        raise(format!("Expected {expected} but found {name} at character {place}"))
    }

    /// Pushes the value that is next. Where that is a table with something in it, which a value is
    /// next of, returns false.
    fn value(&mut self) -> Result<bool, Raise> {
        match self.lexer.peek() {
            b'"' => self.string("value")?,
            b'-' | b'0'..=b'9' => match self.lexer.short_number() {
                Some(number) => self.stack.push_number(number),
                None => self.other_value()?,
            },
            b'{' => return self.object(),
            b'[' => return self.array(),
            _ => self.other_value()?,
        }
        Ok(true)
    }

    /// Pushes the scalar that is next.
    fn other_value(&mut self) -> Result<(), Raise> {
        match self.lexer.next() {
            Token::Number(number) => self.stack.push_number(number),
            Token::Boolean(value) => self.stack.push_boolean(value),
            Token::Null => self.stack.push_null(),
            other => return Err(self.unexpected("value", other)),
        }
        Ok(())
    }

    /// Pushes the string whose quote is next.
    #[inline(always)]
    fn string(&mut self, expected: &str) -> Result<(), Raise> {
        if let Some(known) = &mut self.known
            && let Some((words, len)) = self.lexer.short_string()
        {
            known.push(self.stack, words, len);
            return Ok(());
        }
        self.long_string(expected)
    }

    #[inline(never)]
    fn long_string(&mut self, expected: &str) -> Result<(), Raise> {
        self.lexer.index = self.lexer.at;
        match self.lexer.string() {
            Token::Plain(from, to) => self.stack.push_bytes(&self.lexer.text[from..to]),
            Token::Escaped => self.stack.push_bytes(&self.lexer.scratch),
            other => return Err(self.unexpected(expected, other)),
        }
        Ok(())
    }

    fn object(&mut self) -> Result<bool, Raise> {
        self.lexer.at += 1;
        self.descend(3)?;
        if self.lexer.take(b'}') {
            self.stack.push_table(0, 0);
            self.ascend(3);
            return Ok(true);
        }
        let room = self.sizes.0.get(self.frames.len()).map_or(0, |size| size.object);
        self.stack.push_table(0, usize::from(room));
        self.frames.push(Frame { count: 1, is_array: false });
        self.member()?;
        Ok(false)
    }

    fn array(&mut self) -> Result<bool, Raise> {
        self.lexer.at += 1;
        self.descend(2)?;
        if self.lexer.take(b']') {
            self.stack.push_table(0, 0);
            self.ascend(2);
            return Ok(true);
        }
        let room = self.sizes.0.get(self.frames.len()).map_or(0, |size| size.array);
        self.stack.push_table(usize::from(room), 0);
        self.frames.push(Frame { count: 1, is_array: true });
        Ok(false)
    }

    /// Sees to it that a table may be pushed, with `places` values.
    fn descend(&mut self, places: usize) -> Result<(), Raise> {
        let depth = self.frames.len() + 1;
        if depth <= self.depth_max && self.has_room(places) {
            self.room -= places;
            return Ok(());
        }
        let place = self.lexer.at;
        Err(raise(format!("Found too many nested data structures ({depth}) at character {place}")))
    }

    /// Gives up what [`Self::descend`] has seen to.
    #[inline]
    fn ascend(&mut self, places: usize) {
        self.room = (self.room + places).min(PLACES);
    }

    /// Whether so many more values have room on the stack.
    #[inline]
    fn has_room(&mut self, places: usize) -> bool {
        if self.room < places {
            // Where the stack may not grow by many more, it may by these.
            let found = [PLACES, places].into_iter().find(|count| self.stack.ensure(*count));
            self.room = found.unwrap_or_default();
        }
        self.room >= places
    }

    /// Pushes the key that is next, and comes to its value.
    #[inline]
    fn member(&mut self) -> Result<(), Raise> {
        if self.lexer.peek() != b'"' {
            let key = self.lexer.next();
            return Err(self.unexpected("object key string", key));
        }
        self.string("object key string")?;
        if self.lexer.take(b':') {
            return Ok(());
        }
        let other = self.lexer.next();
        Err(self.unexpected("colon", other))
    }

    /// Puts the value on top of the stack where it belongs, and what that completes as well.
    /// Returns whether the whole is complete; else a value is next.
    fn settle(&mut self) -> Result<bool, Raise> {
        while let Some(Frame { count, is_array }) = self.frames.last_mut() {
            if *count > TABLE_MAX {
                return Err(raise("table overflow"));
            }
            let (at, is_array) = (*count, *is_array);
            *count += 1;
            if is_array {
                self.stack.raw_set_index(-2, at);
                if self.lexer.take(b',') {
                    return Ok(false);
                }
                if !self.lexer.take(b']') {
                    let other = self.lexer.next();
                    return Err(self.unexpected("comma or array end", other));
                }
            } else {
                self.stack.raw_set_named(-3);
                if self.lexer.take(b',') {
                    self.member()?;
                    return Ok(false);
                }
                if !self.lexer.take(b'}') {
                    let other = self.lexer.next();
                    return Err(self.unexpected("comma or object end", other));
                }
            }
            self.close(at, is_array);
        }
        Ok(true)
    }

    /// Ends the table that is under construction, which has so many values.
    #[inline]
    fn close(&mut self, len: usize, is_array: bool) {
        self.frames.pop();
        self.ascend(if is_array { 2 } else { 3 });
        if let Some(size) = self.sizes.0.get_mut(self.frames.len()) {
            let size = if is_array { &mut size.array } else { &mut size.object };
            *size = len.min(ROOM_MAX) as u8;
        }
    }
}
