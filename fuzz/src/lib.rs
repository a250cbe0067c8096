//! What fuzz targets of the script libraries share: a shard that runs a script with arbitrary
//! arguments, and ends it after some thousand steps.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use protocol::args::Args;
use protocol::slot::Slot;
use shard::commands::table::CommandId;
use shard::error::CommandError;
use shard::reply::Reply;
use shard::script::interrupt::{Control, Request};
use shard::script::{Limits, Services, SlotOwner};
use shard::testing::Rig;

/// Most memory of a script, in bytes.
const MEMORY_MAX: usize = 64 << 20;

/// Asks for the end of a script when it first touches a key. The hook is not told, so the script
/// goes on until a function of the host that takes long looks.
struct Stopper(Arc<Control>);

impl Services for Stopper {
    fn answer(&self, _: CommandId, _: Args<'_>, _: &mut Reply<'_>) -> Result<(), CommandError> {
        Ok(())
    }

    fn attend(&self, _: Option<Args<'_>>) {}

    fn owner(&self, _: Slot) -> SlotOwner {
        if let Some(run) = self.0.running() {
            self.0.ask(run, Request::Timeout);
        }
        SlotOwner::Here
    }

    fn ticks(&self) -> u64 {
        0
    }

    fn between(&self, _: u64, _: u64) -> Duration {
        Duration::ZERO
    }

    fn libraries_changed(&self) {}
}

/// A shard for targets of the script libraries.
pub struct Bench(Rig);

impl Default for Bench {
    fn default() -> Self {
        let mut rig = Rig::new().once();
        let scripts = rig.shard().scripts_mut();
        let control = scripts.control().clone();
        scripts.configure(Limits { memory_bytes: MEMORY_MAX, ..Limits::default() });
        scripts.set_services(Rc::new(Stopper(control)));
        Self(rig)
    }
}

impl Bench {
    /// Runs a script with these arguments: it returns `fine`, or is ended by a limit.
    ///
    /// # Panics
    /// When it does not.
    pub fn check(&mut self, script: &str, arguments: &[&[u8]]) {
        let mut parts: Vec<&[u8]> = vec![b"EVAL", script.as_bytes(), b"0"];
        parts.extend(arguments);
        let reply = self.0.run_parts(&parts);
        let ended = ["-OOM Script used", "-TIMEOUT Script ran"];
        let fine = reply == "$fine" || ended.iter().any(|text| reply.starts_with(text));
        assert!(fine, "{arguments:?}: {reply}");
    }

    /// Runs a request and returns the reply.
    pub fn run(&mut self, parts: &[&[u8]]) -> String {
        self.0.run_parts(parts)
    }
}

/// Whether source text may run for ever: nobody is there to stop it.
pub fn may_not_end(text: &[u8]) -> bool {
    let words: [&[u8]; 9] =
        [b"while", b"for", b"repeat", b"goto", b"function", b"rep", b"find", b"match", b"sub"];
    words.iter().any(|word| text.windows(word.len()).any(|window| window == *word))
}
