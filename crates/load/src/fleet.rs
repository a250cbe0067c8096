//! Several generators, one thread each, that share the connections of a run.
//!
//! Threads share nothing while they run: one counter that all of them write would cost more than
//! the rest of the generator.

use std::iter::StepBy;
use std::ops::Range;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};

use crate::generator::{Generator, Limit, Pace, Progress};
use crate::measurement::Measurement;
use crate::tape::TapePlan;

/// All generators of a run.
#[derive(Debug)]
pub struct Fleet {
    generators: Vec<Generator>,
}

impl Fleet {
    /// Opens all connections, dealt out to the threads in turn.
    pub fn connect(plan: &TapePlan, threads: usize) -> Result<Self> {
        Self::open(plan, threads, Generator::connect)
    }

    /// The same, with generators that go on when connections end and that follow redirects.
    pub fn connect_patient(plan: &TapePlan, threads: usize) -> Result<Self> {
        Self::open(plan, threads, Generator::connect_patient)
    }

    fn open(
        plan: &TapePlan,
        threads: usize,
        connect: impl Fn(&TapePlan, StepBy<Range<usize>>) -> Result<Generator>,
    ) -> Result<Self> {
        let nodes = plan.topology.active().len();
        ensure!(plan.connections >= nodes, "{nodes} nodes need at least as many connections");
        ensure!(threads >= 1 && threads <= plan.connections, "need a connection for each thread");
        let generators = (0..threads)
            .map(|thread| connect(plan, (thread..plan.connections).step_by(threads)))
            .collect::<Result<_>>()
            .context("open the connections of the load")?;
        Ok(Self { generators })
    }

    /// Shows how far each generator is.
    pub fn progress(&self) -> Vec<Arc<Progress>> {
        self.generators.iter().map(Generator::progress).collect()
    }

    /// Runs all generators at the same time; rate and number of requests are those of the whole.
    pub fn run(&mut self, pace: Pace, limit: Limit) -> Result<Measurement> {
        // A single generator runs on the calling thread, which may be pinned.
        if let [generator] = self.generators.as_mut_slice() {
            return generator.run(pace, limit);
        }
        let threads = self.generators.len();
        let pace = match pace {
            Pace::Closed => Pace::Closed,
            Pace::Open { requests_per_second } => {
                Pace::Open { requests_per_second: requests_per_second / threads as f64 }
            }
        };
        let share = |thread: usize| {
            let all = limit.requests?;
            let (each, rest) = (all / threads as u64, all % threads as u64);
            Some(each + u64::from((thread as u64) < rest))
        };
        let results = thread::scope(|scope| {
            let running: Vec<_> = self
                .generators
                .iter_mut()
                .enumerate()
                .map(|(thread, generator)| {
                    let limit = Limit { requests: share(thread), ..limit };
                    scope.spawn(move || generator.run(pace, limit))
                })
                .collect();
            running
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| Err(anyhow!("a thread panicked"))))
                .collect::<Result<Vec<_>>>()
        })?;
        let sum = results.into_iter().reduce(|mut sum, more| {
            sum.add(more);
            sum
        });
        sum.context("no generator ran")
    }
}
