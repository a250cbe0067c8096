//! Clusters of one, two, three nodes on this machine: started, measured, removed.
//!
//! # Invariants
//! - I1. When this has returned, or a signal or a panic has ended it, no node runs and none of
//!   their directories is there (`server`, `interrupt`).

use std::path::Path;

use anyhow::Result;

use super::Findings;
use super::arguments::BenchArgs;
use super::outcome::Outcome;
use super::session::Session;
use crate::interrupt;
use crate::server::{Kind, Server, ServerPlan};
use crate::topology::Topology;

/// Ports that were free may be taken before the nodes have them.
const ATTEMPTS: u32 = 3;

/// Runs all workloads on a cluster of each size.
pub(super) fn run(args: &BenchArgs, atoll: &Path) -> Result<Findings> {
    interrupt::watch()?; // I1
    let plan = ServerPlan {
        name: "atoll".to_owned(),
        path: atoll.to_owned(),
        kind: Kind::Atoll,
        cores: Vec::new(),
        shards: args.shards_per_node,
        preload: None,
        durability: args.durability,
    };
    let mut all = Findings { outcomes: Vec::new(), stopped: None };
    for &nodes in &args.scale {
        let step = run_step(args, &plan, nodes);
        let step =
            step.unwrap_or_else(|error| Findings { outcomes: Vec::new(), stopped: Some(error) });
        all.outcomes.extend(step.outcomes);
        if let Some(error) = step.stopped {
            all.stopped = Some(error.context(format!("cluster of {nodes} nodes")));
            break;
        }
    }
    Ok(all)
}

fn run_step(args: &BenchArgs, plan: &ServerPlan, nodes: u16) -> Result<Findings> {
    let servers = start(plan, usize::from(nodes))?;
    let addresses: Vec<String> = servers.iter().map(Server::address).collect();
    let session = Session::new(args, Topology::of_cluster(&addresses)?);
    Ok(Findings::collect(args.workloads.iter().map(|&scenario| {
        let outcome = session.run(scenario)?;
        Ok(Outcome { started: Some(nodes), ..outcome })
    })))
}

fn start(plan: &ServerPlan, nodes: usize) -> Result<Vec<Server>> {
    let mut attempt = 1;
    loop {
        match Server::start_cluster(plan, nodes) {
            Err(_) if attempt < ATTEMPTS => attempt += 1,
            result => return result,
        }
    }
}
