//! `atoll demo-cluster`: several nodes on this machine, each a process of its own, in one terminal.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

/// Flags of `atoll demo-cluster`.
#[derive(Args)]
pub(crate) struct DemoArgs {
    /// How many nodes.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    nodes: u16,
    /// Port of the first node; the others have the next ones.
    #[arg(long, default_value_t = 7000)]
    port: u16,
    /// Shards of each node: a number, or auto for the machine's cores divided by the nodes.
    #[arg(long, default_value = "auto")]
    shards: String,
    /// Directory of the nodes' data.
    #[arg(long, default_value = "demo-cluster")]
    dir: PathBuf,
}

/// How long a node may take to end before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// Runs the nodes until Ctrl-C, SIGTERM, or the end of one of them.
pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run_nodes(args))
}

async fn run_nodes(args: &DemoArgs) -> anyhow::Result<()> {
    let last = args.port.checked_add(args.nodes - 1).context("ports beyond 65535")?;
    let ports: Vec<u16> = (args.port..=last).collect();
    let list: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut nodes = Vec::new();
    for port in &ports {
        nodes.push(start(args, *port, &list.join(",")).with_context(|| format!("start {port}"))?);
    }
    say(&format!(
        "{} nodes on ports {}-{last}. Try: redis-cli -c -p {}   End: Ctrl-C",
        args.nodes, args.port, args.port
    ));
    let ended = tokio::select! {
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
        port = first_end(&mut nodes, &ports) => Some(port),
    };
    stop(nodes).await;
    match ended {
        Some(port) => bail!("the node on port {port} has ended; see its lines above"),
        None => Ok(()),
    }
}

fn start(args: &DemoArgs, port: u16, list: &str) -> anyhow::Result<Child> {
    let shards = match args.shards.as_str() {
        "auto" => {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            (cores / usize::from(args.nodes)).max(1).to_string()
        }
        count => count.to_owned(),
    };
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--shards", &shards])
        .arg("--dir")
        .arg(args.dir.join(port.to_string()))
        .args(["--set", &format!("cluster.initial-nodes={list}")])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C reaches this process alone, which then ends the nodes in order.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    if let Some(lines) = child.stderr.take() {
        tokio::spawn(print_lines(port, lines));
    }
    if let Some(lines) = child.stdout.take() {
        tokio::spawn(print_lines(port, lines));
    }
    Ok(child)
}

async fn print_lines(port: u16, source: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(source).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        say(&format!("[{port}] {line}"));
    }
}

#[expect(clippy::print_stderr, reason = "this command is for a person at a terminal")]
fn say(line: &str) {
    eprintln!("{line}");
}

/// The port of the first node that ends.
async fn first_end(nodes: &mut [Child], ports: &[u16]) -> u16 {
    loop {
        for (node, port) in nodes.iter_mut().zip(ports) {
            if !matches!(node.try_wait(), Ok(None)) {
                return *port;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn stop(mut nodes: Vec<Child>) {
    for node in &nodes {
        if let Some(pid) = node.id().and_then(|id| i32::try_from(id).ok()) {
            let pid = nix::unistd::Pid::from_raw(pid);
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        }
    }
    for node in &mut nodes {
        if tokio::time::timeout(GRACE, node.wait()).await.is_err() {
            let _ = node.kill().await;
        }
    }
}
