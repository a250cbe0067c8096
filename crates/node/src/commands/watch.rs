//! WATCH and UNWATCH: have EXEC do nothing if a key has changed.
//!
//! A shard sets the connection's flag when it changes a watched key, at commit and not before; the
//! flag is shared because the key may be another thread's. Keys of different slots may be watched
//! by several WATCH commands, as in Redis.

use std::collections::BTreeMap;
use std::rc::Rc;

use protocol::args::Args;
use protocol::slot::Slot;
use router::plan::{CROSSSLOT, DOWN, Plan, plan};
use router::session::Session;
use router::topology::Owner;
use shard::commands::transactions::WATCH;
use shard::error::CommandError;
use shard::keyspace::WatchFlag;

use super::{Done, NodeCall};
use crate::executor::Executor;

/// WATCH key [key …].
pub(crate) fn watch(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    if call.session.transaction.is_some() {
        return Err(CommandError::Text("ERR WATCH inside MULTI is not allowed"));
    }
    let (shard, slot) = match plan(&WATCH, args, &call.executor.node.topology) {
        Plan::Shard { shard, slot } => (shard, slot),
        Plan::Moved { slot, member } => {
            return Err(CommandError::dynamic(call.connection.view.moved(slot, member)));
        }
        Plan::CrossSlot => return Err(CommandError::Text(CROSSSLOT)),
        Plan::Down(_) | Plan::Local | Plan::FanOut(_) => return Err(CommandError::Text(DOWN)),
    };
    if let Some(busy) = call.executor.busy(shard) {
        return Err(CommandError::Text(busy));
    }
    if shard == call.executor.index && call.executor.is_in_script() {
        return Ok(Done::WhenShardFree);
    }
    let keys: Vec<Vec<u8>> = args.iter_from(1).map(<[u8]>::to_vec).collect();
    keys.iter().for_each(|key| call.session.watch(slot, key));
    let flag = call.session.watch_flag.clone();
    let work = move |executor: &Executor| {
        let Ok(mut shard) = executor.shard.try_borrow_mut() else { return };
        let now = executor.clock.now();
        shard.keyspace_mut().enter(now, Some(slot));
        keys.iter().for_each(|key| shard.keyspace_mut().watch(key, &flag));
    };
    if shard == call.executor.index {
        work(call.executor);
        call.reply.ok();
        return Ok(Done::Replied);
    }
    let executor = call.executor.clone();
    Ok(Done::Later(Box::pin(async move {
        executor.ask(shard, work).await;
        b"+OK\r\n".to_vec()
    })))
}

/// UNWATCH.
pub(crate) fn unwatch(call: &mut NodeCall<'_, '_>, _args: Args<'_>) -> Result<Done, CommandError> {
    unwatch_all(call.executor, call.session);
    call.reply.ok();
    Ok(Done::Replied)
}

/// Watches nothing any more. The flag is left to the shards that still know it; the session gets a
/// new one.
pub(crate) fn unwatch_all(executor: &Executor, session: &mut Session) {
    if session.watched.is_empty() {
        return;
    }
    let (keys, flag) = session.take_watches();
    forget(executor, keys, &flag);
}

fn forget(executor: &Executor, keys: Vec<(Slot, Vec<u8>)>, flag: &WatchFlag) {
    for (shard, keys) in by_shard(executor, keys) {
        let flag = flag.clone();
        executor.tell(shard, move |executor| {
            if let Ok(mut shard) = executor.shard.try_borrow_mut() {
                keys.iter().for_each(|(_, key)| shard.keyspace_mut().unwatch(key, &flag));
            }
        });
    }
}

/// Keys of a transaction that runs: they are watched until it has, for on another shard others come
/// in between.
pub(crate) struct Watched {
    executor: Rc<Executor>,
    keys: Vec<(Slot, Vec<u8>)>,
    flag: WatchFlag,
}

impl Watched {
    pub(crate) fn take(executor: &Rc<Executor>, session: &mut Session) -> Self {
        let (keys, flag) = session.take_watches();
        Self { executor: executor.clone(), keys, flag }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        forget(&self.executor, std::mem::take(&mut self.keys), &self.flag);
    }
}

/// Keys by the shard of this node that has them.
pub(crate) fn by_shard(
    executor: &Executor,
    keys: Vec<(Slot, Vec<u8>)>,
) -> BTreeMap<u16, Vec<(Slot, Vec<u8>)>> {
    let mut shards: BTreeMap<u16, Vec<(Slot, Vec<u8>)>> = BTreeMap::new();
    for (slot, key) in keys {
        if let Owner::Here(shard) = executor.node.topology.owner(slot) {
            shards.entry(shard).or_default().push((slot, key));
        }
    }
    shards
}
