//! The Lua host.
pub(crate) mod sink;

/// The script host of one shard.
#[derive(Default)]
pub struct ScriptEngine {}
