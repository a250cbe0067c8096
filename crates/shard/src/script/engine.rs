//! The script host of one shard.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use protocol::encode::Version;

use super::compile::compile_script;
use super::compiled::{Compiled, CompiledScripts, Place};
use super::debug::{self, Session};
use super::functions::{FunctionEngine, FunctionStore};
use super::host::Services;
use super::interrupt::Control;
use super::lib::Generator;
use super::limits::Limits;
use super::machine::{Machine, Parts, Purpose};
use super::outcome::ScriptCounters;
use super::program::Program;
use super::proof;
use super::run::{Invocation, Rehearsal, Runner};
use super::setting::Setting;
use super::sha::Sha;
use super::stats::ScriptStats;
use super::store::ScriptStore;
use crate::acl::RestrictedUser;
use crate::commands::table::CommandTable;
use crate::error::CommandError;
use crate::gauge::Gauge;
use crate::keyspace::Keyspace;
use crate::reply::Reply;

/// The script host of one shard. See the module.
pub struct ScriptEngine {
    store: Arc<ScriptStore>,
    setting: Setting,
    machine: Option<Machine>,
    compiled: CompiledScripts,
    generation: u64,
    counters: ScriptCounters,
    functions: FunctionEngine,
    /// The next script that comes by its text is debugged.
    debug_next: Option<debug::Request>,
}

impl Default for ScriptEngine {
    fn default() -> Self {
        Self::new(Arc::default(), Arc::default())
    }
}

impl ScriptEngine {
    /// A script host that knows the scripts of `store` and the libraries of `functions`. Its VMs
    /// are made when they are first needed.
    pub fn new(store: Arc<ScriptStore>, functions: Arc<FunctionStore>) -> Self {
        let generation = store.generation();
        Self {
            store,
            setting: Setting {
                control: Arc::default(),
                limits: Limits::default(),
                services: None,
                table: None,
                random: Generator::default(),
                jit: true,
                permits_all: false,
                gauge: Arc::default(),
                restricted: None,
                #[cfg(any(test, feature = "testing"))]
                fault_after: None,
            },
            machine: None,
            compiled: CompiledScripts::default(),
            generation,
            counters: ScriptCounters::default(),
            functions: FunctionEngine::new(functions),
            debug_next: None,
        }
    }

    /// The scripts of the node.
    pub fn store(&self) -> &Arc<ScriptStore> {
        &self.store
    }

    /// What other threads stop scripts with.
    pub fn control(&self) -> &Arc<Control> {
        &self.setting.control
    }

    /// How scripts have ended.
    pub fn counters(&self) -> ScriptCounters {
        self.counters
    }

    /// Bytes of memory of the VM.
    pub fn memory_used(&self) -> usize {
        self.machine.as_ref().map_or(0, |machine| machine.vm.memory_used())
    }

    /// Puts limits in force.
    pub fn configure(&mut self, limits: Limits) {
        self.setting.limits = limits;
        for machine in self.machine.iter_mut().chain(self.functions.machine_mut()) {
            machine.vm.set_memory_limit(self.setting.limits.memory_bytes);
            let (stack, denied) = (machine.vm.stack(), self.setting.limits.denied.clone());
            machine.host.with(|host| host.deny(stack, denied));
        }
    }

    /// Whether scripts may call commands that are not for scripts: for tests of a server.
    pub fn permit_all_commands(&mut self, permit: bool) {
        self.setting.permits_all = permit;
        for machine in self.machine.iter_mut().chain(self.functions.machine_mut()) {
            machine.host.with(|host| host.permits_all = permit);
        }
    }

    /// Tells the host about the server around it.
    pub fn set_services(&mut self, services: Rc<dyn Services>) {
        for machine in self.machine.iter_mut().chain(self.functions.machine_mut()) {
            let services = services.clone();
            machine.host.with(|host| host.services = Some(services));
        }
        self.setting.services = Some(services);
    }

    pub(crate) fn set_gauge(&mut self, gauge: Arc<Gauge>) {
        self.setting.gauge = gauge;
    }

    /// Whose permissions scripts have from now on; `None`: all there are.
    #[inline]
    pub(crate) fn set_restricted(&mut self, restricted: Option<Arc<RestrictedUser>>) {
        self.setting.restricted = restricted;
    }

    /// Whose permissions scripts have, if not all there are.
    #[inline]
    pub(crate) fn restricted(&self) -> Option<&Arc<RestrictedUser>> {
        self.setting.restricted.as_ref()
    }

    pub(crate) fn set_table(&mut self, table: &'static CommandTable) {
        self.setting.table = Some(table);
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
        if let Some(request) = self.debug_next.take() {
            return self.debug(request, keyspace, body, invocation, reply);
        }
        self.forget_flushed();
        let place = self.ensure_compiled(body)?;
        self.run(keyspace, place, invocation, reply)
    }

    /// Runs a script that is known by the digits of its SHA-1.
    ///
    /// # Errors
    /// What to reply instead: nothing has been changed.
    pub fn eval_sha(
        &mut self,
        keyspace: &mut Keyspace,
        digits: &[u8; 40],
        invocation: &Invocation<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), CommandError> {
        self.forget_flushed();
        let recent = self.compiled.find_recent(digits).filter(|place| {
            self.compiled.at(*place).is_some_and(|compiled| !compiled.source.is_gone())
        });
        let place = match recent {
            Some(place) => place,
            None => {
                let sha = Sha::parse(digits).ok_or(CommandError::NoScript)?;
                let place = self.ensure_known(sha)?;
                self.compiled.note_recent(digits, place);
                place
            }
        };
        self.run(keyspace, place, invocation, reply)
    }

    /// Adds a script to the node's, pinned. Returns its name.
    ///
    /// # Errors
    /// It does not compile.
    pub fn load(&mut self, body: &[u8]) -> Result<Sha, CommandError> {
        let sha = Sha::of(body);
        self.forget_flushed();
        if self.find_compiled(sha).is_some() {
            self.store.add(sha, body, true);
        } else {
            self.compile(sha, body, true)?;
        }
        Ok(sha)
    }

    /// Compiles a script that came by its text, if that is new here.
    fn ensure_compiled(&mut self, body: &[u8]) -> Result<Place, CommandError> {
        let sha = Sha::of(body);
        match self.find_compiled(sha) {
            Some(place) => Ok(place),
            None => self.compile(sha, body, false),
        }
    }

    /// Compiles a script that the node knows, if that is new here.
    fn ensure_known(&mut self, sha: Sha) -> Result<Place, CommandError> {
        if let Some(place) = self.find_compiled(sha) {
            return Ok(place);
        }
        let source = self.store.find(sha).ok_or(CommandError::NoScript)?;
        self.compile(sha, &source.body, false)
    }

    /// The script, if it is compiled here and still one of the node's.
    fn find_compiled(&mut self, sha: Sha) -> Option<Place> {
        let place = self.compiled.find(sha)?;
        if !self.compiled.at(place)?.source.is_gone() {
            return Some(place);
        }
        if let (Some(gone), Some(machine)) = (self.compiled.remove(sha), &self.machine) {
            machine.vm.stack().release(gone.program.function);
        }
        None
    }

    /// After SCRIPT FLUSH everything begins anew, the VM included.
    fn forget_flushed(&mut self) {
        let generation = self.store.generation();
        if generation != self.generation {
            self.generation = generation;
            self.compiled.clear();
            self.machine = None;
        }
    }

    fn compile(&mut self, sha: Sha, body: &[u8], pinned: bool) -> Result<Place, CommandError> {
        let program = self.program(sha, body)?;
        let compiled = Compiled { program, source: self.store.add(sha, body, pinned) };
        Ok(self.compiled.insert(sha, compiled))
    }

    /// A script, compiled for the VM.
    fn program(&mut self, sha: Sha, body: &[u8]) -> Result<Program, CommandError> {
        let (control, limits) = (self.setting.control.clone(), self.setting.limits.clone());
        let machine = self.machine()?;
        let program = compile_script(machine, &control, &limits, sha, body, true);
        machine.settle();
        program
    }

    /// The functions of this shard.
    pub(super) fn function_engine(&self) -> &FunctionEngine {
        &self.functions
    }

    /// A VM for scripts.
    fn make_machine(&self, jit: bool) -> Result<Machine, CommandError> {
        Machine::new(&self.setting.parts(jit)?, Purpose::Scripts)
    }

    /// The functions of this shard, to be changed.
    pub(super) fn function_engine_mut(&mut self) -> &mut FunctionEngine {
        &mut self.functions
    }

    /// The functions of this shard, what their VM is made of, and what runs them.
    ///
    /// # Errors
    /// Nobody has said which commands there are.
    pub(super) fn functions(
        &mut self,
    ) -> Result<(&mut FunctionEngine, Parts<'_>, Runner<'_>), CommandError> {
        let parts = self.setting.parts(self.setting.jit)?;
        let runner = self.setting.runner(&mut self.counters);
        Ok((&mut self.functions, parts, runner))
    }

    /// The VM, made when it is first needed.
    fn machine(&mut self) -> Result<&mut Machine, CommandError> {
        if self.machine.is_none() {
            self.machine = Some(self.make_machine(self.setting.jit)?);
        }
        match &mut self.machine {
            Some(machine) => Ok(machine),
            None => unreachable!("made just above"),
        }
    }

    /// Lets the command of each script fail that writes as the `writes`-th, right after it has
    /// written; `None` ends that.
    #[cfg(any(test, feature = "testing"))]
    pub fn inject_fault(&mut self, writes: Option<u64>) {
        self.setting.fault_after = writes;
    }

    /// How a script uses KEYS and ARGV; `None` for one that has no direct globals.
    #[cfg(test)]
    pub(crate) fn judged(&mut self, body: &[u8]) -> Option<super::list::ListUse> {
        let machine = self.machine().unwrap();
        machine.vm.stack().load(body, c"@user_script").unwrap();
        let judged = machine.judge();
        machine.vm.stack().set_top(0);
        judged
    }

    /// Runs a compiled loop until whoever watches this shard asks for its end. Says whether that
    /// ended it: where compiled loops do not look for hooks, it goes on to its own end.
    ///
    /// # Errors
    /// The VM could not be made.
    pub fn prove_stoppable(&mut self) -> Result<bool, CommandError> {
        self.prove_within(proof::TURNS_MOST)
    }

    pub(super) fn prove_within(&mut self, turns_most: u64) -> Result<bool, CommandError> {
        let control = self.setting.control.clone();
        let machine = self.machine()?;
        Ok(proof::prove(turns_most, |turns| proof::run_loop(machine, &control, turns)))
    }

    /// Switches the JIT compiler off, for good: compiled loops cannot be stopped in this build. Says
    /// whether it is off.
    #[must_use]
    pub fn disable_jit(&mut self) -> bool {
        self.setting.jit = false;
        let mut all_off = true;
        for machine in self.machine.iter_mut().chain(self.functions.machine_mut()) {
            all_off &= machine.switch_jit_off();
        }
        all_off
    }

    /// Figures of the scripts that this shard has compiled, by the SHA-1 in hex, and of its
    /// functions, by name.
    pub fn stats(&self) -> impl Iterator<Item = (&str, &ScriptStats)> {
        let scripts = self.compiled.iter().map(|compiled| &compiled.program);
        let programs = scripts.chain(self.functions.programs());
        programs.map(|program| (&program.name[..], &program.stats))
    }

    /// Some count that goes on with time, for [`Self::since`]; 0 where nobody has a clock.
    pub fn ticks(&self) -> u64 {
        self.setting.services.as_ref().map_or(0, |services| services.ticks())
    }

    /// The time since a count of ticks.
    pub fn since(&self, ticks: u64) -> Duration {
        let services = self.setting.services.as_ref();
        services.map_or(Duration::ZERO, |services| services.between(ticks, services.ticks()))
    }

    /// Sets all figures to zero.
    pub fn reset_statistics(&mut self) {
        self.counters = ScriptCounters::default();
        let scripts = self.compiled.iter_mut().map(|compiled| &mut compiled.program);
        for program in scripts.chain(self.functions.programs_mut()) {
            program.stats = ScriptStats::default();
        }
    }

    /// Runs a script without keeping what it does, to see what that would be. It is known by its
    /// text or by its SHA-1.
    ///
    /// # Errors
    /// It does not compile, or is to run on another shard.
    pub fn rehearse(
        &mut self,
        keyspace: &mut Keyspace,
        script: &[u8],
        invocation: &Invocation<'_>,
        version: Version,
    ) -> Result<Rehearsal, CommandError> {
        self.forget_flushed();
        let named = Sha::parse(script).unwrap_or_else(|| Sha::of(script));
        if self.store.find(named).is_some() {
            let place = self.ensure_known(named)?;
            let (compiled, machine, mut runner) = self.parts(place)?;
            return runner.rehearse(machine, &mut compiled.program, keyspace, invocation, version);
        }
        // The node does not come to know the script.
        let mut program = self.program(Sha::of(script), script)?;
        let Self { setting, machine: Some(machine), counters, .. } = self else {
            return Err(CommandError::NoScript);
        };
        let mut runner = setting.runner(counters);
        let rehearsal = runner.rehearse(machine, &mut program, keyspace, invocation, version);
        machine.vm.stack().release(program.function);
        rehearsal
    }

    /// Has the next script that comes by its text debugged, instead of just run.
    pub fn debug_next(&mut self, request: debug::Request) {
        self.debug_next = Some(request);
    }

    /// No script has come after all: the session has ended before it began.
    pub fn debug_no_more(&mut self) {
        if let Some(mut request) = self.debug_next.take() {
            request.client.send(&[debug::END_OF_SESSION.to_vec()]);
        }
    }

    /// Runs a script under the debugger, in a VM of its own: no hook is left behind in the other,
    /// and no compiled loop passes a breakpoint by. The node does not come to know the script.
    fn debug(
        &mut self,
        request: debug::Request,
        keyspace: &mut Keyspace,
        body: &[u8],
        invocation: &Invocation<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), CommandError> {
        let sha = Sha::of(body);
        let session = Session::new(request, body, sha.hex());
        let made = self.make_machine(false).and_then(|mut machine| {
            let Setting { control, limits, .. } = &self.setting;
            let program = compile_script(&mut machine, control, limits, sha, body, false)?;
            Ok((machine, program))
        });
        let runner = self.setting.runner(&mut self.counters);
        session.run(runner, made, keyspace, invocation, reply)
    }

    /// Runs a compiled script, all or nothing.
    fn run(
        &mut self,
        keyspace: &mut Keyspace,
        place: Place,
        invocation: &Invocation<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), CommandError> {
        let (compiled, machine, mut runner) = self.parts(place)?;
        runner.run(machine, &mut compiled.program, keyspace, invocation, reply)
    }

    /// A compiled script and what runs it.
    #[inline]
    fn parts(
        &mut self,
        place: Place,
    ) -> Result<(&mut Compiled, &mut Machine, Runner<'_>), CommandError> {
        let (Some(compiled), Some(machine)) = (self.compiled.at_mut(place), &mut self.machine)
        else {
            return Err(CommandError::NoScript);
        };
        self.store.mark_used(&compiled.source);
        let runner = self.setting.runner(&mut self.counters);
        Ok((compiled, machine, runner))
    }
}
