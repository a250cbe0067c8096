//! A VM with its host, and what scripts see in it.

use std::ffi::c_int;
use std::rc::Rc;
use std::sync::Arc;

use super::debug::{self, Session};
use super::host::{Host, SAVEPOINT, Services};
use super::interrupt::Control;
use super::lib::{self, Generator};
use super::limits::Limits;
use super::list::{List, ListUse};
use super::raw::{HostCell, HostFunction, Kind, Stack, Vm, VmError};
use super::run::Invocation;
use crate::commands::table::CommandTable;
use crate::error::CommandError;

/// A VM and its host.
pub(super) struct Machine {
    // Dropped before the host, which its closures know.
    pub(super) vm: Vm,
    pub(super) host: HostCell,
    /// Anchor of the message handler.
    pub(super) handler: c_int,
    /// Anchor of the table in which KEYS and ARGV are set.
    pub(super) globals: c_int,
    /// The same for programs that have direct globals.
    direct_globals: c_int,
    /// Anchor of the function that gives a program direct globals.
    judge: c_int,
    pub(super) keys: List,
    pub(super) argv: List,
    /// Anchor of the function that switches the JIT compiler off.
    jit_off: c_int,
    /// Anchor of the function that compiles a text, see the module `compile`.
    pub(super) compile: c_int,
    /// Bytes that were in use after all garbage was last collected.
    live: usize,
    /// Anchor of the function that switches what libraries see.
    library_api: Option<c_int>,
    /// The debugger of the next script, in a VM that was made for it.
    pub(super) session: Option<Box<Session>>,
}

/// What a machine is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Scripts.
    Scripts,
    /// Functions, and the libraries that they are of.
    Functions,
}

/// A script that asks for a block larger than this may have made KEYS or ARGV large.
const LARGE_BLOCK: usize = 8 * 1024;

/// What a machine is made of.
pub(super) struct Parts<'a> {
    pub(super) control: &'a Arc<Control>,
    pub(super) table: &'static CommandTable,
    pub(super) services: Option<&'a Rc<dyn Services>>,
    pub(super) limits: &'a Limits,
    pub(super) random: &'a Generator,
    /// Whether loops may be compiled.
    pub(super) jit: bool,
    /// Commands that are not for scripts are permitted.
    pub(super) permits_all: bool,
}

impl Machine {
    /// A VM in which nothing has run yet.
    ///
    /// # Errors
    /// There is no memory for it.
    pub(super) fn new(parts: &Parts<'_>, purpose: Purpose) -> Result<Self, CommandError> {
        Self::build(parts, purpose).map_err(|error| {
            tracing::error!(%error, "no script can run");
            CommandError::dynamic(format!("ERR {error}"))
        })
    }

    fn build(parts: &Parts<'_>, purpose: Purpose) -> Result<Self, VmError> {
        let mut vm = Vm::new(parts.control, parts.limits.memory_bytes)?;
        let mut host = Host::new(parts.control.clone(), parts.table, vm.memory());
        host.services = parts.services.cloned();
        host.denied.clone_from(&parts.limits.denied);
        host.permits_all = parts.permits_all;
        host.libraries.random = parts.random.clone();
        let host = HostCell::new(host);
        vm.set_host(&host);
        let stack = vm.stack();
        let sandbox = build_sandbox(stack, host.address(), purpose)?;
        stack.push_message_handler(host.address());
        let handler = stack.anchor();
        let (keys, argv) = (List::new(b"KEYS"), List::new(b"ARGV"));
        let (live, session) = (vm.memory_used(), None);
        let Sandbox { globals, direct_globals, jit_off, judge, compile, library_api } = sandbox;
        let mut machine = Self {
            vm,
            host,
            handler,
            globals,
            direct_globals,
            judge,
            keys,
            argv,
            jit_off,
            compile,
            live,
            library_api,
            session,
        };
        if !parts.jit && !machine.switch_jit_off() {
            return Err(VmError("the JIT compiler cannot be switched off".into()));
        }
        Ok(machine)
    }

    /// Switches the JIT compiler off: what is left to do where compiled loops cannot be stopped. Says
    /// whether it is off.
    pub(super) fn switch_jit_off(&mut self) -> bool {
        let stack = self.vm.stack();
        stack.push_anchored(self.jit_off);
        let is_off = stack.call_trusted(0).is_ok() && stack.boolean(-1);
        stack.set_top(0);
        is_off
    }

    /// Gives the compiled script on top of the stack direct globals, if it may have them
    /// (`sandbox/direct.lua`), and says how it uses KEYS and ARGV then.
    pub(super) fn judge(&mut self) -> Option<ListUse> {
        let stack = self.vm.stack();
        stack.push_anchored(self.judge);
        stack.push_value(-2);
        if stack.call_trusted(1).is_err() {
            return None;
        }
        let known = (stack.kind(-1) == Kind::Number).then(|| stack.number(-1) as u8);
        stack.pop(1);
        known.map(ListUse::from_bits)
    }

    /// Sets KEYS and ARGV for a script.
    pub(super) fn fill_lists(&mut self, list_use: ListUse, invocation: &Invocation<'_>) {
        let Invocation { args, first, keys, .. } = *invocation;
        let globals = [self.globals, self.direct_globals];
        let stack = self.vm.stack();
        if list_use.keys || self.keys.is_stale() {
            self.keys.fill(stack, globals, (args, first, keys));
            self.keys.note_use(list_use);
        }
        if list_use.argv || self.argv.is_stale() {
            let (first, count) = (invocation.first_argument(), invocation.arguments());
            self.argv.fill(stack, globals, (args, first, count));
            self.argv.note_use(list_use);
        }
    }

    /// Leaves nothing on the stack, and nothing large: what a script has left behind would count
    /// against the memory of the next one, and a long table of KEYS cost it time.
    pub(super) fn settle(&mut self) {
        self.vm.stack().set_top(0);
        if self.vm.largest_block() <= LARGE_BLOCK {
            return;
        }
        self.keys.forget();
        self.argv.forget();
        let kept = self.live + self.vm.memory_limit() / 4;
        if self.vm.memory_exceeded() || self.vm.memory_used() > kept {
            self.collect_garbage();
        }
    }

    /// Limits what the next script may allocate on top of what is alive. Garbage that earlier ones have
    /// left would be room for it as soon as it is collected, so there must not be much of it.
    pub(super) fn limit_growth(&mut self, bytes: usize, most: usize) {
        if self.vm.memory_used() > self.live + bytes / 4 {
            self.collect_garbage();
        }
        self.vm.limit_growth(bytes, most);
    }

    fn collect_garbage(&mut self) {
        self.vm.collect_garbage();
        self.live = self.vm.memory_used();
    }

    /// Calls the function below `arguments` values, which lies on the message handler, with the
    /// limits of scripts in force. On success its one result is on top of the stack, else the error
    /// value.
    pub(super) fn call(&mut self, control: &Control, arguments: c_int) -> Result<(), ()> {
        match self.session.take() {
            None => self.call_undebugged(control, arguments),
            Some(session) => {
                control.set_host(self.host.address().cast());
                let (session, result) = debug::drive(self, control, session);
                self.session = Some(session);
                result
            }
        }
    }

    /// The same, and never under the debugger.
    pub(super) fn call_undebugged(
        &mut self,
        control: &Control,
        arguments: c_int,
    ) -> Result<(), ()> {
        control.set_host(self.host.address().cast());
        self.vm.call_script(control, arguments)
    }

    /// Has code see what libraries see while they are loaded, or what functions see again.
    pub(super) fn show_library_api(&mut self, shown: bool) {
        let Some(anchor) = self.library_api else { return };
        let stack = self.vm.stack();
        stack.push_anchored(anchor);
        stack.push_boolean(shown);
        if stack.call_trusted(1).is_ok() {
            stack.pop(1);
        }
    }
}

/// The functions of the `redis` table but for `call` and `pcall`.
const REDIS: &[(&str, HostFunction)] = &[
    ("acl_check_cmd", Host::acl_check_cmd),
    ("breakpoint", Host::breakpoint),
    ("debug", Host::debug),
    ("error_reply", Host::error_reply),
    ("log", Host::log),
    ("replicate_commands", Host::replicate_commands),
    ("rollback", Host::rollback),
    ("set_repl", Host::set_repl),
    ("setresp", Host::setresp),
    ("sha1hex", lib::sha1hex),
    ("status_reply", Host::status_reply),
];

/// The functions of the `redis` table while a library is loaded.
const LIBRARY: &[(&str, HostFunction)] =
    &[("log", Host::log), ("register_function", Host::register_function)];

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

/// The parts of the sandbox that have files of their own.
const PARTS: &[(&str, &[u8])] = &[
    ("coroutine", include_bytes!("sandbox/coroutine.lua")),
    ("direct", include_bytes!("sandbox/direct.lua")),
    ("garbage", include_bytes!("sandbox/garbage.lua")),
    ("load", include_bytes!("sandbox/load.lua")),
    ("table", include_bytes!("sandbox/table.lua")),
];

/// Constants that libraries have, too, while they are loaded.
fn is_for_libraries(name: &str) -> bool {
    name.starts_with("LOG_") || name.starts_with("REDIS_")
}

/// What functions do not have in their `redis` table (as in Redis).
const SCRIPTS_ONLY: &[&str] = &["breakpoint", "debug", "replicate_commands"];

fn push_functions(stack: Stack, host: *mut Host, functions: &[(&str, HostFunction)]) {
    push_some_functions(stack, host, functions, &[]);
}

fn push_some_functions(
    stack: Stack,
    host: *mut Host,
    functions: &[(&str, HostFunction)],
    without: &[&str],
) {
    stack.push_table(0, functions.len());
    for (name, function) in functions.iter().filter(|(name, _)| !without.contains(name)) {
        stack.push_function(host, *function);
        stack.raw_set_name(-2, name.as_bytes());
    }
}

/// Adds the constants that are wanted to the table on top of the stack.
fn add_constants(stack: Stack, wanted: fn(&str) -> bool) {
    for (name, value) in CONSTANTS.iter().filter(|(name, _)| wanted(name)) {
        stack.push_number(*value);
        stack.raw_set_name(-2, name.as_bytes());
    }
    stack.push_bytes(protocol::REDIS_VERSION.as_bytes());
    stack.raw_set_name(-2, b"REDIS_VERSION");
}

/// Anchors of what the sandbox has made.
struct Sandbox {
    /// The table in which KEYS and ARGV are set.
    globals: c_int,
    /// The same for programs that have direct globals.
    direct_globals: c_int,
    /// The function that switches the JIT compiler off.
    jit_off: c_int,
    /// The function that gives a program direct globals, if it may have them.
    judge: c_int,
    /// The function that compiles a text.
    compile: c_int,
    /// For libraries: the function that switches what they see.
    library_api: Option<c_int>,
}

/// Builds what scripts see and makes it the globals of new chunks.
fn build_sandbox(stack: Stack, host: *mut Host, purpose: Purpose) -> Result<Sandbox, VmError> {
    let failed = |message: Vec<u8>| VmError(String::from_utf8_lossy(&message).into_owned());
    stack.load(include_bytes!("sandbox.lua"), c"=atoll").map_err(failed)?;
    let without = if purpose == Purpose::Functions { SCRIPTS_ONLY } else { &[] };
    push_some_functions(stack, host, REDIS, without);
    for (name, is_protected) in [("call", false), ("pcall", true)] {
        stack.push_command_function(is_protected);
        stack.raw_set_name(-2, name.as_bytes());
    }
    add_constants(stack, |_| true);
    lib::push(stack, host);
    push_functions(stack, host, SAVEPOINT);
    stack.push_table(0, PARTS.len());
    for (name, source) in PARTS {
        stack.load(source, c"=atoll").map_err(failed)?;
        stack.raw_set_name(-2, name.as_bytes());
    }
    let mut arguments = 4;
    if purpose == Purpose::Functions {
        push_functions(stack, host, LIBRARY);
        add_constants(stack, is_for_libraries);
        arguments += 1;
    }
    stack.call_trusted(arguments).map_err(failed)?;
    // The sandbox returns one table with all of it.
    stack.raw_get_index(-1, 1);
    stack.set_globals();
    stack.raw_get_index(-1, 2);
    let globals = stack.anchor();
    stack.raw_get_index(-1, 3);
    let jit_off = stack.anchor();
    stack.raw_get_index(-1, 4);
    let direct_globals = stack.anchor();
    stack.raw_get_index(-1, 5);
    let judge = stack.anchor();
    let library_api = (purpose == Purpose::Functions).then(|| {
        stack.raw_get_index(-1, 7);
        stack.anchor()
    });
    stack.raw_get_index(-1, 6);
    let compile = stack.anchor();
    stack.pop(1);
    Ok(Sandbox { globals, direct_globals, jit_off, judge, compile, library_api })
}
