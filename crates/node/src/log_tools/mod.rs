//! `atoll log`: tools for the data directory of a node that has stopped.
//!
//! One tool is one file: `check` says whether a node would start with what is there, `dump` shows
//! what the log says as commands, `repair` cuts a damaged log. Each takes the lock of the
//! directory, so none runs beside the node that the directory belongs to; the first two change
//! nothing.
//!
//! What they know of the format is what crate `wal` tells them.

mod check;
mod dump;
mod repair;
mod time;

use std::io::{self, BufWriter, Write};
use std::path::Path;

use clap::Subcommand;
use wal::storage::DirStorage;

use crate::data_dir::DataDir;
use crate::error::NodeError;

/// What `atoll log` can do.
#[derive(Subcommand)]
pub(crate) enum LogCommand {
    /// See whether a node would start with the log and the snapshot of a data directory.
    ///
    /// Reads all of both, says what they hold, and changes nothing. Ends with 0 when everything is
    /// sound and with 1 when it is not. The node must not be running.
    Check(check::CheckArgs),
    /// Show what the log says, as commands.
    ///
    /// Lines that follow a line with a time were done together or not at all: by one command,
    /// transaction or script. They are not what clients have sent, but what it came to, in the
    /// quotes of redis-cli. What a snapshot has covered may have left the log. Changes nothing. The
    /// node must not be running.
    Dump(dump::DumpArgs),
    /// Cut a log that is damaged, so that the node starts with what lies before the damage.
    ///
    /// What is cut away are writes that were acknowledged: without --accept-data-loss it is only
    /// said how much that is. Files that are changed or taken out are kept as ….damaged. A log that
    /// only ends in a write that a crash has cut short needs no repair. The node must not be
    /// running.
    Repair(repair::RepairArgs),
}

/// Runs a tool. True: all is well.
///
/// # Errors
/// The directory cannot be read, is in use, or the tool could not do what it should.
pub(crate) fn run(command: &LogCommand) -> anyhow::Result<bool> {
    let mut out = BufWriter::new(io::stdout().lock());
    let result = match command {
        LogCommand::Check(args) => check::run(args, &mut out),
        LogCommand::Dump(args) => dump::run(args, &mut out),
        LogCommand::Repair(args) => repair::run(args, &mut out),
    };
    let flushed = out.flush();
    match result {
        // Whoever reads, `head` for one, has seen enough.
        Err(error) if is_broken_pipe(&error) => Ok(true),
        Ok(is_well) => match flushed {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(is_well),
        },
        Err(error) => Err(error),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref().is_some_and(|error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Locks a data directory for as long as the first value lives. `writes`: it is to be changed.
fn open(path: &Path, writes: bool) -> anyhow::Result<(DataDir, DirStorage)> {
    let lock = DataDir::open_existing(path, writes).map_err(|error| match error {
        NodeError::DirectoryInUse(path) => anyhow::anyhow!(
            "data directory {} is in use by another process; stop the node first, or look at a \
             copy of its directory",
            path.display()
        ),
        error => error.into(),
    })?;
    Ok((lock, DirStorage::new(path)?))
}

/// Says what a tool has found. That nobody reads it to its end changes nothing about that.
fn say(out: &mut dyn Write, text: &str) -> io::Result<()> {
    match out.write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// The name of a shard, or of the node.
fn owner(shard: u16) -> String {
    if shard == wal::NODE { "node".to_owned() } else { format!("shard {shard}") }
}
