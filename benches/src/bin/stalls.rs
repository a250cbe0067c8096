//! The longest single calls while a keyspace and single collections grow and go, in the process.
//!
//! Each call is timed twice: by the wall, and by the processor time of the thread, which leaves out
//! what the machine does meanwhile for others. What it takes away without saying (another guest of
//! the same host) is in both; so a loop that does nothing is timed the same way in the same run, and
//! a figure means little that is no larger than the one of that loop. The same goes for memory: a page
//! that is touched for the first time comes from the operating system, in a guest from the host, and
//! that can take longer than any call. So pages are touched and timed, too, a gibibyte of them.
//!
//! # Not here
//! What a client sees: `load --rate` while another client fills.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bench::inprocess::{Local, Prepared};
use clap::Parser;
use hdrhistogram::Histogram;
use load::machine::Machine;
use load::report::{Table, grouped};
use nix::time::ClockId;

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

/// Measures the longest calls.
#[derive(Debug, Parser)]
struct Options {
    /// Keys that are inserted.
    #[arg(long, default_value_t = 10_000_000)]
    keys: u64,
    /// Members of each collection that is filled and deleted.
    #[arg(long, default_value_t = 5_000_000)]
    members: u64,
}

/// Calls of one kind, timed.
struct Calls {
    name: String,
    wall: Histogram<u64>,
    cpu: Histogram<u64>,
}

impl Calls {
    fn new(name: &str) -> Result<Self> {
        const LONGEST: u64 = 60_000_000_000;
        let histogram = || Histogram::new_with_bounds(1, LONGEST, 3).context("make a histogram");
        Ok(Self { name: name.to_owned(), wall: histogram()?, cpu: histogram()? })
    }

    fn time<R>(&mut self, call: impl FnOnce() -> R) -> Result<R> {
        let cpu_before = thread_time()?;
        let start = Instant::now();
        let result = call();
        let wall = start.elapsed();
        let cpu = thread_time()?.saturating_sub(cpu_before);
        self.wall.saturating_record(wall.as_nanos() as u64);
        self.cpu.saturating_record(cpu.as_nanos() as u64);
        Ok(result)
    }

    fn row(&self) -> Vec<String> {
        let at = |histogram: &Histogram<u64>, quantile: f64| {
            format!("{:.1}", histogram.value_at_quantile(quantile) as f64 / 1000.0)
        };
        vec![
            self.name.clone(),
            grouped(self.wall.len() as f64),
            at(&self.wall, 0.5),
            at(&self.wall, 0.999),
            at(&self.wall, 0.99999),
            at(&self.wall, 1.0),
            at(&self.cpu, 1.0),
        ]
    }
}

fn thread_time() -> Result<Duration> {
    Ok(ClockId::CLOCK_THREAD_CPUTIME_ID.now().context("read the thread's time")?.into())
}

#[expect(clippy::print_stdout, reason = "the result of a command-line program")]
fn main() -> Result<()> {
    let options = Options::parse();
    // As in a node.
    allocator::give_back_apart().context("start the thread that gives memory back")?;
    let mut table = Table::new(
        1,
        &["microseconds", "calls", "p50", "p99.9", "p99.999", "max", "max of cpu time"],
    );
    let mut idle = idle()?;
    idle.name = "nothing, before".to_owned();
    table.push(idle.row());
    table.push(first_touches("the first touch of a page, before")?.row());
    for calls in grow_keys(options.keys)? {
        table.push(calls.row());
    }
    for kind in ["HSET", "SADD", "ZADD", "RPUSH", "XADD"] {
        for calls in grow_one(kind, options.members)? {
            table.push(calls.row());
        }
    }
    let mut idle = self::idle()?;
    idle.name = "nothing, after".to_owned();
    table.push(idle.row());
    table.push(first_touches("the first touch of a page, after")?.row());
    print!("{}\n{}", Machine::look().to_markdown(), table.to_markdown());
    Ok(())
}

/// What the machine does to calls that do nothing.
fn idle() -> Result<Calls> {
    let mut calls = Calls::new("nothing")?;
    for n in 0..10_000_000u64 {
        calls.time(|| black_box(n))?;
    }
    Ok(calls)
}

/// What the operating system, and the host of a guest, take for new memory.
fn first_touches(name: &str) -> Result<Calls> {
    const PAGE: usize = 4096;
    const PAGES: usize = 1 << 18;
    let mut calls = Calls::new(name)?;
    let mut memory = Vec::<u8>::with_capacity(PAGES * PAGE);
    for _ in 0..PAGES {
        calls.time(|| {
            memory.push(1);
            // The rest of the page, not one by one: that would be timed instead.
            memory.resize(memory.len() + PAGE - 1, 0);
        })?;
    }
    black_box(&memory);
    Ok(calls)
}

fn grow_keys(count: u64) -> Result<[Calls; 3]> {
    let mut local = Local::new();
    let mut set = Calls::new("SET of a new key")?;
    for n in 0..count {
        let request =
            local.prepare(&["SET", &format!("key:{n:012}"), &format!("value:{n:010}")])?;
        set.time(|| run(&mut local, &request))?;
    }
    let mut del = Calls::new("DEL of a key, half of them")?;
    for n in (0..count).step_by(2) {
        let request = local.prepare(&["DEL", &format!("key:{n:012}")])?;
        del.time(|| run(&mut local, &request))?;
    }
    let flush = Calls::new("FLUSHALL, and the parts freed after it")?;
    let flush = remove(&mut local, flush, &["FLUSHALL"])?;
    Ok([set, del, flush])
}

fn grow_one(kind: &str, count: u64) -> Result<[Calls; 2]> {
    let mut local = Local::new();
    let mut add = Calls::new(&format!("{kind}, one large value"))?;
    for n in 0..count {
        let score = (n.wrapping_mul(0x9E37_79B1) & 0x7FFF_FFFF).to_string();
        let member = format!("member:{n:09}");
        let words: &[&str] = match kind {
            "HSET" => &[kind, "large", &member, &member],
            "ZADD" => &[kind, "large", &score, &member],
            "XADD" => &[kind, "large", "*", "field", &member],
            _ => &[kind, "large", &member],
        };
        let request = local.prepare(words)?;
        add.time(|| run(&mut local, &request))?;
    }
    let del = Calls::new(&format!("DEL after {kind}, and the parts freed after it"))?;
    let del = remove(&mut local, del, &["DEL", "large"])?;
    Ok([add, del])
}

/// The call that removes, and what is freed after it: all are calls of their own.
fn remove(local: &mut Local, mut calls: Calls, words: &[&str]) -> Result<Calls> {
    let request = local.prepare(words)?;
    calls.time(|| run(local, &request))?;
    while calls.time(|| local.free_some())? {}
    Ok(calls)
}

fn run(local: &mut Local, request: &Prepared) {
    black_box(local.run(request));
}
