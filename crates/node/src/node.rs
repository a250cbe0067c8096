//! The node: what all threads of the process share.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use router::acl::Acl;
use router::registry::Registry;
use router::topology::Topology;
use router::view::View;
use shard::channels::Channels;
use shard::commands::table::CommandTable;
use shard::error::CommandError;
use shard::gauge::Gauge;
use shard::keyspace::Eviction;
use shard::needs::Needs;
use shard::script::functions::FunctionStore;
use shard::script::interrupt::{Control, Request, Run};
use shard::script::store::ScriptStore;
use tokio::sync::{mpsc, oneshot, watch};

use crate::acl_log::AclLog;
use crate::attention::Attention;
use crate::clients::Clients;
use crate::command_log::CommandLog;
use crate::commands::NodeCommand;
use crate::config::Config;
use crate::data::Data;
use crate::delivery::Push;
use crate::latency::LatencyMonitor;
use crate::loading::Loading;
use crate::log::{LogService, Order, Unsynced};
use crate::mailbox::Message;
use crate::monitors::Monitors;
use crate::pause::Pause;
use crate::peers::Peers;
use crate::settings::Settings;
use crate::snapshots::Snapshots;
use crate::sys::Thread;
use crate::times::{Durations, Times};
use crate::timing::Errors;
use crate::tls::Tls;
use crate::tracking::Trackers;

/// What all threads share.
pub(crate) struct Node {
    pub(crate) config: Config,
    pub(crate) settings: Settings,
    pub(crate) registry: Registry<NodeCommand>,
    pub(crate) topology: Arc<Topology>,
    /// What clients of each listener are told, in the order of the listeners.
    pub(crate) views: Vec<Arc<View>>,
    pub(crate) executors: Vec<ExecutorHandle>,
    pub(crate) clients: Clients,
    pub(crate) scripts: Arc<ScriptStore>,
    pub(crate) functions: Arc<FunctionStore>,
    pub(crate) pause: Pause,
    /// Where what is written is kept.
    pub(crate) log: Arc<LogService>,
    /// The data is being read: no request is run that needs it.
    pub(crate) loading: Loading,
    /// The data on the disk, as soon as it has been read.
    pub(crate) data: OnceLock<Data>,
    pub(crate) snapshots: Snapshots,
    /// Why requests cannot take the short way.
    pub(crate) attention: Arc<Attention>,
    /// Who may come in, and what they may do.
    pub(crate) acl: Acl,
    /// What they have been refused.
    pub(crate) acl_log: AclLog,
    /// Who has subscribed to what.
    pub(crate) channels: Arc<Channels>,
    pub(crate) command_log: CommandLog,
    pub(crate) monitors: Monitors,
    pub(crate) latency: LatencyMonitor,
    /// Clients that keep copies.
    pub(crate) trackers: Trackers,
    /// The other nodes.
    pub(crate) peers: Peers,
    pub(crate) tls: Arc<Tls>,
    /// Whether memory is full.
    pub(crate) gauge: Arc<Gauge>,
    pub(crate) started: Instant,
    pub(crate) run_id: String,
    pub(crate) shutdown: watch::Sender<bool>,
    pub(crate) statistics: Statistics,
    /// It has been said that the JIT compiler is off.
    pub(crate) jit_off_noted: AtomicBool,
    /// Held by who writes the configuration file.
    pub(crate) config_file: Mutex<()>,
}

/// How other threads reach an executor.
pub(crate) struct ExecutorHandle {
    pub(crate) mailbox: mpsc::Sender<Message>,
    /// What connections of this executor are to be told.
    pub(crate) pushes: Mutex<Vec<Push>>,
    /// Known as soon as the executor's thread has made its shard.
    pub(crate) live: OnceLock<LiveExecutor>,
    /// A script has run past the busy threshold and the shard answers BUSY.
    pub(crate) busy: AtomicBool,
    /// How long the current script has been running, as far as the watchdog has seen, in ms.
    pub(crate) script_age_ms: AtomicU64,
    /// Time limit for the proof at start, in ms; 0 afterwards.
    pub(crate) proof_limit_ms: AtomicU64,
    pub(crate) published: Mutex<Published>,
    /// The request that called the script or function that has been running for a while.
    pub(crate) slow: Mutex<Option<SlowRequest>>,
}

/// A request whose script or function takes time.
#[derive(Debug, Clone)]
pub(crate) struct SlowRequest {
    pub(crate) run: Run,
    pub(crate) command: Vec<Vec<u8>>,
}

/// The thread of an executor, and what stops its scripts.
pub(crate) struct LiveExecutor {
    pub(crate) control: Arc<Control>,
    pub(crate) thread: Thread,
}

/// Figures that an executor publishes every tick, for INFO.
#[derive(Debug, Clone, Default)]
pub(crate) struct Published {
    pub(crate) keys: u64,
    pub(crate) expiring: u64,
    pub(crate) commands: u64,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    pub(crate) expired: u64,
    pub(crate) evicted: u64,
    pub(crate) expired_fields: u64,
    /// Keys that have fields which expire.
    pub(crate) with_expiring_fields: u64,
    pub(crate) changes: u64,
    /// Keys that have expired and are still there.
    pub(crate) overdue: u64,
    /// Nanoseconds spent on removing what has expired.
    pub(crate) expire_nanos: u64,
    /// How often that was interrupted to serve requests.
    pub(crate) expire_cut_short: u64,
    /// Values that wait to be freed.
    pub(crate) garbage: u64,
    /// Values that have been freed in parts.
    pub(crate) lazily_freed: u64,
    /// Keys that clients track, and pairs of keys and clients.
    pub(crate) tracked: (u64, u64),
    /// Replies that are kept for who asks again, and about how many bytes of memory they take.
    pub(crate) kept_replies: (u64, u64),
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) script_memory: u64,
    pub(crate) function_memory: u64,
    pub(crate) scripts: shard::script::ScriptCounters,
    /// By row of the command table.
    pub(crate) calls: Vec<CommandFigures>,
    /// Error replies by their code and command.
    pub(crate) errors: Errors,
    /// Connections that live with the executor.
    pub(crate) connections: u64,
    /// How late the executor's timers were, for how busy its thread is.
    pub(crate) delays: Durations,
    /// Messages of clients and scripts on channels, and how often they were told to a subscriber.
    pub(crate) messages: (u64, u64),
    /// What has been done and is not on the disk.
    pub(crate) unsynced: Unsynced,
}

impl Published {
    /// All error replies.
    pub(crate) fn error_replies(&self) -> u64 {
        self.errors.values().flat_map(BTreeMap::values).sum()
    }
}

/// What is known of the calls of one command on one executor.
#[derive(Debug, Clone, Default)]
pub(crate) struct CommandFigures {
    /// Those that were timed: of clients.
    pub(crate) calls: u64,
    /// Those of scripts, which are not timed.
    pub(crate) scripted: u64,
    pub(crate) rejected: u64,
    pub(crate) failed: u64,
    pub(crate) nanos: u64,
    /// Calls by their time, if there were any.
    pub(crate) times: Option<Box<Times>>,
}

/// Counters of the node itself.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    /// Clients that wait for data.
    pub(crate) blocked_clients: AtomicU64,
    /// Clients that have left too much unread, and those that have sent too much.
    pub(crate) output_limit_disconnections: AtomicU64,
    pub(crate) query_limit_disconnections: AtomicU64,
    /// Recent totals, one every 100 ms.
    samples: Mutex<VecDeque<Totals>>,
}

/// What has been done since the start, or in a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) commands: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

impl Totals {
    /// Together with the figures of one more executor.
    pub(crate) fn with(self, figures: &Published) -> Self {
        Self {
            commands: self.commands + figures.commands,
            bytes_in: self.bytes_in + figures.bytes_in,
            bytes_out: self.bytes_out + figures.bytes_out,
        }
    }
}

impl Statistics {
    /// CONFIG RESETSTAT.
    pub(crate) fn reset(&self) {
        self.output_limit_disconnections.store(0, Ordering::Relaxed);
        self.query_limit_disconnections.store(0, Ordering::Relaxed);
    }

    /// Adds a sample of all that has been done.
    pub(crate) fn sample(&self, totals: Totals) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.push_back(totals);
        if samples.len() > 17 {
            samples.pop_front();
        }
    }

    /// What is done in a second, over the last samples.
    pub(crate) fn per_second(&self) -> Totals {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(first), Some(last)) = (samples.front(), samples.back()) else {
            return Totals::default();
        };
        let intervals = (samples.len() as u64).saturating_sub(1).max(1);
        let rate = |of: fn(&Totals) -> u64| of(last).saturating_sub(of(first)) * 10 / intervals;
        Totals {
            commands: rate(|totals| totals.commands),
            bytes_in: rate(|totals| totals.bytes_in),
            bytes_out: rate(|totals| totals.bytes_out),
        }
    }
}

impl Node {
    /// Why requests are refused now that need this: no memory that could be made, too few replicas.
    pub(crate) fn refusal(&self, needs: Needs) -> Option<CommandError> {
        if needs.memory
            && self.gauge.is_full()
            && self.settings.keyspace().eviction == Eviction::None
        {
            return Some(CommandError::OutOfMemory);
        }
        self.gauge.refuses_writes().filter(|_| needs.writes).map(CommandError::from)
    }

    pub(crate) fn table(&self) -> &'static CommandTable {
        self.registry.table()
    }

    pub(crate) fn published(&self) -> Vec<Published> {
        let published = |handle: &ExecutorHandle| {
            handle.published.lock().unwrap_or_else(PoisonError::into_inner).clone()
        };
        self.executors.iter().map(published).collect()
    }

    /// Has all executors end their connections and hand over what they have done.
    async fn end_service(&self) {
        for handle in &self.executors {
            let (done, wait) = oneshot::channel();
            let end = Message::Call(Box::new(move |executor| {
                executor.end_service();
                let _ = done.send(());
            }));
            if handle.mailbox.send(end).await.is_ok() {
                // In a script that is old enough to be killed, or will be: nothing of it lasts.
                let mut patience = tokio::time::interval(Duration::from_millis(50));
                tokio::pin!(wait);
                for _ in 0..20 {
                    tokio::select! {
                        _ = &mut wait => break,
                        _ = patience.tick() => {
                            self.kill_scripts(KillTarget::Scripts);
                            self.kill_scripts(KillTarget::Functions);
                        }
                    }
                }
            }
        }
    }

    /// Has all that was done written and synced. Nothing is done after that.
    pub(crate) async fn end_log(&self) {
        self.end_service().await;
        // Rings that were full have room after that.
        self.log.sync().await;
        // What the connections of one executor had sent to another that ended before.
        self.end_service().await;
        if self.log.is_running() {
            let (done, wait) = oneshot::channel();
            self.log.order(Order::End(done));
            let _ = wait.await;
        }
    }

    /// Asks every thread to end.
    pub(crate) fn shut_down(&self) {
        self.shutdown.send_replace(true);
    }

    /// Ends every script that has been running for a while, or those past the busy threshold, as
    /// far as they are meant.
    pub(crate) fn kill_scripts(&self, target: KillTarget) -> Killed {
        /// Scripts younger than this are not what anybody wants to kill.
        const AGE_MIN_MS: u64 = 50;
        let mut outcome = Killed::Nothing;
        for handle in &self.executors {
            let Some(live) = handle.live.get() else { continue };
            let Some(run) = live.control.running() else { continue };
            let what = live.control.what();
            let old = handle.script_age_ms.load(Ordering::Relaxed) >= AGE_MIN_MS;
            if !old && !handle.busy.load(Ordering::Relaxed) {
                continue;
            }
            let meant = match target {
                KillTarget::Scripts => !what.is_function,
                KillTarget::Script(id) => !what.is_function && what.id == id,
                KillTarget::Functions => what.is_function,
            };
            // What runs may have changed between the two looks; a request for another run is void.
            if meant && live.control.running() == Some(run) {
                live.control.ask(run, Request::Kill);
                live.thread.interrupt();
                outcome = Killed::Some;
            } else if outcome == Killed::Nothing && !matches!(target, KillTarget::Script(_)) {
                outcome = Killed::OtherKind;
            }
        }
        outcome
    }
}

/// What is to be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KillTarget {
    /// Scripts of EVAL and its relatives.
    Scripts,
    /// The script of this [`shard::script::interrupt::name_id`].
    Script(u64),
    /// Functions.
    Functions,
}

/// What has been found to kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Killed {
    Nothing,
    /// Something runs, but it is a function where scripts were meant, or a script where functions
    /// were.
    OtherKind,
    Some,
}
