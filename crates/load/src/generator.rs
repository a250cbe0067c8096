//! The event loop of one generator thread: many connections, one batch under way on each.
//!
//! The closed loop sends a batch as soon as the one before is answered: it finds the throughput,
//! but its latency says little, since a slow server is simply asked less. The open loop sends at
//! fixed times and measures from the *intended* time, so a stall counts for every request that
//! had to wait for it.
//!
//! # Invariants
//! - I1. When `run` returns without an error, no request is under way: the next run starts clean
//!   and the server's counters can be read in between.
//! - I2. A run ends: at the deadline no batch starts any more, and a server that says nothing for
//!   `STALL_MAX` is an error.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::connection::Connection;
use crate::cpu;
use crate::measurement::Measurement;
use crate::tape::{Tape, TapePlan};

/// After so long a silence the server is taken for dead.
const STALL_MAX: Duration = Duration::from_secs(10);
/// How many sockets are looked at in one turn.
const EVENTS_MAX: usize = 256;
/// Read at once. Small enough to stay in the cache between reads.
const BUFFER_SIZE: usize = 64 * 1024;

/// When batches are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// The next one after the reply to the last one.
    Closed,
    /// So many requests in a second, whatever the server does.
    Open {
        /// For this generator, over all its connections.
        requests_per_second: f64,
    },
}

/// When a run ends.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// No batch is sent after this time.
    pub duration: Duration,
    /// No batch is sent after so many requests. The last batch is always whole.
    pub requests: Option<u64>,
}

/// The connections of one thread.
#[derive(Debug)]
pub struct Generator {
    epoll: Epoll,
    connections: Vec<Connection>,
    /// Whether the epoll set watches the connection for writing.
    write_watched: Vec<bool>,
    /// Requests in one batch.
    pipeline: u64,
    nodes: usize,
    buffer: Vec<u8>,
}

/// The state of one run.
struct Run {
    start: Instant,
    deadline: Instant,
    requests_left: u64,
    schedule: Option<Schedule>,
    in_flight: usize,
    last_progress: Instant,
    measurement: Measurement,
}

/// The open loop's timetable: batch b is due at start + b × interval, on connection b modulo
/// their number.
struct Schedule {
    interval: Duration,
    /// How many batches each connection has sent.
    sent: Vec<u32>,
    /// The batch whose time comes next, whoever is idle.
    next: u64,
}

impl Generator {
    /// Opens the connections with these numbers; connection i goes to node i modulo their count.
    pub fn connect(plan: TapePlan<'_>, numbers: impl IntoIterator<Item = usize>) -> Result<Self> {
        let nodes = plan.topology.nodes();
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).context("create an epoll set")?;
        let mut connections = Vec::new();
        for number in numbers {
            let node = number % nodes.len();
            let tape = Tape::build(plan, number, node);
            let connection = Connection::open(&nodes[node], node, tape)?;
            let event = EpollEvent::new(EpollFlags::EPOLLIN, connections.len() as u64);
            epoll.add(&connection, event).context("watch a connection")?;
            connections.push(connection);
        }
        Ok(Self {
            epoll,
            write_watched: vec![false; connections.len()],
            connections,
            pipeline: plan.pipeline as u64,
            nodes: nodes.len(),
            buffer: vec![0; BUFFER_SIZE],
        })
    }

    /// Drives all connections until the limit and waits for the last replies.
    pub fn run(&mut self, pace: Pace, limit: Limit) -> Result<Measurement> {
        let cpu_before = cpu::of_this_thread()?;
        let mut run = self.begin(pace, limit)?;
        if run.schedule.is_some() {
            self.run_open(&mut run)?;
        } else {
            self.run_closed(&mut run)?;
        }
        assert!(self.connections.iter().all(Connection::idle), "a batch is under way"); // I1
        run.measurement.elapsed = run.start.elapsed();
        run.measurement.generator = cpu::of_this_thread()?.since(cpu_before);
        run.measurement.unsent = run.unsent(self.pipeline);
        Ok(run.measurement)
    }

    fn begin(&self, pace: Pace, limit: Limit) -> Result<Run> {
        let start = Instant::now();
        let schedule = match pace {
            Pace::Closed => None,
            Pace::Open { requests_per_second } => {
                ensure!(requests_per_second > 0.0, "the rate must be above 0");
                Some(Schedule {
                    interval: Duration::from_secs_f64(self.pipeline as f64 / requests_per_second),
                    sent: vec![0; self.connections.len()],
                    next: 0,
                })
            }
        };
        Ok(Run {
            start,
            deadline: start + limit.duration,
            requests_left: limit.requests.unwrap_or(u64::MAX),
            schedule,
            in_flight: 0,
            last_progress: start,
            measurement: Measurement::empty(self.nodes),
        })
    }

    fn run_closed(&mut self, run: &mut Run) -> Result<()> {
        for index in 0..self.connections.len() {
            let now = Instant::now();
            self.start_next(index, now, run)?;
        }
        while run.in_flight > 0 {
            self.turn(run, EpollTimeout::from(100u8))?;
        }
        Ok(())
    }

    /// Spins, because a thread that sleeps until the next send wakes too late by more than a
    /// request takes.
    fn run_open(&mut self, run: &mut Run) -> Result<()> {
        loop {
            let now = Instant::now();
            while let Some(index) = run.next_due(now) {
                // A busy connection sends as soon as its reply has come, in `turn`.
                if self.connections[index].idle() {
                    self.start_next(index, now, run)?;
                }
            }
            if run.in_flight == 0 && (now >= run.deadline || run.requests_left == 0) {
                return Ok(());
            }
            self.turn(run, EpollTimeout::ZERO)?;
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
            let stalled = run.in_flight > 0 && silence >= STALL_MAX;
            ensure!(!stalled, "no reply for {silence:?}"); // I2
            return Ok(());
        }
        run.last_progress = Instant::now();
        for event in &events[..count] {
            self.serve(event.data() as usize, event.events(), run)?;
        }
        Ok(())
    }

    fn serve(&mut self, index: usize, ready: EpollFlags, run: &mut Run) -> Result<()> {
        let connection = &mut self.connections[index];
        if ready.contains(EpollFlags::EPOLLOUT) {
            connection.flush()?;
            self.watch(index)?;
        }
        // A hang-up or an error shows itself in the read.
        if ready == EpollFlags::EPOLLOUT {
            return Ok(());
        }
        let connection = &mut self.connections[index];
        if !connection.receive(&mut self.buffer, &mut run.measurement.tally)? {
            return Ok(());
        }
        let now = Instant::now();
        run.record(connection, self.pipeline, now);
        self.start_next(index, now, run)
    }

    /// Sends the next batch of an idle connection if its time has come and the run goes on.
    fn start_next(&mut self, index: usize, now: Instant, run: &mut Run) -> Result<()> {
        let Some(started) = run.next_start(index, self.connections.len(), now) else {
            return Ok(());
        };
        run.requests_left = run.requests_left.saturating_sub(self.pipeline);
        run.in_flight += 1;
        self.connections[index].start_batch(self.pipeline, started)?;
        self.watch(index)
    }

    /// Watches for room to write only while there is something to write.
    fn watch(&mut self, index: usize) -> Result<()> {
        let blocked = self.connections[index].blocked();
        if self.write_watched[index] == blocked {
            return Ok(());
        }
        self.write_watched[index] = blocked;
        let write = if blocked { EpollFlags::EPOLLOUT } else { EpollFlags::empty() };
        let mut event = EpollEvent::new(EpollFlags::EPOLLIN | write, index as u64);
        self.epoll.modify(&self.connections[index], &mut event).context("watch a connection")
    }
}

impl Run {
    fn record(&mut self, connection: &Connection, requests: u64, now: Instant) {
        let latency = now.saturating_duration_since(connection.started());
        let latency_ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.measurement.latency.saturating_record(latency_ns);
        self.measurement.requests += requests;
        self.measurement.requests_by_node[connection.node()] += requests;
        self.in_flight -= 1;
    }

    /// From when the next batch of this connection counts, if it may be sent now.
    fn next_start(&mut self, index: usize, connections: usize, now: Instant) -> Option<Instant> {
        if now >= self.deadline || self.requests_left == 0 {
            return None; // I2
        }
        let Some(schedule) = &mut self.schedule else { return Some(now) };
        let batch = schedule.sent[index] as usize * connections + index;
        let due = self.start + schedule.interval.mul_f64(batch as f64);
        if due > now || due >= self.deadline {
            return None;
        }
        schedule.sent[index] += 1;
        Some(due)
    }

    /// The connection whose time has come, each batch of the timetable once.
    fn next_due(&mut self, now: Instant) -> Option<usize> {
        let schedule = self.schedule.as_mut()?;
        let due = self.start + schedule.interval.mul_f64(schedule.next as f64);
        if due > now || due >= self.deadline || self.requests_left == 0 {
            return None;
        }
        let index = (schedule.next % schedule.sent.len() as u64) as usize;
        schedule.next += 1;
        Some(index)
    }

    /// Requests whose time came in this run but which were never sent.
    fn unsent(&self, pipeline: u64) -> u64 {
        let Some(schedule) = &self.schedule else { return 0 };
        let sent: u64 = schedule.sent.iter().map(|&count| u64::from(count)).sum();
        schedule.next.saturating_sub(sent) * pipeline
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::topology::Topology;
    use crate::workload::{RequestEncoder, Workload};

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

    fn run(reply: &'static [u8], pipeline: usize, pace: Pace, limit: Limit) -> Measurement {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                std::thread::spawn(move || answer(stream.unwrap(), reply));
            }
        });
        let topology = Topology::unrouted(vec![address]);
        let encoder = &RequestEncoder::new(Workload::Ping, 0, String::new());
        let (topology, keys, zipf, connections) = (&topology, 1, None, 3);
        let plan = TapePlan { encoder, topology, keys, zipf, pipeline, connections };
        Generator::connect(plan, 0..connections).unwrap().run(pace, limit).unwrap()
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
        assert_eq!(measurement.latency.len() * 2, measurement.requests);
    }

    #[test]
    fn a_server_that_hangs_up_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let topology = Topology::unrouted(vec![listener.local_addr().unwrap().to_string()]);
        let encoder = &RequestEncoder::new(Workload::Ping, 0, String::new());
        let (topology, keys, zipf, pipeline, connections) = (&topology, 1, None, 1, 1);
        let plan = TapePlan { encoder, topology, keys, zipf, pipeline, connections };
        let mut generator = Generator::connect(plan, 0..1).unwrap();
        drop(listener.accept().unwrap());
        let limit = Limit { duration: MINUTE, requests: None };
        assert!(generator.run(Pace::Closed, limit).is_err());
    }
}
