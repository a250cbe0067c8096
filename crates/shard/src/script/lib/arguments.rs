//! Arguments of library functions, and the errors about them, as Lua's auxiliary library has them.

use std::ffi::c_int;

use super::number::to_i64;
use super::raise;
use crate::script::raw::{Kind, Raise, Stack};

/// The arguments of a call.
#[derive(Clone, Copy)]
pub(super) struct Arguments {
    pub(super) stack: Stack,
    /// Name of the function, for errors.
    pub(super) function: &'static str,
    /// Values on the stack before the first argument.
    pub(super) skip: c_int,
}

impl Arguments {
    pub(super) fn new(stack: Stack, function: &'static str) -> Self {
        Self { stack, function, skip: 0 }
    }

    /// How many there are.
    pub(super) fn count(self) -> c_int {
        self.stack.top() - self.skip
    }

    /// The place of an argument on the stack, counted from 1.
    pub(super) fn place(self, at: c_int) -> c_int {
        at + self.skip
    }

    /// `luaL_argerror`: arguments of a method are counted without the value that it is called on.
    #[cold]
    pub(super) fn error(self, at: c_int, reason: impl std::fmt::Display) -> Raise {
        let function = self.function;
        raise(match at - c_int::from(self.stack.is_method_call(function)) {
            0 if at == 1 => format!("calling '{function}' on bad self ({reason})"),
            at => format!("bad argument #{at} to '{function}' ({reason})"),
        })
    }

    /// `luaL_typerror`.
    pub(super) fn type_error(self, at: c_int, expected: &str) -> Raise {
        let got = self.stack.kind_name(self.place(at));
        self.error(at, format_args!("{expected} expected, got {got}"))
    }

    pub(super) fn kind(self, at: c_int) -> Kind {
        self.stack.kind(self.place(at))
    }

    /// `luaL_checklstring`: calls `read` with the text of a string or number.
    pub(super) fn with_text<R>(
        self,
        at: c_int,
        read: impl FnOnce(&[u8]) -> Result<R, Raise>,
    ) -> Result<R, Raise> {
        match self.kind(at) {
            Kind::String => self.stack.with_string(self.place(at), read),
            Kind::Number => read(&self.stack.text(self.place(at)).unwrap_or_default()),
            _ => Err(self.type_error(at, "string")),
        }
    }

    /// Pushes the text of a string or number.
    pub(super) fn push_text(self, at: c_int) {
        if self.kind(at) == Kind::Number {
            self.stack.push_bytes(&self.stack.text(self.place(at)).unwrap_or_default());
        } else {
            self.stack.push_value(self.place(at));
        }
    }

    /// `luaL_checknumber`.
    pub(super) fn number(self, at: c_int) -> Result<f64, Raise> {
        if self.stack.is_numeric(self.place(at)) {
            Ok(self.stack.number(self.place(at)))
        } else {
            Err(self.type_error(at, "number"))
        }
    }

    /// `luaL_checkinteger`.
    pub(super) fn integer(self, at: c_int) -> Result<i64, Raise> {
        self.number(at).map(to_i64)
    }

    /// `luaL_checkint`: what does not fit in an `int` loses its upper half.
    pub(super) fn int(self, at: c_int) -> Result<i32, Raise> {
        self.integer(at).map(|value| value as i32)
    }

    /// `luaL_optinteger`.
    pub(super) fn integer_or(self, at: c_int, default: i64) -> Result<i64, Raise> {
        if self.kind(at) == Kind::Nil { Ok(default) } else { self.integer(at) }
    }

    /// `luaL_checkoption`: the index of the option whose name the argument is.
    pub(super) fn option(self, at: c_int, options: &[&str]) -> Result<usize, Raise> {
        self.with_text(at, |text| {
            // C compares up to the first NUL.
            let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
            options.iter().position(|option| option.as_bytes() == text).ok_or_else(|| {
                let text = String::from_utf8_lossy(text);
                self.error(at, format_args!("invalid option '{text}'"))
            })
        })
    }
}
