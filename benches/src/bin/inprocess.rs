//! Measures scripts in this process, on a shard without a node: nanoseconds for each call.
//!
//! `benches/instructions` runs the same under callgrind, where a call always takes as many
//! instructions, whatever else the machine does.

use std::time::Instant;

use anyhow::{Result, ensure};
use bench::cases::{CASES, Case, Ready};
use clap::Parser;
use load::report::{Table, median, quantile, quartile_spread_percent};

/// The allocator of a node.
#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

/// Measures what scripts cost a shard, without sockets.
#[derive(Debug, Parser)]
struct Options {
    /// The cases; all of them without it.
    #[arg(long, value_delimiter = ',')]
    cases: Vec<String>,
    /// Turns of each case. The cases take turns, so that a noisy moment is bad for all of them.
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// Batches of calls in one turn.
    #[arg(long, default_value_t = 20)]
    batches: usize,
    /// Batches that are run beforehand, until compiled code and garbage are in a steady state.
    #[arg(long, default_value_t = 100)]
    warm_up: usize,
    /// Different calls of a case, each with keys and values of its own.
    #[arg(long, default_value_t = 4096)]
    calls: usize,
    /// Print the names of the cases and the calls in a batch, and measure nothing.
    #[arg(long)]
    list: bool,
}

/// What one case has shown.
struct Finding {
    name: &'static str,
    /// Of the median batch.
    ns_per_call: f64,
    spread: f64,
    /// Of the fastest tenth of the batches: what the machine can do when nobody else uses it.
    undisturbed: f64,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let cases = selected(&options.cases)?;
    if options.list {
        for case in cases {
            print_line(&format!("{} {}", case.name, case.batch));
        }
        return Ok(());
    }
    let findings = measure(&cases, &options)?;
    let mut table = Table::new(1, &["case", "ns/call", "spread", "undisturbed"]);
    for finding in &findings {
        table.push(vec![
            finding.name.to_owned(),
            format!("{:.0}", finding.ns_per_call),
            format!("{:.0} %", finding.spread),
            format!("{:.0}", finding.undisturbed),
        ]);
    }
    print_line(&format!("{}\n{EXPLANATION}\n{}", table.to_text(), derived(&findings)));
    Ok(())
}

const EXPLANATION: &str = "\
Nanoseconds of the median batch; half of all batches are within the spread around it. A tenth of them
were as fast as the last column says: on a machine that others use too, that is the figure to compare.
";

fn selected(names: &[String]) -> Result<Vec<&'static Case>> {
    if names.is_empty() {
        return Ok(CASES.iter().filter(|case| case.is_possible()).collect());
    }
    let cases = names.iter().map(|name| Case::named(name)).collect::<Result<Vec<_>>>()?;
    for case in &cases {
        ensure!(case.is_possible(), "{}: the shard has no such command yet", case.name);
    }
    Ok(cases)
}

fn measure(cases: &[&'static Case], options: &Options) -> Result<Vec<Finding>> {
    let mut ready =
        cases.iter().map(|case| case.prepare(options.calls)).collect::<Result<Vec<_>>>()?;
    let mut nanoseconds: Vec<Vec<f64>> = cases.iter().map(|_| Vec::new()).collect();
    for ready in &mut ready {
        (0..options.warm_up).for_each(|_| ready.run_batch());
    }
    for _ in 0..options.rounds {
        for (ready, nanoseconds) in ready.iter_mut().zip(&mut nanoseconds) {
            for _ in 0..options.batches {
                let start = Instant::now();
                counted_batch(ready);
                nanoseconds.push(start.elapsed().as_nanos() as f64);
            }
        }
    }
    let findings = cases.iter().zip(nanoseconds).map(|(case, nanoseconds)| Finding {
        name: case.name,
        spread: quartile_spread_percent(&nanoseconds),
        undisturbed: quantile(&nanoseconds, 0.1) / case.batch as f64,
        ns_per_call: median(nanoseconds) / case.batch as f64,
    });
    Ok(findings.collect())
}

/// A function of its own, so that callgrind can be told by its name to count here and nowhere else.
#[inline(never)]
fn counted_batch(ready: &mut Ready<'_>) {
    ready.run_batch();
}

/// What follows from two cases together, undisturbed.
fn derived(findings: &[Finding]) -> String {
    let of = |name| findings.iter().find(|finding| finding.name == name).map(|f| f.undisturbed);
    let mut text = String::new();
    for (what, four, one) in [("read", "get-4", "get-1"), ("write", "set-4", "set-1")] {
        if let (Some(four), Some(one)) = (of(four), of(one)) {
            text += &format!("each further {what}: {:.0} ns\n", (four - one) / 3.0);
        }
    }
    if let (Some(script), Some(plain), Some(undo)) =
        (of("write-4"), of("plain-4"), of("plain-4-undo"))
    {
        let percent = (undo - plain) / (script - (undo - plain)) * 100.0;
        text += &format!("undo: {percent:.1} % of the script of four writes\n");
    }
    text
}

#[expect(clippy::print_stdout, reason = "the result of a command-line program")]
fn print_line(text: &str) {
    println!("{text}");
}
