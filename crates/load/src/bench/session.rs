//! One workload on one cluster, from its keys to its result.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::arguments::BenchArgs;
use super::outcome::Outcome;
use super::progress;
use super::scenario::Scenario;
use super::servers::Servers;
use super::sums;
use crate::cpu::CpuTime;
use crate::encoder::RequestEncoder;
use crate::fleet::Fleet;
use crate::machine::Machine;
use crate::run::Limit;
use crate::setup::{connect_all, load_keys, load_script, remove_keys};
use crate::tally::Tally;
use crate::tape::TapePlan;
use crate::topology::Topology;

/// A cluster under load.
#[derive(Debug)]
pub(super) struct Session<'a> {
    args: &'a BenchArgs,
    topology: Topology,
    warm_up: Duration,
    cores: usize,
}

impl<'a> Session<'a> {
    pub(super) fn new(args: &'a BenchArgs, topology: Topology) -> Self {
        Self { args, topology, warm_up: args.warm_up(), cores: Machine::look().cores }
    }

    /// Runs one workload.
    ///
    /// # Errors
    /// It could not begin. What goes wrong from then on is part of the outcome.
    pub(super) fn run(&self, scenario: Scenario) -> Result<Outcome> {
        let topology = self.current();
        let servers = Servers::find(&topology).map_err(|error| format!("{error:#}"));
        let plan = self.prepare(scenario, &topology);
        let plan = plan.with_context(|| format!("prepare {}", scenario.name()))?;
        let (nodes, clients) = (plan.topology.active().len(), plan.connections);
        ensure!(nodes <= clients, "--clients {clients} is too few: there are {nodes} nodes");
        let mut fleet = Fleet::connect_patient(&plan, usize::from(self.args.threads))?;
        let counts = fleet.progress();
        let pace = self.args.pace();
        let mut tally = Tally::default();
        let (mut warm_up_requests, mut warm_up_errors) = (0, 0);
        if !self.warm_up.is_zero() {
            let limit = Limit { duration: self.warm_up, requests: None };
            let title = format!("{} (warm-up)", scenario.name());
            let warm_up = progress::during(&title, limit, &counts, || fleet.run(pace, limit))?;
            (warm_up_requests, warm_up_errors) = (warm_up.requests, warm_up.tally.errors);
            tally.add(warm_up.tally);
        }
        let before = cpu_of(&servers);
        let limit = self.args.limit();
        let measurement =
            progress::during(scenario.name(), limit, &counts, || fleet.run(pace, limit))?;
        let server = match (before, cpu_of(&servers)) {
            (Ok(before), Ok(after)) => Ok(after.since(before)),
            (Err(why), _) | (_, Err(why)) => Err(why),
        };
        // Ends the connections, so that what they are waiting for is not changed any more.
        drop(fleet);
        tally.add(measurement.tally.clone());
        Ok(Outcome {
            scenario,
            nodes: self.topology.known_nodes(),
            pace,
            measurement,
            warm_up_requests,
            warm_up_errors,
            server,
            sums: self.finish(scenario, &plan, &tally),
            started: None,
            cores: self.cores,
        })
    }

    /// Slots may have moved since the beginning.
    fn current(&self) -> Topology {
        /// For a node that has just come back, or gone for good.
        const TIMEOUT: Duration = Duration::from_secs(5);
        let refreshed = self.topology.refreshed(TIMEOUT).ok().flatten();
        refreshed.unwrap_or_else(|| self.topology.clone())
    }

    /// Loads script and keys.
    fn prepare(&self, scenario: Scenario, topology: &Topology) -> Result<TapePlan> {
        let (args, workload) = (self.args, scenario.workload());
        let mut clients = connect_all(topology)?;
        let sha = match workload.script() {
            Some(script) => load_script(&mut clients, script)?,
            None => String::new(),
        };
        let encoder = RequestEncoder::new(workload, args.value_size as usize, sha)
            .with_reads(args.reads)
            .with_stock(args.stock);
        let count = workload.index_count(args.keys);
        if workload.preloaded() {
            let bar = progress::bar(count, &format!("{} (keys)", scenario.name()));
            let mut told = |loaded| bar.iter().for_each(|bar| bar.set_position(loaded));
            load_keys(&mut clients, topology, &encoder, args.keys, &mut told)
                .context("load keys")?;
            bar.iter().for_each(indicatif::ProgressBar::finish_and_clear);
        }
        let topology = topology.clone().with_keys(count, |key| workload.routing_key(key));
        Ok(TapePlan {
            encoder: Arc::new(encoder),
            topology: Arc::new(topology),
            keys: args.keys,
            zipf: args.key_distribution.exponent(),
            pipeline: args.pipeline as usize,
            connections: args.clients as usize,
            seed: args.seed,
        })
    }

    /// Looks at what is there now, and removes it if that is asked for.
    fn finish(&self, scenario: Scenario, plan: &TapePlan, tally: &Tally) -> Option<sums::Sums> {
        let topology = &self.current();
        let (keys, stock) = (self.args.keys, self.args.stock);
        let sums = sums::check(topology, scenario.workload(), keys, stock, tally);
        if self.args.clean_up {
            // What is left is not part of what was measured.
            let clients = connect_all(topology);
            let _ = clients
                .and_then(|mut clients| remove_keys(&mut clients, topology, &plan.encoder, keys));
        }
        sums
    }
}

fn cpu_of(servers: &Result<Servers, String>) -> Result<CpuTime, String> {
    let servers = servers.as_ref().map_err(Clone::clone)?;
    servers.cpu().ok_or_else(|| "a server has ended".to_owned())
}
