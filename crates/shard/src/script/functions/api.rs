//! What commands ask of a shard's functions.

use std::sync::Arc;

use super::{FunctionStore, Restore};
use crate::error::CommandError;
use crate::keyspace::Keyspace;
use crate::reply::Reply;
use crate::script::ScriptEngine;
use crate::script::run::Invocation;

impl ScriptEngine {
    /// Calls a function. `invocation` is what it is given, or what is wrong with that; nobody wants
    /// to know the latter when there is no such function.
    ///
    /// # Errors
    /// What to reply instead: nothing has been changed.
    pub fn fcall(
        &mut self,
        keyspace: &mut Keyspace,
        name: &[u8],
        invocation: Result<Invocation<'_>, CommandError>,
        reply: &mut Reply<'_>,
    ) -> Result<(), CommandError> {
        let (functions, parts, mut runner) = self.functions()?;
        let (program, machine) = functions.find(&parts, name)?;
        runner.run(machine, program, keyspace, &invocation?, reply)
    }

    /// Says that the shard is shown to clients as a master of its own: cluster clients then tell
    /// each shard to load a library.
    pub fn answer_as_master(&mut self) {
        self.function_engine_mut().answer_as_master();
    }

    /// Adds a library to those of the node. Returns its name.
    ///
    /// # Errors
    /// What is wrong with it. Nothing has been changed.
    pub fn load_library(&mut self, code: &[u8], replace: bool) -> Result<String, CommandError> {
        let (functions, parts, _) = self.functions()?;
        let name = functions.load(&parts, code, replace)?;
        self.note_libraries_changed();
        Ok(name)
    }

    /// Removes a library from those of the node.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn delete_library(&mut self, name: &[u8]) -> Result<(), CommandError> {
        self.function_engine_mut().delete(name)?;
        self.note_libraries_changed();
        Ok(())
    }

    /// Removes all libraries of the node.
    pub fn flush_libraries(&mut self) {
        self.function_engine_mut().flush();
        self.note_libraries_changed();
    }

    /// Adds the libraries of a payload of FUNCTION DUMP to those of the node, all or none.
    ///
    /// # Errors
    /// What is wrong with one of them. Nothing has been changed.
    pub fn restore_libraries(
        &mut self,
        payload: &[u8],
        policy: Restore,
    ) -> Result<(), CommandError> {
        let (functions, parts, _) = self.functions()?;
        functions.restore(&parts, payload, policy)?;
        self.note_libraries_changed();
        Ok(())
    }

    /// The libraries of the node, as FUNCTION RESTORE reads them.
    pub fn dump_libraries(&self) -> Vec<u8> {
        self.function_engine().dump()
    }

    /// The libraries of the node.
    pub fn function_store(&self) -> &Arc<FunctionStore> {
        self.function_engine().store()
    }

    /// Bytes of memory of the functions' VM.
    pub fn functions_memory_used(&self) -> usize {
        self.function_engine().memory_used()
    }

    /// Brings this shard's functions up to date with the libraries of the node. A call does that as
    /// well: it saves the first one the time.
    pub fn refresh_functions(&mut self) {
        // Who calls a function is told what is wrong.
        if let Ok((functions, parts, _)) = self.functions() {
            let _ = functions.refresh(&parts);
        }
    }

    fn note_libraries_changed(&mut self) {
        self.refresh_functions();
        let services = self.functions().ok().and_then(|(_, parts, _)| parts.services.cloned());
        if let Some(services) = services {
            services.libraries_changed();
        }
    }
}
