//! How much memory keys and elements take: Atoll with one shard beside other servers.
//!
//! Each server is started anew for each kind of data, filled, and asked for `used_memory`; resident
//! memory is what the kernel says. The figures are what was added, divided by the items. The last
//! row of `--fragmentation` is what is left after half of the keys have been deleted at random.
//!
//! # Not here
//! Time. See `compare` for that.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bench::filling::{self, Filling};
use bench::options::NamedBinary;
use clap::{Parser, ValueEnum};
use load::client::{Client, Value};
use load::cpu;
use load::encoder::append_command;
use load::interrupt;
use load::machine::Machine;
use load::report::Table;
use load::server::{self, Durability, Kind, Server, ServerPlan};

/// Requests sent at once; with the replies far below the socket buffers.
const BATCH: u64 = 200;
/// How long a server may tidy up by itself before it is asked.
const SETTLE: Duration = Duration::from_millis(1500);

/// Measures bytes per key and element.
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
    /// Kinds of data; all without it.
    #[arg(long, value_enum, value_delimiter = ',')]
    fillings: Vec<Filling>,
    /// How many keys or elements.
    #[arg(long, value_delimiter = ',', default_value = "200000,1000000")]
    counts: Vec<u64>,
    /// Delete half of the keys at random and tell how much memory is left for each of the others.
    #[arg(long)]
    fragmentation: bool,
}

/// What a server takes at a moment, in bytes.
#[derive(Debug, Clone, Copy)]
struct Taken {
    used: u64,
    resident: u64,
}

#[expect(clippy::print_stdout, reason = "the result of a command-line program")]
fn main() -> Result<()> {
    let options = Options::parse();
    interrupt::watch()?;
    let plans = plans(&options)?;
    print!("{}", Machine::look().to_markdown());
    for plan in &plans {
        println!("- {}: {}", plan.name, server::version(&plan.path));
    }
    let fillings = match &options.fillings[..] {
        [] => Filling::value_variants(),
        some => some,
    };
    for &count in &options.counts {
        println!("\n{count} items, bytes for each: used_memory / resident\n");
        let mut header = vec!["data"];
        header.extend(plans.iter().map(|plan| plan.name.as_str()));
        let mut table = Table::new(1, &header);
        for &filling in fillings {
            let mut row = vec![filling.name().to_owned()];
            for plan in &plans {
                row.push(cell(plan, filling, count, options.fragmentation)?);
            }
            table.push(row);
        }
        print!("{}", table.to_markdown());
    }
    Ok(())
}

fn plans(options: &Options) -> Result<Vec<ServerPlan>> {
    let cores = cpu::allowed_cores()?;
    let plan = |name: &str, path: &PathBuf, kind| ServerPlan {
        name: name.to_owned(),
        path: path.clone(),
        kind,
        cores: cores[..1].to_vec(),
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

fn cell(plan: &ServerPlan, filling: Filling, count: u64, fragmentation: bool) -> Result<String> {
    let server = Server::start(plan)?;
    let mut client = Client::connect(&server.address())?;
    let before = take(&server, &mut client)?;
    fill(&mut client, filling, count).with_context(|| format!("fill {}", plan.name))?;
    thread::sleep(SETTLE);
    let after = take(&server, &mut client)?;
    let per_item =
        |after: u64, before: u64, items: u64| after.saturating_sub(before) as f64 / items as f64;
    if !fragmentation {
        let used = per_item(after.used, before.used, count);
        let resident = per_item(after.resident, before.resident, count);
        return Ok(format!("{used:.1} / {resident:.1}"));
    }
    let left = count - delete_half(&mut client, count)?;
    thread::sleep(SETTLE);
    let after = take(&server, &mut client)?;
    let used = per_item(after.used, before.used, left);
    let resident = per_item(after.resident, before.resident, left);
    let ratio = after.resident as f64 / after.used as f64;
    Ok(format!("{used:.1} / {resident:.1} (ratio {ratio:.2})"))
}

fn take(server: &Server, client: &mut Client) -> Result<Taken> {
    let info = client.request(&["INFO", "memory"])?.text().unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
    let used = line.context("no used_memory")?.trim().parse().context("bad used_memory")?;
    Ok(Taken { used, resident: server.resident()? })
}

fn fill(client: &mut Client, filling: Filling, count: u64) -> Result<()> {
    in_batches(client, 0..count, |out, index| filling.append(out, index))
}

/// Deletes about half of the keys; returns how many.
fn delete_half(client: &mut Client, count: u64) -> Result<u64> {
    let mut random = fastrand::Rng::with_seed(1);
    let doomed: Vec<u64> = (0..count).filter(|_| random.bool()).collect();
    in_batches(client, doomed.iter().copied(), |out, index| {
        append_command(out, &[b"DEL", filling::key(index).as_bytes()]);
    })?;
    Ok(doomed.len() as u64)
}

fn in_batches(
    client: &mut Client,
    items: impl Iterator<Item = u64>,
    append: impl Fn(&mut Vec<u8>, u64),
) -> Result<()> {
    let (mut bytes, mut requests) = (Vec::new(), 0);
    let mut send = |bytes: &mut Vec<u8>, requests: &mut u64| -> Result<()> {
        for reply in client.batch(bytes, *requests)? {
            ensure!(!matches!(reply, Value::Error(_)), "refused: {reply:?}");
        }
        bytes.clear();
        *requests = 0;
        Ok(())
    };
    for item in items {
        append(&mut bytes, item);
        requests += 1;
        if requests == BATCH {
            send(&mut bytes, &mut requests)?;
        }
    }
    send(&mut bytes, &mut requests)
}
