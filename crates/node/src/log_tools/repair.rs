//! `atoll log repair`: cuts a damaged log before the damage, when it is told to.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use wal::error::LogError;
use wal::{Damage, Recovered, Report, TornTail};

use crate::log::head;

/// Arguments of `atoll log repair`.
#[derive(Args)]
pub(crate) struct RepairArgs {
    /// Data directory of a node that is not running.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Cut the log where it is damaged: everything behind that is lost.
    #[arg(long)]
    accept_data_loss: bool,
}

/// Looks at the log, and repairs it when that is needed and wanted.
pub(super) fn run(args: &RepairArgs, out: &mut dyn Write) -> anyhow::Result<bool> {
    let (_lock, storage) = super::open(&args.dir, args.accept_data_loss)?;
    let Report { sound, damage } = wal::check(&storage)?;
    let Some(damage) = damage else {
        let newest = sound.segments.last().map(|segment| segment.header.first_frame);
        let Err(why) = head::check(&args.dir, newest) else {
            super::say(out, &nothing_to_do(&sound))?;
            return Ok(true);
        };
        let what = if args.accept_data_loss {
            head::forget(&args.dir)?;
            "it is given up: the log ends before it now"
        } else {
            "nothing was changed: with --accept-data-loss the log ends before it"
        };
        super::say(out, &format!("{why}\n{what}\n"))?;
        return Ok(args.accept_data_loss);
    };
    let Some(file) = repairable(&damage.error) else { return Err(damage.error.into()) };
    let mut text = format!("{}\n", damage.error);
    text += &loss(&sound, &damage, file);
    if args.accept_data_loss {
        let repaired = wal::repair(&storage, true)?;
        head::forget(&args.dir)?;
        if let Some((file, offset)) = &repaired.cut {
            let _ = writeln!(text, "{file} was cut at byte {offset}");
        }
        for name in &repaired.kept {
            let _ = writeln!(text, "kept: {}", args.dir.join(name).display());
        }
        let _ = writeln!(text, "the log is sound now; its next frame is {}", repaired.next_frame);
    } else {
        text += "nothing was changed: with --accept-data-loss the log is cut there\n";
    }
    super::say(out, &text)?;
    Ok(args.accept_data_loss)
}

/// The file that a repair would cut or take out; `None` when the log is none to cut.
fn repairable(error: &LogError) -> Option<&str> {
    match error {
        LogError::Damaged { file, .. }
        | LogError::Missing { file, .. }
        | LogError::Malformed { file, .. } => Some(file),
        LogError::Io { .. }
        | LogError::Magic { .. }
        | LogError::Version { .. }
        | LogError::OtherNode { .. }
        | LogError::OutOfReach { .. } => None,
    }
}

fn nothing_to_do(sound: &Recovered) -> String {
    match &sound.torn {
        Some(TornTail { file, offset, bytes, .. }) => format!(
            "{file}: torn at byte {offset}, {bytes} bytes, as a crash leaves it: nothing of it had \
             been synced. The node cuts it at its next start; there is nothing to repair\n"
        ),
        None if sound.segments.is_empty() => "there is no log\n".to_owned(),
        None => "the log is sound: there is nothing to repair\n".to_owned(),
    }
}

/// What goes with the damage, and what is left.
fn loss(sound: &Recovered, damage: &Damage, file: &str) -> String {
    let mut text = "lost with the damage:\n".to_owned();
    let frames = damage.frames_after;
    let is_cut = sound.segments.last().is_some_and(|segment| segment.name == file);
    let _ = match is_cut {
        true => writeln!(text, "  {file} from there on, with {frames} frames that can be read"),
        false => writeln!(text, "  {file}"),
    };
    for file in &damage.files_after {
        let _ = writeln!(text, "  {file}");
    }
    text += "the last indices before it:\n";
    for (shard, index) in (0..).zip(&sound.last.shards) {
        let _ = writeln!(text, "  {}: {index}", super::owner(shard));
    }
    let _ = writeln!(text, "  node: {}", sound.last.node);
    text
}
