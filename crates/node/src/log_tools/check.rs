//! `atoll log check`: whether a node would start with what is there.
//!
//! Looks at what recovery looks at: the newest snapshot, the whole log, whether one reaches back to
//! the other, whose they are, and whether what they say can be read. What the layout of the node
//! will be is not known here, so data of slots that it does not serve is not noticed.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use shard::effect::Effect;
use shard::entry;
use wal::error::SnapshotError;
use wal::snapshot::{self, SetInfo};
use wal::storage::DirStorage;
use wal::{Kind, NODE, NodeId, RecordRef, Report};

use super::time::rfc3339;
use crate::data_dir::DataDir;
use crate::log::head;
use crate::node_state::NodeChange;

/// Arguments of `atoll log check`.
#[derive(Args)]
pub(crate) struct CheckArgs {
    /// Data directory of a node that is not running.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// Looks at everything and says what is there.
pub(super) fn run(args: &CheckArgs, out: &mut dyn Write) -> anyhow::Result<bool> {
    let (_lock, storage) = super::open(&args.dir, false)?;
    let mut check = Check::default();
    let id = check.node_id(&DataDir::known_id(&args.dir)?);
    let set = check.snapshot(&storage, id);
    check.log(&storage, id, set.as_ref())?;
    let verdict = match check.problems {
        0 => "sound: a node can start with this".to_owned(),
        1 => "NOT SOUND: a problem, see above".to_owned(),
        problems => format!("NOT SOUND: {problems} problems, see above"),
    };
    super::say(out, &format!("{}{verdict}\n", check.text))?;
    Ok(check.problems == 0)
}

#[derive(Default)]
struct Check {
    text: String,
    problems: u64,
}

impl Check {
    fn say(&mut self, line: impl std::fmt::Display) {
        let _ = writeln!(self.text, "{line}");
    }

    fn problem(&mut self, what: impl std::fmt::Display) {
        self.problems += 1;
        self.say(what);
    }

    fn node_id(&mut self, text: &Option<String>) -> Option<NodeId> {
        let Some(text) = text else {
            self.say("node: not known, for there is no file node-id");
            return None;
        };
        let id = NodeId::parse(text.as_bytes());
        match id {
            Some(id) => self.say(format_args!("node {id}")),
            None => self.problem("node-id does not hold 40 hexadecimal digits"),
        }
        id
    }

    /// Reads the newest snapshot; `None` when there is none that is sound.
    fn snapshot(&mut self, storage: &DirStorage, id: Option<NodeId>) -> Option<SetInfo> {
        let set = match snapshot::newest(storage, id.as_ref()) {
            Ok(Some(set)) => set,
            Ok(None) => {
                self.say("there is no snapshot");
                return None;
            }
            Err(error) => {
                self.problem(error);
                return None;
            }
        };
        self.say(format_args!("{}: taken at {}", set.directory, rfc3339(set.created_ms)));
        for file in &set.files {
            let (owner, covered) = (super::owner(file.shard), file.covered);
            let (chunks, bytes) = (file.chunks, file.bytes);
            self.say(format_args!(
                "{owner}: chunks: {chunks}, bytes: {bytes}, up to index {covered}"
            ));
        }
        match read_set(storage, &set) {
            Ok(None) => {}
            Ok(Some(what)) => self.problem(what),
            Err(error) => self.problem(error),
        }
        Some(set)
    }

    fn log(
        &mut self,
        storage: &DirStorage,
        id: Option<NodeId>,
        set: Option<&SetInfo>,
    ) -> anyhow::Result<()> {
        let mut contents = Contents::default();
        let report = wal::dump(storage, &mut |record| contents.take(record, set))?;
        self.text += &report.to_string();
        let Report { sound, damage } = report;
        if let (Some(first), Some(last)) = (contents.first_ms, contents.last_ms) {
            let (entries, changes) = (contents.entries, contents.node_changes);
            let (first, last) = (rfc3339(first), rfc3339(last));
            self.say(format_args!(
                "{entries} entries and {changes} changes of the node, from {first} to {last}"
            ));
        }
        for note in contents.gaps {
            self.say(note);
        }
        let is_damaged = damage.is_some();
        if is_damaged {
            self.problems += 1;
        }
        if let Some(what) = contents.unreadable {
            self.problem(what);
        }
        let found = sound.segments.first().map(|segment| segment.header.node_id);
        if let (Some(expected), Some(found)) = (id.or(set.map(|set| set.node_id)), found)
            && expected != found
        {
            self.problem(format_args!("the log is that of node {found}, not of {expected}"));
        }
        let newest = sound.segments.last().map(|segment| segment.header.first_frame);
        // Behind damage nothing was looked for.
        if let Err(error) = head::check(storage.root(), newest)
            && !is_damaged
        {
            self.problem(error);
        }
        if let Err(error) = sound.reaches(set.map(|set| (&set.layout, &set.covered))) {
            self.problem(error);
        }
        Ok(())
    }
}

/// Reads all of a snapshot; tells what it says that nobody understands.
fn read_set(storage: &DirStorage, set: &SetInfo) -> Result<Option<String>, SnapshotError> {
    for file in &set.files {
        let mut reader = snapshot::open(storage, set, file.shard)?;
        let mut unreadable = None;
        let mut chunks = 0_u64;
        while let Some(chunk) = reader.next_chunk()? {
            if unreadable.is_none() {
                let why =
                    if file.shard == NODE { why_no_change(chunk) } else { why_no_effects(chunk) };
                unreadable = why.map(|why| (chunks, why));
            }
            chunks += 1;
        }
        if let Some((chunk, why)) = unreadable {
            let (directory, owner) = (&set.directory, super::owner(file.shard));
            return Ok(Some(format!("{directory}: {owner}: chunk {chunk} has {why}")));
        }
    }
    Ok(None)
}

fn why_no_effects(bytes: &[u8]) -> Option<String> {
    let mut effects = Effect::decode_all(bytes);
    effects.find_map(|effect| effect.err().map(|error| error.to_string()))
}

fn why_no_change(bytes: &[u8]) -> Option<String> {
    let is_known = NodeChange::decode(bytes).is_some();
    (!is_known).then(|| "a change of the node that is not known".to_owned())
}

/// What the records of a log say.
#[derive(Default)]
struct Contents {
    entries: u64,
    node_changes: u64,
    first_ms: Option<u64>,
    last_ms: Option<u64>,
    /// What is lost because no snapshot covers a gap.
    gaps: Vec<String>,
    /// The first record that nobody understands.
    unreadable: Option<String>,
}

impl Contents {
    fn take(&mut self, reference: &RecordRef<'_>, set: Option<&SetInfo>) {
        let record = &reference.record;
        if record.time_ms > 0 {
            self.first_ms.get_or_insert(record.time_ms);
            self.last_ms = Some(record.time_ms);
        }
        let why = match record.kind {
            Kind::SyncMark => None,
            Kind::Entries => entry::all(record.body).find_map(|entry| {
                self.entries += 1;
                entry.map_or_else(|error| Some(error.to_string()), why_no_effects)
            }),
            Kind::Node => {
                self.node_changes += 1;
                why_no_change(record.body)
            }
            Kind::Gap => {
                self.note_gap(reference, set);
                None
            }
        };
        if let Some(why) = why.filter(|_| self.unreadable.is_none()) {
            self.unreadable = Some(format!(
                "{} at byte {} (frame {}): {} index {}: {why}",
                reference.file,
                reference.frame_offset,
                reference.frame,
                super::owner(record.shard),
                record.index,
            ));
        }
    }

    /// As recovery does: what follows a gap follows on what only a snapshot has.
    fn note_gap(&mut self, reference: &RecordRef<'_>, set: Option<&SetInfo>) {
        let (shard, index) = (reference.record.shard, reference.record.index);
        let is_covered = set.is_some_and(|set| {
            let is_older = set.layout != reference.segment.layout && shard != NODE;
            is_older || set.covered.of(shard).is_some_and(|covered| index <= covered)
        });
        if !is_covered {
            let owner = super::owner(shard);
            self.gaps.push(format!(
                "{owner}: the log was switched on at index {index}, and no snapshot was finished \
                 then: it comes back as it was before"
            ));
        }
    }
}
