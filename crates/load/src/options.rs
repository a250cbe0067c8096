//! What the load is about, as command-line options that programs share.

use std::sync::Arc;

use anyhow::{Result, ensure};
use clap::Args;

use crate::encoder::RequestEncoder;
use crate::tape::TapePlan;
use crate::topology::Topology;

/// What the load is about.
#[derive(Debug, Clone, Args)]
pub struct KeyspaceOptions {
    /// Connections over all nodes.
    #[arg(long, default_value_t = 50)]
    pub connections: usize,
    /// Keys in the keyspace.
    #[arg(long, default_value_t = 100_000)]
    pub keys: u64,
    /// Bytes in a value.
    #[arg(long, default_value_t = 16)]
    pub value_size: usize,
    /// Zipf exponent for choosing keys, for example 0.99; all keys alike without it.
    #[arg(long)]
    pub zipf: Option<f64>,
    /// Trust that the keys are there already.
    #[arg(long)]
    pub no_preload: bool,
}

impl KeyspaceOptions {
    /// Refuses numbers that make no load.
    pub fn check(&self) -> Result<()> {
        ensure!(self.keys >= 1, "--keys must be at least 1");
        ensure!(self.keys < 10_000_000_000, "--keys must fit in ten digits");
        ensure!(self.connections >= 1, "--connections must be at least 1");
        ensure!(self.zipf.is_none_or(|exponent| exponent > 0.0), "--zipf must be above 0");
        Ok(())
    }

    /// What the tapes of a run are made of.
    pub fn plan(&self, topology: &Topology, encoder: &RequestEncoder, pipeline: usize) -> TapePlan {
        TapePlan {
            encoder: Arc::new(encoder.clone()),
            topology: Arc::new(topology.clone()),
            keys: self.keys,
            zipf: self.zipf,
            pipeline,
            connections: self.connections,
            seed: 0,
        }
    }
}
