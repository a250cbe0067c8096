//! How far behind a group is: counting entries that a group has not read without looking at them.
//!
//! The stream knows how many entries have ever been added. As long as nothing has been deleted in
//! between, the number of an entry follows from where it is; a deleted entry after a group's place
//! makes the difference unknown.

use super::Stream;
use super::group::Progress;
use super::id::StreamId;

impl Stream {
    /// Whether an entry from `start` on has been deleted, other than by trimming.
    fn has_gap_from(&self, start: StreamId) -> bool {
        let deleted = self.position.max_deleted;
        if self.is_empty() || deleted == StreamId::MIN {
            return false;
        }
        let before_all = self.first().is_some_and(|first| first.id > deleted);
        !before_all && start <= deleted
    }

    /// How many entries were added up to this id; `None` when that is not known.
    pub fn count_ever(&self, id: StreamId) -> Option<u64> {
        let position = self.position;
        if position.added == 0 {
            return Some(0);
        }
        if self.is_empty() && id <= position.last {
            return Some(position.added);
        }
        if id != StreamId::MIN && id < position.max_deleted {
            return None;
        }
        if id >= position.last {
            return (id == position.last).then_some(position.added);
        }
        let first = self.first()?.id;
        if position.max_deleted != StreamId::MIN && position.max_deleted >= first {
            return None;
        }
        let before = position.added.saturating_sub(self.len as u64);
        match id.cmp(&first) {
            std::cmp::Ordering::Less => Some(before),
            std::cmp::Ordering::Equal => Some(before + 1),
            std::cmp::Ordering::Greater => None,
        }
    }

    /// Whether a group at this place has all entries that there are before it, and nothing among
    /// them has been deleted.
    fn is_before_all(&self, progress: Progress) -> bool {
        self.first()
            .is_none_or(|first| progress.last < first.id && self.position.max_deleted < first.id)
    }

    /// How many entries a group at this place has not read; `None` when that is not known.
    pub fn lag(&self, progress: Progress) -> Option<u64> {
        let added = self.position.added;
        if added == 0 {
            return Some(0);
        }
        if self.is_before_all(progress) {
            return Some(self.len as u64);
        }
        let read = match progress.entries_read {
            Some(read) if !self.has_gap_from(progress.last) => read,
            _ => self.count_ever(progress.last)?,
        };
        Some(added.wrapping_sub(read))
    }

    /// The place of a group that has been at `progress` and reads the entry `id` now.
    pub fn progress_after(&self, progress: Progress, id: StreamId) -> Progress {
        let first = self.first().map_or(StreamId::MAX, |entry| entry.id);
        let entries_read = match progress.entries_read {
            Some(read) if progress.last >= first && !self.has_gap_from(progress.last) => {
                Some(read.saturating_add(1))
            }
            known if self.position.added == 0 => known,
            _ => self.count_ever(id),
        };
        Progress { last: id, entries_read }
    }
}
