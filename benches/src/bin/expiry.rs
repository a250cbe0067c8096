//! How well servers remove what has expired: Atoll with one shard beside other servers.
//!
//! Two loads. *Steady*: keys with a random time to live are set again and again, and once a second
//! DBSIZE is compared with how many of them have not expired, which this program knows. *Storm*:
//! a million keys expire in the same second while others are read at a fixed rate.
//!
//! Between asking for the time and DBSIZE counting there are requests on their way, so a share of
//! some thousandths may be wrong on either side.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use bench::options::NamedBinary;
use clap::Parser;
use load::client::{Client, Value};
use load::cpu;
use load::encoder::append_command;
use load::fleet::Fleet;
use load::generator::{Limit, Pace};
use load::interrupt;
use load::machine::Machine;
use load::measurement::Measurement;
use load::options::KeyspaceOptions;
use load::report::Table;
use load::server::{self, Durability, Kind, Server, ServerPlan};
use load::setup;
use load::topology::Topology;
use load::workload::Workload;

/// Requests sent at once; with the replies far below the socket buffers.
const BATCH: u64 = 200;

/// Measures expiry.
#[derive(Debug, Parser)]
struct Options {
    /// The Atoll binary.
    #[arg(long, default_value = "target/release/atoll")]
    atoll: PathBuf,
    /// Leave Atoll out.
    #[arg(long)]
    no_atoll: bool,
    /// A server to compare with, as name=path; may be repeated.
    #[arg(long = "server", value_parser = NamedBinary::parse)]
    servers: Vec<NamedBinary>,
    /// Different keys.
    #[arg(long, default_value_t = 1_000_000)]
    keys: u64,
    /// Keys set in a second by the steady load.
    #[arg(long, default_value_t = 100_000)]
    rate: u64,
    /// Length of the steady load; the first half is not measured.
    #[arg(long, default_value_t = 40)]
    seconds: u64,
    /// GETs in a second during the storm.
    #[arg(long, default_value_t = 20_000.0)]
    reads: f64,
}

#[expect(clippy::print_stdout, reason = "the result of a command-line program")]
fn main() -> Result<()> {
    let options = Options::parse();
    interrupt::watch()?;
    let cores = cpu::allowed_cores()?;
    let (server_core, own_core) = (cores[0], cores[cores.len() - 1]);
    let mut steady_table =
        Table::new(1, &["steady", "stale mean", "stale max", "sweep", "whole server", "removed/s"]);
    let mut storm_table = Table::new(
        1,
        &["GET, ms", "p50", "p99", "p99.9", "max", "p99.9 without", "max without", "left after"],
    );
    for plan in plans(&options, server_core)? {
        // The server inherits its core from its plan; this program keeps off it.
        let server = Server::start(&plan)?;
        cpu::pin_this_thread(&[own_core])?;
        steady_table.push(steady(&options, &plan.name, &server)?);
        drop(server);
        cpu::pin_this_thread(&cores)?;
        let server = Server::start(&plan)?;
        cpu::pin_this_thread(&[own_core])?;
        storm_table.push(storm(&options, &plan.name, &server)?);
        drop(server);
        cpu::pin_this_thread(&cores)?;
    }
    print!("{}", Machine::look().to_markdown());
    for plan in plans(&options, server_core)? {
        println!("- {}: {}", plan.name, server::version(&plan.path));
    }
    print!("\n{}\n{}", steady_table.to_markdown(), storm_table.to_markdown());
    Ok(())
}

fn plans(options: &Options, core: usize) -> Result<Vec<ServerPlan>> {
    let plan = |name: &str, path: &PathBuf, kind| ServerPlan {
        name: name.to_owned(),
        path: path.clone(),
        kind,
        cores: vec![core],
        shards: 1,
        preload: None,
        durability: Durability::None,
    };
    let atoll = (!options.no_atoll).then(|| plan("atoll", &options.atoll, Kind::Atoll));
    let others =
        options.servers.iter().map(|server| plan(&server.name, &server.path, Kind::PeerNode));
    let plans: Vec<ServerPlan> = atoll.into_iter().chain(others).collect();
    ensure!(!plans.is_empty(), "no server to measure");
    Ok(plans)
}

fn now_ms() -> Result<u64> {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).context("read the clock")?;
    Ok(time.as_millis() as u64)
}

fn figure(client: &mut Client, name: &str) -> Result<f64> {
    let info = client.request(&["INFO", "stats"])?.text().unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.with_context(|| format!("no {name}"))?.trim().parse().context("bad figure")
}

fn set_at(out: &mut Vec<u8>, index: u64, at_ms: u64) {
    // Of a prefix that no other load has.
    let (key, at) = (format!("exp:{index:012}"), at_ms.to_string());
    append_command(out, &[b"SET", key.as_bytes(), b"value:0123456789", b"PXAT", at.as_bytes()]);
}

fn dbsize(client: &mut Client) -> Result<f64> {
    match client.request(&["DBSIZE"])? {
        Value::Integer(count) => Ok(count as f64),
        other => anyhow::bail!("DBSIZE answered {other:?}"),
    }
}

/// See the module.
fn steady(options: &Options, name: &str, server: &Server) -> Result<Vec<String>> {
    const TTL_MS: std::ops::Range<u64> = 1_000..10_000;
    let mut client = Client::connect(&server.address())?;
    let mut random = fastrand::Rng::with_seed(1);
    let mut expiries = vec![0u64; options.keys as usize];
    let start = Instant::now();
    let length = Duration::from_secs(options.seconds);
    let pause = Duration::from_secs_f64(BATCH as f64 / options.rate as f64);
    let (mut sent, mut next_look) = (0u32, length / 2);
    let mut stale = Vec::new();
    let mut before = None;
    while start.elapsed() < length {
        let mut bytes = Vec::new();
        let now = now_ms()?;
        for _ in 0..BATCH {
            let index = random.u64(..options.keys);
            expiries[index as usize] = now + random.u64(TTL_MS);
            set_at(&mut bytes, index, expiries[index as usize]);
        }
        client.batch(&bytes, BATCH)?;
        sent += 1;
        if start.elapsed() >= next_look {
            if before.is_none() {
                before = Some((Instant::now(), figures(server, &mut client)?));
            }
            next_look += Duration::from_secs(1);
            let count = dbsize(&mut client)?;
            let now = now_ms()?;
            let live = expiries.iter().filter(|&&at| at >= now).count() as f64;
            stale.push(100.0 * (count - live).max(0.0) / count.max(1.0));
        }
        // Where it cannot keep up, it does what it can.
        if let Some(rest) = (pause * sent).checked_sub(start.elapsed()) {
            std::thread::sleep(rest);
        }
    }
    let (from, before) = before.context("the run was too short")?;
    let after = figures(server, &mut client)?;
    let seconds = from.elapsed().as_secs_f64();
    let share = |at: usize, unit: f64| (after[at] - before[at]) / unit / seconds;
    Ok(vec![
        name.to_owned(),
        format!("{:.2} %", stale.iter().sum::<f64>() / stale.len() as f64),
        format!("{:.2} %", stale.iter().copied().fold(0.0, f64::max)),
        format!("{:.2} % of a core", 100.0 * share(0, 1000.0)),
        format!("{:.1} %", 100.0 * share(1, 1.0)),
        format!("{:.0}", share(2, 1.0)),
    ])
}

/// Milliseconds of sweeping, seconds of the whole server, keys removed.
fn figures(server: &Server, client: &mut Client) -> Result<[f64; 3]> {
    Ok([
        figure(client, "expire_cycle_cpu_milliseconds")?,
        server.cpu()?.total().as_secs_f64(),
        figure(client, "expired_keys")?,
    ])
}

/// See the module.
fn storm(options: &Options, name: &str, server: &Server) -> Result<Vec<String>> {
    /// Until the storm, from when the keys are being set; longer than setting them takes.
    const AHEAD: Duration = Duration::from_secs(25);
    const AROUND: Duration = Duration::from_secs(4);
    let address = server.address();
    let topology = Topology::of_cluster(std::slice::from_ref(&address))?;
    let keyspace = KeyspaceOptions {
        connections: 20,
        keys: 100_000,
        value_size: 16,
        zipf: None,
        no_preload: false,
    };
    let encoder = setup::prepare(&topology, Workload::Get, &keyspace)?;
    let mut fleet = Fleet::connect(&keyspace.plan(&topology, &encoder, 1), 1)?;
    let mut read = |duration: Duration| -> Result<Measurement> {
        let pace = Pace::Open { requests_per_second: options.reads };
        fleet.run(pace, Limit { duration, requests: None })
    };
    let without = read(AROUND)?;
    let mut client = Client::connect(&address)?;
    let begin = Instant::now();
    let second = now_ms()? + AHEAD.as_millis() as u64;
    for batch in 0..options.keys / BATCH {
        let mut bytes = Vec::new();
        for index in batch * BATCH..(batch + 1) * BATCH {
            set_at(&mut bytes, index, second + index % 1000);
        }
        client.batch(&bytes, BATCH)?;
    }
    let rest = (AHEAD - AROUND / 2).checked_sub(begin.elapsed());
    std::thread::sleep(rest.context("setting the keys took too long")?);
    let during = read(AROUND)?;
    let left = dbsize(&mut client)? - keyspace.keys as f64;
    let at = |measurement: &Measurement, quantile| {
        format!("{:.3}", measurement.latency_us(quantile) / 1000.0)
    };
    Ok(vec![
        name.to_owned(),
        at(&during, 0.5),
        at(&during, 0.99),
        at(&during, 0.999),
        format!("{:.3}", during.latency.max() as f64 / 1e6),
        at(&without, 0.999),
        format!("{:.3}", without.latency.max() as f64 / 1e6),
        format!("{left:.0}"),
    ])
}
