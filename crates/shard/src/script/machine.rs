//! A VM with its host, and what scripts see in it.

use std::ffi::c_int;

use std::rc::Rc;
use std::sync::Arc;

use super::host::{Host, SAVEPOINT, Services};
use super::interrupt::Control;
use super::lib::{self, Generator};
use super::limits::Limits;
use super::list::List;
use super::raw::{HostCell, HostFunction, Stack, Vm, VmError};
use crate::commands::table::CommandTable;

/// A VM and its host.
pub(super) struct Machine {
    // Dropped before the host, which its closures know.
    pub(super) vm: Vm,
    pub(super) host: HostCell,
    /// Anchor of the message handler.
    pub(super) handler: c_int,
    /// Anchor of the table in which KEYS and ARGV are set.
    pub(super) globals: c_int,
    pub(super) keys: List,
    pub(super) argv: List,
}

/// What a machine is made of.
pub(super) struct Parts<'a> {
    pub(super) control: &'a Arc<Control>,
    pub(super) table: &'static CommandTable,
    pub(super) services: Option<&'a Rc<dyn Services>>,
    pub(super) limits: &'a Limits,
    pub(super) random: &'a Generator,
    /// Whether loops may be compiled.
    pub(super) jit: bool,
}

impl Machine {
    /// A VM in which nothing has run yet.
    ///
    /// # Errors
    /// There is no memory for it.
    pub(super) fn new(parts: &Parts<'_>) -> Result<Self, VmError> {
        let mut vm = Vm::new(parts.control, parts.limits.memory_bytes)?;
        let mut host = Host::new(parts.control.clone(), parts.table, vm.memory());
        host.services = parts.services.cloned();
        host.denied = parts.limits.denied.clone();
        host.libraries.random = parts.random.clone();
        let host = HostCell::new(host);
        let stack = vm.stack();
        let globals = build_sandbox(stack, host.address())?;
        stack.push_message_handler(host.address());
        let handler = stack.anchor();
        if !parts.jit {
            vm.switch_jit_off();
        }
        let (keys, argv) = (List::new(b"KEYS"), List::new(b"ARGV"));
        Ok(Self { vm, host, handler, globals, keys, argv })
    }

    /// Calls the function below `arguments` values, which lies on the message handler, with the
    /// limits of scripts in force. On success
    /// its one result is on top of the stack, else the error value.
    pub(super) fn call(&mut self, control: &Control, arguments: c_int) -> Result<(), ()> {
        control.set_host(self.host.address().cast());
        self.vm.call_script(control, arguments)
    }
}

/// The functions of the `redis` table.
const REDIS: &[(&str, HostFunction)] = &[
    ("call", Host::call),
    ("error_reply", Host::error_reply),
    ("log", Host::log),
    ("pcall", Host::pcall),
    ("rollback", Host::rollback),
    ("set_repl", Host::set_repl),
    ("setresp", Host::setresp),
    ("sha1hex", Host::sha1hex),
    ("status_reply", Host::status_reply),
];

/// Numbers of the `redis` table.
const CONSTANTS: &[(&str, f64)] = &[
    ("LOG_DEBUG", 0.0),
    ("LOG_VERBOSE", 1.0),
    ("LOG_NOTICE", 2.0),
    ("LOG_WARNING", 3.0),
    ("REPL_NONE", 0.0),
    ("REPL_AOF", 1.0),
    ("REPL_SLAVE", 2.0),
    ("REPL_REPLICA", 2.0),
    ("REPL_ALL", 3.0),
    ("REDIS_VERSION_NUM", 0x0007_0204 as f64),
];

/// Builds what scripts see and makes it the globals of new chunks. Returns the anchor of the table
/// in which KEYS and ARGV are set.
fn build_sandbox(stack: Stack, host: *mut Host) -> Result<c_int, VmError> {
    let failed = |message: Vec<u8>| VmError(String::from_utf8_lossy(&message).into_owned());
    stack.load(include_bytes!("sandbox.lua"), c"=atoll").map_err(failed)?;
    stack.push_table(0, REDIS.len() + CONSTANTS.len() + 1);
    for (name, function) in REDIS {
        stack.push_function(host, *function);
        stack.raw_set_name(-2, name.as_bytes());
    }
    for (name, value) in CONSTANTS {
        stack.push_number(*value);
        stack.raw_set_name(-2, name.as_bytes());
    }
    stack.push_bytes(b"7.2.4");
    stack.raw_set_name(-2, b"REDIS_VERSION");
    lib::push(stack, host);
    stack.push_table(0, SAVEPOINT.len());
    for (name, function) in SAVEPOINT {
        stack.push_function(host, *function);
        stack.raw_set_name(-2, name.as_bytes());
    }
    stack.call_trusted(3).map_err(failed)?;
    // The sandbox returns one table with both.
    stack.raw_get_index(-1, 1);
    stack.set_globals();
    stack.raw_get_index(-1, 2);
    let globals = stack.anchor();
    stack.pop(1);
    Ok(globals)
}
