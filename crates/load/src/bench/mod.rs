//! `atoll bench`: a load test of a running server or cluster, or of clusters it starts itself.
//!
//! | module | holds |
//! |---|---|
//! | [`arguments`] | the command line |
//! | [`scenario`] | its workloads |
//! | `session` | one workload on one cluster, from its keys to its result |
//! | `sums` | whether what servers hold agrees with what they have replied |
//! | `servers` | processor time of servers that run on this machine |
//! | `outcome` | what is known after a workload, and what is to be said about it |
//! | `table` | that as text |
//! | `json` | that as JSON |
//! | `progress` | what a person at a terminal sees meanwhile |
//! | `scale` | clusters of one, two, three nodes |

pub mod arguments;
mod json;
mod outcome;
mod progress;
mod scale;
pub mod scenario;
mod servers;
mod session;
mod sums;
mod table;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result};

pub use self::arguments::BenchArgs;
use self::outcome::Outcome;
use self::session::Session;
use crate::topology::Topology;

/// Runs a load test as its command line says. `atoll` is the binary that `--scale` starts. True: no
/// request failed, and all sums add up.
///
/// # Errors
/// The test could not be run, with words for the person who has asked for it.
pub fn run(args: &BenchArgs, atoll: &Path) -> Result<bool> {
    args.check()?;
    let mut json = args.json.as_deref().map(Output::create).transpose()?;
    let Findings { outcomes, stopped } =
        if args.scale.is_empty() { run_on_cluster(args)? } else { scale::run(args, atoll)? };
    let stopped = stopped.map(explained);
    if outcomes.is_empty() {
        return stopped.map_or(Ok(true), Err);
    }
    let table = if args.scale.is_empty() { table::of_workloads } else { table::of_steps };
    let text = table(args, &outcomes);
    // What is for programs is alone on its way.
    let aside = matches!(json, Some(Output::Stdout));
    let shown = if aside { write!(io::stderr(), "{text}") } else { write!(io::stdout(), "{text}") };
    heard(shown)?;
    if let Some(output) = &mut json {
        let document = json::document(args, &outcomes, stopped.as_ref());
        output.write(&format!("{document:#}\n"))?;
    }
    match stopped {
        Some(error) => Err(error),
        None => Ok(outcomes.iter().all(Outcome::is_well)),
    }
}

/// What was found, and why there is not more of it.
struct Findings {
    outcomes: Vec<Outcome>,
    stopped: Option<Error>,
}

impl Findings {
    /// Takes what there is until the first error.
    fn collect(results: impl Iterator<Item = Result<Outcome>>) -> Self {
        let mut outcomes = Vec::new();
        for result in results {
            match result {
                Ok(outcome) => outcomes.push(outcome),
                Err(error) => return Self { outcomes, stopped: Some(error) },
            }
        }
        Self { outcomes, stopped: None }
    }
}

/// All workloads, one after the other.
fn run_on_cluster(args: &BenchArgs) -> Result<Findings> {
    let seeds = args.seeds();
    let access = args.access();
    let topology = if args.no_cluster {
        Topology::unrouted(seeds).with_access(&access)
    } else {
        Topology::of_cluster_as(&seeds, &access).map_err(explained)?
    };
    let session = Session::new(args, topology);
    Ok(Findings::collect(args.workloads.iter().map(|&scenario| session.run(scenario))))
}

/// Adds what can be done about an error, where that is known.
fn explained(error: Error) -> Error {
    let text = format!("{error:#}");
    let advice = if text.contains("NOAUTH") {
        "the server asks for a password: give --password (and --user), or set REDISCLI_AUTH"
    } else if text.contains("cluster support disabled") {
        "the server is not in cluster mode: --no-cluster sends all keys to the nodes that are named"
    } else if text.contains("Connection refused") {
        "no server is listening there: see --host, --port and --nodes"
    } else {
        return error;
    };
    error.context(advice)
}

/// Where JSON goes.
enum Output {
    Stdout,
    File(PathBuf, File),
}

impl Output {
    /// Opens it before anything has been measured, so that nothing is measured in vain.
    fn create(name: &str) -> Result<Self> {
        if name == "-" {
            return Ok(Self::Stdout);
        }
        let file = File::create(name).with_context(|| format!("write {name}"))?;
        Ok(Self::File(PathBuf::from(name), file))
    }

    fn write(&mut self, text: &str) -> Result<()> {
        match self {
            Self::Stdout => heard(write!(io::stdout(), "{text}")),
            Self::File(path, file) => {
                file.write_all(text.as_bytes()).with_context(|| format!("write {}", path.display()))
            }
        }
    }
}

/// That nobody reads to the end is no failure.
fn heard(result: io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("write"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_stands_before_what_the_server_said() {
        let error = explained(anyhow::anyhow!("GET answered: NOAUTH Authentication required."));
        let text = format!("{error:#}");
        assert!(text.starts_with("the server asks for a password"), "{text}");
        assert!(text.ends_with("NOAUTH Authentication required."), "{text}");
        assert_eq!(format!("{:#}", explained(anyhow::anyhow!("other"))), "other");
    }
}
