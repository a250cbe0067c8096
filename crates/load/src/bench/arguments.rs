//! The command line of `atoll bench`.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use clap::Args;

use super::scenario::Scenario;
use crate::client::Access;
use crate::run::{Limit, Pace};
use crate::server::Durability;
use crate::topology;

/// How long a run takes when nothing is said.
const DURATION_SECONDS: f64 = 10.0;
/// How long the load runs before it is measured, when a time is measured.
const WARM_UP_SECONDS: f64 = 1.0;
/// A run that counts requests ends by itself when no server answers.
const UNLIMITED: Duration = Duration::from_secs(7 * 86_400);

/// After the options in `atoll bench --help`.
const EXAMPLES: &str = "\
Examples:
  atoll bench --port 7000 --workload get,set,stock --duration 10
      the cluster that the node on port 7000 is part of, flat out
  atoll bench --nodes a:6379,b:6379 --workload mixed --reads 90 --rate 50000 --json result.json
      50,000 requests a second, whatever the servers do: what is late, is late for everyone
  atoll bench --scale 1,2,3 --workload get,set,stock --threads 2
      clusters of one, two and three nodes on this machine, started and removed again

Without --rate a connection sends its next batch when the last one is answered (closed loop); with
it, batches have their times, and latency counts from those. Latency is that of a batch
(--pipeline). The test writes keys of its own (key:…, lck:…, win:…, bkt:…, {sa:…}…, {su:…}…) and
leaves them there without --clean-up. It ends with 0 when no request has failed and all sums add
up, else with 1.";

/// Put load on a server or cluster that speaks the protocol of Redis, and see what it takes.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct BenchArgs {
    /// Host of a node
    #[arg(long, default_value = "127.0.0.1", help_heading = "Servers")]
    pub host: String,
    /// Port of a node
    #[arg(long, default_value_t = 6379, help_heading = "Servers")]
    pub port: u16,
    /// Several nodes instead; the first that answers says which others there are
    #[arg(
        long,
        value_name = "HOST:PORT,…",
        value_delimiter = ',',
        conflicts_with_all = ["host", "port"],
        help_heading = "Servers"
    )]
    pub nodes: Vec<String>,
    /// Do not ask for the slots: each node that is named takes all keys
    #[arg(long, help_heading = "Servers")]
    pub no_cluster: bool,
    /// User to log in as
    #[arg(long, requires = "password", help_heading = "Servers")]
    pub user: Option<String>,
    /// Password to log in with
    #[arg(long, env = "REDISCLI_AUTH", hide_env_values = true, help_heading = "Servers")]
    pub password: Option<String>,

    /// What is asked; several, separated by commas, one after the other
    #[arg(
        short,
        long = "workload",
        value_name = "NAME,…",
        value_enum,
        value_delimiter = ',',
        default_value = "get",
        help_heading = "Load"
    )]
    pub workloads: Vec<Scenario>,
    /// Keys, loaded before where the workload reads them
    #[arg(
        long,
        default_value_t = 100_000,
        value_parser = clap::value_parser!(u64).range(1..10_000_000_000),
        help_heading = "Load"
    )]
    pub keys: u64,
    /// uniform, or zipf:θ for few keys most of the time (zipf alone: 0.99)
    #[arg(
        long,
        value_name = "uniform|zipf[:θ]",
        default_value = "uniform",
        value_parser = Distribution::parse,
        help_heading = "Load"
    )]
    pub key_distribution: Distribution,
    /// Bytes in a value
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 16,
        value_parser = clap::value_parser!(u32).range(0..=16 << 20),
        help_heading = "Load"
    )]
    pub value_size: u32,
    /// GET among a hundred requests of the workload mixed
    #[arg(
        long,
        value_name = "PERCENT",
        default_value_t = 80,
        value_parser = clap::value_parser!(u8).range(0..=100),
        help_heading = "Load"
    )]
    pub reads: u8,
    /// Units of each article at the beginning of the workload stock
    #[arg(
        long,
        value_name = "UNITS",
        default_value_t = 1_000_000_000,
        value_parser = clap::value_parser!(u64).range(0..=1_000_000_000_000),
        help_heading = "Load"
    )]
    pub stock: u64,
    /// Connections, over all nodes
    #[arg(
        short,
        long,
        default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(1..=100_000),
        help_heading = "Load"
    )]
    pub clients: u32,
    /// Threads that generate the load
    #[arg(
        short,
        long,
        default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..=1024),
        help_heading = "Load"
    )]
    pub threads: u16,
    /// Requests that a connection sends at once
    #[arg(
        short = 'P',
        long,
        value_name = "REQUESTS",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=10_000),
        help_heading = "Load"
    )]
    pub pipeline: u32,
    /// Seed of the choice of keys
    #[arg(long, default_value_t = 0, help_heading = "Load")]
    pub seed: u64,

    /// How long each workload is measured [default: 10]
    #[arg(short, long, value_name = "SECONDS", value_parser = seconds, help_heading = "Run")]
    pub duration: Option<f64>,
    /// So many requests instead, rounded up to whole batches
    #[arg(
        short = 'n',
        long,
        value_name = "COUNT",
        conflicts_with = "duration",
        value_parser = clap::value_parser!(u64).range(1..),
        help_heading = "Run"
    )]
    pub requests: Option<u64>,
    /// How long the load runs before it is measured [default: 1, with --requests 0]
    #[arg(long, value_name = "SECONDS", value_parser = seconds, help_heading = "Run")]
    pub warm_up: Option<f64>,
    /// Open loop: so many requests a second, at fixed times
    #[arg(long, value_name = "PER SECOND", value_parser = rate, help_heading = "Run")]
    pub rate: Option<f64>,
    /// Write the results as JSON to a file, or with - to stdout (docs/perf/bench-json.md)
    #[arg(long, value_name = "FILE|-", help_heading = "Run")]
    pub json: Option<String>,
    /// Remove the keys of the workload afterwards
    #[arg(long, help_heading = "Run")]
    pub clean_up: bool,

    /// Start clusters of so many nodes on this machine instead, and compare them
    #[arg(
        long,
        value_name = "NODES,…",
        value_delimiter = ',',
        value_parser = clap::value_parser!(u16).range(1..=100),
        conflicts_with_all = ["host", "port", "nodes", "no_cluster", "user"],
        help_heading = "Scaling"
    )]
    pub scale: Vec<u16>,
    /// Shards, and so threads, of each of these nodes
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..=1024),
        help_heading = "Scaling"
    )]
    pub shards_per_node: u16,
    /// How durable their writes are when they are acknowledged
    #[arg(long, value_enum, default_value = "none", help_heading = "Scaling")]
    pub durability: Durability,
}

impl BenchArgs {
    /// Refuses what one option alone does not show to be wrong.
    pub fn check(&self) -> Result<()> {
        let (clients, threads) = (self.clients, self.threads);
        ensure!(
            u32::from(threads) <= clients,
            "--threads {threads}: each thread needs a connection, and --clients is {clients}"
        );
        for node in &self.nodes {
            let port = node.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
            ensure!(port.is_some(), "--nodes {node}: expected HOST:PORT");
        }
        if let Some(&nodes) = self.scale.iter().max() {
            ensure!(
                u32::from(nodes) <= clients,
                "--scale {nodes}: each node needs a connection, and --clients is {clients}"
            );
        }
        Ok(())
    }

    /// Where to ask first, as `host:port`.
    pub fn seeds(&self) -> Vec<String> {
        if self.nodes.is_empty() {
            vec![topology::address(&self.host, self.port)]
        } else {
            self.nodes.clone()
        }
    }

    /// As whom. A cluster that is started here has no password.
    pub fn access(&self) -> Access {
        if !self.scale.is_empty() {
            return Access::default();
        }
        Access { user: self.user.clone(), password: self.password.clone() }
    }

    /// When batches are sent.
    pub fn pace(&self) -> Pace {
        match self.rate {
            Some(requests_per_second) => Pace::Open { requests_per_second },
            None => Pace::Closed,
        }
    }

    /// When the measured run ends.
    pub fn limit(&self) -> Limit {
        let seconds = self.duration.unwrap_or(DURATION_SECONDS);
        match self.requests {
            Some(_) => Limit { duration: UNLIMITED, requests: self.requests },
            None => Limit { duration: Duration::from_secs_f64(seconds), requests: None },
        }
    }

    /// How long the load runs before.
    pub fn warm_up(&self) -> Duration {
        let default = if self.requests.is_some() { 0.0 } else { WARM_UP_SECONDS };
        Duration::from_secs_f64(self.warm_up.unwrap_or(default))
    }
}

/// Which keys are asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Distribution {
    /// All alike.
    Uniform,
    /// Few of them most of the time, by this exponent.
    Zipf(f64),
}

impl Distribution {
    fn parse(text: &str) -> Result<Self> {
        let exponent = match text {
            "uniform" => return Ok(Self::Uniform),
            "zipf" => return Ok(Self::Zipf(0.99)),
            _ => text.strip_prefix("zipf:").and_then(|exponent| exponent.parse::<f64>().ok()),
        };
        match exponent {
            Some(exponent) if exponent > 0.0 && exponent <= 10.0 => Ok(Self::Zipf(exponent)),
            Some(_) => bail!("the exponent must be above 0 and at most 10"),
            None => bail!("expected uniform, zipf or zipf:θ, as in zipf:0.99"),
        }
    }

    /// The exponent, `None` for all keys alike.
    pub fn exponent(self) -> Option<f64> {
        match self {
            Self::Uniform => None,
            Self::Zipf(exponent) => Some(exponent),
        }
    }
}

impl std::fmt::Display for Distribution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Uniform => f.write_str("uniform"),
            Self::Zipf(exponent) => write!(f, "zipf:{exponent}"),
        }
    }
}

fn seconds(text: &str) -> Result<f64> {
    let digits = text.strip_suffix('s').unwrap_or(text);
    let Ok(seconds) = digits.parse::<f64>() else { bail!("expected seconds, as in 10 or 0.5") };
    ensure!((0.0..=86_400.0).contains(&seconds), "expected 0 to 86400 seconds");
    Ok(seconds)
}

fn rate(text: &str) -> Result<f64> {
    let Ok(rate) = text.parse::<f64>() else { bail!("expected requests per second") };
    ensure!(rate > 0.0 && rate <= 1e9, "the rate must be above 0 and at most a billion");
    Ok(rate)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        bench: BenchArgs,
    }

    /// The arguments of a line, if they can be meant.
    pub(in crate::bench) fn parsed(line: &str) -> Result<BenchArgs, String> {
        let words = std::iter::once("bench").chain(line.split_whitespace());
        let args = Cli::try_parse_from(words).map_err(|error| error.to_string())?.bench;
        args.check().map_err(|error| error.to_string())?;
        Ok(args)
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let args = parsed("").unwrap();
        assert_eq!(args.seeds(), ["127.0.0.1:6379"]);
        assert_eq!(args.workloads, [Scenario::Get]);
        assert_eq!(args.limit().duration, Duration::from_secs(10));
        assert_eq!(args.warm_up(), Duration::from_secs(1));
        assert_eq!(args.pace(), Pace::Closed);
        let args = parsed("-n 100 --rate 50.5 --nodes a:1,[::1]:2").unwrap();
        assert_eq!((args.limit().requests, args.warm_up()), (Some(100), Duration::ZERO));
        assert_eq!(args.pace(), Pace::Open { requests_per_second: 50.5 });
        assert_eq!(args.seeds(), ["a:1", "[::1]:2"]);
    }

    #[test]
    fn distributions_are_read() {
        assert_eq!(Distribution::parse("uniform").unwrap(), Distribution::Uniform);
        assert_eq!(Distribution::parse("zipf").unwrap(), Distribution::Zipf(0.99));
        assert_eq!(Distribution::parse("zipf:1.2").unwrap(), Distribution::Zipf(1.2));
        for bad in ["zipf:", "zipf:0", "zipf:-1", "zipf:NaN", "gauss", ""] {
            assert!(Distribution::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_words_that_name_it() {
        let cases = [
            ("--workload nonsense", "nonsense"),
            ("--clients 0", "--clients"),
            ("--pipeline 0", "--pipeline"),
            ("--threads 0", "--threads"),
            ("--keys 0", "--keys"),
            ("--reads 101", "--reads"),
            ("--rate 0", "above 0"),
            ("--rate -5", "-5"),
            ("--rate NaN", "above 0"),
            ("--duration x", "expected seconds"),
            ("--duration 1 --requests 5", "cannot be used with"),
            ("--requests 0", "--requests"),
            ("--nodes a", "expected HOST:PORT"),
            ("--nodes a:1 --port 5", "cannot be used with"),
            ("--threads 3 --clients 2", "each thread needs a connection"),
            ("--scale 0", "--scale"),
            ("--scale 3 --clients 2", "each node needs a connection"),
            ("--scale 1 --port 7", "cannot be used with"),
        ];
        for (line, expected) in cases {
            let error = parsed(line).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
