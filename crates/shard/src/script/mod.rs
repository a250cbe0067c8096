//! The script host: one Lua VM for each shard.
//!
//! | file | holds |
//! |---|---|
//! | `raw` | the one audited module: the Lua C API |
//! | `host` | `redis.call` and the rest of the `redis` table |
//! | `lib` | cjson, cmsgpack, struct, `math.random` |
//! | `sink`, `convert` | replies to Lua, Lua to replies |
//! | `interrupt` | how other threads stop a script |
//! | `store`, `sha` | the scripts of a node |
//! | `shebang` | what a script declares of itself |
//! | `sandbox.lua` | what script code sees |
//!
//! A script runs between [`Keyspace::begin`] and `keep` or `roll_back`: an error, the time limit,
//! a kill or the memory limit leaves nothing behind. A script that *returns* `{err=…}` has ended
//! normally and keeps what it wrote, as in Redis.
//!
//! # Invariants
//! - I1. After a script nothing is left over for the next one: no hook, no loan, no globals that
//!   it made.
//! - I2. What ends a script (kill, time, memory) cannot be survived: the run is rolled back even
//!   if script code caught the error and returned.

mod convert;
mod host;
pub mod interrupt;
mod lib;
mod raw;
pub mod sha;
pub mod shebang;
pub(crate) mod sink;
pub mod store;

use std::collections::HashMap;
use std::ffi::c_int;
use std::rc::Rc;
use std::sync::Arc;

use foldhash::fast::FixedState;
use protocol::args::Args;
use protocol::slot::Slot;

pub use host::{Services, SlotOwner};
pub use raw::{VmError, on_interrupt_signal};

use host::{Host, RunState, Stop, display};
use interrupt::Control;
use lib::Generator;
use raw::{HostCell, HostFunction, Kind, Stack, Vm};
use sha::Sha;
use shebang::ScriptFlags;
use store::{ScriptStore, Source};

use crate::commands::table::{CommandId, CommandTable};
use crate::error::CommandError;
use crate::keyspace::Keyspace;
use crate::reply::Reply;

/// What is refused to a script, and when it is made to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long a script may run, in milliseconds; 0 is no limit. The watchdog enforces it; here
    /// it is for the text of the error.
    pub time_ms: u64,
    /// Most memory of the Lua VM, in bytes.
    pub memory_bytes: usize,
    /// Scripts may touch keys of other slots of their shard.
    pub cross_slot_keys: bool,
    /// Commands that scripts may not call, beyond those that never may.
    pub denied: Vec<CommandId>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time_ms: 5_000,
            memory_bytes: 256 * 1024 * 1024,
            cross_slot_keys: false,
            denied: Vec::new(),
        }
    }
}

/// How scripts of a shard have ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScriptCounters {
    /// Scripts run.
    pub runs: u64,
    /// Rolled back because of an error.
    pub errors: u64,
    /// Rolled back because somebody said SCRIPT KILL.
    pub kills: u64,
    /// Rolled back because their time was over.
    pub timeouts: u64,
    /// Rolled back because of the memory limit.
    pub out_of_memory: u64,
}

/// A script to run, with what it is given.
pub struct Invocation<'a> {
    /// The request.
    pub args: Args<'a>,
    /// How many of the parts from 3 on are keys; the others are arguments.
    pub keys: usize,
    /// The command that called it does not write.
    pub read_only: bool,
}

struct Compiled {
    function: c_int,
    flags: ScriptFlags,
    source: Arc<Source>,
    hex: String,
}

/// What exists once the first script has been run.
struct Live {
    // Dropped before the host, which its closures know.
    vm: Vm,
    host: HostCell,
    handler: c_int,
    globals: c_int,
    keys: List,
    argv: List,
}

/// KEYS or ARGV: one table that serves script after script, as long as scripts leave it a plain
/// list. One that a script has made something else of is thrown away.
struct List {
    name: &'static [u8],
    anchor: Option<c_int>,
    len: usize,
}

impl List {
    fn new(name: &'static [u8]) -> Self {
        Self { name, anchor: None, len: 0 }
    }

    /// Makes the list hold `count` parts from part `from` on.
    fn fill(&mut self, stack: Stack, globals: c_int, args: Args<'_>, from: usize, count: usize) {
        let plain = self.anchor.is_some_and(|anchor| {
            stack.push_anchored(anchor);
            stack.is_plain_list(-1, self.len)
        });
        if !plain {
            self.replace(stack, globals, count);
        }
        for (at, part) in args.iter_from(from).take(count).enumerate() {
            stack.push_bytes(part);
            stack.raw_set_index(-2, at + 1);
        }
        for at in count + 1..=self.len {
            stack.push_nil();
            stack.raw_set_index(-2, at);
        }
        self.len = count;
        stack.pop(1);
    }

    /// Puts a new table, which is on top of the stack then, in place of the old one.
    fn replace(&mut self, stack: Stack, globals: c_int, count: usize) {
        if let Some(old) = self.anchor.take() {
            stack.pop(1);
            stack.release(old);
        }
        stack.push_table(count, 0);
        stack.push_value(-1);
        self.anchor = Some(stack.anchor());
        self.len = 0;
        stack.push_anchored(globals);
        stack.push_value(-2);
        stack.raw_set_name(-2, self.name);
        stack.pop(1);
    }
}

/// The script host of one shard. See the module.
pub struct ScriptEngine {
    store: Arc<ScriptStore>,
    control: Arc<Control>,
    limits: Limits,
    services: Option<Rc<dyn Services>>,
    table: Option<&'static CommandTable>,
    live: Option<Live>,
    compiled: HashMap<Sha, Compiled, FixedState>,
    generation: u64,
    counters: ScriptCounters,
    /// Goes on where it is when the VM is made anew.
    random: Generator,
    jit: bool,
}

impl Default for ScriptEngine {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl ScriptEngine {
    /// A script host that knows the scripts of `store`. Its VM is made when it is first needed.
    pub fn new(store: Arc<ScriptStore>) -> Self {
        let generation = store.generation();
        Self {
            store,
            control: Arc::default(),
            limits: Limits::default(),
            services: None,
            table: None,
            live: None,
            compiled: HashMap::default(),
            generation,
            counters: ScriptCounters::default(),
            random: Generator::default(),
            jit: true,
        }
    }

    /// The scripts of the node.
    pub fn store(&self) -> &Arc<ScriptStore> {
        &self.store
    }

    /// What other threads stop scripts with.
    pub fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// How scripts have ended.
    pub fn counters(&self) -> ScriptCounters {
        self.counters
    }

    /// Bytes of memory of the VM.
    pub fn memory_used(&self) -> usize {
        self.live.as_ref().map_or(0, |live| live.vm.memory_used())
    }

    /// Puts limits in force.
    pub fn configure(&mut self, limits: Limits) {
        self.limits = limits;
        if let Some(live) = &mut self.live {
            live.vm.set_memory_limit(self.limits.memory_bytes);
            let denied = self.limits.denied.clone();
            live.host.with(|host| host.denied = denied);
        }
    }

    /// Tells the host about the server around it.
    pub fn set_services(&mut self, services: Rc<dyn Services>) {
        if let Some(live) = &mut self.live {
            let services = services.clone();
            live.host.with(|host| host.services = Some(services));
        }
        self.services = Some(services);
    }

    pub(crate) fn set_table(&mut self, table: &'static CommandTable) {
        self.table = Some(table);
    }

    /// Runs a script that is known by its text, compiling it if that is new.
    ///
    /// # Errors
    /// What to reply instead: nothing has been changed.
    pub fn eval(
        &mut self,
        keyspace: &mut Keyspace,
        body: &[u8],
        invocation: &Invocation<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), CommandError> {
        let sha = Sha::of(body);
        self.forget_flushed();
        if !self.is_compiled(sha) {
            let compiled = self.compile(sha, body, false)?;
            self.compiled.insert(sha, compiled);
        }
        self.run(keyspace, sha, invocation, reply)
    }

    /// Runs a script that is known by its SHA-1.
    ///
    /// # Errors
    /// What to reply instead: nothing has been changed.
    pub fn eval_sha(
        &mut self,
        keyspace: &mut Keyspace,
        sha: Sha,
        invocation: &Invocation<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), CommandError> {
        self.forget_flushed();
        if !self.is_compiled(sha) {
            let source = self.store.find(sha).ok_or(CommandError::NoScript)?;
            let compiled = self.compile(sha, &source.body, false)?;
            self.compiled.insert(sha, compiled);
        }
        self.run(keyspace, sha, invocation, reply)
    }

    /// Adds a script to the node's, pinned. Returns its name.
    ///
    /// # Errors
    /// It does not compile.
    pub fn load(&mut self, body: &[u8]) -> Result<Sha, CommandError> {
        let sha = Sha::of(body);
        self.forget_flushed();
        if self.is_compiled(sha) {
            self.store.add(sha, body, true);
        } else {
            let compiled = self.compile(sha, body, true)?;
            self.compiled.insert(sha, compiled);
        }
        Ok(sha)
    }

    /// Whether the script is compiled here and still one of the node's.
    fn is_compiled(&mut self, sha: Sha) -> bool {
        match self.compiled.get(&sha) {
            None => false,
            Some(compiled) if !compiled.source.is_gone() => true,
            Some(_) => {
                if let (Some(gone), Some(live)) = (self.compiled.remove(&sha), &self.live) {
                    live.vm.stack().release(gone.function);
                }
                false
            }
        }
    }

    /// After SCRIPT FLUSH everything begins anew, the VM included.
    fn forget_flushed(&mut self) {
        let generation = self.store.generation();
        if generation != self.generation {
            self.generation = generation;
            self.compiled.clear();
            self.live = None;
        }
    }

    fn compile(&mut self, sha: Sha, body: &[u8], pinned: bool) -> Result<Compiled, CommandError> {
        let (flags, lua) = shebang::parse(body)?;
        let live = self.live()?;
        let stack = live.vm.stack();
        stack.load(lua, c"@user_script").map_err(|message| {
            CommandError::dynamic(format!(
                "ERR Error compiling script (new function): {}",
                String::from_utf8_lossy(&message)
            ))
        })?;
        let function = stack.anchor();
        let source = self.store.add(sha, body, pinned);
        Ok(Compiled { function, flags, source, hex: sha.hex() })
    }

    /// The VM, made when it is first needed.
    fn live(&mut self) -> Result<&mut Live, CommandError> {
        if self.live.is_none() {
            let live = self.make_vm().map_err(|error| {
                tracing::error!(%error, "no script can run");
                CommandError::dynamic(format!("ERR {error}"))
            })?;
            self.live = Some(live);
        }
        match &mut self.live {
            Some(live) => Ok(live),
            None => unreachable!("made just above"),
        }
    }

    fn make_vm(&self) -> Result<Live, VmError> {
        let table = self.table.ok_or_else(|| VmError("no command table".into()))?;
        let mut vm = Vm::new(&self.control, self.limits.memory_bytes)?;
        let mut host = Host::new(self.control.clone(), table, vm.memory());
        host.services = self.services.clone();
        host.denied = self.limits.denied.clone();
        host.libraries.random = self.random.clone();
        let host = HostCell::new(host);
        self.control.set_host(host.address().cast());
        let stack = vm.stack();
        let globals = build_sandbox(stack, host.address())?;
        stack.push_message_handler(host.address());
        let handler = stack.anchor();
        if !self.jit {
            vm.switch_jit_off();
        }
        let (keys, argv) = (List::new(b"KEYS"), List::new(b"ARGV"));
        Ok(Live { vm, host, handler, globals, keys, argv })
    }

    /// Runs an endless compiled loop (bounded, in case it cannot be stopped), so that whoever
    /// watches this shard can try to stop it. Says whether it was stopped.
    ///
    /// # Errors
    /// The VM could not be made.
    pub fn prove_stoppable(&mut self) -> Result<bool, CommandError> {
        const LOOP: &[u8] = b"local n = 0 for i = 1, 4000000000 do n = n + i end return n";
        let control = self.control.clone();
        let live = self.live()?;
        let stack = live.vm.stack();
        if stack.load(LOOP, c"=atoll").is_err() {
            return Ok(false);
        }
        live.host.with(|host| host.stop = None);
        let stopped = live.vm.call_script(&control, 0).is_err();
        live.host.with(|host| host.stop = None);
        stack.set_top(0);
        Ok(stopped)
    }

    /// Switches the JIT compiler off, for good: compiled loops cannot be stopped in this build.
    pub fn disable_jit(&mut self) {
        self.jit = false;
        if let Some(live) = &mut self.live {
            live.vm.switch_jit_off();
        }
    }

    /// Runs a compiled script, all or nothing.
    fn run(
        &mut self,
        keyspace: &mut Keyspace,
        sha: Sha,
        invocation: &Invocation<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), CommandError> {
        let (Some(compiled), Some(live)) = (self.compiled.get(&sha), &mut self.live) else {
            return Err(CommandError::NoScript);
        };
        self.store.mark_used(&compiled.source);
        let flags = compiled.flags;
        if flags.no_cluster {
            return Err(CommandError::Text(
                "ERR Can not run script on cluster, 'no-cluster' flag is set.",
            ));
        }
        if invocation.read_only && flags.declared && !flags.no_writes {
            return Err(CommandError::Text(
                "ERR Can not execute a script with write flag using *_ro command.",
            ));
        }
        self.counters.runs += 1;
        let run = RunState {
            now: keyspace.now_micros(),
            slot: (invocation.keys > 0).then(|| Slot::of_key(invocation.args.at(3))),
            cross_slot: flags.allow_cross_slot_keys || self.limits.cross_slot_keys,
            read_only: invocation.read_only || flags.no_writes,
            ..RunState::default()
        };
        let mark = keyspace.begin();
        live.host.with(|host| {
            host.run = run;
            host.stop = None;
            host.leave_for = None;
            host.frame_lost = false;
            host.keyspace.lend(keyspace);
        });
        let stack = live.vm.stack();
        stack.push_anchored(live.handler);
        let Invocation { args, keys, .. } = *invocation;
        live.keys.fill(stack, live.globals, args, 3, keys);
        live.argv.fill(stack, live.globals, args, 3 + keys, args.len().saturating_sub(3 + keys));
        stack.push_anchored(compiled.function);
        let outcome = live.vm.call_script(&self.control, 1);
        let (stop, resp) = live.host.with(|host| {
            host.keyspace.take_back();
            host.run.queue = None;
            (host.stop, host.run.resp)
        });
        let memory_exceeded = live.vm.memory_exceeded();
        let result = match (outcome, stop) {
            (Ok(()), None) if !memory_exceeded => {
                keyspace.keep(mark);
                match reply.as_resp() {
                    Some((out, version)) => convert::write_top(stack, out, version, resp),
                    None => unreachable!("scripts are not called by scripts"),
                }
                Ok(())
            }
            (_, stop) => {
                keyspace.roll_back(mark);
                let stop = stop.or(memory_exceeded.then_some(Stop::Memory));
                Err(failure(live, &self.limits, &mut self.counters, compiled, stop))
            }
        };
        live.vm.stack().set_top(0);
        if memory_exceeded {
            live.vm.collect_garbage();
        }
        result
    }
}

/// The error of a script that did not reach its end, its error value on top of the stack.
fn failure(
    live: &mut Live,
    limits: &Limits,
    counters: &mut ScriptCounters,
    compiled: &Compiled,
    stop: Option<Stop>,
) -> CommandError {
    let hex = &compiled.hex;
    let stopped_at = live.host.with(|host| host.stopped_at.take());
    let at = |position: Option<(Vec<u8>, i64)>| match position {
        Some((source, line)) => {
            format!(" script: {hex}, on {}:{line}.", String::from_utf8_lossy(&source))
        }
        None => String::new(),
    };
    let (text, position) = match stop {
        None => {
            counters.errors += 1;
            let lost = live.vm.stack().flag(-1, b"lost");
            let (text, position) = error_text(live.vm.stack());
            let position = position.or_else(|| last_return(&compiled.source.body));
            match (&position, text.strip_prefix("ERR ")) {
                (Some((_, line)), Some(rest)) if lost => {
                    (format!("ERR user_script:{line}: {rest}"), position)
                }
                _ => (text, position),
            }
        }
        Some(Stop::Killed) => {
            counters.kills += 1;
            ("ERR Script killed by user with SCRIPT KILL...".into(), stopped_at)
        }
        Some(Stop::Timeout) => {
            counters.timeouts += 1;
            let text = format!(
                "TIMEOUT Script ran longer than {} ms and was rolled back.",
                limits.time_ms
            );
            (text, stopped_at)
        }
        Some(Stop::Memory) => {
            counters.out_of_memory += 1;
            let text = format!(
                "OOM Script used more than {} bytes of memory and was rolled back.",
                limits.memory_bytes
            );
            (text, stopped_at)
        }
        Some(Stop::Leave) => {
            counters.runs -= 1;
            let slot = live.host.with(|host| host.leave_for.take());
            return slot.map_or(CommandError::Text("ERR the script has no slot"), |slot| {
                CommandError::Relocate(slot)
            });
        }
    };
    CommandError::dynamic(text + &at(position))
}

/// Where `return redis.call(…)` may have been that left no frame behind: LuaJIT replaces the frame
/// in a tail call, PUC Lua keeps it for calls of C functions. A chunk's own return is its last
/// statement, so the last line with that word is the best guess.
fn last_return(body: &[u8]) -> Option<(Vec<u8>, i64)> {
    let has_return = |line: &[u8]| line.windows(6).any(|word| word == b"return");
    let line = body.split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| has_return(line));
    line.last().map(|(at, _)| (b"@user_script".to_vec(), at as i64 + 1))
}

/// The text of the error value on top of the stack, and where it was raised.
fn error_text(stack: Stack) -> (String, Option<(Vec<u8>, i64)>) {
    if stack.kind(-1) != Kind::Table {
        let text = String::from_utf8_lossy(&display(stack, -1)).into_owned();
        return (format!("ERR {text}"), None);
    }
    stack.raw_get_name(-1, b"err");
    let text = stack.text(-1).unwrap_or_else(|| b"ERR unknown error".to_vec());
    stack.pop(1);
    stack.raw_get_name(-1, b"source");
    stack.raw_get_name(-2, b"line");
    let line = stack.number(-1) as i64;
    let position = stack.with_bytes(-2, |source| (source.to_vec(), line));
    stack.pop(2);
    (String::from_utf8_lossy(&text).into_owned(), position)
}

/// The functions of the `redis` table.
const REDIS: &[(&str, HostFunction)] = &[
    ("call", Host::call),
    ("error_reply", Host::error_reply),
    ("log", Host::log),
    ("pcall", Host::pcall),
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
    stack.call_trusted(2).map_err(failed)?;
    // The sandbox returns one table with both.
    stack.raw_get_index(-1, 1);
    stack.set_globals();
    stack.raw_get_index(-1, 2);
    let globals = stack.anchor();
    stack.pop(1);
    Ok(globals)
}
