//! The executor's part of recovery: what was read from the disk comes into its keyspace.

use std::rc::Rc;
use std::sync::Arc;

use shard::entry;
use shard::keyspace::{Caller, Events};
use shard::time::Micros;
use tokio::sync::{mpsc, oneshot};

use super::Executor;
use crate::log::Durability;

/// Something that was read, for all shards that have slots of it.
#[derive(Clone)]
pub(crate) struct Feed {
    /// The slots of the shard that has written it, a first and one past the last.
    pub(crate) slots: (u16, u16),
    pub(crate) body: Arc<Vec<u8>>,
    /// The body is entries of the log; otherwise effects of a snapshot.
    pub(crate) is_log: bool,
}

/// Takes in what comes, until nothing does. Says then whether all of it was good.
pub(crate) async fn run(
    executor: Rc<Executor>,
    mut feeds: mpsc::Receiver<Feed>,
    done: oneshot::Sender<Result<(), String>>,
) {
    let mut result = Ok(());
    executor.absorb_begin();
    while let Some(feed) = feeds.recv().await {
        if result.is_ok() {
            result = executor.absorb(&feed);
        }
        // Who asks meanwhile is told that it is loading.
        tokio::task::yield_now().await;
    }
    executor.absorb_end();
    let _ = done.send(result);
}

impl Executor {
    fn absorb_begin(&self) {
        let mut shard = self.shard.borrow_mut();
        let keyspace = shard.keyspace_mut();
        keyspace.record_effects(false);
        keyspace.set_caller(Caller::default());
        // What has happened once is no event again.
        let settings = *keyspace.settings();
        keyspace.configure(shard::keyspace::Settings { events: Events::empty(), ..settings });
    }

    fn absorb(&self, feed: &Feed) -> Result<(), String> {
        let mut shard = self.shard.borrow_mut();
        let keyspace = shard.keyspace_mut();
        if !feed.is_log {
            return keyspace.replay_of(feed.slots, &feed.body).map_err(|error| error.to_string());
        }
        for effects in entry::all(&feed.body) {
            let effects = effects.map_err(|error| error.to_string())?;
            keyspace.replay_of(feed.slots, effects).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn absorb_end(&self) {
        let mut shard = self.shard.borrow_mut();
        let keyspace = shard.keyspace_mut();
        drop(keyspace.take_messages());
        keyspace.reset_counters();
        keyspace.configure(self.node.settings.keyspace());
    }

    /// The data has been read: what is done from now on follows on this index, and comes later than
    /// this time.
    pub(crate) fn go_on_after(&self, index: u64, time: Micros) {
        self.clock.not_before(time);
        self.outlet.begin_after(index);
        let is_logged = self.node.log.durability() != Durability::None;
        self.shard.borrow_mut().keyspace_mut().record_effects(is_logged);
    }
}
