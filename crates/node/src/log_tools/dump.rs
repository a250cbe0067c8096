//! `atoll log dump`: what the log says, as commands.
//!
//! ```text
//! ## log-0000000000000001.wal
//! # 2026-01-31T09:00:00.123Z shard 0 index 17
//! "SET" "key" "value"
//! # 2026-01-31T09:00:00.125Z shard 0 index 18 entry 1 of 2
//! "HSET" "hash" "field" "value"
//! "PEXPIREAT" "hash" "1893456000000"
//! ```
//!
//! A line that begins with `#` is said about what follows; all others are commands, as redis-cli
//! would take them.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use shard::effect::{Effect, Subject};
use shard::{entry, glob};
use wal::error::RecoverError;
use wal::{Kind, NODE, RecordRef};

use super::time::rfc3339;
use crate::monitors::escape;
use crate::node_state::NodeChange;

/// Arguments of `atoll log dump`.
#[derive(Args)]
pub(crate) struct DumpArgs {
    /// Data directory of a node that is not running.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Show this shard alone; "node" for functions and scripts.
    #[arg(long, value_name = "N|node", value_parser = parse_shard)]
    shard: Option<u16>,
    /// Begin with this index of each shard.
    #[arg(long, value_name = "INDEX", default_value_t = 0)]
    from: u64,
    /// Show only entries that change a key like this (as KEYS takes it), or all keys.
    #[arg(long, value_name = "GLOB")]
    key: Option<String>,
    /// Show the payloads of FUNCTION RESTORE, too, not their length alone.
    #[arg(long)]
    full: bool,
}

fn parse_shard(text: &str) -> Result<u16, String> {
    if text.eq_ignore_ascii_case("node") {
        return Ok(NODE);
    }
    let number = text.parse().ok().filter(|shard| *shard < NODE);
    number.ok_or_else(|| "expected the number of a shard, or node".to_owned())
}

/// Shows what is asked for.
pub(super) fn run(args: &DumpArgs, out: &mut dyn Write) -> anyhow::Result<bool> {
    let (_lock, storage) = super::open(&args.dir, false)?;
    let mut dump = Dump { args, out, file: String::new(), line: String::new() };
    let recovered = wal::recover(&storage, None, &mut |record| dump.show(record));
    let recovered = recovered.map_err(|error| match error {
        RecoverError::Log(error) => error.into(),
        RecoverError::Visit(error) => error,
    })?;
    match (&recovered.torn, recovered.segments.is_empty()) {
        (Some(torn), _) => {
            let (file, offset, bytes) = (&torn.file, torn.offset, torn.bytes);
            writeln!(out, "## {file}: torn at byte {offset}, {bytes} bytes; they will be cut")?;
        }
        (None, true) => writeln!(out, "## there is no log")?,
        (None, false) => {}
    }
    Ok(true)
}

struct Dump<'a> {
    args: &'a DumpArgs,
    out: &'a mut dyn Write,
    /// The file whose name was shown last.
    file: String,
    line: String,
}

impl Dump<'_> {
    fn show(&mut self, reference: &RecordRef<'_>) -> anyhow::Result<()> {
        let record = &reference.record;
        let is_wanted = self.args.shard.is_none_or(|shard| shard == record.shard)
            && record.index >= self.args.from
            && record.kind != Kind::SyncMark;
        if !is_wanted {
            return Ok(());
        }
        let shown = match record.kind {
            Kind::SyncMark => Ok(()),
            Kind::Entries => self.show_entries(reference),
            Kind::Node => self.show_node(reference),
            Kind::Gap => self.show_gap(reference),
        };
        shown.map_err(|error| match error {
            Failure::Out(error) => error.into(),
            Failure::Content(what) => anyhow::anyhow!(
                "{} at byte {} (frame {}): {} index {}: {what}",
                reference.file,
                reference.frame_offset,
                reference.frame,
                super::owner(record.shard),
                record.index,
            ),
        })
    }

    fn show_entries(&mut self, reference: &RecordRef<'_>) -> Result<(), Failure> {
        let bad = |error: entry::BadEntry| Failure::Content(error.to_string());
        let body = reference.record.body;
        let count = entry::all(body).try_fold(0, |count, entry| entry.map(|_| count + 1));
        let count: usize = count.map_err(bad)?;
        for (number, effects) in (1..).zip(entry::all(body)) {
            let effects = effects.map_err(bad)?;
            let decoded: Result<Vec<_>, _> = Effect::decode_all(effects).collect();
            let decoded = decoded.map_err(|error| Failure::Content(error.to_string()))?;
            if !self.is_about_wanted_keys(&decoded) {
                continue;
            }
            let mut place = match count {
                1 => String::new(),
                count => format!(" entry {number} of {count}"),
            };
            if decoded.is_empty() {
                place.push_str(" nothing");
            }
            self.show_head(reference, &place)?;
            for effect in &decoded {
                self.show_command(&effect.as_command())?;
            }
        }
        Ok(())
    }

    fn is_about_wanted_keys(&self, effects: &[Effect<'_>]) -> bool {
        let Some(pattern) = &self.args.key else { return true };
        let is_like = |key: &[u8]| glob::matches(pattern.as_bytes(), key, false);
        effects.iter().any(|effect| match effect.subject() {
            Subject::Key(key) => is_like(key),
            Subject::AllKeys => true,
            Subject::NoKey => false,
        })
    }

    fn show_node(&mut self, reference: &RecordRef<'_>) -> Result<(), Failure> {
        if self.args.key.is_some() {
            return Ok(());
        }
        let change = NodeChange::decode(reference.record.body);
        let unknown = || Failure::Content("a change of the node that is not known".to_owned());
        let change = change.ok_or_else(unknown)?;
        self.show_head(reference, "")?;
        match change {
            NodeChange::Libraries(payload) if !self.args.full => {
                let length = payload.len();
                writeln!(self.out, "# \"FUNCTION\" \"RESTORE\" ({length} bytes) \"FLUSH\"")?;
                Ok(())
            }
            _ => self.show_command(&change.as_command()),
        }
    }

    fn show_gap(&mut self, reference: &RecordRef<'_>) -> Result<(), Failure> {
        let what = " gap: changes without the log; a snapshot that covers this index has them";
        self.show_head(reference, what)
    }

    /// Says when and where something was done.
    fn show_head(&mut self, reference: &RecordRef<'_>, more: &str) -> Result<(), Failure> {
        let record = &reference.record;
        if self.file != reference.file {
            reference.file.clone_into(&mut self.file);
            writeln!(self.out, "## {}", self.file)?;
        }
        let time = match record.time_ms {
            0 => "-".to_owned(),
            millis => rfc3339(millis),
        };
        let owner = super::owner(record.shard);
        writeln!(self.out, "# {time} {owner} index {}{more}", record.index)?;
        Ok(())
    }

    fn show_command(&mut self, words: &[Vec<u8>]) -> Result<(), Failure> {
        self.line.clear();
        for word in words {
            self.line.push_str(if self.line.is_empty() { "\"" } else { " \"" });
            escape(word, &mut self.line);
            self.line.push('"');
        }
        self.line.push('\n');
        self.out.write_all(self.line.as_bytes())?;
        Ok(())
    }
}

/// Why a record is not shown.
enum Failure {
    /// What it says is not known.
    Content(String),
    /// Nobody takes what is shown.
    Out(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Out(error)
    }
}
