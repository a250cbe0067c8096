//! Starts servers on the loopback for a measurement, and stops them whatever happens.
//!
//! # Invariants
//! - I1. A started server ends with its `Server`: dropped, or by `interrupt` on a signal.
//! - I2. No wait is without an end, and a server that does not come up is an error with the end
//!   of what it has printed.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{self, Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::client::Client;
use crate::cpu::{self, CpuTime};
use crate::interrupt;
use crate::machine::first_line_of;
use crate::topology::Topology;

/// How long a server may take until it answers.
const START_MAX: Duration = Duration::from_secs(10);
/// How long nodes may take until they agree on a cluster.
const CLUSTER_MAX: Duration = Duration::from_secs(30);
/// Between two looks at a server that is not ready.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// What a server prints, in its directory.
const LOG: &str = "server.log";

/// What a binary is, and so how it is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Atoll.
    Atoll,
    /// A server with the command line of Redis, as a cluster node that checks slots.
    PeerNode,
    /// The same without cluster mode.
    PeerAlone,
}

/// A server to start.
#[derive(Debug, Clone)]
pub struct ServerPlan {
    /// How it is called in tables and errors.
    pub name: String,
    /// The binary.
    pub path: PathBuf,
    /// How it is started.
    pub kind: Kind,
    /// The cores it may use, one for each node in turn; those of the caller when there are none.
    pub cores: Vec<usize>,
    /// Shards of each node of Atoll.
    pub shards: u16,
    /// A library that is loaded before its own.
    pub preload: Option<PathBuf>,
    /// How durable its writes are.
    pub durability: Durability,
}

/// How durable writes of a server are when it acknowledges them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Durability {
    /// There is no log.
    #[default]
    None,
    /// A log that is synced once a second.
    Everysec,
    /// A log that is synced before the reply.
    Always,
}

impl Durability {
    /// The name, as in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Everysec => "everysec",
            Self::Always => "always",
        }
    }
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    name: String,
    kind: Kind,
    child: Child,
    port: u16,
    /// Holds the server's files and its log; removed with the server.
    directory: Option<TempDir>,
}

impl Server {
    /// Starts nodes that form one cluster and waits until they take requests.
    pub fn start_cluster(plan: &ServerPlan, count: usize) -> Result<Vec<Self>> {
        let ports = free_ports(count)?;
        let mut servers = ports
            .iter()
            .enumerate()
            .map(|(node, &port)| {
                let core = node.checked_rem(plan.cores.len()).map(|at| plan.cores[at]);
                Self::spawn(plan, port, &ports, core.as_slice())
            })
            .collect::<Result<Vec<_>>>()?;
        for server in &mut servers {
            server.wait(START_MAX, "answer PING", |client| {
                client.request(&["PING"])?;
                Ok(())
            })?;
        }
        if plan.kind == Kind::PeerNode {
            join_peers(&servers)?;
        }
        for server in servers.iter_mut().filter(|server| server.kind != Kind::PeerAlone) {
            server.wait_cluster(count)?;
        }
        Ok(servers)
    }

    /// Starts one server. It uses the first of the plan's cores.
    pub fn start(plan: &ServerPlan) -> Result<Self> {
        Self::start_cluster(plan, 1)?.pop().context("no server started")
    }

    fn spawn(plan: &ServerPlan, port: u16, ports: &[u16], cores: &[usize]) -> Result<Self> {
        let name = plan.name.clone();
        ensure!(plan.path.is_file(), "{name}: no binary at {}; build it", plan.path.display());
        // Absolute, as the server starts elsewhere; links stay, as redis-server asks for its name.
        let path = path::absolute(&plan.path).context("find the binary")?;
        let make_directory = || {
            let directory = tempfile::Builder::new().prefix("atoll-bench-").tempdir();
            directory.context("create a temporary directory")
        };
        let (child, directory) = interrupt::start(make_directory, |directory| {
            let log = File::create(directory.path().join(LOG)).context("create a log")?;
            let mut command = Command::new(&path);
            // What its caller has set for a server of their own is not meant for this one.
            for (variable, _) in std::env::vars_os() {
                if variable.to_string_lossy().starts_with("ATOLL_") {
                    command.env_remove(variable);
                }
            }
            command
                .args(arguments(plan, port, directory.path()))
                .envs(environment(plan.kind, port, ports))
                .envs(plan.preload.iter().map(|library| ("LD_PRELOAD", library)))
                .current_dir(directory.path())
                .stdin(Stdio::null())
                .stdout(log.try_clone().context("share the log")?)
                .stderr(log);
            spawn_on(cores, &mut command)
                .with_context(|| format!("{name}: start {}", path.display()))
        })?;
        let directory = Some(directory);
        Ok(Self { name, kind: plan.kind, child, port, directory })
    }

    /// How the server is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the server listens.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Processor time of all its threads so far.
    pub fn cpu(&self) -> Result<CpuTime> {
        cpu::of_process(self.child.id())
    }

    /// Resident memory of the process, in bytes.
    pub fn resident(&self) -> Result<u64> {
        const PAGE: u64 = 4096;
        let path = format!("/proc/{}/statm", self.child.id());
        let text = fs::read_to_string(path).context("read the memory of a server")?;
        let pages = text.split_whitespace().nth(1).context("no resident pages")?;
        Ok(pages.parse::<u64>().context("bad count of pages")? * PAGE)
    }

    /// Waits until this node takes requests and knows the owners of all slots.
    fn wait_cluster(&mut self, nodes: usize) -> Result<()> {
        let address = self.address();
        self.wait(CLUSTER_MAX, "join the cluster", |client| {
            let info = client.request(&["CLUSTER", "INFO"])?.text().unwrap_or_default();
            ensure!(info.contains("cluster_state:ok"), "cluster state is not ok");
            let topology = Topology::of_cluster(std::slice::from_ref(&address))?;
            let known = topology.nodes().len();
            ensure!(known == nodes, "{known} of {nodes} nodes own slots");
            Ok(())
        })
    }

    /// Tries until it succeeds; the last reason is told when the time is over.
    fn wait(
        &mut self,
        time_max: Duration,
        what: &str,
        ready: impl Fn(&mut Client) -> Result<()>,
    ) -> Result<()> {
        let deadline = Instant::now() + time_max;
        loop {
            let attempt =
                Client::connect(&self.address()).and_then(|mut client| ready(&mut client));
            let Err(error) = attempt else { return Ok(()) };
            let ended = self.child.try_wait().context("look after a server")?;
            let (name, log) = (&self.name, || self.log_end());
            if let Some(status) = ended {
                bail!("{name}: server ended ({status}) before it could {what}\n{}", log());
            }
            if Instant::now() >= deadline {
                bail!("{name}: server did not {what} within {time_max:?}: {error:#}\n{}", log());
            }
            thread::sleep(POLL_INTERVAL); // I2
        }
    }

    fn log_end(&self) -> String {
        const LINES: usize = 20;
        let path = self.directory.as_ref().map(|directory| directory.path().join(LOG));
        let log = path.and_then(|path| fs::read(path).ok()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        let lines: Vec<&str> = log.lines().collect();
        let end = &lines[lines.len().saturating_sub(LINES)..];
        format!("the end of its log:\n{}", end.join("\n"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        interrupt::stop(&mut self.child, &mut self.directory); // I1
    }
}

/// The version a binary tells of itself.
pub fn version(path: &Path) -> String {
    first_line_of(path, &["--version"]).unwrap_or_else(|| "unknown version".to_owned())
}

/// The allocator jemalloc as a library of this system.
pub fn jemalloc() -> Option<PathBuf> {
    const NAME: &str = "libjemalloc.so.2";
    let multiarch = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    let directories = [&multiarch, "/usr/lib64", "/usr/lib", "/usr/local/lib"];
    directories.iter().map(|directory| Path::new(directory).join(NAME)).find(|path| path.is_file())
}

fn arguments(plan: &ServerPlan, port: u16, directory: &Path) -> Vec<String> {
    let port = port.to_string();
    let directory = directory.to_string_lossy();
    let mut arguments = vec!["--port", &port, "--bind", "127.0.0.1", "--dir", &directory];
    let durability = format!("durability={}", plan.durability.name());
    let shards = plan.shards.to_string();
    let of_peers = match plan.durability {
        Durability::None => ["--appendonly", "no", "--appendfsync", "everysec"],
        other => ["--appendonly", "yes", "--appendfsync", other.name()],
    };
    match plan.kind {
        Kind::Atoll => arguments.extend(["--shards", &shards, "--set", &durability]),
        Kind::PeerAlone | Kind::PeerNode => {
            arguments.extend(["--save", ""]);
            arguments.extend(of_peers);
        }
    }
    if plan.kind == Kind::PeerNode {
        arguments.extend(["--cluster-enabled", "yes"]);
    }
    arguments.into_iter().map(str::to_owned).collect()
}

/// Atoll nodes of one cluster all get the same list of nodes; peers are introduced by commands.
fn environment(kind: Kind, port: u16, ports: &[u16]) -> Vec<(&'static str, String)> {
    if kind != Kind::Atoll || ports.len() < 2 {
        return Vec::new();
    }
    let nodes: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    vec![
        ("ATOLL_CLUSTER__INITIAL_NODES", nodes.join(",")),
        ("ATOLL_ANNOUNCE_HOST", "127.0.0.1".to_owned()),
        ("ATOLL_ANNOUNCE_PORT", port.to_string()),
    ]
}

/// Starts a process that may use these cores only, or with none those of this thread.
///
/// A child inherits the cores of the thread that starts it. Pinning it afterwards would miss the
/// threads it has started in the meantime.
fn spawn_on(cores: &[usize], command: &mut Command) -> Result<Child> {
    if cores.is_empty() {
        return Ok(command.spawn()?);
    }
    let mine = cpu::allowed_cores()?;
    cpu::pin_this_thread(cores)?;
    let child = command.spawn();
    cpu::pin_this_thread(&mine)?;
    Ok(child?)
}

/// Ports that are free now, with the port of a cluster bus 10000 above.
fn free_ports(count: usize) -> Result<Vec<u16>> {
    const ATTEMPTS: u32 = 1000;
    // Below the range from which the kernel takes the ports of outgoing connections.
    const RANGE: std::ops::Range<u16> = 20_000..22_500;
    let mut ports = Vec::new();
    for _ in 0..ATTEMPTS {
        let port = fastrand::u16(RANGE);
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if !ports.contains(&port) && free(port) && free(port + 10_000) {
            ports.push(port);
        }
        if ports.len() == count {
            return Ok(ports);
        }
    }
    bail!("no free ports")
}

/// Deals the slots out to the nodes in equal ranges and makes the nodes known to each other.
fn join_peers(servers: &[Server]) -> Result<()> {
    const SLOTS: usize = protocol::slot::SLOT_COUNT as usize;
    for (node, server) in servers.iter().enumerate() {
        let mut client = Client::connect(&server.address())?;
        let first = (SLOTS * node / servers.len()).to_string();
        let last = (SLOTS * (node + 1) / servers.len() - 1).to_string();
        client.request(&["CLUSTER", "ADDSLOTSRANGE", &first, &last])?;
        for other in &servers[..node] {
            client.request(&["CLUSTER", "MEET", "127.0.0.1", &other.port.to_string()])?;
        }
    }
    Ok(())
}
