//! CLUSTER COUNTKEYSINSLOT, FLUSHSLOT and GETKEYSINSLOT: the keys of a slot, asked of the shard that
//! has it.

use protocol::args::Args;
use protocol::encode;
use protocol::error::ArgsError;
use protocol::number::parse_i64;
use protocol::slot::Slot;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use router::topology::Owner;
use shard::Shard;
use shard::error::CommandError;
use shard::keyspace::Events;

use super::{Done, NodeCall, NodeCommand};
use crate::executor::Executor;

/// Sorted by name.
pub(super) const COMMANDS: &[(&CommandSpec, NodeCommand)] =
    &[(&COUNT, count), (&FLUSH, flush), (&KEYS, keys)];

static COUNT: CommandSpec = CommandSpec {
    name: "cluster|countkeysinslot",
    family: Family::Cluster,
    arity: Arity::exactly(3),
    flags: Flags::STALE,
    since: "3.0.0",
    summary: "Returns the number of keys in a hash slot.",
    ..CommandSpec::NEW
};

static FLUSH: CommandSpec = CommandSpec {
    name: "cluster|flushslot",
    family: Family::Cluster,
    arity: Arity::at_least(3),
    flags: Flags::ADMIN.union(Flags::NOSCRIPT),
    acl_extra: &["keyspace", "write"],
    since: "9.0.0",
    complexity: "O(N) where N is the number of keys in the target slot",
    summary: "Removes all keys from the target slot.",
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
    look_at_owner(call, slot, move |shard, out| {
        encode::header(out, b':', shard.keyspace().slot_len(slot) as i64);
    })
}

/// ASYNC and SYNC make no difference: a shard is one thread.
fn flush(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    if args.len() > 4 {
        let name = String::from_utf8_lossy(args.at(1)).into_owned();
        return Err(CommandError::dynamic(format!(
            "ERR unknown subcommand or wrong number of arguments for '{name}'. Try CLUSTER HELP."
        )));
    }
    let slot =
        parse_slot(args.at(2)).ok_or(CommandError::Text("ERR Invalid or out of range slot"))?;
    if args.len() == 4 && !args.is(3, "ASYNC") && !args.is(3, "SYNC") {
        return Err(ArgsError::Syntax.into());
    }
    let caller = call.session.caller();
    on_owner(call, slot, move |executor, out| {
        let Ok(mut shard) = executor.shard.try_borrow_mut() else {
            return encode::error(out, executor.busy_text(executor.index).as_bytes());
        };
        let keyspace = shard.keyspace_mut();
        keyspace.enter(executor.clock.now(), Some(slot));
        keyspace.set_caller(caller);
        for key in keyspace.slot_keys(slot, usize::MAX) {
            if keyspace.remove(&key) {
                keyspace.notify(Events::GENERIC, "del", &key);
            }
        }
        keyspace.commit_command();
        executor.release(&mut shard);
        encode::status(out, "OK");
    })
}

fn keys(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let (_, most) = (args.int(2)?, args.int(3)?);
    let slot = parse_slot(args.at(2));
    let (Some(slot), Ok(most)) = (slot, usize::try_from(most)) else {
        return Err(CommandError::Text("ERR Invalid slot or number of keys"));
    };
    look_at_owner(call, slot, move |shard, out| {
        let keys = shard.keyspace().slot_keys(slot, most);
        encode::header(out, b'*', keys.len() as i64);
        keys.iter().for_each(|key| encode::bulk(out, key));
    })
}

/// Has the shard of this node that owns the slot write the reply from what it sees.
fn look_at_owner(
    call: &mut NodeCall<'_, '_>,
    slot: Slot,
    write: impl FnOnce(&Shard, &mut Vec<u8>) + Send + 'static,
) -> Result<Done, CommandError> {
    on_owner(call, slot, |executor, out| match executor.shard.try_borrow() {
        Ok(shard) => write(&shard, out),
        Err(_) => encode::error(out, executor.busy_text(executor.index).as_bytes()),
    })
}

/// Has the executor of this node that owns the slot write the reply; the own one answers, with
/// nothing, for slots of other nodes.
fn on_owner(
    call: &mut NodeCall<'_, '_>,
    slot: Slot,
    write: impl FnOnce(&Executor, &mut Vec<u8>) + Send + 'static,
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
        write(executor, &mut out);
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
