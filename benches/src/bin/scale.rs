//! What one, two and three nodes of a cluster cost for each request.
//!
//! With as many cores as nodes and generators this shows speed-up. On two cores it cannot: all
//! nodes share one core. What it shows there is whether a request gets dearer when its node is
//! part of a larger cluster, which is what speed-up on more cores depends on.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bench::options::NamedBinary;
use clap::Parser;
use load::cpu;
use load::fleet::Fleet;
use load::generator::{Limit, Pace};
use load::interrupt;
use load::machine::Machine;
use load::options::KeyspaceOptions;
use load::report::{Table, grouped};
use load::server::{self, Durability, Kind, Server, ServerPlan};
use load::setup;
use load::topology::Topology;
use load::workload::Workload;

/// Measures clusters of one node, two nodes and so on.
#[derive(Debug, Parser)]
struct Options {
    /// The Atoll binary.
    #[arg(long, default_value = "target/release/atoll")]
    atoll: PathBuf,
    /// Measure a server with the command line of Redis instead of Atoll, as name=path.
    #[arg(long = "server", value_parser = NamedBinary::parse)]
    server: Option<NamedBinary>,
    /// The sizes of the clusters.
    #[arg(long, value_delimiter = ',', default_value = "1,2,3")]
    nodes: Vec<usize>,
    /// What is asked.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "get,set,stock")]
    workloads: Vec<Workload>,
    /// Requests in one batch.
    #[arg(long, value_delimiter = ',', default_value = "1,16")]
    pipelines: Vec<usize>,
    /// Length of one run.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Generator threads, each on a core of its own as far as there are any.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    #[command(flatten)]
    keyspace: KeyspaceOptions,
}

const WARM_UP: Duration = Duration::from_millis(200);

fn main() -> Result<()> {
    let options = Options::parse();
    options.keyspace.check()?;
    ensure!(options.pipelines.iter().all(|&depth| depth >= 1), "--pipelines must be at least 1");
    ensure!(options.nodes.iter().all(|&nodes| nodes >= 1), "--nodes must be at least 1");
    ensure!((0.1..=600.0).contains(&options.seconds), "--seconds must be 0.1 to 600");
    ensure!(options.threads >= 1, "--threads must be at least 1");
    interrupt::watch()?;
    let cores = cpu::allowed_cores()?;
    let (server_cores, generator_cores) = share_cores(&cores, options.threads);
    let plan = server_plan(&options, server_cores.clone());
    print_line(&format!(
        "{}- {}: {}\n- Load: {} connections, {} keys, {}-byte values, {} s for each run\n- {}\n",
        Machine::look().to_markdown(),
        plan.name,
        server::version(&plan.path),
        options.keyspace.connections,
        options.keyspace.keys,
        options.keyspace.value_size,
        options.seconds,
        meaning(&options, &server_cores, &generator_cores),
    ));
    cpu::pin_this_thread(&generator_cores)?;

    let mut table = new_table();
    for &nodes in &options.nodes {
        measure(&options, &plan, nodes, &mut table)
            .with_context(|| format!("cluster of {nodes} nodes"))?;
    }
    print_line(&format!("\n{}", table.to_text()));
    Ok(())
}

/// The last cores are the generator's, the others the servers'. A single core is shared.
fn share_cores(cores: &[usize], threads: usize) -> (Vec<usize>, Vec<usize>) {
    if cores.len() < 2 {
        return (cores.to_vec(), cores.to_vec());
    }
    let (servers, generators) = cores.split_at(cores.len() - threads.min(cores.len() - 1));
    (servers.to_vec(), generators.to_vec())
}

fn meaning(options: &Options, server_cores: &[usize], generator_cores: &[usize]) -> String {
    let nodes_max = options.nodes.iter().copied().max().unwrap_or(1);
    let cores = format!("nodes on cores {server_cores:?}, generator on {generator_cores:?}");
    if server_cores.len() < nodes_max {
        let all = server_cores.len() + generator_cores.len();
        format!(
            "{cores}. On {all} cores the nodes share cores: this shows what a request costs as the \
             cluster grows, NOT speed-up"
        )
    } else {
        format!("{cores}: each node has a core of its own")
    }
}

fn server_plan(options: &Options, cores: Vec<usize>) -> ServerPlan {
    let (name, path, kind) = match &options.server {
        Some(NamedBinary { name, path }) => (name.clone(), path.clone(), Kind::PeerNode),
        None => ("atoll".to_owned(), options.atoll.clone(), Kind::Atoll),
    };
    ServerPlan { name, path, kind, cores, shards: 1, preload: None, durability: Durability::None }
}

fn new_table() -> Table {
    Table::new(
        4,
        &[
            "nodes",
            "workload",
            "pipeline",
            "node",
            "requests/s",
            "CPU us/request",
            "busy",
            "p99 ms",
            "generator busy",
        ],
    )
}

/// All workloads on one cluster of `nodes` nodes.
fn measure(options: &Options, plan: &ServerPlan, nodes: usize, table: &mut Table) -> Result<()> {
    let servers = Server::start_cluster(plan, nodes)?;
    let addresses: Vec<String> = servers.iter().map(Server::address).collect();
    let topology = Topology::of_cluster(&addresses)?;
    for &workload in &options.workloads {
        let encoder = setup::prepare(&topology, workload, &options.keyspace)?;
        for &pipeline in &options.pipelines {
            let load = options.keyspace.plan(&topology, &encoder, pipeline);
            let mut fleet = Fleet::connect(&load, options.threads)?;
            let run = Run { options, nodes, workload, pipeline };
            for row in run.measure(&mut fleet, &servers, &topology)? {
                eprintln!("{}", row.join("  "));
                table.push(row);
            }
        }
    }
    Ok(())
}

/// One workload at one pipeline on one cluster.
struct Run<'a> {
    options: &'a Options,
    nodes: usize,
    workload: Workload,
    pipeline: usize,
}

impl Run<'_> {
    /// The row of the whole cluster and then, if there are several, of each node.
    fn measure(
        &self,
        fleet: &mut Fleet,
        servers: &[Server],
        topology: &Topology,
    ) -> Result<Vec<Vec<String>>> {
        fleet.run(Pace::Closed, Limit { duration: WARM_UP, requests: None })?;
        let before = servers.iter().map(Server::cpu).collect::<Result<Vec<_>>>()?;
        let duration = Duration::from_secs_f64(self.options.seconds);
        let measurement = fleet.run(Pace::Closed, Limit { duration, requests: None })?;
        let tally = &measurement.tally;
        let first_error = tally.first_error.as_deref().unwrap_or_default();
        ensure!(tally.errors == 0, "{} error replies, the first: {first_error}", tally.errors);

        let elapsed = measurement.elapsed.as_secs_f64();
        let mut rows = Vec::new();
        let mut sum = Duration::ZERO;
        for (node, server) in servers.iter().enumerate() {
            let used = server.cpu()?.since(before[node]).total();
            sum += used;
            // The order of nodes in the topology is that of their slots, not of their start.
            let address = server.address();
            let place = topology.nodes().iter().position(|known| *known == address);
            let requests = measurement.requests_by_node[place.context("node owns no slots")?];
            rows.push(self.row(&format!("{}", node + 1), requests, used, elapsed));
        }
        let mut all = self.row("all", measurement.requests, sum, elapsed);
        all[7] = format!("{:.3}", measurement.latency_us(0.99) / 1000.0);
        all[8] = format!("{:.0} %", measurement.generator_busy() * 100.0);
        if servers.len() == 1 {
            rows.clear();
        }
        rows.insert(0, all);
        Ok(rows)
    }

    fn row(&self, node: &str, requests: u64, used: Duration, elapsed: f64) -> Vec<String> {
        let used = used.as_secs_f64();
        vec![
            self.nodes.to_string(),
            self.workload.name().to_owned(),
            self.pipeline.to_string(),
            node.to_owned(),
            grouped(requests as f64 / elapsed),
            format!("{:.3}", used * 1e6 / (requests.max(1) as f64)),
            format!("{:.0} %", used / elapsed * 100.0),
            String::new(),
            String::new(),
        ]
    }
}

#[expect(clippy::print_stdout, reason = "the result of a command-line program")]
fn print_line(text: &str) {
    println!("{text}");
}
