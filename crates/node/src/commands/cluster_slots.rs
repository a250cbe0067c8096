//! CLUSTER COUNTKEYSINSLOT and GETKEYSINSLOT: the keys of a slot, asked of the shard that has it.

use protocol::args::Args;
use protocol::encode;
use protocol::number::parse_i64;
use protocol::slot::Slot;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use router::topology::Owner;
use shard::Shard;
use shard::error::CommandError;

use super::{Done, NodeCall, NodeCommand};
use crate::executor::Executor;

/// Sorted by name.
pub(super) const COMMANDS: &[(&CommandSpec, NodeCommand)] = &[(&COUNT, count), (&KEYS, keys)];

static COUNT: CommandSpec = CommandSpec {
    name: "cluster|countkeysinslot",
    family: Family::Cluster,
    arity: Arity::exactly(3),
    flags: Flags::STALE,
    since: "3.0.0",
    summary: "Returns the number of keys in a hash slot.",
    ..CommandSpec::NEW
};

static KEYS: CommandSpec = CommandSpec {
    name: "cluster|getkeysinslot",
    family: Family::Cluster,
    arity: Arity::exactly(4),
    flags: Flags::STALE,
    tips: &["nondeterministic_output"],
    since: "3.0.0",
    complexity: "O(N) where N is the number of requested keys",
    summary: "Returns the key names in a hash slot.",
    ..CommandSpec::NEW
};

/// A slot as a client writes it.
pub(super) fn parse_slot(text: &[u8]) -> Option<Slot> {
    parse_i64(text).and_then(|number| u16::try_from(number).ok()).and_then(Slot::new)
}

fn count(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    args.int(2)?;
    let slot = parse_slot(args.at(2)).ok_or(CommandError::Text("ERR Invalid slot"))?;
    on_owner(call, slot, move |shard, out| {
        encode::header(out, b':', shard.keyspace().slot_len(slot) as i64);
    })
}

fn keys(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let (_, most) = (args.int(2)?, args.int(3)?);
    let slot = parse_slot(args.at(2));
    let (Some(slot), Ok(most)) = (slot, usize::try_from(most)) else {
        return Err(CommandError::Text("ERR Invalid slot or number of keys"));
    };
    on_owner(call, slot, move |shard, out| {
        let keys = shard.keyspace().slot_keys(slot, most);
        encode::header(out, b'*', keys.len() as i64);
        keys.iter().for_each(|key| encode::bulk(out, key));
    })
}

/// Has the shard of this node that owns the slot write the reply; the own shard answers, with
/// nothing, for slots of other nodes.
fn on_owner(
    call: &mut NodeCall<'_, '_>,
    slot: Slot,
    write: impl FnOnce(&Shard, &mut Vec<u8>) + Send + 'static,
) -> Result<Done, CommandError> {
    let shard = match call.executor.node.topology.owner(slot) {
        Owner::Here(shard) => shard,
        Owner::Node(_) | Owner::Nobody => call.executor.index,
    };
    if let Some(busy) = call.executor.busy(shard) {
        return Err(CommandError::Text(busy));
    }
    if shard == call.executor.index && call.executor.is_in_script() {
        return Ok(Done::WhenShardFree);
    }
    let work = move |executor: &Executor| {
        let mut out = Vec::new();
        match executor.shard.try_borrow() {
            Ok(shard) => write(&shard, &mut out),
            Err(_) => encode::error(&mut out, executor.busy_text(executor.index).as_bytes()),
        }
        out
    };
    if shard == call.executor.index {
        let bytes = work(call.executor);
        if let Some((out, _)) = call.reply.as_resp() {
            out.extend_from_slice(&bytes);
        }
        return Ok(Done::Replied);
    }
    let executor = call.executor.clone();
    Ok(Done::Later(Box::pin(async move { executor.ask(shard, work).await.unwrap_or_default() })))
}
