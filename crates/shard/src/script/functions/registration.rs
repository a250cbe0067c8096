//! `redis.register_function`: how a library says which functions it has.

use std::collections::BTreeSet;
use std::ffi::c_int;

use super::metadata::parse_name;
use super::store::{Function, folded};
use crate::error::CommandError;
use crate::script::host::Host;
use crate::script::raw::{Kind, Raise, Stack};
use crate::script::shebang::ScriptFlags;
use crate::script::sink::push_error;

/// Most functions of a library: what it registers takes memory that the VM does not count.
const FUNCTIONS_MAX: usize = 65_536;

/// Most bytes of a library's names and descriptions, for the same reason.
const TEXT_LEN_MAX: usize = 16 << 20;

/// A function that a library has registered, anchored in the VM.
pub(super) struct Registered {
    pub(super) function: Function,
    pub(super) anchor: c_int,
}

/// What a library has registered while it is being loaded.
#[derive(Default)]
pub(in crate::script) struct Registration {
    pub(super) functions: Vec<Registered>,
    names: BTreeSet<String>,
    text_len: usize,
}

impl Registration {
    /// Notes a function, whose Lua function is on top of the stack.
    fn add(&mut self, function: Function, stack: Stack) -> Result<(), &'static str> {
        if self.functions.len() >= FUNCTIONS_MAX {
            return Err("a library cannot have more than 65536 functions");
        }
        self.text_len += function.name.len();
        self.text_len += function.description.as_ref().map_or(0, Vec::len);
        if self.text_len > TEXT_LEN_MAX {
            return Err("the names and descriptions of a library are too long");
        }
        if !self.names.insert(folded(&function.name)) {
            return Err("Function already exists in the library");
        }
        let anchor = stack.anchor();
        self.functions.push(Registered { function, anchor });
        Ok(())
    }
}

impl Host {
    /// `redis.register_function(name, callback)`, or the same with a table of named arguments.
    pub(in crate::script) fn register_function(&mut self, stack: Stack) -> Result<c_int, Raise> {
        let result = match &mut self.registration {
            Some(registration) => {
                read_arguments(stack).and_then(|function| registration.add(function, stack))
            }
            None => Err("redis.register_function can only be called on FUNCTION LOAD command"),
        };
        match result {
            Ok(()) => Ok(0),
            Err(text) => {
                push_error(stack, format!("ERR {text}").as_bytes(), false);
                Err(Raise::Top)
            }
        }
    }
}

/// Reads the arguments, and leaves the Lua function on top of the stack.
fn read_arguments(stack: Stack) -> Result<Function, &'static str> {
    match stack.top() {
        1 if stack.kind(1) == Kind::Table => read_named(stack),
        1 => Err("calling redis.register_function with a single argument is only applicable to \
                  Lua table (representing named arguments)."),
        2 => {
            let text = "first argument to redis.register_function must be a string";
            let name = stack.text(1).ok_or(text)?;
            if !stack.is_function(2) {
                return Err("second argument to redis.register_function must be a function");
            }
            let name = parse_name(&name)?;
            Ok(Function { name, description: None, flags: declared() })
        }
        _ => Err("wrong number of arguments to redis.register_function"),
    }
}

/// Functions are always held to what they declare.
fn declared() -> ScriptFlags {
    ScriptFlags { declared: true, ..ScriptFlags::default() }
}

/// Reads named arguments from the table that is the only thing on the stack.
fn read_named(stack: Stack) -> Result<Function, &'static str> {
    let (mut name, mut description, mut flags) = (None, None, declared());
    let mut has_callback = false;
    // The callback's place, below key and value.
    stack.push_nil();
    stack.push_nil();
    while stack.next(1) {
        let key = stack
            .text(-2)
            .ok_or("named argument key given to redis.register_function is not a string")?;
        match key.to_ascii_lowercase().as_slice() {
            b"function_name" => {
                name = Some(stack.text(-1).ok_or(
                    "function_name argument given to redis.register_function must be a string",
                )?);
            }
            b"description" => {
                description = Some(stack.text(-1).ok_or(
                    "description argument given to redis.register_function must be a string",
                )?);
            }
            b"callback" => {
                if !stack.is_function(-1) {
                    return Err(
                        "callback argument given to redis.register_function must be a function",
                    );
                }
                stack.push_value(-1);
                stack.replace(2);
                has_callback = true;
            }
            b"flags" => read_flags(stack, &mut flags)?,
            _ => return Err("unknown argument given to redis.register_function"),
        }
        stack.pop(1);
    }
    let name = name.ok_or("redis.register_function must get a function name argument")?;
    if !has_callback {
        return Err("redis.register_function must get a callback argument");
    }
    Ok(Function { name: parse_name(&name)?, description, flags })
}

/// Reads the list on top of the stack, which stays there.
fn read_flags(stack: Stack, flags: &mut ScriptFlags) -> Result<(), &'static str> {
    if stack.kind(-1) != Kind::Table {
        return Err(
            "flags argument to redis.register_function must be a table representing function flags",
        );
    }
    for at in 1.. {
        stack.raw_get_index(-1, at);
        let (name, is_end) = (stack.text(-1), stack.kind(-1) == Kind::Nil);
        stack.pop(1);
        if is_end {
            break;
        }
        let name = name.map(|name| name.to_ascii_lowercase());
        let known = name.is_some_and(|name| read_flag(&name, flags).is_ok());
        if !known {
            return Err("unknown flag given");
        }
    }
    Ok(())
}

/// One flag, or a limit as scripts have them in their first line.
fn read_flag(name: &[u8], flags: &mut ScriptFlags) -> Result<(), CommandError> {
    if name.starts_with(b"timeout=") || name.starts_with(b"memory=") {
        flags.option(name)
    } else {
        flags.set(name)
    }
}
