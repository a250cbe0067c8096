//! Which entries all groups are done with.

use super::id::StreamId;
use super::{Stream, Threshold, Trim};

impl Stream {
    /// Whether every group has read the entry and acknowledged it.
    pub fn is_acknowledged(&self, id: StreamId) -> bool {
        let done =
            |group: &super::Group| group.progress.last >= id && !group.pending().contains_key(&id);
        self.groups.values().all(done)
    }

    /// What trimming would remove if entries that some group is not done with stay.
    pub fn trimmable_acknowledged(&self, trim: Trim) -> Vec<StreamId> {
        if trim.approximate {
            return self.blocks_acknowledged(trim);
        }
        let ids = self.range(StreamId::MIN, StreamId::MAX).map(|entry| entry.id);
        let done = |id: &StreamId| self.is_acknowledged(*id);
        match trim.threshold {
            Threshold::MinId(min) => ids.take_while(|id| *id < min).filter(done).collect(),
            Threshold::MaxLen(len) => {
                let more = (self.len as u64).saturating_sub(len);
                ids.filter(done).take(usize::try_from(more).unwrap_or(usize::MAX)).collect()
            }
        }
    }

    /// The entries of the oldest blocks, as far as those can go as a whole.
    fn blocks_acknowledged(&self, trim: Trim) -> Vec<StreamId> {
        let Some(point) = self.trim_point(trim) else { return Vec::new() };
        let mut removed = Vec::new();
        for (&first, block) in self.blocks.range(..=point) {
            let ids: Vec<StreamId> = block.iter(first).map(|entry| entry.id).collect();
            if !ids.iter().all(|id| self.is_acknowledged(*id)) {
                break;
            }
            removed.extend(ids);
        }
        removed
    }
}
