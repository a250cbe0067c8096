//! What a run has found out, and how the parts of several threads add up.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::cpu::CpuTime;
use crate::tally::Tally;

/// The longest latency that is told apart: a minute, beyond the limit on stalls.
const LATENCY_MAX_NS: u64 = 60_000_000_000;

/// The result of one run.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// Requests that were answered, with or without an error.
    pub requests: u64,
    /// The same by node.
    pub requests_by_node: Vec<u64>,
    /// Errors and nils among the answers.
    pub tally: Tally,
    /// From the first batch sent to the last one answered.
    pub elapsed: Duration,
    /// Nanoseconds from the (intended) sending of a batch to the end of its last reply.
    pub latency: Histogram<u64>,
    /// Processor time of the generator's own threads.
    pub generator: CpuTime,
    /// How many threads the generator had.
    pub threads: u32,
    /// Open loop: requests whose time came but which could not be sent, as the connection was
    /// still waiting. If there are many, the server did not hold the rate. In the latency they
    /// count with the time that they had waited at the end.
    pub unsent: u64,
    /// Open loop: requests that were sent more than a millisecond late though the connection was
    /// idle. If there are many, the generator did not hold the rate.
    pub late: u64,
}

impl Measurement {
    /// A measurement of nothing, by one thread.
    pub fn empty(nodes: usize) -> Self {
        Self {
            requests: 0,
            requests_by_node: vec![0; nodes],
            tally: Tally::default(),
            elapsed: Duration::ZERO,
            latency: Histogram::new_with_bounds(1, LATENCY_MAX_NS, 3)
                .expect("the bounds are constant and valid"),
            generator: CpuTime::default(),
            threads: 1,
            unsent: 0,
            late: 0,
        }
    }

    /// Adds what another thread has measured at the same time.
    pub fn add(&mut self, other: Self) {
        self.requests += other.requests;
        for (node, requests) in other.requests_by_node.into_iter().enumerate() {
            self.count_node(node, requests);
        }
        self.tally.add(other.tally);
        self.elapsed = self.elapsed.max(other.elapsed);
        self.latency.add(&other.latency).expect("both histograms have the same bounds");
        self.generator = self.generator.plus(other.generator);
        self.threads += other.threads;
        self.unsent += other.unsent;
        self.late += other.late;
    }

    /// Counts requests that a node has answered; it may be one that was not known at first.
    pub fn count_node(&mut self, node: usize, requests: u64) {
        if node >= self.requests_by_node.len() {
            self.requests_by_node.resize(node + 1, 0);
        }
        self.requests_by_node[node] += requests;
    }

    /// Answered requests in a second.
    pub fn requests_per_second(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// Latency in microseconds at a quantile in 0..=1.
    pub fn latency_us(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1000.0
    }

    /// Microseconds of processor time for each request.
    pub fn us_per_request(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / (self.requests.max(1) as f64)
    }

    /// The share of the run in which the generator's threads were computing, 0..=1.
    pub fn generator_busy(&self) -> f64 {
        let available = self.elapsed.as_secs_f64() * f64::from(self.threads);
        self.generator.total().as_secs_f64() / available.max(f64::MIN_POSITIVE)
    }

    /// Everything as JSON.
    pub fn to_json(&self) -> Value {
        json!({
            "requests": self.requests,
            "elapsed_seconds": self.elapsed.as_secs_f64(),
            "requests_per_second": self.requests_per_second(),
            "requests_by_node": self.requests_by_node,
            "errors": self.tally.errors,
            "first_error": self.tally.first_error,
            "nils": self.tally.nils,
            "unsent": self.unsent,
            "latency_us": {
                "p50": self.latency_us(0.5),
                "p90": self.latency_us(0.9),
                "p99": self.latency_us(0.99),
                "p99.9": self.latency_us(0.999),
                "p99.99": self.latency_us(0.9999),
                "max": self.latency.max() as f64 / 1000.0,
            },
            "generator": {
                "threads": self.threads,
                "user_us_per_request": self.us_per_request(self.generator.user),
                "system_us_per_request": self.us_per_request(self.generator.system),
                "busy": self.generator_busy(),
            },
        })
    }
}
