//! What a script returns, as RESP.
//!
//! Redis's rules: the type decides, tables by the first of their special fields that fits, all
//! access is raw. `return {err=…}` is a normal return: the text goes out as it is.

use protocol::encode::{self, Version};

use super::raw::{Argument, Kind, Stack};

/// Most levels of nested tables in a reply. Redis stops when its Lua stack is full, at about
/// 7990 levels.
const DEPTH_MAX: usize = 7_990;

/// The reply would be larger than the limit.
pub(super) struct TooLarge;

/// Appends the value on top of the stack as RESP and takes it off. `script` is the version that
/// the script has chosen by `redis.setresp`: it decides what booleans become. With an error, a
/// part has been appended.
pub(super) fn write_top(
    stack: Stack,
    out: &mut Vec<u8>,
    version: Version,
    script: Version,
    limit: usize,
) -> Result<(), TooLarge> {
    let end_max = out.len().saturating_add(limit);
    let mut converter = Converter { stack, out, version, script, depth: 0, end_max };
    converter.write_top();
    if converter.is_full() { Err(TooLarge) } else { Ok(()) }
}

/// The same for a number or a text that is within the limit, which are most replies: says whether
/// there is one on top of the stack, and leaves it there. The version makes no difference to them.
#[inline]
pub(super) fn write_plain_top(stack: Stack, out: &mut Vec<u8>, limit: usize) -> bool {
    /// Bytes of a reply around its text, and of a number, at most.
    const AROUND: usize = 32;
    stack.with_top(|top| match top {
        Argument::Number(number) if limit >= AROUND => {
            encode::header(out, b':', truncate(number));
            true
        }
        Argument::Text(text) if limit.saturating_sub(AROUND) >= text.len() => {
            encode::bulk(out, text);
            true
        }
        _ => false,
    })
}

struct Converter<'a> {
    stack: Stack,
    out: &'a mut Vec<u8>,
    version: Version,
    script: Version,
    depth: usize,
    /// Where the output ends at the latest.
    end_max: usize,
}

/// Integers as x86-64 casts doubles: what does not fit, NaN included, is the least integer.
fn truncate(number: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&number) { number as i64 } else { i64::MIN }
}

fn until_nul(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == 0).next().unwrap_or_default()
}

impl Converter<'_> {
    fn is_full(&self) -> bool {
        self.out.len() > self.end_max
    }

    /// Nothing more is written once the limit is passed: what is there will be thrown away.
    fn write_top(&mut self) {
        let stack = self.stack;
        match stack.kind(-1) {
            _ if self.is_full() => {}
            Kind::String => {
                stack.with_bytes(-1, |bytes| encode::bulk(self.out, bytes));
            }
            Kind::Number => encode::header(self.out, b':', truncate(stack.number(-1))),
            Kind::Boolean => self.boolean(stack.boolean(-1)),
            Kind::Table => self.table(),
            Kind::Nil | Kind::Other => encode::null(self.out, self.version),
        }
        stack.pop(1);
    }

    fn boolean(&mut self, value: bool) {
        match (self.script, value) {
            (Version::Resp3, _) => encode::boolean(self.out, self.version, value),
            (Version::Resp2, true) => encode::header(self.out, b':', 1),
            (Version::Resp2, false) => encode::null(self.out, self.version),
        }
    }

    /// The table on top of the stack, which stays there.
    fn table(&mut self) {
        if self.depth >= DEPTH_MAX || !self.stack.ensure(8) {
            encode::error(self.out, b"ERR reached lua stack limit");
            return;
        }
        self.depth += 1;
        if !(self.text_field() || self.number_field() || self.verbatim() || self.map_or_set()) {
            self.array();
        }
        self.depth -= 1;
    }

    /// `err` and `ok`: fields that hold a string.
    fn text_field(&mut self) -> bool {
        self.with_text_field(b"err", |out, _, text| encode::error(out, until_nul(text)))
            || self.with_text_field(b"ok", |out, _, text| {
                encode::status_sanitised(out, until_nul(text));
            })
    }

    fn with_text_field(&mut self, name: &[u8], write: fn(&mut Vec<u8>, Version, &[u8])) -> bool {
        self.stack.raw_get_name(-1, name);
        let (out, version) = (&mut *self.out, self.version);
        let found = self.stack.with_bytes(-1, |text| write(out, version, text)).is_some();
        self.stack.pop(1);
        found
    }

    fn number_field(&mut self) -> bool {
        self.stack.raw_get_name(-1, b"double");
        let found = self.stack.kind(-1) == Kind::Number;
        let value = self.stack.number(-1);
        self.stack.pop(1);
        if found {
            encode::double(self.out, self.version, value);
            return true;
        }
        self.with_text_field(b"big_number", |out, version, text| {
            let digits: Vec<u8> = text
                .iter()
                .map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte })
                .collect();
            encode::big_number(out, version, &digits);
        })
    }

    fn verbatim(&mut self) -> bool {
        let stack = self.stack;
        stack.raw_get_name(-1, b"verbatim_string");
        stack.raw_get_name(-1, b"format");
        stack.raw_get_name(-2, b"string");
        let format = stack.with_bytes(-2, |text| {
            let mut format = *b"   ";
            for (to, from) in format.iter_mut().zip(text) {
                *to = *from;
            }
            format
        });
        let (out, version) = (&mut *self.out, self.version);
        let written = format.and_then(|format| {
            stack.with_bytes(-1, |text| encode::verbatim(out, version, format, text))
        });
        stack.pop(3);
        written.is_some()
    }

    fn map_or_set(&mut self) -> bool {
        for (name, is_map) in [(&b"map"[..], true), (b"set", false)] {
            self.stack.raw_get_name(-1, name);
            let found = self.stack.kind(-1) == Kind::Table;
            if found {
                self.members(is_map);
            }
            self.stack.pop(1);
            if found {
                return true;
            }
        }
        false
    }

    /// The keys of the table on top, with their values for a map.
    fn members(&mut self, is_map: bool) {
        let stack = self.stack;
        let mut count = 0;
        stack.push_nil();
        while stack.next(-2) {
            count += 1;
            stack.pop(1);
        }
        if is_map {
            encode::map(self.out, self.version, count);
        } else {
            encode::set(self.out, self.version, count);
        }
        stack.push_nil();
        while stack.next(-2) {
            if self.is_full() {
                stack.pop(2);
                return;
            }
            stack.push_value(-2);
            self.write_top();
            if is_map {
                self.write_top();
            } else {
                stack.pop(1);
            }
        }
    }

    /// The items from 1 to the first nil.
    fn array(&mut self) {
        let stack = self.stack;
        let mut count = 0;
        loop {
            stack.raw_get_index(-1, count + 1);
            let is_nil = stack.kind(-1) == Kind::Nil;
            stack.pop(1);
            if is_nil {
                break;
            }
            count += 1;
        }
        encode::header(self.out, b'*', count as i64);
        for at in 1..=count {
            if self.is_full() {
                return;
            }
            stack.raw_get_index(-1, at);
            self.write_top();
        }
    }
}
