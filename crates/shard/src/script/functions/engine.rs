//! The functions of one shard: a VM of their own, kept up to date with the libraries of the node.

use std::collections::HashMap;
use std::ffi::c_int;
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::endpoint::Endpoint;
use super::load::{self, TIME_LIMIT_MS};
use super::metadata::{self, Metadata};
use super::payload;
use super::registration::Registered;
use super::store::{Function, FunctionStore, Library, Restore, folded, quoted_library_exists};
use crate::error::CommandError;
use crate::script::machine::{Machine, Parts, Purpose};
use crate::script::program::{Program, return_lines};

/// The functions of one shard. See the module.
pub(in crate::script) struct FunctionEngine {
    store: Arc<FunctionStore>,
    machine: Option<Machine>,
    /// Libraries whose code has been run here, with what became of it.
    loaded: Vec<Loaded>,
    /// By folded name.
    callables: HashMap<Vec<u8>, Callable, FixedState>,
    /// Of the store, when this was last up to date with it.
    generation: u64,
    flushes: u64,
    /// The name that is being looked up, folded.
    sought: Vec<u8>,
    endpoint: Endpoint,
}

struct Loaded {
    library: Arc<Library>,
    /// Its code has failed here although it had not where it was loaded first.
    error: Option<CommandError>,
}

/// A function, ready to be called.
struct Callable {
    program: Program,
    /// The library that has registered it.
    library: Arc<Library>,
}

impl FunctionEngine {
    pub(in crate::script) fn new(store: Arc<FunctionStore>) -> Self {
        Self {
            store,
            machine: None,
            loaded: Vec::new(),
            callables: HashMap::default(),
            generation: 0,
            flushes: 0,
            sought: Vec::new(),
            endpoint: Endpoint::default(),
        }
    }

    pub(in crate::script) fn store(&self) -> &Arc<FunctionStore> {
        &self.store
    }

    /// The VM, if there has been need of one.
    pub(in crate::script) fn machine_mut(&mut self) -> Option<&mut Machine> {
        self.machine.as_mut()
    }

    /// The functions that have been made ready on this shard.
    pub(in crate::script) fn programs(&self) -> impl Iterator<Item = &Program> {
        self.callables.values().map(|callable| &callable.program)
    }

    /// The same, to be changed.
    pub(in crate::script) fn programs_mut(&mut self) -> impl Iterator<Item = &mut Program> {
        self.callables.values_mut().map(|callable| &mut callable.program)
    }

    /// Bytes of memory of the VM.
    pub(in crate::script) fn memory_used(&self) -> usize {
        self.machine.as_ref().map_or(0, |machine| machine.vm.memory_used())
    }

    /// Adds a library to those of the node. Returns its name.
    ///
    /// # Errors
    /// What is wrong with it. Nothing has been changed.
    pub(in crate::script) fn load(
        &mut self,
        parts: &Parts<'_>,
        code: &[u8],
        replace: bool,
    ) -> Result<String, CommandError> {
        check_size(parts, code)?;
        let metadata = metadata::parse(code)?;
        // Looked at before the code is run, and again when it is added.
        if let Some(existing) = self.store.find(&metadata.name).filter(|_| !replace) {
            if !self.endpoint.agrees_to_load(&existing, code) {
                return Err(quoted_library_exists(&metadata.name));
            }
            self.endpoint.note(&existing);
            return Ok(metadata.name);
        }
        let (library, registered) = self.make(parts, code, &metadata, TIME_LIMIT_MS)?;
        if let Err(error) = self.store.add(library.clone(), replace) {
            self.discard(&registered);
            return Err(error);
        }
        self.endpoint.note(&library);
        self.adopt(library, registered);
        Ok(metadata.name)
    }

    /// Removes a library from those of the node.
    ///
    /// # Errors
    /// There is none of this name.
    pub(in crate::script) fn delete(&mut self, name: &[u8]) -> Result<(), CommandError> {
        match self.store.delete(name) {
            Ok(()) => self.endpoint.forget(name),
            Err(error) if !self.endpoint.agrees_to_delete(name) => return Err(error),
            Err(_) => {}
        }
        Ok(())
    }

    /// Removes all libraries of the node.
    pub(in crate::script) fn flush(&mut self) {
        self.endpoint.forget_all();
        self.store.flush();
    }

    /// Says that the shard is shown to clients as a master of its own.
    pub(in crate::script) fn answer_as_master(&mut self) {
        self.endpoint.enable();
    }

    /// Adds the libraries of a payload to those of the node, all or none.
    ///
    /// # Errors
    /// What is wrong with one of them. Nothing has been changed.
    pub(in crate::script) fn restore(
        &mut self,
        parts: &Parts<'_>,
        payload: &[u8],
        policy: Restore,
    ) -> Result<(), CommandError> {
        let codes = payload::read(payload)?;
        let mut made: Vec<(Arc<Library>, Vec<Registered>)> = Vec::new();
        let result = codes.iter().try_for_each(|code| {
            check_size(parts, code)?;
            let metadata = metadata::parse(code)?;
            if made.iter().any(|(library, _)| library.name == metadata.name) {
                return Err(quoted_library_exists(&metadata.name));
            }
            if policy == Restore::Append
                && let Some(existing) = self.store.find(&metadata.name)
                && self.endpoint.agrees_to_load(&existing, code)
            {
                self.endpoint.note(&existing);
                return Ok(());
            }
            made.push(self.make(parts, code, &metadata, parts.limits.time_ms)?);
            Ok(())
        });
        let libraries: Vec<Arc<Library>> =
            made.iter().map(|(library, _)| library.clone()).collect();
        let result = result.and_then(|()| self.store.restore(&libraries, policy));
        for (library, registered) in made {
            match result {
                Ok(()) => {
                    self.endpoint.note(&library);
                    self.adopt(library, registered);
                }
                Err(_) => self.discard(&registered),
            }
        }
        result
    }

    /// The payload that holds all libraries of the node.
    pub(in crate::script) fn dump(&self) -> Vec<u8> {
        self.store.dump()
    }

    /// The function of this name and the VM that it is of, brought up to date (I2).
    ///
    /// # Errors
    /// There is no such function, or its library does not load on this shard.
    #[inline]
    pub(in crate::script) fn find(
        &mut self,
        parts: &Parts<'_>,
        name: &[u8],
    ) -> Result<(&mut Program, &mut Machine), CommandError> {
        self.refresh(parts)?;
        self.sought.clear();
        self.sought.extend(name.iter().map(u8::to_ascii_lowercase));
        if !self.callables.contains_key(&self.sought) {
            self.retry(parts)?;
        }
        match (self.callables.get_mut(&self.sought), &mut self.machine) {
            (Some(callable), Some(machine)) => Ok((&mut callable.program, machine)),
            _ => Err(CommandError::Text("ERR Function not found")),
        }
    }

    /// Makes this shard's functions what the store says (I2).
    ///
    /// # Errors
    /// The VM could not be made.
    #[inline]
    pub(in crate::script) fn refresh(&mut self, parts: &Parts<'_>) -> Result<(), CommandError> {
        if self.store.generation() == self.generation { Ok(()) } else { self.catch_up(parts) }
    }

    #[cold]
    fn catch_up(&mut self, parts: &Parts<'_>) -> Result<(), CommandError> {
        let snapshot = self.store.snapshot();
        if snapshot.flushes != self.flushes {
            self.flushes = snapshot.flushes;
            self.loaded.clear();
            self.callables.clear();
            self.machine = None;
        }
        let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.loaded)
            .into_iter()
            .partition(|loaded| contains(&snapshot.libraries, &loaded.library));
        gone.iter().for_each(|loaded| self.forget(&loaded.library));
        self.loaded = kept;
        for library in snapshot.libraries {
            if !self.loaded.iter().any(|loaded| Arc::ptr_eq(&loaded.library, &library)) {
                self.load_again(parts, library)?;
            }
        }
        self.generation = snapshot.generation;
        Ok(())
    }

    /// Runs the code of a library of the node on this shard.
    ///
    /// # Errors
    /// The VM could not be made.
    fn load_again(&mut self, parts: &Parts<'_>, library: Arc<Library>) -> Result<(), CommandError> {
        let time_ms = parts.limits.time_ms;
        self.machine(parts)?;
        let made = metadata::parse(&library.code)
            .and_then(|metadata| self.make(parts, &library.code, &metadata, time_ms));
        let error = match made {
            Ok((same, registered)) if same.functions == library.functions => {
                self.adopt(library, registered);
                return Ok(());
            }
            Ok((_, registered)) => {
                self.discard(&registered);
                CommandError::Text("ERR it registers other functions each time")
            }
            Err(error) => error,
        };
        tracing::warn!(library = library.name, %error, "a library does not load on this shard");
        self.loaded.push(Loaded { library, error: Some(error) });
        Ok(())
    }

    /// The function that is sought is not there. When its library has failed to load here, that is
    /// tried again: the reason may have passed.
    ///
    /// # Errors
    /// It fails again.
    #[cold]
    fn retry(&mut self, parts: &Parts<'_>) -> Result<(), CommandError> {
        let sought = &self.sought;
        let has = |library: &Library| {
            library.functions.iter().any(|function| folded(&function.name).as_bytes() == sought)
        };
        let failed = |loaded: &Loaded| loaded.error.is_some() && has(&loaded.library);
        let Some(at) = self.loaded.iter().position(failed) else { return Ok(()) };
        let library = self.loaded.swap_remove(at).library;
        self.load_again(parts, library)?;
        match self.loaded.last() {
            Some(Loaded { library, error: Some(error) }) => {
                let text = format!(
                    "ERR Library '{}' does not load on the shard of these keys: {error}",
                    library.name
                );
                Err(CommandError::dynamic(text))
            }
            _ => Ok(()),
        }
    }

    /// Runs the code of a library in this shard's VM.
    fn make(
        &mut self,
        parts: &Parts<'_>,
        code: &[u8],
        metadata: &Metadata<'_>,
        time_ms: u64,
    ) -> Result<(Arc<Library>, Vec<Registered>), CommandError> {
        let machine = self.machine(parts)?;
        let registered = load::run(machine, parts.control, parts.limits, metadata, time_ms)?;
        let library = Library {
            name: metadata.name.clone(),
            code: code.to_vec(),
            functions: registered.iter().map(|one| one.function.clone()).collect(),
        };
        Ok((Arc::new(library), registered))
    }

    /// The VM, made when it is first needed.
    fn machine(&mut self, parts: &Parts<'_>) -> Result<&mut Machine, CommandError> {
        if self.machine.is_none() {
            self.machine = Some(Machine::new(parts, Purpose::Functions)?);
        }
        match &mut self.machine {
            Some(machine) => Ok(machine),
            None => unreachable!("made just above"),
        }
    }

    /// Takes in a library that has been loaded here, in place of what had its name.
    fn adopt(&mut self, library: Arc<Library>, registered: Vec<Registered>) {
        let old = self.loaded.iter().position(|loaded| loaded.library.name == library.name);
        if let Some(at) = old {
            let old = self.loaded.swap_remove(at).library;
            self.forget(&old);
        }
        let return_lines: Vec<i64> = return_lines(&library.code).collect();
        for Registered { function, anchor } in registered {
            let name = folded(&function.name).into_bytes();
            let return_line = self.return_line(anchor, &return_lines);
            let Function { name: called, flags, .. } = function;
            let program = Program::function(anchor, flags, called, return_line);
            let callable = Callable { program, library: library.clone() };
            if let Some(old) = self.callables.insert(name, callable) {
                self.release(&old);
            }
        }
        self.loaded.push(Loaded { library, error: None });
    }

    /// The line of the last `return` of a function, of all those that its library has.
    fn return_line(&self, anchor: c_int, return_lines: &[i64]) -> Option<i64> {
        let stack = self.machine.as_ref()?.vm.stack();
        stack.push_anchored(anchor);
        let lines = stack.lines();
        stack.pop(1);
        let (first, last) = lines?;
        let before = &return_lines[..return_lines.partition_point(|line| *line <= last)];
        before.last().copied().filter(|line| *line >= first)
    }

    /// Gives up the functions of a library.
    fn forget(&mut self, library: &Arc<Library>) {
        for function in &library.functions {
            let name = folded(&function.name).into_bytes();
            // Another library may have taken the name over.
            let own = |callable: &Callable| Arc::ptr_eq(&callable.library, library);
            if self.callables.get(&name).is_some_and(own)
                && let Some(old) = self.callables.remove(&name)
            {
                self.release(&old);
            }
        }
    }

    fn release(&self, callable: &Callable) {
        if let Some(machine) = &self.machine {
            machine.vm.stack().release(callable.program.function);
        }
    }

    fn discard(&self, registered: &[Registered]) {
        if let Some(machine) = &self.machine {
            load::release(machine, registered);
        }
    }
}

fn check_size(parts: &Parts<'_>, code: &[u8]) -> Result<(), CommandError> {
    let limit = parts.limits.script_bytes;
    if code.len() > limit {
        return Err(CommandError::dynamic(format!("ERR Script is larger than {limit} bytes")));
    }
    Ok(())
}

fn contains(libraries: &[Arc<Library>], library: &Arc<Library>) -> bool {
    libraries.iter().any(|known| Arc::ptr_eq(known, library))
}
