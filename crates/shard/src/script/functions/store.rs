//! The libraries of a node: what FUNCTION LOAD, DELETE, FLUSH, RESTORE, LIST and DUMP speak of.
//!
//! One store for all shards of a process. It holds code and what the code has registered when it
//! was loaded first; each shard makes functions of its own VM from it, and notices by the
//! generation that it has to. So a library that was loaded over any connection is there on every
//! shard before the reply is sent, and a shard that is in a long script meanwhile holds nobody up.
//!
//! # Invariants
//! - I1. A change is checked and made under one lock: a refused one has changed nothing.
//! - I2. A name of a function, whatever its case, belongs to one library.
//! - I3. The generation changes with every change, after it has been made.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::payload;
use crate::error::CommandError;
use crate::script::shebang::ScriptFlags;

/// A function, as its library has registered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name, in the case in which it was registered.
    pub name: String,
    /// What it is for, if the library says so.
    pub description: Option<Vec<u8>>,
    /// What it declares of itself.
    pub flags: ScriptFlags,
}

/// A library: code, and what that has registered.
#[derive(Debug)]
pub struct Library {
    /// Its name; the case matters.
    pub name: String,
    /// The code as it came, first line included.
    pub code: Vec<u8>,
    /// What it has registered, in that order.
    pub functions: Vec<Function>,
}

impl Library {
    /// Bytes of its code, names and descriptions.
    fn memory(&self) -> usize {
        let of = |function: &Function| {
            function.name.len() + function.description.as_ref().map_or(0, Vec::len)
        };
        self.name.len() + self.code.len() + self.functions.iter().map(of).sum::<usize>()
    }
}

/// How RESTORE treats libraries that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restore {
    /// They go.
    Flush,
    /// They stay; one of the same name refuses the restore.
    Append,
    /// They stay, but for those of the same name.
    Replace,
}

/// How many libraries and functions there are, and how large they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FunctionFigures {
    /// Libraries.
    pub libraries: usize,
    /// Functions of all libraries.
    pub functions: usize,
    /// Bytes of code, names and descriptions.
    pub memory: usize,
}

/// What a shard has to make its functions from.
pub(super) struct Snapshot {
    pub(super) generation: u64,
    /// How often all libraries have been flushed: the VM is then to be made anew.
    pub(super) flushes: u64,
    pub(super) libraries: Vec<Arc<Library>>,
}

#[derive(Default)]
struct Inner {
    libraries: BTreeMap<String, Arc<Library>>,
    flushes: u64,
}

/// The libraries of a node. See the module.
#[derive(Default)]
pub struct FunctionStore {
    inner: Mutex<Inner>,
    generation: AtomicU64,
}

impl FunctionStore {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every state between two statements is a legal one, so a poisoned lock is still good.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_change(&self) {
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Changes with each change of the libraries.
    #[inline]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The library of this name.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Library>> {
        self.lock().libraries.get(name).cloned()
    }

    /// Adds a library, in place of one of the same name if `replace` is set.
    ///
    /// # Errors
    /// There is one of this name, or another has a function of one of its names.
    pub(super) fn add(&self, library: Arc<Library>, replace: bool) -> Result<(), CommandError> {
        let mut inner = self.lock();
        if !replace && inner.libraries.contains_key(&library.name) {
            return Err(quoted_library_exists(&library.name));
        }
        let mut after = inner.libraries.clone();
        after.insert(library.name.clone(), library.clone());
        check_functions(&after, &[library])?;
        inner.libraries = after;
        self.note_change();
        Ok(())
    }

    /// Removes a library.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn delete(&self, name: &[u8]) -> Result<(), CommandError> {
        let mut inner = self.lock();
        let found = std::str::from_utf8(name).ok().and_then(|name| inner.libraries.remove(name));
        found.ok_or(CommandError::Text("ERR Library not found"))?;
        self.note_change();
        Ok(())
    }

    /// Removes all libraries, and with them what their VMs have kept.
    pub fn flush(&self) {
        let mut inner = self.lock();
        inner.libraries.clear();
        inner.flushes += 1;
        self.note_change();
    }

    /// Adds libraries, whose names differ, all or none.
    ///
    /// # Errors
    /// A library of the same name is there and `policy` says that it stays, or a function of the
    /// same name in another library.
    pub(super) fn restore(
        &self,
        libraries: &[Arc<Library>],
        policy: Restore,
    ) -> Result<(), CommandError> {
        let mut inner = self.lock();
        let mut after = match policy {
            Restore::Flush => BTreeMap::new(),
            Restore::Append | Restore::Replace => inner.libraries.clone(),
        };
        for library in libraries {
            let old = after.insert(library.name.clone(), library.clone());
            if old.is_some() && policy == Restore::Append {
                let text = format!("ERR Library {} already exists", library.name);
                return Err(CommandError::dynamic(text));
            }
        }
        check_functions(&after, libraries)?;
        inner.libraries = after;
        inner.flushes += u64::from(policy == Restore::Flush);
        self.note_change();
        Ok(())
    }

    /// The payload that holds all libraries, as FUNCTION DUMP replies it.
    pub fn dump(&self) -> Vec<u8> {
        payload::write(self.libraries().iter().map(|library| &library.code[..]))
    }

    /// All libraries, by name.
    pub fn libraries(&self) -> Vec<Arc<Library>> {
        self.lock().libraries.values().cloned().collect()
    }

    /// The name of a function as it was registered.
    pub fn function_name(&self, called: &[u8]) -> Option<String> {
        let inner = self.lock();
        let mut functions = inner.libraries.values().flat_map(|library| &library.functions);
        let found = functions.find(|known| known.name.as_bytes().eq_ignore_ascii_case(called));
        found.map(|function| function.name.clone())
    }

    /// How much there is.
    pub fn figures(&self) -> FunctionFigures {
        let inner = self.lock();
        let libraries = inner.libraries.values();
        libraries.fold(FunctionFigures::default(), |figures, library| FunctionFigures {
            libraries: figures.libraries + 1,
            functions: figures.functions + library.functions.len(),
            memory: figures.memory + library.memory(),
        })
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let inner = self.lock();
        Snapshot {
            // Changes are made under the lock, so this is the one that the libraries have.
            generation: self.generation(),
            flushes: inner.flushes,
            libraries: inner.libraries.values().cloned().collect(),
        }
    }
}

/// The name of a function as it is looked up: its case does not matter.
pub(super) fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// I2, for the functions of `new`, which are among `all`.
fn check_functions(
    all: &BTreeMap<String, Arc<Library>>,
    new: &[Arc<Library>],
) -> Result<(), CommandError> {
    let mut owners: BTreeMap<String, &Arc<Library>> = BTreeMap::new();
    let is_new = |library: &Arc<Library>| new.iter().any(|known| Arc::ptr_eq(known, library));
    let (added, kept): (Vec<_>, Vec<_>) = all.values().partition(|library| is_new(library));
    for library in kept.into_iter().chain(added) {
        for function in &library.functions {
            if owners.insert(folded(&function.name), library).is_some() {
                let text = format!("ERR Function {} already exists", function.name);
                return Err(CommandError::dynamic(text));
            }
        }
    }
    Ok(())
}

/// Redis quotes the name in FUNCTION LOAD and not in FUNCTION RESTORE.
pub(super) fn quoted_library_exists(name: &str) -> CommandError {
    CommandError::dynamic(format!("ERR Library '{name}' already exists"))
}

#[cfg(test)]
#[path = "store_test.rs"]
mod tests;
