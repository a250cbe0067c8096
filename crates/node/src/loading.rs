//! The data is being read at the start: until when, and how far it has come.

pub(crate) mod progress;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wal::RecordRef;

use crate::attention::{Attention, Reason};

/// How far reading the data has come.
#[derive(Debug)]
pub(crate) struct Loading {
    attention: Arc<Attention>,
    total_bytes: AtomicU64,
    loaded_bytes: AtomicU64,
    /// The frame of the log that was read last.
    frame: AtomicU64,
    /// Keys that have come back, when it has ended.
    keys: AtomicU64,
    /// There was no data.
    was_new: AtomicBool,
    began: Instant,
    began_at: u64,
    took: OnceLock<Duration>,
}

impl Loading {
    /// It begins. As long as it lasts, requests are told by `attention`.
    pub(crate) fn new(attention: Arc<Attention>) -> Self {
        attention.set(Reason::Loading, true);
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            attention,
            total_bytes: AtomicU64::new(0),
            loaded_bytes: AtomicU64::new(0),
            frame: AtomicU64::new(0),
            keys: AtomicU64::new(0),
            was_new: AtomicBool::new(false),
            began: Instant::now(),
            began_at: since.map_or(0, |time| time.as_secs()),
            took: OnceLock::new(),
        }
    }

    /// Whether requests that need the data have to be refused.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.attention.has(Reason::Loading)
    }

    /// There is nothing left to read.
    pub(crate) fn end(&self) {
        let _ = self.took.set(self.began.elapsed());
        self.attention.set(Reason::Loading, false);
    }

    /// So many keys have come back on one shard.
    pub(crate) fn note_keys(&self, keys: usize) {
        self.keys.fetch_add(keys as u64, Ordering::Relaxed);
    }

    /// How many keys have come back, when it has ended; `None` when there was nothing to read.
    pub(crate) fn keys(&self) -> Option<u64> {
        let has_data = self.total_bytes.load(Ordering::Relaxed) > 0;
        has_data.then(|| self.keys.load(Ordering::Relaxed))
    }

    /// Notes that there was no data.
    pub(crate) fn note_new(&self) {
        self.was_new.store(true, Ordering::Relaxed);
    }

    /// Whether there was no data before a file was taken in.
    pub(crate) fn was_new(&self) -> bool {
        self.was_new.load(Ordering::Relaxed)
    }

    /// How long it took, when it has ended.
    pub(crate) fn took(&self) -> Option<Duration> {
        self.took.get().copied()
    }

    /// How many bytes there are to read.
    pub(crate) fn expect(&self, bytes: u64) {
        self.total_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The log of a directory is to be read, without what is only reserved of it. What cannot be
    /// looked at is left out: whoever reads it will say why.
    pub(crate) fn expect_log(&self, directory: &Path) {
        let Ok(entries) = directory.read_dir() else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let is_segment = name
                .to_str()
                .is_some_and(|name| name.starts_with("log-") && name.ends_with(".wal"));
            if is_segment {
                self.expect(written_bytes(&entry.path()).unwrap_or_default());
            }
        }
    }

    /// A record of the log has been read. To be called in their order, by one thread.
    pub(crate) fn note_record(&self, record: &RecordRef<'_>) {
        const FRAME_HEADER: u64 = 40;
        const RECORD_HEADER: u64 = 24;
        let is_first = self.frame.swap(record.frame, Ordering::Relaxed) != record.frame;
        let head = if is_first { FRAME_HEADER } else { 0 };
        self.note(head + RECORD_HEADER + record.record.body.len() as u64);
    }

    /// So many more have been read.
    pub(crate) fn note(&self, bytes: u64) {
        self.loaded_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Seconds since the epoch when it began.
    pub(crate) fn began_at(&self) -> u64 {
        self.began_at
    }

    /// Bytes to read, and bytes that have been read.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        let total = self.total_bytes.load(Ordering::Relaxed);
        (total, self.loaded_bytes.load(Ordering::Relaxed).min(total))
    }

    /// How much of it has been read, in per cent.
    pub(crate) fn percent(&self) -> f64 {
        let (total, loaded) = self.bytes();
        if total == 0 { 0.0 } else { loaded as f64 * 100.0 / total as f64 }
    }

    /// Seconds until the end at the pace so far; at least 1.
    pub(crate) fn eta_seconds(&self) -> u64 {
        let (total, loaded) = self.bytes();
        if loaded == 0 {
            return 1;
        }
        let left = self.began.elapsed().as_secs_f64() * (total - loaded) as f64 / loaded as f64;
        (left as u64).max(1)
    }
}

/// How far a file has been written, about: what follows is zeros that only reserve space. A value
/// with some thousand zeros may be taken for the end, which spoils nothing but what people are
/// told.
fn written_bytes(path: &Path) -> io::Result<u64> {
    const PAGE: usize = 4096;
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut page = [0; PAGE];
    let (mut low, mut high) = (0, size.div_ceil(PAGE as u64));
    while low < high {
        let middle = low.midpoint(high);
        let count = file.read_at(&mut page, middle * PAGE as u64)?;
        if page[..count].iter().any(|byte| *byte != 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(size.min(low * PAGE as u64))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn only_segments_are_expected() {
        let directory = tempfile::tempdir().unwrap();
        for (name, bytes) in
            [("log-0000000000000001.wal", 5), ("log-0000000000000002.wal", 7), ("node-id", 11)]
        {
            File::create(directory.path().join(name)).unwrap().write_all(&vec![1; bytes]).unwrap();
        }
        let loading = Loading::new(Arc::default());
        loading.expect_log(&directory.path().join("missing"));
        assert_eq!((loading.bytes(), loading.keys()), ((0, 0), None));
        loading.expect_log(directory.path());
        assert_eq!(loading.bytes(), (12, 0));
        loading.note(3);
        loading.note_keys(1);
        assert_eq!((loading.percent(), loading.keys()), (25.0, Some(1)));
    }

    #[test]
    fn what_is_only_reserved_is_not_expected() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        for (written, size, found) in [
            (0, 0, 0),
            (0, 100_000, 0),
            (1, 100_000, 4096),
            (4096, 100_000, 4096),
            (4097, 100_000, 8192),
            (100_000, 100_000, 100_000),
        ] {
            let mut file = File::create(&path).unwrap();
            file.write_all(&vec![1; written]).unwrap();
            file.set_len(size).unwrap();
            assert_eq!(written_bytes(&path).unwrap(), found, "{written} of {size}");
        }
    }
}
