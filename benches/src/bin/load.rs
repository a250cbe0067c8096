//! The load generator on its own: drives servers that run already.
//!
//! Ends with a failure when a server answered an error, so that a script does not take the
//! throughput of errors for a result.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;
use load::fleet::Fleet;
use load::generator::{Limit, Pace};
use load::measurement::Measurement;
use load::options::KeyspaceOptions;
use load::report::grouped;
use load::setup;
use load::topology::Topology;
use load::workload::Workload;

/// Sends load to a RESP server or cluster and prints what it saw.
#[derive(Debug, Parser)]
struct Options {
    /// Servers as host:port; may be repeated or a list with commas.
    #[arg(long = "addr", default_value = "127.0.0.1:6379", value_delimiter = ',')]
    addresses: Vec<String>,
    /// Ask the servers for CLUSTER SLOTS, connect to all nodes and route keys by slot.
    #[arg(long)]
    cluster: bool,
    /// What is asked.
    #[arg(long, value_enum, default_value = "get")]
    workload: Workload,
    /// Requests in one batch.
    #[arg(long, default_value_t = 1)]
    pipeline: usize,
    /// Length of the run, or with --requests the longest it may take.
    #[arg(long)]
    seconds: Option<f64>,
    /// End after so many requests, rounded up to whole batches.
    #[arg(long)]
    requests: Option<u64>,
    /// Open loop: requests in a second, sent at fixed times. Closed loop without it.
    #[arg(long)]
    rate: Option<f64>,
    /// Generator threads.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    keyspace: KeyspaceOptions,
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    options.keyspace.check()?;
    ensure!(options.pipeline >= 1, "--pipeline must be at least 1");
    let measurement = run(&options)?;
    print(&options, &measurement);
    let failed = measurement.tally.errors > 0;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn run(options: &Options) -> Result<Measurement> {
    let topology = if options.cluster {
        Topology::of_cluster(&options.addresses)?
    } else {
        Topology::unrouted(options.addresses.clone())
    };
    let encoder = setup::prepare(&topology, options.workload, &options.keyspace)?;
    let plan = options.keyspace.plan(&topology, &encoder, options.pipeline);
    let mut fleet = Fleet::connect(&plan, options.threads)?;
    fleet.run(pace(options), limit(options))
}

fn pace(options: &Options) -> Pace {
    match options.rate {
        Some(requests_per_second) => Pace::Open { requests_per_second },
        None => Pace::Closed,
    }
}

fn limit(options: &Options) -> Limit {
    // Even a run that counts requests must end if the server is slow.
    let default = if options.requests.is_some() { 600.0 } else { 10.0 };
    let seconds = options.seconds.unwrap_or(default).clamp(0.0, 86_400.0);
    Limit { duration: Duration::from_secs_f64(seconds), requests: options.requests }
}

#[expect(clippy::print_stdout, reason = "the result of a command-line program")]
fn print(options: &Options, measurement: &Measurement) {
    if options.json {
        let mut json = measurement.to_json();
        json["workload"] = options.workload.name().into();
        json["pipeline"] = options.pipeline.into();
        json["connections"] = options.keyspace.connections.into();
        json["rate"] = options.rate.into();
        println!("{json:#}");
        return;
    }
    print!("{}", text(options, measurement));
}

fn text(options: &Options, measurement: &Measurement) -> String {
    let milliseconds = |quantile| measurement.latency_us(quantile) / 1000.0;
    let tally = &measurement.tally;
    let per_request = |time| measurement.us_per_request(time);
    let mut text = format!(
        "workload    {}, pipeline {}, {} connections, {}\n\
         throughput  {} requests/s ({} in {:.2} s)\n\
         latency     p50 {:.3} ms, p99 {:.3} ms, p99.9 {:.3} ms, max {:.3} ms (per batch of {})\n\
         generator   {:.3} us per request (user {:.3}, system {:.3}), {:.0} % busy{}\n\
         replies     {} errors, {} nils\n",
        options.workload.name(),
        options.pipeline,
        options.keyspace.connections,
        options.rate.map_or("closed loop".to_owned(), |rate| format!("open loop at {rate}/s")),
        grouped(measurement.requests_per_second()),
        grouped(measurement.requests as f64),
        measurement.elapsed.as_secs_f64(),
        milliseconds(0.5),
        milliseconds(0.99),
        milliseconds(0.999),
        measurement.latency.max() as f64 / 1e6,
        options.pipeline,
        per_request(measurement.generator.total()),
        per_request(measurement.generator.user),
        per_request(measurement.generator.system),
        measurement.generator_busy() * 100.0,
        if options.rate.is_some() { " (the open loop spins)" } else { "" },
        grouped(tally.errors as f64),
        grouped(tally.nils as f64),
    );
    if measurement.unsent > 0 {
        text += &format!(
            "warning     {} requests were due but not sent: the rate was not held\n",
            grouped(measurement.unsent as f64)
        );
    }
    if let Some(error) = &tally.first_error {
        text += &format!("first error {error}\n");
    }
    text
}
