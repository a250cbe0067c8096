//! Reads a log after a start: every record in order, and what the next writer has to know.

use crate::error::{LogError, RecoverError};
use crate::identity::{Layout, NodeId};
use crate::indices::Indices;
use crate::record::{NODE, RecordRef};
use crate::segment::SegmentInfo;
use crate::storage::Storage;
use crate::walk::{TornTail, Walk};

/// What a log holds. [`crate::Writer::open`] goes on from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// Its files, oldest first. None: there is no log yet.
    pub segments: Vec<SegmentInfo>,
    /// The number of the next frame; 1 when there is no log yet.
    pub next_frame: u64,
    /// The last index of each shard of the present layout, and of the node.
    pub last: Indices,
    /// The last index of each shard before the first record that is left. A snapshot must cover at
    /// least these; else files at the start of the log are missing.
    pub bases: Indices,
    /// What a crash has left half written behind the last good frame. The next writer cuts it.
    pub torn: Option<TornTail>,
    /// How many frames have been read.
    pub frames: u64,
    /// How many bytes these take.
    pub bytes: u64,
}

impl Recovered {
    /// The layout that the last segment was written in; `None` when there is no log yet.
    #[must_use]
    pub fn layout(&self) -> Option<&Layout> {
        self.segments.last().map(|segment| &segment.header.layout)
    }

    /// Sees whether the log reaches back to what a snapshot covers, or to the beginning when there
    /// is none: else files at its start, or the snapshot that made them superfluous, are missing.
    /// Segments of another layout that lie before those of the snapshot's are covered by it.
    ///
    /// # Errors
    /// [`LogError::OutOfReach`] when it does not.
    pub fn reaches(&self, snapshot: Option<(&Layout, &Indices)>) -> Result<(), LogError> {
        let own = |segment: &&SegmentInfo| match snapshot {
            Some((layout, _)) => segment.header.layout == *layout,
            None => true,
        };
        let Some(segment) = self.segments.iter().find(own) else { return Ok(()) };
        let bases = &segment.header.bases;
        let none = Indices::all(bases.shards.len(), 0);
        let covered = snapshot.map_or(&none, |(_, covered)| covered);
        let shards = (0..bases.shards.len()).filter_map(|shard| u16::try_from(shard).ok());
        for shard in shards.chain([NODE]) {
            let (base, covered) = (bases.of(shard), covered.of(shard));
            if base > covered {
                return Err(LogError::OutOfReach {
                    file: segment.name.clone(),
                    shard,
                    base: base.unwrap_or_default(),
                    covered: covered.unwrap_or_default(),
                });
            }
        }
        Ok(())
    }

    pub(crate) fn from(walk: Walk) -> Self {
        Self {
            segments: walk.segments,
            next_frame: walk.next_frame.max(1),
            last: walk.last,
            bases: walk.bases,
            torn: walk.torn,
            frames: walk.frames,
            bytes: walk.bytes,
        }
    }
}

/// Shows every record of the log in order, one frame in memory at a time. Sync marks are shown,
/// too. `node_id` is whose log this must be; `None` takes any, for tools.
///
/// A frame that cannot be read ends the log if nothing proves that it had been synced: then it is
/// what a crash leaves of a write, is reported in [`Recovered::torn`], and will be cut by the next
/// writer. Nothing is changed on the disk here.
///
/// # Errors
/// When the log cannot be read, is damaged where it had been synced, or belongs to another node;
/// when `visit` returns an error.
pub fn recover<S: Storage, E>(
    storage: &S,
    node_id: Option<&NodeId>,
    visit: &mut dyn FnMut(&RecordRef<'_>) -> Result<(), E>,
) -> Result<Recovered, RecoverError<E>> {
    let mut walk = Walk::new(node_id.copied());
    walk.run(storage, visit)?;
    Ok(Recovered::from(walk))
}
