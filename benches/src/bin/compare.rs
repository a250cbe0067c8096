//! Runs the same load against Atoll with one shard and against other servers, in turns.
//!
//! On shared cores one run of one server says little: the next minute may be 20 % slower for
//! everyone. So the servers run at the same time and are measured in turns, A B A B, each pinned
//! to one core with the generator on another, and ratios are taken inside each round.
//!
//! # Not here
//! Targets. The tables say what was seen; what must hold is written elsewhere.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bench::comparison::{self, Bout, EXPLANATION, Turn};
use bench::options::NamedBinary;
use clap::Parser;
use load::client::Value;
use load::cpu;
use load::generator::{Generator, Limit, Pace};
use load::interrupt;
use load::machine::Machine;
use load::options::KeyspaceOptions;
use load::server::{self, Durability, Kind, Server, ServerPlan};
use load::setup;
use load::topology::Topology;
use load::workload::{self, Workload};

/// Compares Atoll with other RESP servers on this machine.
#[derive(Debug, Parser)]
struct Options {
    /// The Atoll binary.
    #[arg(long, default_value = "target/release/atoll")]
    atoll: PathBuf,
    /// Leave Atoll out; the first server takes its place in the ratios.
    #[arg(long)]
    no_atoll: bool,
    /// A server to compare with, as name=path; may be repeated. Without it, redis-server from PATH.
    #[arg(long = "server", value_parser = NamedBinary::parse)]
    servers: Vec<NamedBinary>,
    /// The same, run with the jemalloc of the system instead of its own allocator; left out where
    /// there is none.
    #[arg(long = "jemalloc", value_parser = NamedBinary::parse)]
    jemalloc_servers: Vec<NamedBinary>,
    /// Start the peers without cluster mode, so that they check no slots.
    #[arg(long)]
    standalone: bool,
    /// What is asked.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "get,set,incr,stock")]
    workloads: Vec<Workload>,
    /// All scripts that speed is measured by, at pipeline 32; instead of the two options around.
    #[arg(long, conflicts_with_all = ["workloads", "pipelines"])]
    scripts: bool,
    /// All commands that plain speed is measured by, at pipeline 16; instead of them as well.
    #[arg(long, conflicts_with_all = ["workloads", "pipelines", "scripts"])]
    commands: bool,
    /// Requests in one batch.
    #[arg(long, value_delimiter = ',', default_value = "1,16,32")]
    pipelines: Vec<usize>,
    /// Turns of each server for each workload and pipeline.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Length of one turn.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// How durable writes of all servers are.
    #[arg(long, value_enum, default_value_t)]
    durability: Durability,
    /// Also run Atoll without a log, to see what the log costs.
    #[arg(long)]
    without_log: bool,
    /// The core of the server that is measured.
    #[arg(long, default_value_t = 0)]
    server_core: usize,
    /// The core of the generator.
    #[arg(long, default_value_t = 1)]
    generator_core: usize,
    /// Also write the tables to this file, as Markdown with the facts of the machine.
    #[arg(long)]
    markdown: Option<PathBuf>,
    #[command(flatten)]
    keyspace: KeyspaceOptions,
}

/// Requests in one batch of the scripts that speed is measured by.
const SCRIPTS_PIPELINE: usize = 32;
/// The same of the commands.
const COMMANDS_PIPELINE: usize = 16;

/// What Atoll without a log is called.
const WITHOUT_LOG: &str = "atoll-without-log";

/// Before each turn, unmeasured: wakes the core and fills the caches again.
const WARM_UP: Duration = Duration::from_millis(200);

/// One server in the comparison.
struct Contestant {
    version: String,
    server: Server,
    topology: Topology,
}

fn main() -> Result<()> {
    let options = Options::parse();
    options.keyspace.check()?;
    ensure!(options.pipelines.iter().all(|&depth| depth >= 1), "--pipelines must be at least 1");
    ensure!(options.rounds >= 1, "--rounds must be at least 1");
    ensure!((0.1..=600.0).contains(&options.seconds), "--seconds must be 0.1 to 600");
    interrupt::watch()?;
    let contestants = start(&options)?;
    pin_generator(&options)?;

    let introduction = introduction(&options, &contestants);
    print_line(&introduction);
    let bouts = measure_all(&options, &contestants)?;
    let subject = contestants[0].server.name();
    let full = comparison::full_table(&bouts, subject);
    let best = comparison::best_table(&bouts, subject);
    let doubts = bouts.iter().flat_map(Bout::doubts);
    let doubts: String = doubts.map(|doubt| format!("- {doubt}\n")).collect();
    let best_text = best.as_ref().map_or(String::new(), |table| table.to_text() + "\n");
    print_line(&format!("\n{}\n{best_text}{EXPLANATION}\n{doubts}", full.to_text()));
    if let Some(path) = &options.markdown {
        let names: Vec<&str> = contestants.iter().map(|one| one.server.name()).collect();
        let best = best.map_or(String::new(), |table| table.to_markdown() + "\n");
        let text = format!(
            "# Comparison of {}\n\n{introduction}\n{best}{}\n{EXPLANATION}\n\n{doubts}",
            names.join(", "),
            full.to_markdown(),
        );
        fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

/// All loads, one after the other.
fn measure_all(options: &Options, contestants: &[Contestant]) -> Result<Vec<Bout>> {
    let (workloads, pipelines) = if options.scripts {
        (workload::SCRIPTS.to_vec(), vec![SCRIPTS_PIPELINE])
    } else if options.commands {
        (workload::COMMANDS.to_vec(), vec![COMMANDS_PIPELINE])
    } else {
        (options.workloads.clone(), options.pipelines.clone())
    };
    let mut bouts = Vec::new();
    for workload in workloads {
        if let Some(name) = lacks(contestants, workload)? {
            eprintln!("{}: left out, {name} does not have the commands yet", workload.name());
            continue;
        }
        for &pipeline in &pipelines {
            let bout = measure(options, contestants, workload, pipeline)
                .with_context(|| format!("workload {} x {pipeline}", workload.name()))?;
            eprintln!("{}", bout.progress());
            bouts.push(bout);
        }
    }
    Ok(bouts)
}

/// The first server that cannot serve the workload.
fn lacks(contestants: &[Contestant], workload: Workload) -> Result<Option<&str>> {
    let Some(command) = workload.needs() else { return Ok(None) };
    for contestant in contestants {
        if !setup::knows(&contestant.topology, command)? {
            return Ok(Some(contestant.server.name()));
        }
    }
    Ok(None)
}

fn start(options: &Options) -> Result<Vec<Contestant>> {
    let mut peers = options.servers.clone();
    if peers.is_empty() && options.jemalloc_servers.is_empty() {
        peers.extend(NamedBinary::in_path("redis-server"));
    }
    let kind = if options.standalone { Kind::PeerAlone } else { Kind::PeerNode };
    let atoll = NamedBinary { name: "atoll".to_owned(), path: options.atoll.clone() };
    let atoll = (!options.no_atoll).then_some((atoll, Kind::Atoll, None));
    let jemalloc = server::jemalloc();
    if jemalloc.is_none() && !options.jemalloc_servers.is_empty() {
        print_line("warning: no jemalloc on this system, so those servers are left out");
    }
    let with_jemalloc = jemalloc.iter().flat_map(|library| {
        options.jemalloc_servers.iter().map(|peer| (peer.clone(), kind, Some(library.clone())))
    });
    let without_log = NamedBinary { name: WITHOUT_LOG.to_owned(), path: options.atoll.clone() };
    let without_log = options.without_log.then_some((without_log, Kind::Atoll, None));
    let contestants = atoll
        .into_iter()
        .chain(without_log)
        .chain(peers.into_iter().map(|peer| (peer, kind, None)))
        .chain(with_jemalloc)
        .map(|(binary, kind, preload)| {
            let cores = vec![options.server_core];
            let NamedBinary { name, path } = binary;
            let mut version = server::version(&path);
            if let Some(library) = &preload {
                version += &format!(", run with {}", library.display());
            }
            let durability =
                if name == WITHOUT_LOG { Durability::None } else { options.durability };
            let plan = ServerPlan { name, path, kind, cores, shards: 1, preload, durability };
            let server = Server::start(&plan)?;
            let topology = Topology::unrouted(vec![server.address()]);
            Ok(Contestant { version, server, topology })
        })
        .collect::<Result<Vec<_>>>()?;
    ensure!(!contestants.is_empty(), "no server to measure; name one with --server name=path");
    Ok(contestants)
}

fn pin_generator(options: &Options) -> Result<()> {
    if options.server_core == options.generator_core {
        print_line("warning: server and generator share a core; only CPU times mean something");
    }
    cpu::pin_this_thread(&[options.generator_core])
}

/// All turns of one workload and pipeline, after all servers have given the same replies to a few
/// requests.
fn measure(
    options: &Options,
    contestants: &[Contestant],
    workload: Workload,
    pipeline: usize,
) -> Result<Bout> {
    let mut generators = Vec::new();
    let mut expected: Option<Vec<Value>> = None;
    for Contestant { server, topology, .. } in contestants {
        let encoder = setup::prepare(topology, workload, &options.keyspace)
            .with_context(|| server.name().to_owned())?;
        let replies = setup::probe(topology, &encoder, options.keyspace.keys)
            .with_context(|| server.name().to_owned())?;
        let (first, name) = (contestants[0].server.name(), server.name());
        let expected = expected.get_or_insert_with(|| replies.clone());
        ensure!(*expected == replies, "{first} replied {expected:?}, {name} {replies:?}");
        let plan = options.keyspace.plan(topology, &encoder, pipeline);
        generators.push(Generator::connect(&plan, 0..options.keyspace.connections)?);
    }
    let names = contestants.iter().map(|contestant| contestant.server.name().to_owned());
    let mut turns: Vec<(String, Vec<Turn>)> = names.map(|name| (name, Vec::new())).collect();
    for _ in 0..options.rounds {
        for (index, contestant) in contestants.iter().enumerate() {
            let turn = take_turn(options, &contestant.server, &mut generators[index])
                .with_context(|| contestant.server.name().to_owned())?;
            turns[index].1.push(turn);
        }
    }
    Ok(Bout { workload: workload.name().to_owned(), pipeline, turns })
}

fn take_turn(options: &Options, server: &Server, generator: &mut Generator) -> Result<Turn> {
    generator.run(Pace::Closed, Limit { duration: WARM_UP, requests: None })?;
    let before = server.cpu()?;
    let duration = Duration::from_secs_f64(options.seconds);
    let measurement = generator.run(Pace::Closed, Limit { duration, requests: None })?;
    let used = server.cpu()?.since(before).total();
    let tally = &measurement.tally;
    let first_error = tally.first_error.as_deref().unwrap_or_default();
    ensure!(tally.errors == 0, "{} error replies, the first: {first_error}", tally.errors);
    Ok(Turn {
        server_us_per_request: measurement.us_per_request(used),
        server_busy: used.as_secs_f64() / measurement.elapsed.as_secs_f64(),
        measurement,
    })
}

fn introduction(options: &Options, contestants: &[Contestant]) -> String {
    let versions: String = contestants
        .iter()
        .map(|contestant| format!("- {}: {}\n", contestant.server.name(), contestant.version))
        .collect();
    let zipf = options.keyspace.zipf.map_or(String::new(), |zipf| format!(", zipf {zipf}"));
    format!(
        "{}{versions}- Load: {} connections, {} keys, {}-byte values{zipf}, {} rounds of {} s, \
         server on core {}, generator on core {}, peers {}\n",
        Machine::look().to_markdown(),
        options.keyspace.connections,
        options.keyspace.keys,
        options.keyspace.value_size,
        options.rounds,
        options.seconds,
        options.server_core,
        options.generator_core,
        if options.standalone { "without cluster mode" } else { "in cluster mode" },
    )
}

#[expect(clippy::print_stdout, reason = "the result of a command-line program")]
fn print_line(text: &str) {
    println!("{text}");
}
