//! The event loop of one generator thread: many connections, one batch under way on each.
//!
//! The closed loop sends a batch as soon as the one before is answered: it finds the throughput,
//! but its latency says little, since a slow server is simply asked less. The open loop sends at
//! fixed times and measures from the *intended* time, so a stall counts for every request that
//! had to wait for it.
//!
//! A connection that ends makes the run fail, unless the generator is patient: then that is
//! counted, and the connection is opened anew (`errands`), as redirects are followed.
//!
//! # Invariants
//! - I1. When `run` returns without an error, no request is under way: the next run starts clean
//!   and the server's counters can be read in between.
//! - I2. A run ends: at the deadline no batch starts any more, and a server that says nothing for
//!   `STALL_MAX` is an error.

mod patient;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use self::patient::Patience;
use crate::connection::{Connection, Renewal};
use crate::cpu;
use crate::measurement::Measurement;
use crate::run::Run;
pub use crate::run::{Limit, Pace};
use crate::tape::{Tape, TapePlan};

/// After so long a silence the server is taken for dead.
const STALL_MAX: Duration = Duration::from_secs(10);
/// How many sockets are looked at in one turn.
const EVENTS_MAX: usize = 256;
/// Read at once. Small enough to stay in the cache between reads.
const BUFFER_SIZE: usize = 64 * 1024;
/// How long the closed loop sleeps at most.
const TICK_MS: u16 = 100;
/// The event that tells of errands, among those of connections.
const ERRANDS: u64 = u64::MAX;

/// How far a run is, for others to look at.
#[derive(Debug, Default)]
pub struct Progress {
    /// Answered requests of the current run.
    pub answered: AtomicU64,
}

/// The connections of one thread.
#[derive(Debug)]
pub struct Generator {
    epoll: Epoll,
    connections: Vec<Connection>,
    /// What else is known of each connection.
    places: Vec<Place>,
    /// Requests in one batch.
    pipeline: u64,
    nodes: usize,
    buffer: Vec<u8>,
    progress: Arc<Progress>,
    patience: Option<Patience>,
}

/// A connection's place in the generator.
#[derive(Debug)]
struct Place {
    /// Its number in the run.
    number: usize,
    /// Whether the epoll set watches it for writing.
    write_watched: bool,
    /// The state of the topology that its tape was made for.
    version: u64,
    /// Whether an errand is under way that renews it.
    renewing: bool,
    /// What it takes as soon as it is idle, and for which state of the topology that was made.
    renewal: Option<(Renewal, u64)>,
    /// Why there is no connection.
    failure: Option<String>,
}

impl Generator {
    /// Opens the connections with these numbers; they are dealt out to the nodes in turn.
    pub fn connect(plan: &TapePlan, numbers: impl IntoIterator<Item = usize>) -> Result<Self> {
        Self::open(plan, numbers, false)
    }

    /// The same, for a generator that goes on when connections end and follows redirects.
    pub fn connect_patient(
        plan: &TapePlan,
        numbers: impl IntoIterator<Item = usize>,
    ) -> Result<Self> {
        Self::open(plan, numbers, true)
    }

    fn open(
        plan: &TapePlan,
        numbers: impl IntoIterator<Item = usize>,
        patient: bool,
    ) -> Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).context("create an epoll set")?;
        let mut generator = Self {
            epoll,
            connections: Vec::new(),
            places: Vec::new(),
            pipeline: plan.pipeline as u64,
            nodes: plan.topology.nodes().len(),
            buffer: vec![0; BUFFER_SIZE],
            progress: Arc::default(),
            patience: None,
        };
        for number in numbers {
            let node = plan.topology.node_of(number);
            let tape = Tape::build(plan, number, node);
            let stream = plan.topology.connect(node)?.into_stream();
            let follows = patient && plan.topology.is_routed();
            generator.connections.push(Connection::new(stream, node, tape, follows)?);
            generator.places.push(Place::new(number));
            generator.watch_new(generator.connections.len() - 1)?;
        }
        if patient {
            generator.patience = Some(Patience::new(plan, &generator.epoll)?);
        }
        Ok(generator)
    }

    /// Shows how far the runs are.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Drives all connections until the limit and waits for the last replies.
    pub fn run(&mut self, pace: Pace, limit: Limit) -> Result<Measurement> {
        let cpu_before = cpu::of_this_thread()?;
        let mut run = Run::begin(pace, limit, self.pipeline, self.connections.len(), self.nodes)?;
        if run.is_open() {
            self.run_open(&mut run)?;
        } else {
            self.run_closed(&mut run)?;
        }
        assert!(self.connections.iter().all(Connection::idle), "a batch is under way"); // I1
        let mut measurement = run.end();
        measurement.generator = cpu::of_this_thread()?.since(cpu_before);
        self.progress.answered.store(0, Ordering::Relaxed);
        Ok(measurement)
    }

    fn run_closed(&mut self, run: &mut Run) -> Result<()> {
        for index in 0..self.connections.len() {
            let now = Instant::now();
            self.start_next(index, now, run)?;
        }
        while run.in_flight > 0 || self.may_recover(run) {
            self.turn(run, EpollTimeout::from(TICK_MS))?;
        }
        Ok(())
    }

    /// Whether there will be something to send when a connection has been opened anew.
    fn may_recover(&self, run: &Run) -> bool {
        let silent = run.last_progress.elapsed() >= STALL_MAX; // I2
        self.patience.is_some() && !run.is_over(Instant::now()) && !silent
    }

    /// Spins when the next batch is due soon, because a thread that sleeps until then wakes too
    /// late by more than a request takes.
    fn run_open(&mut self, run: &mut Run) -> Result<()> {
        const SPIN: Duration = Duration::from_millis(2);
        loop {
            let now = Instant::now();
            while let Some((index, due)) = run.next_due(now) {
                // A busy connection sends as soon as its reply has come, in `turn`.
                if self.is_down(index) {
                    run.fail_due(index, self.places[index].why());
                } else if self.connections[index].idle() {
                    run.note_lateness(due, now);
                    self.start_next(index, now, run)?;
                }
            }
            if run.in_flight == 0 && run.is_over(now) {
                return Ok(());
            }
            let sleep = run.until_due(now).saturating_sub(SPIN).as_millis();
            let sleep = u16::try_from(sleep).unwrap_or(TICK_MS).min(TICK_MS);
            self.turn(run, EpollTimeout::from(sleep))?;
        }
    }

    /// Waits for sockets and serves each of them once.
    fn turn(&mut self, run: &mut Run, timeout: EpollTimeout) -> Result<()> {
        let mut events = [EpollEvent::empty(); EVENTS_MAX];
        let count = match self.epoll.wait(&mut events, timeout) {
            Err(Errno::EINTR) => 0,
            other => other.context("wait for sockets")?,
        };
        if count == 0 {
            let silence = run.last_progress.elapsed();
            if run.in_flight > 0 && silence >= STALL_MAX {
                return self.give_up(run, silence); // I2
            }
            return Ok(());
        }
        for event in &events[..count] {
            if event.data() == ERRANDS {
                self.take_errands(run)?;
                continue;
            }
            run.last_progress = Instant::now();
            self.serve(event.data() as usize, event.events(), run)?;
        }
        self.progress.answered.store(run.measurement.requests, Ordering::Relaxed);
        Ok(())
    }

    fn serve(&mut self, index: usize, ready: EpollFlags, run: &mut Run) -> Result<()> {
        match self.exchange(index, ready, run) {
            Ok(true) => {
                let now = Instant::now();
                run.record(&self.connections[index], now);
                self.start_next(index, now, run)
            }
            Ok(false) => Ok(()),
            Err(error) => self.lose(index, error, run),
        }
    }

    /// Writes and reads what can be, and says whether that completed the batch.
    fn exchange(&mut self, index: usize, ready: EpollFlags, run: &mut Run) -> Result<bool> {
        let connection = &mut self.connections[index];
        if ready.contains(EpollFlags::EPOLLOUT) {
            connection.flush()?;
            self.watch(index)?;
        }
        // A hang-up or an error shows itself in the read.
        if ready == EpollFlags::EPOLLOUT {
            return Ok(false);
        }
        let connection = &mut self.connections[index];
        let complete = connection.receive(&mut self.buffer, &mut run.measurement.tally)?;
        if connection.redirected() {
            self.follow(index);
        }
        Ok(complete)
    }

    /// Sends the next batch of an idle connection if its time has come and the run goes on.
    fn start_next(&mut self, index: usize, now: Instant, run: &mut Run) -> Result<()> {
        if self.patience.is_some() {
            self.settle(index)?;
            if self.is_down(index) {
                return Ok(());
            }
        }
        let Some(started) = run.next_start(index, now) else { return Ok(()) };
        let sent = self.connections[index].start_batch(self.pipeline, started);
        match sent.and_then(|()| self.watch(index)) {
            Ok(()) => Ok(()),
            Err(error) => self.lose(index, error, run),
        }
    }

    /// Watches for room to write only while there is something to write.
    fn watch(&mut self, index: usize) -> Result<()> {
        let blocked = self.connections[index].blocked();
        if self.places[index].write_watched == blocked {
            return Ok(());
        }
        self.places[index].write_watched = blocked;
        let write = if blocked { EpollFlags::EPOLLOUT } else { EpollFlags::empty() };
        let mut event = EpollEvent::new(EpollFlags::EPOLLIN | write, index as u64);
        let Some(stream) = self.connections[index].stream() else { return Ok(()) };
        self.epoll.modify(stream, &mut event).context("watch a connection")
    }

    fn watch_new(&mut self, index: usize) -> Result<()> {
        self.places[index].write_watched = false;
        let Some(stream) = self.connections[index].stream() else { return Ok(()) };
        let event = EpollEvent::new(EpollFlags::EPOLLIN, index as u64);
        self.epoll.add(stream, event).context("watch a connection")
    }
}

impl Place {
    fn new(number: usize) -> Self {
        Self {
            number,
            write_watched: false,
            version: 0,
            renewing: false,
            renewal: None,
            failure: None,
        }
    }

    fn why(&self) -> &str {
        self.failure.as_deref().unwrap_or("no connection")
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::encoder::RequestEncoder;
    use crate::tally::{LOST, UNREACHABLE};
    use crate::topology::Topology;
    use crate::workload::Workload;

    const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

    /// Answers every PING with the same reply until the other side hangs up.
    fn answer(mut stream: TcpStream, reply: &[u8]) {
        stream.set_nodelay(true).unwrap();
        let mut buffer = [0; PING.len()];
        while stream.read_exact(&mut buffer).is_ok() {
            assert_eq!(buffer, PING);
            stream.write_all(reply).unwrap();
        }
    }

    fn plan(address: String, pipeline: usize, connections: usize) -> TapePlan {
        TapePlan {
            encoder: Arc::new(RequestEncoder::new(Workload::Ping, 0, String::new())),
            topology: Arc::new(Topology::unrouted(vec![address])),
            keys: 1,
            zipf: None,
            pipeline,
            connections,
            seed: 0,
        }
    }

    fn run(reply: &'static [u8], pipeline: usize, pace: Pace, limit: Limit) -> Measurement {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                std::thread::spawn(move || answer(stream.unwrap(), reply));
            }
        });
        let plan = plan(address, pipeline, 3);
        Generator::connect(&plan, 0..3).unwrap().run(pace, limit).unwrap()
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_number_of_requests_is_rounded_up_to_whole_batches() {
        let limit = Limit { duration: MINUTE, requests: Some(1001) };
        let measurement = run(b"+PONG\r\n", 4, Pace::Closed, limit);
        assert_eq!(measurement.requests, 1004);
        assert_eq!(measurement.requests_by_node, [1004]);
        assert_eq!(measurement.latency.len(), 251);
        assert_eq!(measurement.tally.errors, 0);
    }

    #[test]
    fn errors_are_counted_as_answers_and_told() {
        let limit = Limit { duration: MINUTE, requests: Some(30) };
        let measurement = run(b"-ERR no\r\n", 1, Pace::Closed, limit);
        assert_eq!((measurement.requests, measurement.tally.errors), (30, 30));
        assert_eq!(measurement.tally.first_error.as_deref(), Some("ERR no"));
    }

    #[test]
    fn the_open_loop_accounts_for_every_request_that_was_due() {
        let pace = Pace::Open { requests_per_second: 2000.0 };
        let limit = Limit { duration: Duration::from_millis(100), requests: None };
        let measurement = run(b"+PONG\r\n", 2, pace, limit);
        // On a machine that is busy some are not sent in time, but none is forgotten.
        assert_eq!(measurement.requests + measurement.unsent, 200);
        // What was not sent has waited as well.
        assert_eq!(measurement.latency.len(), 100);
    }

    #[test]
    fn a_server_that_hangs_up_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let plan = plan(listener.local_addr().unwrap().to_string(), 1, 1);
        let mut generator = Generator::connect(&plan, 0..1).unwrap();
        drop(listener.accept().unwrap());
        let limit = Limit { duration: MINUTE, requests: None };
        assert!(generator.run(Pace::Closed, limit).is_err());
    }

    #[test]
    fn a_patient_generator_counts_a_connection_that_ends_and_opens_another() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let plan = plan(listener.local_addr().unwrap().to_string(), 2, 1);
        let mut generator = Generator::connect_patient(&plan, 0..1).unwrap();
        std::thread::spawn(move || {
            let (mut first, _) = listener.accept().unwrap();
            // One of two requests is answered.
            first.read_exact(&mut [0; PING.len()]).unwrap();
            first.write_all(b"+PONG\r\n").unwrap();
            // Read, so that the end of the connection is not a reset.
            first.read_exact(&mut [0; PING.len()]).unwrap();
            drop(first);
            for stream in listener.incoming() {
                answer(stream.unwrap(), b"+PONG\r\n");
            }
        });
        let limit = Limit { duration: MINUTE, requests: Some(10) };
        let measurement = generator.run(Pace::Closed, limit).unwrap();
        assert_eq!((measurement.requests, measurement.tally.lost), (9, 1));
        assert_eq!((measurement.tally.errors, measurement.tally.disconnects), (1, 1));
        let error = &measurement.tally.classes[LOST];
        assert_eq!((error.count, error.first.as_str()), (1, "server closed the connection"));
    }

    #[test]
    fn a_server_that_does_not_come_back_ends_the_run() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let plan = plan(listener.local_addr().unwrap().to_string(), 1, 1);
        let mut generator = Generator::connect_patient(&plan, 0..1).unwrap();
        drop(listener.accept().unwrap());
        drop(listener);
        let limit = Limit { duration: Duration::from_millis(300), requests: None };
        let measurement = generator.run(Pace::Closed, limit).unwrap();
        assert_eq!(measurement.requests, 0);
        assert!(measurement.tally.disconnects > 0);
        let pace = Pace::Open { requests_per_second: 1000.0 };
        let measurement = generator.run(pace, limit).unwrap();
        assert_eq!(measurement.tally.classes[UNREACHABLE].count, 300);
        assert_eq!(measurement.tally.errors, 300);
    }
}
