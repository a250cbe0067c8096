//! A shard in this process: no sockets, no node, no clock.
//!
//! What a request costs here is what the engine itself costs. The caller has done what the router
//! does in a node (found the command and the slot), so that is not part of it.
//!
//! The shard is set up as a node sets it up, but for the log: effects are recorded as they will be
//! for a log and then dropped, every so many requests.

use anyhow::{Result, bail, ensure};
use protocol::args::Request;
use protocol::encode::Version;
use protocol::slot::Slot;
use protocol::spec::Slots;
use shard::Shard;
use shard::commands::table::{CommandId, CommandTable};
use shard::keyspace::Keyspace;
use shard::reply::Reply;
use shard::script::sha::Sha;
use shard::script::{Limits, ScriptEngine};
use shard::time::Micros;
use std::sync::OnceLock;

/// The time of all requests: nothing expires.
const NOW: Micros = Micros(1_700_000_000_000_000);
/// The seed of random picks; the same for every run.
const SEED: u64 = 42;
/// Recorded effects are dropped when there are so many bytes: a log would take them.
const EFFECTS_MAX: usize = 64 * 1024;

/// A request that is ready to run.
#[derive(Debug)]
pub struct Prepared {
    id: CommandId,
    request: Request,
    slot: Option<Slot>,
}

/// A shard of all slots. See the module.
pub struct Local {
    shard: Shard,
    out: Vec<u8>,
}

impl Default for Local {
    fn default() -> Self {
        Self::new()
    }
}

impl Local {
    /// An empty shard.
    pub fn new() -> Self {
        static TABLE: OnceLock<CommandTable> = OnceLock::new();
        let table = TABLE.get_or_init(|| CommandTable::new([]));
        let mut keyspace = Keyspace::new(0, protocol::slot::SLOT_COUNT, SEED);
        keyspace.record_effects(true);
        let mut scripts = ScriptEngine::default();
        let denied = ["FLUSHALL", "FLUSHDB"].iter();
        let denied = denied.filter_map(|name| table.lookup(name.as_bytes())).collect();
        scripts.configure(Limits { denied, ..Limits::default() });
        Self { shard: Shard::new(keyspace, scripts, table), out: Vec::new() }
    }

    /// Whether there is such a command.
    pub fn knows(&self, command: &str) -> bool {
        self.shard.table().lookup(command.as_bytes()).is_some()
    }

    /// Changes made so far.
    pub fn changes(&self) -> u64 {
        self.shard.keyspace().counters().changes
    }

    /// Loads a script and gives back its name.
    pub fn load(&mut self, script: &str) -> Result<String> {
        self.request(&["SCRIPT", "LOAD", script])?;
        Ok(Sha::of(script.as_bytes()).hex())
    }

    /// Runs a request and gives back its reply as RESP. An error reply is an `Err`.
    pub fn request(&mut self, words: &[&str]) -> Result<String> {
        let prepared = self.prepare(words)?;
        let reply = String::from_utf8_lossy(self.run(&prepared)).into_owned();
        ensure!(!reply.starts_with('-'), "{} answered: {}", words[0], reply.trim_end());
        Ok(reply)
    }

    /// Finds the command and the slot of a request.
    pub fn prepare<T: AsRef<[u8]>>(&self, words: &[T]) -> Result<Prepared> {
        let request = Request::of(words);
        let table = self.shard.table();
        let id = table.resolve(request.args())?;
        let slot = match table.spec(id).slots(request.args()) {
            Slots::None => None,
            Slots::One(slot) => Some(slot),
            Slots::Several { .. } => bail!("keys of several slots"),
        };
        Ok(Prepared { id, request, slot })
    }

    /// Runs a request and shows its reply.
    #[inline]
    pub fn run(&mut self, prepared: &Prepared) -> &[u8] {
        let Prepared { id, request, slot } = prepared;
        self.out.clear();
        let mut reply = Reply::resp(&mut self.out, Version::Resp2);
        self.shard.execute(*id, request.args(), *slot, NOW, &mut reply);
        if self.shard.keyspace().effects().len() > EFFECTS_MAX {
            drop(self.shard.keyspace_mut().take_effects());
        }
        &self.out
    }

    /// Frees a part of what is used no more; says whether there was one.
    pub fn free_some(&mut self) -> bool {
        self.shard.keyspace_mut().free_some(1) > 0
    }

    /// Runs requests with the undo log open, as those of a script, and keeps what they change.
    #[inline]
    pub fn run_undoable(&mut self, requests: &[Prepared]) {
        let mark = self.shard.keyspace_mut().begin();
        for request in requests {
            self.run(request);
        }
        self.shard.keyspace_mut().keep(mark);
    }
}
