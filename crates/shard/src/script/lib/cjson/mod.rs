//! The library `cjson`: JSON, with settings that stay from call to call and from script to script.
//!
//! The settings live in the VM: SCRIPT FLUSH resets them. Those of `cjson` itself are the host's;
//! a copy that `cjson.new()` returns keeps its own in a table, which its functions (closures made
//! by the sandbox) hand over as their first argument. So each function here comes in two forms,
//! and a copy that nobody holds any more is collected like any table.

mod decode;
mod encode;
mod known;
mod lexer;
mod scan;
mod walk;

use std::ffi::c_int;

pub(super) use decode::Sizes;

use super::Library;
use super::arguments::Arguments;
use crate::script::host::Host;
use crate::script::raw::{HostFunction, Kind, Raise, Stack};

pub(super) const LIBRARY: Library =
    Library { name: "cjson", functions: &functions::<OWN>(), texts: TEXTS };

/// The functions of copies: see the module.
pub(super) const COPY: Library =
    Library { name: "cjson_copy", functions: &functions::<COPIED>(), texts: TEXTS };

const TEXTS: &[(&str, &str)] = &[("_NAME", "cjson"), ("_VERSION", "2.1.0")];

/// Values before the first argument: none, or the table of the settings.
const OWN: c_int = 0;
const COPIED: c_int = 1;

const fn functions<const SKIP: c_int>() -> [(&'static str, HostFunction); 9] {
    [
        ("decode", decode::<SKIP>),
        ("decode_invalid_numbers", decode_invalid_numbers::<SKIP>),
        ("decode_max_depth", decode_max_depth::<SKIP>),
        ("encode", encode::<SKIP>),
        ("encode_invalid_numbers", encode_invalid_numbers::<SKIP>),
        ("encode_keep_buffer", encode_keep_buffer::<SKIP>),
        ("encode_max_depth", encode_max_depth::<SKIP>),
        ("encode_number_precision", encode_number_precision::<SKIP>),
        ("encode_sparse_array", encode_sparse_array::<SKIP>),
    ]
}

/// A setting: its place in [`Settings`].
#[derive(Clone, Copy)]
enum Setting {
    SparseConvert,
    SparseRatio,
    SparseSafe,
    EncodeMaxDepth,
    DecodeMaxDepth,
    EncodeInvalidNumbers,
    DecodeInvalidNumbers,
    EncodeKeepBuffer,
    EncodeNumberPrecision,
}

/// The settings of one copy of the library.
#[derive(Clone)]
pub(super) struct Settings([i32; 9]);

impl Default for Settings {
    fn default() -> Self {
        Self([0, 2, 10, 1000, 1000, 0, 1, 1, 14])
    }
}

impl Settings {
    fn get(&self, setting: Setting) -> i32 {
        self.0[setting as usize]
    }

    /// Those in force for a call.
    #[inline]
    fn of_call<const SKIP: c_int>(host: &Host, stack: Stack) -> Self {
        let mut settings = host.libraries.cjson.clone();
        if SKIP == COPIED {
            settings = Self::default();
            for (at, setting) in settings.0.iter_mut().enumerate() {
                stack.raw_get_index(1, at + 1);
                if stack.kind(-1) == Kind::Number {
                    *setting = stack.number(-1) as i32;
                }
                stack.pop(1);
            }
        }
        settings
    }
}

fn encode<const SKIP: c_int>(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let arguments = Arguments { stack, function: "encode", skip: SKIP };
    if arguments.count() != 1 {
        return Err(arguments.error(1, "expected 1 argument"));
    }
    let settings = Settings::of_call::<SKIP>(host, stack);
    encode::encode(host, stack, &settings)
}

fn decode<const SKIP: c_int>(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let arguments = Arguments { stack, function: "decode", skip: SKIP };
    if arguments.count() != 1 {
        return Err(arguments.error(1, "expected 1 argument"));
    }
    let settings = Settings::of_call::<SKIP>(host, stack);
    arguments.with_text(1, |text| decode::decode(host, stack, &settings, text))
}

/// A call that reads settings and, where it is given arguments, changes them.
struct Configuration<'a, const SKIP: c_int> {
    host: &'a mut Host,
    arguments: Arguments,
    settings: Settings,
}

impl<'a, const SKIP: c_int> Configuration<'a, SKIP> {
    /// A call of `function`, which takes up to `count` arguments; those not given are nil.
    fn new(
        host: &'a mut Host,
        stack: Stack,
        function: &'static str,
        count: c_int,
    ) -> Result<Self, Raise> {
        let arguments = Arguments { stack, function, skip: SKIP };
        if arguments.count() > count {
            return Err(arguments.error(count + 1, "found too many arguments"));
        }
        stack.set_top(arguments.place(count));
        let settings = Settings::of_call::<SKIP>(host, stack);
        Ok(Self { host, arguments, settings })
    }

    fn set(&mut self, setting: Setting, value: i32) {
        self.settings.0[setting as usize] = value;
        if SKIP == OWN {
            self.host.libraries.cjson = self.settings.clone();
        } else if self.arguments.stack.kind(1) == Kind::Table {
            self.arguments.stack.push_number(f64::from(value));
            self.arguments.stack.raw_set_index(1, setting as usize + 1);
        }
    }

    /// A setting that is an integer of a range; pushes its value.
    fn integer(&mut self, at: c_int, setting: Setting, min: i32, max: i32) -> Result<(), Raise> {
        if self.arguments.kind(at) != Kind::Nil {
            let value = self.arguments.int(at)?;
            if !(min..=max).contains(&value) {
                let reason = format_args!("expected integer between {min} and {max}");
                return Err(self.arguments.error(1, reason));
            }
            self.set(setting, value);
        }
        self.arguments.stack.push_number(f64::from(self.settings.get(setting)));
        Ok(())
    }

    /// A setting that is one of `options`, of which the first two are booleans; pushes it.
    fn choice(&mut self, at: c_int, setting: Setting, options: &[&str]) -> Result<(), Raise> {
        let stack = self.arguments.stack;
        match self.arguments.kind(at) {
            Kind::Nil => {}
            Kind::Boolean => {
                let value = stack.boolean(self.arguments.place(at));
                self.set(setting, i32::from(value));
            }
            _ => {
                let value = self.arguments.option(at, options)?;
                self.set(setting, value as i32);
            }
        }
        match self.settings.get(setting) {
            value @ (0 | 1) => stack.push_boolean(value == 1),
            value => {
                let name = usize::try_from(value).ok().and_then(|value| options.get(value));
                stack.push_bytes(name.map_or(b"", |name| name.as_bytes()));
            }
        }
        Ok(())
    }
}

const OFF_ON: &[&str] = &["off", "on"];

fn encode_sparse_array<const SKIP: c_int>(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let mut call = Configuration::<SKIP>::new(host, stack, "encode_sparse_array", 3)?;
    call.choice(1, Setting::SparseConvert, OFF_ON)?;
    call.integer(2, Setting::SparseRatio, 0, i32::MAX)?;
    call.integer(3, Setting::SparseSafe, 0, i32::MAX)?;
    Ok(3)
}

fn encode_max_depth<const SKIP: c_int>(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let mut call = Configuration::<SKIP>::new(host, stack, "encode_max_depth", 1)?;
    call.integer(1, Setting::EncodeMaxDepth, 1, i32::MAX)?;
    Ok(1)
}

fn decode_max_depth<const SKIP: c_int>(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let mut call = Configuration::<SKIP>::new(host, stack, "decode_max_depth", 1)?;
    call.integer(1, Setting::DecodeMaxDepth, 1, i32::MAX)?;
    Ok(1)
}

fn encode_number_precision<const SKIP: c_int>(
    host: &mut Host,
    stack: Stack,
) -> Result<c_int, Raise> {
    let mut call = Configuration::<SKIP>::new(host, stack, "encode_number_precision", 1)?;
    call.integer(1, Setting::EncodeNumberPrecision, 1, 14)?;
    Ok(1)
}

/// Has no effect: whether the buffer is kept is the host's to decide.
fn encode_keep_buffer<const SKIP: c_int>(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let mut call = Configuration::<SKIP>::new(host, stack, "encode_keep_buffer", 1)?;
    call.choice(1, Setting::EncodeKeepBuffer, OFF_ON)?;
    Ok(1)
}

fn encode_invalid_numbers<const SKIP: c_int>(
    host: &mut Host,
    stack: Stack,
) -> Result<c_int, Raise> {
    let mut call = Configuration::<SKIP>::new(host, stack, "encode_invalid_numbers", 1)?;
    call.choice(1, Setting::EncodeInvalidNumbers, &["off", "on", "null"])?;
    Ok(1)
}

fn decode_invalid_numbers<const SKIP: c_int>(
    host: &mut Host,
    stack: Stack,
) -> Result<c_int, Raise> {
    let mut call = Configuration::<SKIP>::new(host, stack, "decode_invalid_numbers", 1)?;
    call.choice(1, Setting::DecodeInvalidNumbers, OFF_ON)?;
    Ok(1)
}

#[cfg(test)]
#[path = "cjson_test.rs"]
mod tests;
