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
use bench::cpu;
use bench::generator::{Generator, Limit, Pace};
use bench::interrupt;
use bench::machine::Machine;
use bench::measurement::Measurement;
use bench::options::{KeyspaceOptions, NamedBinary};
use bench::report::{Table, grouped, median, spread_percent};
use bench::server::{self, Kind, Server, ServerPlan};
use bench::setup;
use bench::topology::Topology;
use bench::workload::Workload;
use clap::Parser;

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
    /// Start the peers without cluster mode, so that they check no slots.
    #[arg(long)]
    standalone: bool,
    /// What is asked.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "get,set,incr,stock")]
    workloads: Vec<Workload>,
    /// Requests in one batch.
    #[arg(long, value_delimiter = ',', default_value = "1,16,32")]
    pipelines: Vec<usize>,
    /// Turns of each server for each workload and pipeline.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Length of one turn.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
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

/// Before each turn, unmeasured: wakes the core and fills the caches again.
const WARM_UP: Duration = Duration::from_millis(200);

/// One server in the comparison.
struct Contestant {
    version: String,
    server: Server,
    topology: Topology,
}

/// One turn of one server.
struct Turn {
    measurement: Measurement,
    /// Processor time of the server.
    server_us_per_request: f64,
    server_busy: f64,
}

impl Turn {
    /// The generator was the limit, so the throughput is not the server's.
    fn generator_bound(&self) -> bool {
        self.measurement.generator_busy() > 0.90 && self.server_busy < 0.95
    }

    /// Neither side was the limit: something else used the cores.
    fn disturbed(&self) -> bool {
        self.measurement.generator_busy() < 0.90 && self.server_busy < 0.90
    }
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

    let mut table = new_table(contestants[0].server.name());
    let mut warnings = Vec::new();
    print_line(&introduction(&options, &contestants));
    for &workload in &options.workloads {
        for &pipeline in &options.pipelines {
            let turns = measure(&options, &contestants, workload, pipeline)
                .with_context(|| format!("workload {} x {pipeline}", workload.name()))?;
            eprintln!("{}", progress(&contestants, &turns, workload, pipeline));
            for row in rows(&contestants, &turns, workload, pipeline) {
                table.push(row);
            }
            warnings.extend(doubts(&contestants, &turns, workload, pipeline));
        }
    }
    let warnings: String = warnings.iter().map(|warning| format!("- {warning}\n")).collect();
    print_line(&format!("\n{}\n{EXPLANATION}\n{warnings}", table.to_text()));
    if let Some(path) = &options.markdown {
        let text = markdown(&options, &contestants, &table, &warnings);
        fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

fn start(options: &Options) -> Result<Vec<Contestant>> {
    let mut peers = options.servers.clone();
    if peers.is_empty() {
        peers.extend(NamedBinary::in_path("redis-server"));
    }
    let kind = if options.standalone { Kind::PeerAlone } else { Kind::PeerNode };
    let atoll = NamedBinary { name: "atoll".to_owned(), path: options.atoll.clone() };
    let atoll = (!options.no_atoll).then_some((atoll, Kind::Atoll));
    let contestants = atoll
        .into_iter()
        .chain(peers.into_iter().map(|peer| (peer, kind)))
        .map(|(binary, kind)| {
            let cores = vec![options.server_core];
            let NamedBinary { name, path } = binary;
            let version = server::version(&path);
            let server = Server::start(&ServerPlan { name, path, kind, cores })?;
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

/// All turns of one workload and pipeline: a list for each contestant.
fn measure(
    options: &Options,
    contestants: &[Contestant],
    workload: Workload,
    pipeline: usize,
) -> Result<Vec<Vec<Turn>>> {
    let mut generators = Vec::new();
    for contestant in contestants {
        let encoder = setup::prepare(&contestant.topology, workload, &options.keyspace)
            .with_context(|| contestant.server.name().to_owned())?;
        let plan = options.keyspace.plan(&contestant.topology, &encoder, pipeline);
        generators.push(Generator::connect(plan, 0..options.keyspace.connections)?);
    }
    let mut turns: Vec<Vec<Turn>> = contestants.iter().map(|_| Vec::new()).collect();
    for _ in 0..options.rounds {
        for (index, contestant) in contestants.iter().enumerate() {
            let turn = take_turn(options, &contestant.server, &mut generators[index])
                .with_context(|| contestant.server.name().to_owned())?;
            turns[index].push(turn);
        }
    }
    Ok(turns)
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

/// One line to watch while the comparison runs, on the side of its result.
fn progress(
    contestants: &[Contestant],
    turns: &[Vec<Turn>],
    workload: Workload,
    pipeline: usize,
) -> String {
    let mut line = format!("{} x {pipeline}:", workload.name());
    for (contestant, turns) in contestants.iter().zip(turns) {
        let throughput = turns.iter().map(|turn| turn.measurement.requests_per_second());
        let cpu = turns.iter().map(|turn| turn.server_us_per_request);
        let throughput = grouped(median(throughput));
        line += &format!("  {} {throughput}/s at {:.3} us,", contestant.server.name(), median(cpu));
    }
    line.trim_end_matches(',').to_owned()
}

fn new_table(subject: &str) -> Table {
    let throughput_ratio = format!("throughput {subject}/this");
    let cpu_ratio = format!("CPU this/{subject}");
    Table::new(
        3,
        &[
            "workload",
            "pipeline",
            "server",
            "requests/s",
            "spread",
            "server CPU us/request",
            "server busy",
            "p50 ms",
            "p99 ms",
            "generator CPU us/request",
            "generator busy",
            &throughput_ratio,
            &cpu_ratio,
        ],
    )
}

const EXPLANATION: &str = "\
Medians over the rounds; spread is half the distance of the extremes. Both ratios are above 1 when
the first server is the better one; they are medians of the ratios inside each round. Server CPU is
user and system time of all threads. Latency is that of a whole batch in a closed loop. A star marks
a throughput that the generator limited: there only CPU per request compares the servers.";

fn rows(
    contestants: &[Contestant],
    turns: &[Vec<Turn>],
    workload: Workload,
    pipeline: usize,
) -> Vec<Vec<String>> {
    let of = |turns: &[Turn], value: fn(&Turn) -> f64| median(turns.iter().map(value));
    let throughput = |turn: &Turn| turn.measurement.requests_per_second();
    let cpu = |turn: &Turn| turn.server_us_per_request;
    let rows = contestants.iter().zip(turns).enumerate().map(|(index, (contestant, mine))| {
        let all: Vec<f64> = mine.iter().map(throughput).collect();
        let star = if mine.iter().any(Turn::generator_bound) { "*" } else { "" };
        let ratio = |value: fn(&Turn, &Turn) -> f64| {
            let paired = turns[0].iter().zip(mine).map(|(subject, this)| value(subject, this));
            if index == 0 { "1".to_owned() } else { format!("{:.2}", median(paired)) }
        };
        vec![
            workload.name().to_owned(),
            pipeline.to_string(),
            contestant.server.name().to_owned(),
            grouped(median(all.iter().copied())) + star,
            format!("{:.0} %", spread_percent(&all)),
            format!("{:.3}", of(mine, cpu)),
            format!("{:.0} %", of(mine, |turn| turn.server_busy) * 100.0),
            format!("{:.3}", of(mine, |turn| turn.measurement.latency_us(0.5)) / 1000.0),
            format!("{:.3}", of(mine, |turn| turn.measurement.latency_us(0.99)) / 1000.0),
            format!(
                "{:.3}",
                of(mine, |turn| {
                    turn.measurement.us_per_request(turn.measurement.generator.total())
                })
            ),
            format!("{:.0} %", of(mine, |turn| turn.measurement.generator_busy()) * 100.0),
            ratio(|subject, this| {
                subject.measurement.requests_per_second() / this.measurement.requests_per_second()
            }),
            ratio(|subject, this| this.server_us_per_request / subject.server_us_per_request),
        ]
    });
    rows.collect()
}

/// What makes the numbers of some turns worth less.
fn doubts(
    contestants: &[Contestant],
    turns: &[Vec<Turn>],
    workload: Workload,
    pipeline: usize,
) -> Vec<String> {
    let kinds = [
        (
            Turn::generator_bound as fn(&Turn) -> bool,
            "the generator was above 90 % busy and the server below 95 %",
        ),
        (Turn::disturbed, "both were below 90 % busy, so something else used their cores"),
    ];
    let mut doubts = Vec::new();
    for (contestant, turns) in contestants.iter().zip(turns) {
        for (holds, text) in kinds {
            let count = turns.iter().filter(|turn| holds(turn)).count();
            if count > 0 {
                let (name, all) = (contestant.server.name(), turns.len());
                let workload = workload.name();
                doubts.push(format!(
                    "warning: {name}, {workload} x {pipeline}, {count} of {all} turns: {text}"
                ));
            }
        }
    }
    doubts
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

fn markdown(
    options: &Options,
    contestants: &[Contestant],
    table: &Table,
    warnings: &str,
) -> String {
    format!(
        "# Comparison of {}\n\n{}\n{}\n{EXPLANATION}\n\n{warnings}",
        contestants.iter().map(|c| c.server.name()).collect::<Vec<_>>().join(", "),
        introduction(options, contestants),
        table.to_markdown(),
    )
}

#[expect(clippy::print_stdout, reason = "the result of a command-line program")]
fn print_line(text: &str) {
    println!("{text}");
}
