//! Looks at a log without changing it and without expecting anything of it.

use std::convert::Infallible;
use std::fmt;

use crate::error::{LogError, RecoverError};
use crate::record::RecordRef;
use crate::recover::Recovered;
use crate::scan::scan;
use crate::segment::SegmentInfo;
use crate::storage::Storage;
use crate::walk::{TornTail, Walk, segment_names};
use crate::window::Window;

/// What is wrong with a log, and what would go with it if it were cut there.
#[derive(Debug)]
pub struct Damage {
    /// What recovery says.
    pub error: LogError,
    /// Whole frames behind the damage, in the same file.
    pub frames_after: u64,
    /// Files behind the damage, oldest first.
    pub files_after: Vec<String>,
}

/// What a log holds, up to its end or to where it is damaged.
#[derive(Debug)]
pub struct Report {
    /// What can be recovered. Ranges of indices are from `bases`, exclusive, to `last`, inclusive.
    pub sound: Recovered,
    /// Why the log cannot be recovered, if it cannot.
    pub damage: Option<Damage>,
}

/// What `atoll log check` says, a line for each file and each shard.
impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sound = &self.sound;
        if sound.segments.is_empty() && self.damage.is_none() {
            return writeln!(out, "there is no log");
        }
        for segment in &sound.segments {
            let (name, first, end) = (&segment.name, segment.header.first_frame, segment.end);
            match segment.frames {
                0 => writeln!(out, "{name}: no frames, {end} bytes")?,
                count => {
                    writeln!(out, "{name}: frames {first}-{}, {end} bytes", first + count - 1)?
                }
            }
        }
        writeln!(out, "{} frames, {} bytes", sound.frames, sound.bytes)?;
        for (shard, (base, last)) in sound.bases.shards.iter().zip(&sound.last.shards).enumerate() {
            writeln!(out, "shard {shard}: {}", Range(*base, *last))?;
        }
        writeln!(out, "node: {}", Range(sound.bases.node, sound.last.node))?;
        if let Some(torn) = &sound.torn {
            let TornTail { file, offset, bytes, .. } = torn;
            writeln!(out, "{file}: torn at byte {offset}, {bytes} bytes; they will be cut")?;
        }
        let Some(damage) = &self.damage else { return Ok(()) };
        writeln!(out, "{}", damage.error)?;
        let (frames, files) = (damage.frames_after, damage.files_after.len());
        writeln!(out, "behind that: {frames} frames of the same file, and {files} files")
    }
}

/// Indices above the first and up to the second.
struct Range(u64, u64);

impl fmt::Display for Range {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(base, last) if base == last => write!(out, "no indices above {base}"),
            Self(base, last) => write!(out, "indices {}-{last}", base + 1),
        }
    }
}

/// Reads the whole log, whichever node's it is.
///
/// # Errors
/// When files cannot be listed or opened; damage is no error but in the report.
pub fn check<S: Storage>(storage: &S) -> Result<Report, LogError> {
    dump(storage, &mut |_| {})
}

/// Shows every record that can be recovered, whichever node's log it is, and reports as [`check`].
///
/// # Errors
/// As [`check`].
pub fn dump<S: Storage>(
    storage: &S,
    visit: &mut dyn FnMut(&RecordRef<'_>),
) -> Result<Report, LogError> {
    let mut walk = Walk::new(None);
    let ran = walk.run(storage, &mut |record| {
        visit(record);
        Ok::<(), Infallible>(())
    });
    let sound = Recovered::from(walk);
    let error = match ran {
        Ok(()) => return Ok(Report { sound, damage: None }),
        Err(RecoverError::Log(error @ LogError::Io { .. })) => return Err(error),
        Err(RecoverError::Log(error)) => error,
        Err(RecoverError::Visit(never)) => match never {},
    };
    let names = segment_names(storage)?;
    let bad = bad_file(&error);
    let files_after =
        names.into_iter().map(|(_, name)| name).skip_while(|name| name != bad).skip(1).collect();
    let frames_after = match sound.segments.last() {
        Some(segment) if segment.name == bad => frames_behind(storage, segment)?,
        _ => 0,
    };
    Ok(Report { sound, damage: Some(Damage { error, frames_after, files_after }) })
}

/// The file that an error is about.
pub(crate) fn bad_file(error: &LogError) -> &str {
    match error {
        LogError::Io { file, .. }
        | LogError::Magic { file }
        | LogError::Version { file, .. }
        | LogError::OtherNode { file, .. }
        | LogError::Damaged { file, .. }
        | LogError::Missing { file, .. }
        | LogError::OutOfReach { file, .. }
        | LogError::Malformed { file, .. } => file,
    }
}

/// How many whole frames follow the one that ends the sound part of a segment.
fn frames_behind<S: Storage>(storage: &S, segment: &SegmentInfo) -> Result<u64, LogError> {
    let io = |error| LogError::io("read", &segment.name, error);
    let file = storage.open_read(&segment.name).map_err(io)?;
    let mut window = Window::new(&file, Vec::new()).map_err(io)?;
    let bad = segment.next_frame();
    Ok(scan(&mut window, segment.header.epoch, bad, segment.end).map_err(io)?.frames)
}
