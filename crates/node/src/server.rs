//! A running node: starts threads, listens, and ends them.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use router::acl::Acl;
use router::registry::Registry;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};
use tracing_subscriber::EnvFilter;

use crate::acl_log::AclLog;
use crate::attention::Attention;
use crate::clients::Clients;
use crate::command_log::CommandLog;
use crate::config::Config;
use crate::data::Use;
use crate::data_dir::{DataDir, random_id};
use crate::error::NodeError;
use crate::latency::LatencyMonitor;
use crate::loading::{Loading, progress};
use crate::log::{Durability, LogService};
use crate::mailbox::Message;
use crate::membership::Membership;
use crate::monitors::Monitors;
use crate::node::{ExecutorHandle, KillTarget, Node, Published, Statistics, Totals};
use crate::node_state::NodeChange;
use crate::pause::Pause;
use crate::peers::{Credentials, Peers};
use crate::settings::Settings;
use crate::snapshots::{self, Snapshots};
use crate::tls::Tls;
use crate::tls::handshakes::Handshakes;
use crate::tracking::Trackers;
use crate::{
    admin, commands, data, executor, listener, memory, open_files, panic, rdb_files, sys, watchdog,
    web,
};
use shard::gauge::Gauge;

/// How long replies that are being written may take when the node ends.
const LAST_REPLIES: Duration = Duration::from_millis(50);

/// Runs a node until it is told to end.
///
/// # Errors
/// It cannot start.
pub(crate) fn run(config: Config) -> Result<(), NodeError> {
    start_log(&config)?;
    panic::install_hook();
    let directory = DataDir::open(&config.dir)?;
    let id = directory.node_id(&config.dir)?;
    sys::install_interrupt_handler()
        .map_err(|source| NodeError::Start { what: "signal handler", source })?;
    shard::keyspace::hasher::set_seed(fastrand::u64(..));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| NodeError::Start { what: "runtime", source })?;
    let result = runtime.block_on(serve(config, &id));
    // Data may still be read, and may be for long. It need not come to its end.
    runtime.shutdown_background();
    // Whoever reads is not to meet another node: the lock goes with the process.
    std::mem::forget(directory);
    result
}

/// What is done with the data of a node that serves nobody.
pub(crate) enum Offline {
    /// A file of Redis's format is taken in, by a node that has no data.
    Import(PathBuf),
    /// All that there is is written to such a file.
    Export(PathBuf),
}

/// Reads the data of a node, does something with it, and ends. Returns what is to be said of it.
///
/// # Errors
/// It cannot be done.
pub(crate) fn run_offline(config: Config, work: Offline) -> Result<String, NodeError> {
    start_log(&config)?;
    panic::install_hook();
    let directory = DataDir::open(&config.dir)?;
    let id = directory.node_id(&config.dir)?;
    sys::install_interrupt_handler()
        .map_err(|source| NodeError::Start { what: "signal handler", source })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| NodeError::Start { what: "runtime", source })?;
    // Without a log nothing is written but what is asked for.
    let import_rdb = match &work {
        Offline::Import(path) => Some(path.clone()),
        Offline::Export(_) => None,
    };
    let config = Config { durability: Durability::None, appendonly: None, import_rdb, ..config };
    let said = runtime.block_on(async {
        let membership = Membership::new(&config, &id)?;
        let (node, mailboxes) = build(config, &membership)?;
        start_threads(&node, mailboxes).await?;
        let work = tokio::task::spawn_blocking(move || offline(&node, &id, work));
        work.await.map_err(|error| NodeError::Data(error.to_string()))?
    });
    drop(directory);
    said
}

fn offline(node: &Arc<Node>, id: &str, work: Offline) -> Result<String, NodeError> {
    let is_export = matches!(work, Offline::Export(_));
    data::open(node, id, if is_export { Use::Look } else { Use::Serve })?;
    let dir = node.config.dir.display();
    match work {
        Offline::Import(_) if node.loading.was_new() => {
            Ok(format!("{} keys are in {dir} now", node.loading.keys().unwrap_or_default()))
        }
        Offline::Import(path) => Err(NodeError::Rdb {
            path,
            why: format!("not taken in: {dir} has data already; give it a directory of its own"),
        }),
        Offline::Export(path) => {
            let keys = rdb_files::export(node, &path)?;
            Ok(format!("{keys} keys of {dir} are in {} now", path.display()))
        }
    }
}

fn start_log(config: &Config) -> Result<(), NodeError> {
    let filter = EnvFilter::try_new(&config.log)
        .map_err(|error| NodeError::BadValue { key: "log".into(), why: error.to_string() })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(|| progress::AboveBar)
        .init();
    Ok(())
}

async fn serve(mut config: Config, id: &str) -> Result<(), NodeError> {
    let membership = Membership::new(&config, id)?;
    let shards = u64::from(membership.topology.shards());
    let possible = open_files::make_room(config.maxclients, shards);
    if possible < config.maxclients {
        let wanted = config.maxclients;
        tracing::warn!(
            wanted,
            possible,
            "maxclients: the limit of open files is too low (ulimit -n)"
        );
        config.maxclients = possible;
    }
    let mut listeners = Vec::new();
    let handshakes = if config.serves_tls() {
        let started = Handshakes::start();
        let failed = |source| NodeError::Start { what: "handshakes", source };
        Some(Arc::new(started.map_err(failed)?))
    } else {
        None
    };
    for endpoint in &membership.endpoints {
        let handshakes = handshakes.clone().filter(|_| endpoint.tls);
        listeners.push(listener::bind(endpoint, handshakes).await?);
    }
    let pages = web::bind(&config).await?;
    let (node, mailboxes) = build(config, &membership)?;
    admin::check_start(&node)?;
    start_threads(&node, mailboxes).await?;
    let pages = pages.into_iter().map(|(bound, make)| (bound, make(&node))).collect();
    let web = web::start(pages)?;
    memory::note_start();
    let turn = Arc::new(AtomicUsize::new(0));
    for listener in listeners {
        if let Ok(address) = listener.address() {
            let tls = listener.is_for_tls().then_some(true);
            tracing::info!(%address, tls, "listening");
        }
        tokio::spawn(listener.accept_all(node.clone(), turn.clone()));
    }
    let (reader, own_id) = (node.clone(), id.to_owned());
    let read = tokio::task::spawn_blocking(move || data::open(&reader, &own_id, Use::Serve));
    tokio::select! {
        opened = read => {
            opened.map_err(|error| NodeError::Data(error.to_string()))??;
        }
        () = wait_for_end(&node) => {
            tracing::info!("ending before all data has been read");
            // The reading goes on until the process ends: nobody is to be served by what comes of it.
            node.end_log().await;
            return Ok(());
        }
        () = progress::show(&node) => {}
    }
    let ranges = node.topology.ranges_of(node.topology.myself());
    let slots: Vec<String> = ranges.iter().map(|(from, to)| format!("{from}-{to}")).collect();
    // Without data there is nothing to say of it.
    let keys = node.loading.keys();
    let loading_millis = keys.and(node.loading.took()).map(|took| took.as_millis() as u64);
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        shards = node.topology.shards(),
        slots = slots.join(","),
        nodes = node.topology.members().len(),
        keys,
        loading_millis,
        "ready"
    );
    tokio::spawn(housekeeping(node.clone()));
    if node.tls.is_on() {
        tokio::spawn(renew_tls(node.clone()));
    }
    wait_for_end(&node).await;
    tracing::info!("ending");
    for target in [KillTarget::Scripts, KillTarget::Functions] {
        node.kill_scripts(target);
    }
    tokio::time::sleep(LAST_REPLIES).await;
    node.end_log().await;
    if let Some(web) = web {
        web.end().await;
    }
    Ok(())
}

/// The node, and the receiving ends of its executors' mailboxes.
fn build(
    config: Config,
    membership: &Membership,
) -> Result<(Arc<Node>, Vec<mpsc::Receiver<Message>>), NodeError> {
    let registry = Registry::new(&crate::commands::commands());
    for name in &config.script_denied_commands {
        if registry.table().lookup(name.as_bytes()).is_none() {
            return Err(NodeError::BadValue {
                key: "script-denied-commands".into(),
                why: format!("there is no command {name:?}"),
            });
        }
    }
    let mut executors = Vec::new();
    let mut mailboxes = Vec::new();
    for _ in 0..membership.topology.shards() {
        let (mailbox, receiver) = mpsc::channel(config.mailbox_size);
        mailboxes.push(receiver);
        executors.push(ExecutorHandle {
            mailbox,
            pushes: Mutex::default(),
            live: OnceLock::new(),
            busy: AtomicBool::new(false),
            script_age_ms: AtomicU64::new(0),
            slow: Mutex::default(),
            proof_limit_ms: AtomicU64::new(0),
            published: Mutex::new(Published::default()),
        });
    }
    let credentials = Credentials {
        user: config.masteruser.clone().into(),
        password: config.masterauth.clone().into(),
    };
    let tls = Tls::new(config.tls.clone(), config.serves_tls())
        .map_err(|why| NodeError::BadValue { key: "tls".into(), why })?;
    let tls = Arc::new(tls);
    let attention = Arc::new(Attention::default());
    let node = Node {
        settings: Settings::new(&config),
        acl: Acl::new(registry.table()),
        acl_log: AclLog::default(),
        registry,
        topology: membership.topology.clone(),
        views: membership.views.clone(),
        executors,
        clients: Clients::default(),
        scripts: Arc::default(),
        functions: Arc::default(),
        gauge: Arc::new(Gauge::new(memory::used)),
        pause: Pause::new(attention.clone()),
        channels: Arc::default(),
        log: Arc::new(LogService::new(membership.topology.shards(), config.durability())),
        loading: Loading::new(attention.clone()),
        data: OnceLock::new(),
        snapshots: Snapshots::default(),
        command_log: CommandLog::default(),
        monitors: Monitors::new(attention.clone()),
        attention,
        latency: LatencyMonitor::default(),
        trackers: Trackers::default(),
        peers: Peers::start(&membership.topology, credentials, tls.clone()),
        tls,
        started: Instant::now(),
        run_id: random_id(),
        shutdown: watch::Sender::new(false),
        statistics: Statistics::default(),
        jit_off_noted: AtomicBool::new(false),
        config_file: Mutex::default(),
        config,
    };
    let log = node.log.clone();
    node.scripts.set_witness(Box::new(move |change| {
        log.change_node(|| NodeChange::of(change).encode());
    }));
    commands::acl::configure(&node.acl, &node.config)
        .map_err(|(key, why)| NodeError::BadValue { key: key.into(), why })?;
    memory::follow_limit(&node);
    Ok((Arc::new(node), mailboxes))
}

/// Starts the watchdog and the executors, and waits until all of them can run scripts.
async fn start_threads(
    node: &Arc<Node>,
    mailboxes: Vec<mpsc::Receiver<Message>>,
) -> Result<(), NodeError> {
    let watched = node.clone();
    std::thread::Builder::new()
        .name("watchdog".into())
        .spawn(move || watchdog::run(&watched))
        .map_err(|source| NodeError::Start { what: "watchdog", source })?;
    allocator::give_back_apart()
        .map_err(|source| NodeError::Start { what: "thread that gives memory back", source })?;
    let mut waits = Vec::new();
    for (index, mailbox) in mailboxes.into_iter().enumerate() {
        let (ready, wait) = oneshot::channel();
        executor::start(node.clone(), index as u16, mailbox, ready)
            .map_err(|source| NodeError::Start { what: "executor", source })?;
        waits.push(wait);
    }
    for wait in waits {
        let failed =
            |why: String| NodeError::Start { what: "executor", source: std::io::Error::other(why) };
        wait.await.map_err(|_| failed("it ended".into()))?.map_err(failed)?;
    }
    Ok(())
}

/// Samples figures for INFO and ends clients that have been idle for too long.
async fn housekeeping(node: Arc<Node>) {
    let mut interval = tokio::time::interval(Duration::from_millis(100));
    let mut ticks = 0u64;
    loop {
        interval.tick().await;
        ticks += 1;
        node.statistics.sample(node.published().iter().fold(Totals::default(), Totals::with));
        // Sees the peak.
        memory::used();
        if ticks.is_multiple_of(10) {
            snapshots::begin_if_due(&node);
        }
        let timeout = node.settings.timeout.load(Ordering::Relaxed);
        if timeout > 0 && ticks.is_multiple_of(10) {
            node.clients.kill(None, |client| client.idle_seconds() > timeout);
        }
    }
}

/// Reads certificates and keys again whenever SIGHUP asks for it.
async fn renew_tls(node: Arc<Node>) {
    let Ok(mut hangups) = signal(SignalKind::hangup()) else {
        tracing::warn!("signals cannot be received; renew certificates with CONFIG SET");
        return;
    };
    while hangups.recv().await.is_some() {
        match node.tls.reload() {
            Ok(()) => tracing::info!("certificates have been read again"),
            Err(why) => tracing::warn!(why, "certificates stay as they were"),
        }
    }
}

/// Returns when a signal or a client ends the node.
async fn wait_for_end(node: &Node) {
    let mut shutdown = node.shutdown.subscribe();
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
        tracing::warn!("signals cannot be received; end the node with SHUTDOWN");
        let _ = shutdown.wait_for(|end| *end).await;
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = shutdown.wait_for(|end| *end) => {}
    }
}
