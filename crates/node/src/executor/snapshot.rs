//! The executor's part of a snapshot: its keyspace, written in slices between requests.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::Executor;
use crate::log::{Durability, Following};

/// How long a slice may take.
const SLICE: Duration = Duration::from_micros(200);
/// How long requests have for themselves after a slice: as short as timers of tokio are.
const PAUSE: Duration = Duration::from_millis(1);
/// Bytes written between two looks at the clock.
const STEP: usize = 4 * 1024;
/// Bytes that are handed over together.
const CHUNK: usize = 256 * 1024;
/// Bytes that may wait for whoever writes them to the disk before the snapshot is given up.
const BEHIND: usize = 256 << 20;

/// What an executor hands over of its keyspace.
pub(crate) enum Piece {
    /// Effects.
    Chunk(Vec<u8>),
    /// That was all, and it is the state after this index of the log.
    End { covered: u64, keys: u64 },
    /// The disk is too slow for what is written meanwhile.
    GivenUp,
}

/// Writes the keyspace of the executor, as it is when the last piece is handed over. Ends early when
/// nobody takes the pieces any more.
pub(crate) async fn take(executor: Rc<Executor>, pieces: mpsc::Sender<Piece>) {
    executor.shard.borrow_mut().keyspace_mut().record_effects(true);
    let number = executor.outlet.follow();
    loop {
        let read_before = executor.bytes_in.get();
        let slice = executor.snapshot_slice(number);
        let is_end = matches!(slice, Slice::End(..) | Slice::GivenUp);
        let sent = match slice {
            Slice::More => Ok(()),
            Slice::Chunk(chunk) => pieces.send(Piece::Chunk(chunk)).await,
            Slice::End(chunk, end) => match pieces.send(Piece::Chunk(chunk)).await {
                Ok(()) => pieces.send(end).await,
                failed => failed,
            },
            Slice::GivenUp => pieces.send(Piece::GivenUp).await,
        };
        if is_end {
            return;
        }
        if sent.is_err() {
            executor.end_snapshot(number);
            return;
        }
        tokio::task::yield_now().await;
        if executor.bytes_in.get() != read_before {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// What a slice has come to.
enum Slice {
    More,
    Chunk(Vec<u8>),
    End(Vec<u8>, Piece),
    GivenUp,
}

impl Executor {
    fn snapshot_slice(&self, number: u64) -> Slice {
        let start = Instant::now();
        let mut shard = self.shard.borrow_mut();
        // What has been done besides requests.
        self.keep(&mut shard);
        // The next one may have begun before this one has noticed that nobody takes its pieces.
        let Some(mut following) = self.outlet.following(number) else { return Slice::GivenUp };
        let Following { snapshot, written, .. } = &mut *following;
        loop {
            if !shard.keyspace().snapshot_step(snapshot, written, STEP) {
                let chunk = std::mem::take(written);
                let end = Piece::End { covered: self.outlet.last(), keys: snapshot.keys() };
                drop((following, shard));
                // Nothing runs between the last step and this.
                self.end_snapshot(number);
                return Slice::End(chunk, end);
            }
            if written.len() > BEHIND {
                drop((following, shard));
                self.end_snapshot(number);
                return Slice::GivenUp;
            }
            if written.len() >= CHUNK {
                return Slice::Chunk(std::mem::take(written));
            }
            if start.elapsed() >= SLICE {
                return Slice::More;
            }
        }
    }

    /// No snapshot follows what happens any more, unless the next one does already.
    fn end_snapshot(&self, number: u64) {
        if self.outlet.unfollow(number) {
            let is_logged = self.node.log.durability() != Durability::None;
            self.shard.borrow_mut().keyspace_mut().record_effects(is_logged);
        }
    }
}
