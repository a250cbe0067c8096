//! Results as text.

use std::fmt::Write;

use super::arguments::BenchArgs;
use super::outcome::Outcome;
use super::scenario::Scenario;
use crate::report::{Table, grouped};

/// What is shown where there is nothing to show.
const NONE: &str = "-";

/// A line for each workload, and what is to be said about it.
pub(super) fn of_workloads(args: &BenchArgs, outcomes: &[Outcome]) -> String {
    let mut table = Table::new(
        1,
        &[
            "workload",
            "requests/s",
            "p50 ms",
            "p99 ms",
            "p99.9 ms",
            "max ms",
            "errors",
            "server CPU us/request",
            "generator CPU",
        ],
    );
    for outcome in outcomes {
        let mut row = vec![outcome.scenario.name().to_owned(), throughput(outcome)];
        row.extend([0.5, 0.99, 0.999, 1.0].map(|quantile| milliseconds(outcome, quantile)));
        row.extend([errors(outcome), server(outcome), generator(outcome)]);
        table.push(row);
    }
    let mut text = format!("{}\n{}", load(args), table.to_text());
    for outcome in outcomes {
        text += &remarks(outcome.scenario.name(), outcome);
    }
    text
}

/// For each workload a table with a line for each number of nodes.
pub(super) fn of_steps(args: &BenchArgs, outcomes: &[Outcome]) -> String {
    let mut text = format!(
        "{}\n{} shards per node, durability {}\n",
        load(args),
        args.shards_per_node,
        args.durability.name()
    );
    text += &sharing(args, outcomes);
    for &scenario in &args.workloads {
        let steps: Vec<&Outcome> =
            outcomes.iter().filter(|outcome| outcome.scenario == scenario).collect();
        text += &format!("\n{}\n{}", scenario.name(), steps_of(scenario, &steps).to_text());
        for outcome in &steps {
            let name = format!("{} x {}", scenario.name(), outcome.started.unwrap_or(1));
            text += &remarks(&name, outcome);
        }
    }
    text
}

/// What a speed-up means where there are too few cores for all threads.
fn sharing(args: &BenchArgs, outcomes: &[Outcome]) -> String {
    let nodes = args.scale.iter().copied().max().unwrap_or(1);
    let servers = usize::from(nodes) * usize::from(args.shards_per_node);
    let (threads, cores) = (usize::from(args.threads), outcomes.first().map_or(0, |one| one.cores));
    if servers + threads <= cores {
        return String::new();
    }
    format!(
        "note: {cores} cores for up to {servers} threads of servers and {threads} of the generator: \
         they share cores, so compare server CPU per request, not speed-up\n"
    )
}

fn steps_of(scenario: Scenario, steps: &[&Outcome]) -> Table {
    let mut table = Table::new(
        0,
        &[
            "nodes",
            "requests/s",
            "speed-up",
            "server CPU us/request",
            "p50 ms",
            "p99 ms",
            "p99.9 ms",
            "errors",
            "generator CPU",
        ],
    );
    for outcome in steps {
        debug_assert_eq!(outcome.scenario, scenario);
        let speed_up = speed_up(steps[0], outcome);
        let mut row = vec![
            outcome.started.unwrap_or(1).to_string(),
            throughput(outcome),
            speed_up.map_or(NONE.to_owned(), |speed_up| format!("{speed_up:.2}")),
            server(outcome),
        ];
        row.extend([0.5, 0.99, 0.999].map(|quantile| milliseconds(outcome, quantile)));
        row.extend([errors(outcome), generator(outcome)]);
        table.push(row);
    }
    table
}

/// How much faster than the first step.
pub(super) fn speed_up(first: &Outcome, outcome: &Outcome) -> Option<f64> {
    let (one, other) = (&first.measurement, &outcome.measurement);
    let both = one.requests > 0 && other.requests > 0;
    both.then(|| other.requests_per_second() / one.requests_per_second())
}

/// What all workloads have in common.
fn load(args: &BenchArgs) -> String {
    let loop_kind = match args.rate {
        Some(rate) => format!("open loop at {}/s", grouped(rate)),
        None => "closed loop".to_owned(),
    };
    format!(
        "{loop_kind}, {} clients, {} threads, pipeline {}, {} keys ({}), values of {} bytes",
        args.clients,
        args.threads,
        args.pipeline,
        grouped(args.keys as f64),
        args.key_distribution,
        args.value_size
    )
}

fn throughput(outcome: &Outcome) -> String {
    grouped(outcome.measurement.requests_per_second())
}

fn milliseconds(outcome: &Outcome, quantile: f64) -> String {
    outcome.latency_ms(quantile).map_or(NONE.to_owned(), |latency| format!("{latency:.3}"))
}

fn errors(outcome: &Outcome) -> String {
    grouped(outcome.measurement.tally.errors as f64)
}

fn server(outcome: &Outcome) -> String {
    outcome.server_us().map_or(NONE.to_owned(), |microseconds| format!("{microseconds:.2}"))
}

fn generator(outcome: &Outcome) -> String {
    let star = if outcome.generator_was_limit() { "*" } else { "" };
    format!("{:.0} %{star}", outcome.measurement.generator_busy() * 100.0)
}

/// Errors, sums and warnings, a line each.
fn remarks(name: &str, outcome: &Outcome) -> String {
    let tally = &outcome.measurement.tally;
    let mut text = String::new();
    let mut say = |what: &str, words: &str| {
        let _ = writeln!(text, "{name}: {what}: {words}");
    };
    for (class, error) in &tally.classes {
        say("error", &format!("{} x {class}, the first: {}", error.count, error.first));
    }
    if tally.disconnects > 0 {
        say("error", &format!("{} connections ended and were opened anew", tally.disconnects));
    }
    if tally.moved + tally.asked > 0 {
        say("redirects", &format!("{} MOVED and {} ASK followed", tally.moved, tally.asked));
    }
    if let Some(sums) = &outcome.sums {
        say(if sums.right { "check" } else { "CHECK FAILED" }, &sums.text);
    }
    if let Err(why) = &outcome.server {
        say("note", &format!("server CPU is not known: {why}"));
    }
    for warning in outcome.warnings() {
        say("warning", &warning);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::arguments::tests::parsed;
    use super::super::outcome::tests::outcome;
    use super::*;
    use crate::bench::sums::Sums;

    fn args(line: &str) -> BenchArgs {
        parsed(line).unwrap()
    }

    #[test]
    fn a_workload_is_a_line_with_its_remarks() {
        let mut one = outcome();
        one.measurement.tally.note_error(b"OOM full");
        one.sums = Some(Sums { right: true, text: "all is there".to_owned() });
        let text = of_workloads(&args(""), &[one]);
        // The histogram tells a thousandth apart.
        let expected = "\
closed loop, 50 clients, 1 threads, pipeline 1, 100,000 keys (uniform), values of 16 bytes
workload  requests/s  p50 ms  p99 ms  p99.9 ms  max ms  errors  server CPU us/request  generator CPU
get            1,000   2.001   2.001     2.001   2.001       1                   3.00            0 %
get: error: 1 x OOM, the first: OOM full
get: check: all is there
";
        assert_eq!(text, expected);
    }

    #[test]
    fn steps_are_compared_with_the_first() {
        let (first, mut second) = (outcome(), outcome());
        second.measurement.requests = 1900;
        second.started = Some(2);
        let text = of_steps(&args("--scale 1,2 --clients 2"), &[first, second]);
        let lines: Vec<Vec<&str>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert!(
            text.contains("note: 2 cores for up to 2 threads of servers and 1 of the generator")
        );
        assert_eq!(lines[4], ["get"]);
        assert_eq!(lines[6][..4], ["1", "1,000", "1.00", "3.00"]);
        assert_eq!(lines[7][..4], ["2", "1,900", "1.90", "1.58"]);
    }
}
