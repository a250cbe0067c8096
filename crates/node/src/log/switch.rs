//! Changing how durable writes are while the node runs.
//!
//! From a log to another way of syncing it is one store. When the log is switched on, what is in
//! memory is not in it: it begins behind a gap, and is of use when a snapshot has been taken that
//! begins behind the gap as well. Only then is the change acknowledged.

use std::rc::Rc;
use std::time::Duration;

use super::{Durability, Order};
use crate::executor::Executor;
use crate::snapshots;

/// Changes what holds for connections that have not said otherwise.
///
/// # Errors
/// Why it could not be changed; it is as it was.
pub(crate) async fn switch(executor: Rc<Executor>, to: Durability) -> Result<(), String> {
    let log = &executor.node.log;
    let _one_at_a_time = log.switching.lock().await;
    match (log.durability(), to) {
        (from, to) if from == to => {}
        (Durability::None, _) => {
            if let Err(why) = begin(&executor, to).await {
                end(&executor).await;
                return Err(why);
            }
        }
        (_, Durability::None) => end(&executor).await,
        (_, Durability::Everysec) => log.set_durability(to),
        (_, Durability::Always) => {
            log.set_durability(to);
            settle(&executor).await;
        }
    }
    Ok(())
}

/// Has replies wait from now on that have to: what has been done before it is on the disk, and what is
/// done after it is known to be waited for.
pub(crate) async fn settle(executor: &Rc<Executor>) {
    for shard in 0..executor.node.topology.shards() {
        executor.ask(shard, |executor| executor.outlet.submit()).await;
    }
    executor.node.log.sync().await;
}

/// Switches the log on.
async fn begin(executor: &Rc<Executor>, to: Durability) -> Result<(), String> {
    let node = executor.node.clone();
    let opener = node.clone();
    let opened = tokio::task::spawn_blocking(move || match opener.data.get() {
        Some(data) => data.begin_log(&opener).map_err(|error| error.to_string()),
        None => Err("the data has not been read yet".to_owned()),
    });
    opened.await.map_err(|error| error.to_string())??;
    node.log.set_durability(to);
    for shard in 0..node.topology.shards() {
        let begun = executor.ask(shard, |executor| {
            executor.shard.borrow_mut().keyspace_mut().record_effects(true);
            executor.outlet.gap()
        });
        if begun.await != Some(true) {
            return Err("the log is too far behind".to_owned());
        }
    }
    node.log.order(Order::NodeGap);
    loop {
        match snapshots::begin(&node) {
            Ok(end) => return end.await.unwrap_or_else(|_| Err("it ended".to_owned())),
            // One that began before the gap is of no use.
            Err(snapshots::Busy) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Switches the log off. What is in it stays.
async fn end(executor: &Rc<Executor>) {
    for shard in 0..executor.node.topology.shards() {
        executor.ask(shard, |executor| executor.outlet.submit()).await;
    }
    executor.node.log.set_durability(Durability::None);
    for shard in 0..executor.node.topology.shards() {
        let stop = |executor: &Executor| {
            let is_followed = executor.outlet.is_followed();
            executor.shard.borrow_mut().keyspace_mut().record_effects(is_followed);
        };
        executor.ask(shard, stop).await;
    }
}
