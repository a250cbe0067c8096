//! Asking all executors for figures, without waiting for one that is busy.
//!
//! A shard that runs a long script answers after it. Its last figures are shown meanwhile, and it
//! is not asked again before it has answered (I4 of the module above).

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, oneshot};
use tokio::time::timeout_at;

use crate::executor::Executor;
use crate::mailbox::Message;
use crate::node::Node;

/// How long executors are waited for, all of them together.
const PATIENCE: Duration = Duration::from_millis(500);

/// Asks executors for figures `T`. See the module.
pub(super) struct Gatherer<T> {
    node: Arc<Node>,
    /// Runs on the executor's thread; `None` when its shard is in use.
    look: fn(&Executor) -> Option<T>,
    shards: Mutex<Vec<Asked<T>>>,
}

/// What one executor was asked, and what it has answered.
struct Asked<T> {
    pending: Option<(Instant, oneshot::Receiver<Answer<T>>)>,
    last: Option<Arc<T>>,
    /// When `last` was true.
    at: Instant,
    /// How long it took until the executor had time to answer that.
    took: Duration,
}

type Answer<T> = (Instant, Option<T>);

/// What is known of one shard.
pub(super) struct Seen<T> {
    /// `None`: nothing yet.
    pub(super) figures: Option<Arc<T>>,
    pub(super) at: Instant,
    /// How long the executor took to answer, or has not answered now.
    pub(super) took: Duration,
    /// It has not answered in time: these are its last figures.
    pub(super) is_old: bool,
}

impl<T: Send + Sync + 'static> Gatherer<T> {
    pub(super) fn new(node: &Arc<Node>, look: fn(&Executor) -> Option<T>) -> Self {
        let asked = || Asked { pending: None, last: None, at: node.started, took: Duration::ZERO };
        let shards = node.executors.iter().map(|_| asked()).collect();
        Self { node: node.clone(), look, shards: Mutex::new(shards) }
    }

    /// The figures of all shards, in order. Takes [`PATIENCE`] at most.
    pub(super) async fn all(&self) -> Vec<Seen<T>> {
        let mut shards = self.shards.lock().await;
        for (asked, handle) in shards.iter_mut().zip(&self.node.executors) {
            if asked.pending.is_none() {
                let (answer, pending) = oneshot::channel();
                let look = self.look;
                let call = Message::Call(Box::new(move |executor| {
                    let figures = look(executor);
                    let _ = answer.send((Instant::now(), figures));
                }));
                // One whose mailbox is full is busy, too.
                let _ = handle.mailbox.try_send(call);
                asked.pending = Some((Instant::now(), pending));
            }
        }
        let until = tokio::time::Instant::now() + PATIENCE;
        let mut seen = Vec::with_capacity(shards.len());
        for asked in shards.iter_mut() {
            seen.push(asked.wait(until).await);
        }
        seen
    }
}

impl<T> Asked<T> {
    async fn wait(&mut self, until: tokio::time::Instant) -> Seen<T> {
        let mut is_old = true;
        if let Some((asked, pending)) = &mut self.pending {
            let asked = *asked;
            self.took = asked.elapsed();
            match timeout_at(until, pending).await {
                Ok(answer) => {
                    self.pending = None;
                    if let Ok((at, Some(figures))) = answer {
                        self.took = at.saturating_duration_since(asked);
                        (self.last, self.at, is_old) = (Some(Arc::new(figures)), at, false);
                    }
                }
                Err(_) => self.took = asked.elapsed(),
            }
        }
        Seen { figures: self.last.clone(), at: self.at, took: self.took, is_old }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pending: oneshot::Receiver<Answer<u8>>) -> Asked<u8> {
        let began = Instant::now();
        Asked { pending: Some((began, pending)), last: None, at: began, took: Duration::ZERO }
    }

    #[tokio::test]
    async fn the_last_figures_are_shown_until_there_are_others() {
        let soon = || tokio::time::Instant::now() + Duration::from_millis(20);
        let (answer, pending) = oneshot::channel();
        let mut asked = asked(pending);
        let seen = asked.wait(soon()).await;
        assert!(seen.is_old && seen.figures.is_none() && asked.pending.is_some());
        assert!(answer.send((Instant::now(), Some(7))).is_ok());
        let seen = asked.wait(soon()).await;
        assert!(!seen.is_old && asked.pending.is_none());
        assert_eq!(seen.figures.as_deref(), Some(&7));
        // Not asked, or asked in vain: as before, and old.
        let (answer, pending) = oneshot::channel();
        asked.pending = Some((Instant::now(), pending));
        drop(answer);
        let seen = asked.wait(soon()).await;
        assert!(seen.is_old && asked.pending.is_none());
        assert_eq!(seen.figures.as_deref(), Some(&7));
    }
}
