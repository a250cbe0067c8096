//! Results as JSON. docs/perf/bench-json.md says what each field means; a change of meaning is
//! another version.

use anyhow::Error;
use serde_json::{Value, json};

use super::arguments::BenchArgs;
use super::outcome::Outcome;
use super::table::speed_up;
use crate::machine::Machine;

/// Of the form of the document.
const VERSION: u32 = 1;

/// All results of a test.
pub(super) fn document(args: &BenchArgs, outcomes: &[Outcome], stopped: Option<&Error>) -> Value {
    let machine = Machine::look();
    json!({
        "version": VERSION,
        "atoll": env!("CARGO_PKG_VERSION"),
        "date": machine.date,
        "machine": {
            "cpu": machine.cpu,
            "cores": machine.cores,
            "kernel": machine.kernel,
        },
        "load": load(args),
        "well": stopped.is_none() && outcomes.iter().all(Outcome::is_well),
        "stopped": stopped.map(|error| format!("{error:#}")),
        "results": outcomes.iter().map(|outcome| result(outcome, outcomes)).collect::<Vec<_>>(),
    })
}

fn load(args: &BenchArgs) -> Value {
    let limit = args.limit();
    let seconds = limit.requests.is_none().then_some(limit.duration.as_secs_f64());
    let scaling = (!args.scale.is_empty()).then(|| {
        json!({
            "nodes": args.scale,
            "shards_per_node": args.shards_per_node,
            "durability": args.durability.name(),
        })
    });
    json!({
        "clients": args.clients,
        "threads": args.threads,
        "pipeline": args.pipeline,
        "keys": args.keys,
        "key_distribution": args.key_distribution.to_string(),
        "value_size": args.value_size,
        "reads_percent": args.reads,
        "stock": args.stock,
        "seed": args.seed,
        "rate": args.rate,
        "duration_seconds": seconds,
        "requests": limit.requests,
        "warm_up_seconds": args.warm_up().as_secs_f64(),
        "cluster": !args.no_cluster,
        "scale": scaling,
    })
}

fn result(outcome: &Outcome, all: &[Outcome]) -> Value {
    let measurement = &outcome.measurement;
    let tally = &measurement.tally;
    let latency_us = |quantile| outcome.latency_ms(quantile).map(|latency| latency * 1000.0);
    let first = all.iter().find(|other| other.scenario == outcome.scenario);
    let speed_up = outcome.started.and(first.and_then(|first| speed_up(first, outcome)));
    let nodes: Vec<Value> = outcome
        .nodes
        .iter()
        .enumerate()
        .map(|(node, address)| {
            let requests = measurement.requests_by_node.get(node).copied().unwrap_or(0);
            json!({ "address": address, "requests": requests })
        })
        .collect();
    let classes: Vec<Value> = tally
        .classes
        .iter()
        .map(|(class, error)| json!({ "class": class, "count": error.count, "first": error.first }))
        .collect();
    json!({
        "workload": outcome.scenario.name(),
        "started_nodes": outcome.started,
        "speed_up": speed_up,
        "nodes": nodes,
        "requests": measurement.requests,
        "warm_up_requests": outcome.warm_up_requests,
        "warm_up_errors": outcome.warm_up_errors,
        "elapsed_seconds": measurement.elapsed.as_secs_f64(),
        "requests_per_second": measurement.requests_per_second(),
        "latency_us": {
            "p50": latency_us(0.5),
            "p90": latency_us(0.9),
            "p99": latency_us(0.99),
            "p99.9": latency_us(0.999),
            "p99.99": latency_us(0.9999),
            "max": latency_us(1.0),
        },
        "errors": { "count": tally.errors, "classes": classes },
        "lost": tally.lost,
        "disconnects": tally.disconnects,
        "moved": tally.moved,
        "asked": tally.asked,
        "nils": tally.nils,
        "unsent": measurement.unsent,
        "late": measurement.late,
        "server_cpu_us_per_request": outcome.server_us(),
        "server_cpu_seconds": outcome.server.as_ref().ok().map(|time| time.total().as_secs_f64()),
        "generator": {
            "cpu_us_per_request": measurement.us_per_request(measurement.generator.total()),
            "busy": measurement.generator_busy(),
            "was_limit": outcome.generator_was_limit(),
        },
        "check": outcome.sums.as_ref().map(|sums| json!({
            "right": sums.right,
            "text": sums.text,
        })),
        "warnings": outcome.warnings(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::arguments::tests::parsed;
    use super::super::outcome::tests::outcome;
    use super::*;

    /// The names of all fields that are there.
    fn names(value: &Value, out: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    out.push(name.clone());
                    names(value, out);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| names(value, out)),
            _ => {}
        }
    }

    #[test]
    fn every_field_is_documented() {
        let documented = include_str!("../../../../docs/perf/bench-json.md");
        let args = parsed("--scale 1").unwrap();
        let mut failed = outcome();
        failed.measurement.tally.note_error(b"ERR x");
        failed.sums = Some(super::super::sums::Sums { right: true, text: String::new() });
        let document = document(&args, &[failed], None);
        let mut fields = Vec::new();
        names(&document, &mut fields);
        assert!(fields.len() > 50);
        for name in fields {
            let written = [format!("`{name}`"), format!(".{name}`"), format!("`{name}.")];
            assert!(written.iter().any(|form| documented.contains(form)), "{name}");
        }
        assert_eq!(document["version"], VERSION);
        assert_eq!((&document["well"], &document["stopped"]), (&false.into(), &Value::Null));
        assert_eq!(document["results"][0]["latency_us"]["p50"], 2000.895);
    }
}
