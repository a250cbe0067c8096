//! The log thread: gathers what all shards have submitted, writes it as one frame, syncs it.
//!
//! While a sync is under way the next frame gathers by itself. With `everysec` nobody waits, so the
//! thread lets entries gather for a moment before it looks again: a frame for each batch of requests
//! would cost a system call and a switch of threads each time.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rtrb::Consumer;
use shard::gauge::{Gauge, Refusal};
use wal::error::WriteError;
use wal::storage::Storage;
use wal::{Indices, Kind, NODE, Record};

use super::head::Head;
use super::{Doze, Durability, LogService, Order, Submission};
use crate::clock::Clock;

/// How long entries gather when nobody waits for them.
const GATHER: Duration = Duration::from_millis(1);
/// How often the log is synced when nobody waits for it.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// How long the log has had nothing to do when it is marked as synced.
const QUIET: Duration = Duration::from_millis(100);
/// How often a write is tried again when the disk is full.
const RETRY: Duration = Duration::from_millis(100);
/// Bytes of a frame from which on it is written.
const FRAME: usize = 4 << 20;
/// Exit code when the log cannot be relied on any more (`EX_IOERR`).
const EXIT_IO: i32 = 74;

/// Starts the thread, which ends with the process or after [`Order::End`].
pub(crate) fn start<S: Storage + Send + 'static>(
    service: &Arc<LogService>,
    writer: wal::Writer<S>,
    gauge: Arc<Gauge>,
    mut head: Head,
) -> std::io::Result<()>
where
    S::File: Send,
{
    let consumers =
        std::mem::take(&mut *service.consumers.lock().unwrap_or_else(PoisonError::into_inner));
    // Before anybody is served.
    head.note(writer.header().first_frame);
    let shared = service.clone();
    let thread = std::thread::Builder::new().name("log".into()).spawn(move || {
        let now = Instant::now();
        let mut log = LogThread {
            head,
            service: shared,
            writer,
            gauge,
            totals: vec![(0, 0); consumers.len()],
            consumers,
            clock: Clock::default(),
            first_unsynced: None,
            last_work: now,
            is_marked: false,
        };
        log.run();
    })?;
    // The thread may be about to park: whoever wakes it finds it here.
    let _ = service.thread.set(thread.thread().clone());
    Ok(())
}

struct LogThread<S: Storage> {
    head: Head,
    service: Arc<LogService>,
    writer: wal::Writer<S>,
    gauge: Arc<Gauge>,
    consumers: Vec<Consumer<Submission>>,
    clock: Clock,
    /// By shard: entries that have been written since the start, and their bytes.
    totals: Vec<(u64, u64)>,
    /// When the first frame was written that is not synced.
    first_unsynced: Option<Instant>,
    last_work: Instant,
    /// The disk says that everything was synced.
    is_marked: bool,
}

impl<S: Storage> LogThread<S> {
    fn run(&mut self) {
        loop {
            self.service.doze.store(Doze::Awake as u8, Ordering::SeqCst);
            let gathered = self.write_submitted();
            let orders = std::mem::take(
                &mut *self.service.orders.lock().unwrap_or_else(PoisonError::into_inner),
            );
            for order in orders {
                if !self.obey(order) {
                    return;
                }
            }
            if self.is_sync_due() {
                self.sync();
            }
            self.look_for_room();
            self.publish();
            self.doze(gathered);
        }
    }

    /// Writes what has been submitted so far; whether there was anything. What comes meanwhile is for
    /// the next time: under load there is always more.
    fn write_submitted(&mut self) -> bool {
        let mut is_any = false;
        for shard in 0..self.consumers.len() {
            for _ in 0..self.consumers[shard].slots() {
                let Ok(submission) = self.consumers[shard].pop() else { break };
                self.append(shard as u16, &submission);
                is_any = true;
                if self.writer.gathered_bytes() >= FRAME {
                    self.write();
                }
            }
        }
        self.write();
        is_any
    }

    /// Takes a submission into the frame.
    fn append(&mut self, shard: u16, submission: &Submission) {
        let Submission { index, time, total, entries } = submission;
        let (_, bytes) = self.totals[usize::from(shard)];
        self.totals[usize::from(shard)] = (*total, bytes + entries.len() as u64);
        let record = Record {
            kind: if entries.is_empty() { Kind::Gap } else { Kind::Entries },
            shard,
            index: *index,
            time_ms: u64::try_from(time.millis().0).unwrap_or_default(),
            body: entries,
        };
        if let Err(error) = self.writer.append(&record) {
            fail(&error.to_string());
        }
    }

    /// Writes the frame. While the disk is full, writes are refused, and it is tried again.
    fn write(&mut self) {
        loop {
            match self.writer.write() {
                Ok(None) => return,
                Ok(Some(_)) => break,
                Err(WriteError::NoSpace { .. }) => {
                    self.service.figures.failures.fetch_add(1, Ordering::Relaxed);
                    self.note_room(false);
                    // A snapshot that ends meanwhile makes room.
                    self.purge_covered();
                    std::thread::sleep(RETRY);
                }
                Err(error) => fail(&error.to_string()),
            }
        }
        self.note_room(self.writer.room());
        self.head.note(self.writer.header().first_frame);
        let now = Instant::now();
        if self.first_unsynced.is_none() {
            self.note_unsynced(Some(now));
        }
        self.last_work = now;
        self.is_marked = false;
        let last = self.writer.written_last();
        for (line, index) in self.service.lines.iter().zip(&last.shards) {
            line.written.store(*index, Ordering::Release);
        }
    }

    /// Has writes refused as soon as there is no space reserved for those to come, while there still
    /// is for those that have been taken.
    fn note_room(&self, has_room: bool) {
        let was_full = self.service.figures.is_full.swap(!has_room, Ordering::Relaxed);
        if was_full == has_room {
            self.gauge.refuse_writes(Refusal::Disk, !has_room);
            if has_room {
                tracing::info!("there is room on the disk again: writes are taken");
            } else {
                tracing::error!("the disk is full: writes are refused until there is room");
            }
        }
    }

    /// Looks for room again while there is none.
    fn look_for_room(&mut self) {
        if !self.service.figures.is_full.load(Ordering::Relaxed) {
            return;
        }
        match self.writer.prepare() {
            Ok(has_room) => self.note_room(has_room),
            Err(error) => fail(&error.to_string()),
        }
    }

    fn purge_covered(&mut self) {
        let covered = {
            let mut orders = self.service.orders.lock().unwrap_or_else(PoisonError::into_inner);
            let at = orders.iter().position(|order| matches!(order, Order::Covered(..)));
            at.map(|at| orders.remove(at))
        };
        if let Some(covered) = covered {
            self.obey(covered);
        }
    }

    fn is_sync_due(&self) -> bool {
        let Some(first) = self.first_unsynced else { return false };
        let mode = self.service.durability();
        let is_awaited = || {
            let mut lines = self.service.lines.iter();
            lines.any(|line| {
                line.waiting.load(Ordering::SeqCst)
                    && line.synced.load(Ordering::Relaxed) < line.written.load(Ordering::Relaxed)
            })
        };
        mode == Durability::Always || first.elapsed() >= SYNC_EVERY || is_awaited()
    }

    fn sync(&mut self) {
        let began = Instant::now();
        if let Err(error) = self.writer.sync() {
            fail(&error.to_string());
        }
        self.note_unsynced(None);
        let figures = &self.service.figures;
        figures.syncs.fetch_add(1, Ordering::Relaxed);
        let took = began.elapsed();
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        figures.last_sync_micros.store(micros, Ordering::Relaxed);
        figures.sync_times.lock().unwrap_or_else(PoisonError::into_inner).note(took);
        self.tell_synced();
    }

    fn note_unsynced(&mut self, since: Option<Instant>) {
        self.first_unsynced = since;
        let figures = &self.service.figures;
        *figures.unsynced_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Tells executors how far the disk has come.
    fn tell_synced(&self) {
        for (line, (entries, bytes)) in self.service.lines.iter().zip(&self.totals) {
            line.synced_entries.store(*entries, Ordering::Relaxed);
            line.synced_bytes.store(*bytes, Ordering::Relaxed);
        }
        let last = self.writer.written_last();
        for (line, index) in self.service.lines.iter().zip(&last.shards) {
            if line.synced.swap(*index, Ordering::SeqCst) < *index
                && line.waiting.swap(false, Ordering::SeqCst)
            {
                line.notify.notify_one();
            }
        }
    }

    fn publish(&self) {
        let figures = &self.service.figures;
        figures.frames.store(self.writer.written(), Ordering::Relaxed);
        figures.size.store(self.writer.size_bytes(), Ordering::Relaxed);
    }

    /// Does what it has been asked for; false at the end.
    fn obey(&mut self, order: Order) -> bool {
        match order {
            Order::Node(change) => {
                let index = self.writer.last().node + 1;
                let time = u64::try_from(self.clock.now().millis().0).unwrap_or_default();
                if let Err(error) = self.writer.append_node(index, time, &change) {
                    fail(&error.to_string());
                }
                self.write();
            }
            Order::NodeGap => {
                let index = self.writer.last().node + 1;
                if let Err(error) = self.writer.append_gap(NODE, index, 0) {
                    fail(&error.to_string());
                }
                self.write();
            }
            Order::NodeIndex(tell) => drop(tell.send(self.writer.last().node)),
            Order::Covered(shards, node) => {
                if let Err(error) = self.writer.purge(&Indices { shards, node }) {
                    fail(&error.to_string());
                }
                let size = self.writer.size_bytes();
                self.service.figures.base_size.store(size, Ordering::Relaxed);
            }
            Order::Sync(done) => {
                self.write_submitted();
                self.sync();
                let _ = done.send(());
            }
            Order::End(done) => {
                self.write_submitted();
                if let Err(error) = self.writer.sync_mark() {
                    fail(&error.to_string());
                }
                self.tell_synced();
                let _ = done.send(());
                return false;
            }
        }
        true
    }

    /// Waits for more to do.
    fn doze(&mut self, gathered: bool) {
        let service = self.service.clone();
        let doze = &service.doze;
        let wait = if gathered && self.service.durability() != Durability::Always {
            doze.store(Doze::Gathering as u8, Ordering::SeqCst);
            GATHER
        } else if gathered {
            return;
        } else {
            doze.store(Doze::Idle as u8, Ordering::SeqCst);
            match self.first_unsynced {
                Some(first) => SYNC_EVERY.saturating_sub(first.elapsed()),
                None if service.figures.is_full.load(Ordering::Relaxed) => RETRY,
                None if self.is_marked => Duration::from_secs(1),
                None => self.mark_when_quiet(),
            }
        };
        // Whoever has submitted, ordered or begun to wait before it dozed off has not woken it.
        let is_idle = doze.load(Ordering::SeqCst) == Doze::Idle as u8;
        let has_work = is_idle && self.consumers.iter().any(|consumer| !consumer.is_empty());
        let has_orders =
            !self.service.orders.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        if !has_work && !has_orders && !self.is_sync_due() {
            std::thread::park_timeout(wait);
        }
    }

    /// Marks the log as synced when it has been quiet for a while; says how long to doze.
    fn mark_when_quiet(&mut self) -> Duration {
        let quiet = self.last_work.elapsed();
        if quiet < QUIET {
            return QUIET - quiet;
        }
        match self.writer.sync_mark() {
            Ok(_) => {
                self.is_marked = true;
                self.tell_synced();
            }
            Err(WriteError::NoSpace { .. }) => {}
            Err(error) => fail(&error.to_string()),
        }
        Duration::from_secs(1)
    }
}

/// Ends the process: nobody knows any more what is on the disk.
fn fail(why: &str) -> ! {
    tracing::error!(
        why,
        "the log has failed; the node ends, for it could lose what it acknowledges"
    );
    std::process::exit(EXIT_IO)
}
