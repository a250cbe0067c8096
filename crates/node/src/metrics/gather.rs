//! Asking all shards for their figures, one scrape at a time.
//!
//! An executor that is in a script answers when that has ended. A scrape does not wait so long: it
//! takes what the shard has published last, and says `atoll_shard_up 0`. The question stays open, so
//! that a shard that hangs is asked once, however many scrape meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, oneshot};
use tokio::time::timeout_at;

use super::page::Page;
use super::scripts::{OfShard, Scripts};
use super::{clients, commands, process, shards, storage};
use crate::mailbox::Message;
use crate::node::Node;

/// How long a scrape waits for shards that do not answer, in all.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// Makes texts of figures. See the module.
pub(super) struct Gatherer {
    node: Arc<Node>,
    /// Held while figures are gathered.
    state: Mutex<Known>,
}

/// What is known from one scrape to the next.
#[derive(Default)]
struct Known {
    shards: Vec<Asked>,
    scripts: Scripts,
    /// The last text, and when it was begun.
    last: Option<(Instant, Arc<str>)>,
}

/// One shard.
#[derive(Default)]
struct Asked {
    /// It has been asked and has not answered.
    open: Option<oneshot::Receiver<OfShard>>,
    /// What it has said of its scripts last.
    scripts: OfShard,
    answered: bool,
}

impl Gatherer {
    pub(super) fn new(node: Arc<Node>) -> Self {
        Self { node, state: Mutex::default() }
    }

    /// All figures as text. Who asks while another scrape is under way shares the next one with all
    /// others who do.
    pub(super) async fn text(&self) -> String {
        let asked = Instant::now();
        let mut known = self.state.lock().await;
        if let Some((began, text)) = &known.last
            && *began >= asked
        {
            return text.to_string();
        }
        let began = Instant::now();
        known.ask_all(&self.node).await;
        let text = known.text(&self.node, began);
        known.last = Some((began, text.as_str().into()));
        text
    }
}

impl Known {
    async fn ask_all(&mut self, node: &Node) {
        self.shards.resize_with(node.executors.len(), Asked::default);
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let names = self.scripts.names();
        let mut unsent = Vec::new();
        for (handle, asked) in node.executors.iter().zip(&mut self.shards) {
            asked.answered = false;
            // What it has been asked before and has answered since is old by now.
            if let Some(open) = &mut asked.open {
                match open.try_recv() {
                    Ok(scripts) => asked.scripts = scripts,
                    Err(oneshot::error::TryRecvError::Empty) => {
                        unsent.push(None);
                        continue;
                    }
                    Err(oneshot::error::TryRecvError::Closed) => {}
                }
            }
            let (answer, open) = oneshot::channel();
            let names = names.clone();
            let call = Message::Call(Box::new(move |executor| {
                executor.publish_now();
                let _ = answer.send(OfShard::of(executor, &names));
            }));
            asked.open = Some(open);
            unsent.push(match handle.mailbox.try_send(call) {
                Ok(()) | Err(TrySendError::Closed(_)) => None,
                Err(TrySendError::Full(call)) => Some(call),
            });
        }
        for ((handle, asked), call) in node.executors.iter().zip(&mut self.shards).zip(unsent) {
            if let Some(call) = call
                && !matches!(timeout_at(deadline, handle.mailbox.send(call)).await, Ok(Ok(())))
            {
                asked.open = None;
            }
            let Some(open) = &mut asked.open else { continue };
            if let Ok(answer) = timeout_at(deadline, open).await {
                asked.open = None;
                if let Ok(scripts) = answer {
                    asked.scripts = scripts;
                    asked.answered = true;
                }
            }
        }
    }

    fn text(&mut self, node: &Node, began: Instant) -> String {
        let mut page = Page::default();
        let published = node.published();
        let answered: Vec<bool> = self.shards.iter().map(|asked| asked.answered).collect();
        shards::put(&mut page, node, &published, &answered);
        commands::put(&mut page, node, &published);
        self.scripts.merge(self.shards.iter().map(|asked| &asked.scripts));
        self.scripts.put(&mut page, node, &published);
        storage::put(&mut page, node, &published);
        clients::put(&mut page, node, &published);
        process::put(&mut page, node, began);
        page.text()
    }
}
