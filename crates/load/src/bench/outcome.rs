//! What is known after one workload on one cluster, and what is to be said about it.

use std::time::Duration;

use super::scenario::Scenario;
use super::sums::Sums;
use crate::cpu::CpuTime;
use crate::measurement::Measurement;
use crate::run::Pace;

/// From this share on the generator is taken to have been the limit.
const BUSY: f64 = 0.90;
/// From this share of requests on that were late or not sent it is worth saying.
const NOTEWORTHY: f64 = 0.01;

/// One workload on one cluster.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) scenario: Scenario,
    /// Addresses of the nodes, in the order of `Measurement::requests_by_node`.
    pub(super) nodes: Vec<String>,
    pub(super) pace: Pace,
    pub(super) measurement: Measurement,
    /// Requests before what was measured, and how many of them failed.
    pub(super) warm_up_requests: u64,
    pub(super) warm_up_errors: u64,
    /// Processor time of all servers.
    pub(super) server: Result<CpuTime, String>,
    pub(super) sums: Option<Sums>,
    /// How many nodes were started, with `--scale`.
    pub(super) started: Option<u16>,
    /// Cores of this machine.
    pub(super) cores: usize,
}

impl Outcome {
    /// Whether no request failed and the sums add up.
    pub(super) fn is_well(&self) -> bool {
        let tally = &self.measurement.tally;
        let right = self.sums.as_ref().is_none_or(|sums| sums.right);
        tally.errors == 0 && tally.disconnects == 0 && self.warm_up_errors == 0 && right
    }

    /// Microseconds of the servers' processor time for each request.
    pub(super) fn server_us(&self) -> Option<f64> {
        let server = self.server.as_ref().ok()?;
        let answered = self.measurement.requests > 0;
        answered.then(|| self.measurement.us_per_request(server.total()))
    }

    /// Milliseconds of latency at a quantile in 0..=1; `None` when nothing was measured.
    pub(super) fn latency_ms(&self, quantile: f64) -> Option<f64> {
        let latency = &self.measurement.latency;
        (!latency.is_empty()).then(|| self.measurement.latency_us(quantile) / 1000.0)
    }

    /// Whether the generator, and not the servers, set the limit.
    pub(super) fn generator_was_limit(&self) -> bool {
        match self.pace {
            Pace::Closed => self.measurement.generator_busy() > BUSY,
            // It spins, so how busy it was says nothing.
            Pace::Open { .. } => self.share(self.measurement.late) > NOTEWORTHY,
        }
    }

    /// The share of a number of requests among all that were to be sent.
    fn share(&self, requests: u64) -> f64 {
        let all = self.measurement.requests + self.measurement.unsent;
        requests as f64 / all.max(1) as f64
    }

    /// What limits the worth of the numbers.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let measurement = &self.measurement;
        if self.generator_was_limit() {
            let (busy, late) = (measurement.generator_busy(), self.share(measurement.late));
            let threads = measurement.threads;
            warnings.push(match self.pace {
                Pace::Closed => format!(
                    "the generator was busy {:.0} % of the time (--threads {threads}): it was the \
                     limit, not the servers; give it more threads, or another machine",
                    busy * 100.0
                ),
                Pace::Open { .. } => format!(
                    "the generator sent {:.1} % of the requests more than a millisecond late \
                     (--threads {threads}): it had too little time, not the servers",
                    late * 100.0
                ),
            });
        }
        if self.share(measurement.unsent) > NOTEWORTHY {
            warnings.push(format!(
                "the rate was not held: {} requests were due and not sent",
                measurement.unsent
            ));
        }
        if self.machine_share().is_some_and(|share| share > BUSY) {
            warnings.push(format!(
                "servers and generator took all {} cores of this machine from each other: look at \
                 server CPU per request, not at throughput",
                self.cores
            ));
        }
        if self.warm_up_errors > 0 {
            warnings.push(format!("{} requests failed in the warm-up", self.warm_up_errors));
        }
        if measurement.requests == 0 {
            warnings.push("no request was answered".to_owned());
        }
        warnings
    }

    /// The share of this machine that servers and generator took, when the servers are here.
    fn machine_share(&self) -> Option<f64> {
        let server = self.server.as_ref().ok()?;
        let used: Duration = server.total() + self.measurement.generator.total();
        let available = self.measurement.elapsed.as_secs_f64() * self.cores.max(1) as f64;
        Some(used.as_secs_f64() / available.max(f64::MIN_POSITIVE))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A second with 1000 requests.
    pub(in crate::bench) fn outcome() -> Outcome {
        let mut measurement = Measurement::empty(1);
        measurement.requests = 1000;
        measurement.requests_by_node = vec![1000];
        measurement.elapsed = Duration::from_secs(1);
        for _ in 0..1000 {
            measurement.latency.saturating_record(2_000_000);
        }
        Outcome {
            scenario: Scenario::Get,
            nodes: vec!["host:1".to_owned()],
            pace: Pace::Closed,
            measurement,
            warm_up_requests: 0,
            warm_up_errors: 0,
            server: Ok(CpuTime { user: Duration::from_millis(3), system: Duration::ZERO }),
            sums: None,
            started: None,
            cores: 2,
        }
    }

    #[test]
    fn a_busy_generator_is_the_limit_but_not_when_it_spins() {
        let mut outcome = outcome();
        assert_eq!(outcome.warnings(), Vec::<String>::new());
        assert_eq!(outcome.server_us(), Some(3.0));
        outcome.measurement.generator.user = Duration::from_millis(950);
        assert!(outcome.warnings()[0].contains("was busy 95 % of the time (--threads 1)"));
        outcome.pace = Pace::Open { requests_per_second: 1000.0 };
        assert_eq!(outcome.warnings(), Vec::<String>::new());
        outcome.measurement.late = 50;
        assert!(outcome.warnings()[0].contains("sent 5.0 % of the requests"));
    }

    #[test]
    fn a_rate_that_was_not_held_is_said() {
        let mut outcome = outcome();
        outcome.pace = Pace::Open { requests_per_second: 2000.0 };
        outcome.measurement.unsent = 1000;
        assert!(outcome.warnings()[0].contains("1000 requests were due and not sent"));
        assert!(outcome.is_well());
    }

    #[test]
    fn what_failed_is_not_well() {
        let mut failed = outcome();
        failed.measurement.tally.note_error(b"ERR x");
        assert!(!failed.is_well());
        let mut ended = outcome();
        ended.measurement.tally.disconnects = 1;
        assert!(!ended.is_well());
        let mut wrong = outcome();
        wrong.sums = Some(Sums { right: false, text: String::new() });
        assert!(outcome().is_well() && !wrong.is_well());
    }
}
