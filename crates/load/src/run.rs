//! The state of one run of a generator: when it ends, what is due when, what it has found so far.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::connection::Connection;
use crate::measurement::Measurement;
use crate::tally::{LOST, UNREACHABLE};

/// Sent later than this after its time though the connection was idle: the generator was busy.
const LATE: Duration = Duration::from_millis(1);

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

/// The state of one run.
pub(crate) struct Run {
    start: Instant,
    deadline: Instant,
    requests_left: u64,
    schedule: Option<Schedule>,
    /// Requests in one batch.
    pipeline: u64,
    connections: usize,
    pub(crate) in_flight: usize,
    pub(crate) last_progress: Instant,
    pub(crate) measurement: Measurement,
}

/// The open loop's timetable: batch b is due at start + b × interval, on connection b modulo
/// their number.
struct Schedule {
    /// In seconds. As a `Duration` it would be rounded, and times would be off by many times that.
    interval: f64,
    /// How many batches each connection has sent.
    sent: Vec<u32>,
    /// The batch whose time comes next, whoever is idle.
    next: u64,
}

impl Run {
    pub(crate) fn begin(
        pace: Pace,
        limit: Limit,
        pipeline: u64,
        connections: usize,
        nodes: usize,
    ) -> Result<Self> {
        let start = Instant::now();
        let schedule = match pace {
            Pace::Closed => None,
            Pace::Open { requests_per_second } => {
                ensure!(requests_per_second > 0.0, "the rate must be above 0");
                Some(Schedule {
                    interval: pipeline as f64 / requests_per_second,
                    sent: vec![0; connections],
                    next: 0,
                })
            }
        };
        Ok(Self {
            start,
            deadline: start + limit.duration,
            requests_left: limit.requests.unwrap_or(u64::MAX),
            schedule,
            pipeline,
            connections,
            in_flight: 0,
            last_progress: start,
            measurement: Measurement::empty(nodes),
        })
    }

    pub(crate) fn is_open(&self) -> bool {
        self.schedule.is_some()
    }

    /// Whether no batch is sent any more.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        now >= self.deadline || self.requests_left == 0
    }

    /// Notes that a batch is complete.
    pub(crate) fn record(&mut self, connection: &Connection, now: Instant) {
        self.record_latency(now.saturating_duration_since(connection.started()));
        self.measurement.requests += self.pipeline;
        self.measurement.count_node(connection.node(), self.pipeline);
        self.in_flight -= 1;
    }

    fn record_latency(&mut self, latency: Duration) {
        let latency_ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.measurement.latency.saturating_record(latency_ns);
    }

    /// Notes that a connection has ended before so many replies of its batch came. Those that came
    /// are answered requests; when one is missing the batch has no latency.
    pub(crate) fn record_loss(&mut self, node: usize, lost: u64, why: &str) {
        let tally = &mut self.measurement.tally;
        tally.disconnects += 1;
        if lost == 0 {
            return;
        }
        tally.lost += lost;
        tally.note_failed(LOST, lost, why);
        self.measurement.requests += self.pipeline - lost;
        self.measurement.count_node(node, self.pipeline - lost);
        self.in_flight -= 1;
    }

    /// From when the next batch of this connection counts, if it may be sent now.
    pub(crate) fn next_start(&mut self, index: usize, now: Instant) -> Option<Instant> {
        if self.is_over(now) {
            return None;
        }
        let started = match &mut self.schedule {
            None => now,
            Some(schedule) => {
                let due = self.start + schedule.due(index, self.connections);
                if due > now || due >= self.deadline {
                    return None;
                }
                schedule.sent[index] += 1;
                due
            }
        };
        self.requests_left = self.requests_left.saturating_sub(self.pipeline);
        self.in_flight += 1;
        Some(started)
    }

    /// The connection whose time has come, each batch of the timetable once, with the time.
    pub(crate) fn next_due(&mut self, now: Instant) -> Option<(usize, Instant)> {
        if self.requests_left == 0 {
            return None;
        }
        let schedule = self.schedule.as_mut()?;
        let due = self.start + schedule.time_of(schedule.next);
        if due > now || due >= self.deadline {
            return None;
        }
        let index = (schedule.next % schedule.sent.len() as u64) as usize;
        schedule.next += 1;
        Some((index, due))
    }

    /// How long until a batch is due, at most until the deadline.
    pub(crate) fn until_due(&self, now: Instant) -> Duration {
        let Some(schedule) = &self.schedule else { return Duration::ZERO };
        let due = self.start + schedule.time_of(schedule.next);
        due.min(self.deadline).saturating_duration_since(now)
    }

    /// Notes that a batch goes to an idle connection only now.
    pub(crate) fn note_lateness(&mut self, due: Instant, now: Instant) {
        if now.saturating_duration_since(due) > LATE {
            self.measurement.late += self.pipeline;
        }
    }

    /// Counts the batches whose time has come on a connection that is not there as failed.
    pub(crate) fn fail_due(&mut self, index: usize, why: &str) {
        let Some(schedule) = &mut self.schedule else { return };
        // Of the batches below `next` those whose number is `index` modulo the connections.
        let all =
            (schedule.next + self.connections as u64 - 1 - index as u64) / self.connections as u64;
        let missed = all.saturating_sub(u64::from(schedule.sent[index]));
        schedule.sent[index] += missed as u32;
        let requests = missed * self.pipeline;
        self.requests_left = self.requests_left.saturating_sub(requests);
        if requests > 0 {
            self.measurement.tally.note_failed(UNREACHABLE, requests, why);
        }
    }

    /// Ends the run: what was due and never sent has waited until now, at least.
    pub(crate) fn end(mut self) -> Measurement {
        self.measurement.elapsed = self.start.elapsed();
        let Some(schedule) = self.schedule.take() else { return self.measurement };
        for (index, &sent) in schedule.sent.iter().enumerate() {
            let batches = (u64::from(sent) * self.connections as u64 + index as u64..schedule.next)
                .step_by(self.connections);
            for batch in batches {
                let due = schedule.time_of(batch);
                self.record_latency(self.measurement.elapsed.saturating_sub(due));
                self.measurement.unsent += self.pipeline;
            }
        }
        self.measurement
    }
}

impl Schedule {
    /// When the next batch of a connection is due, from the start.
    fn due(&self, index: usize, connections: usize) -> Duration {
        self.time_of(u64::from(self.sent[index]) * connections as u64 + index as u64)
    }

    /// When a batch is due, from the start.
    fn time_of(&self, batch: u64) -> Duration {
        Duration::from_secs_f64(batch as f64 * self.interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_on_a_connection_that_is_gone_has_failed_and_is_not_unsent() {
        let pace = Pace::Open { requests_per_second: 1e6 };
        let limit = Limit { duration: Duration::from_secs(60), requests: None };
        let mut run = Run::begin(pace, limit, 2, 3, 1).unwrap();
        let later = run.start + Duration::from_millis(1);
        while run.next_due(later).is_some() {}
        // 500 batches and the one at 0: 0, 3, … 498 are of the first connection.
        let due = run.schedule.as_ref().unwrap().next;
        assert_eq!(due, 501);
        assert_eq!(run.next_start(0, later), Some(run.start));
        run.fail_due(0, "gone");
        assert_eq!(run.measurement.tally.classes[UNREACHABLE].count, 166 * 2);
        run.fail_due(0, "gone");
        assert_eq!(run.measurement.tally.errors, 166 * 2);
        assert_eq!(run.in_flight, 1);
        let measurement = run.end();
        assert_eq!(measurement.unsent, 334 * 2);
        assert_eq!(measurement.latency.len(), 334);
    }

    #[test]
    fn a_rate_is_held_to_the_last_request() {
        for requests_per_second in [3.0, 300.0, 299_999.0, 7e5] {
            let pace = Pace::Open { requests_per_second };
            let limit = Limit { duration: Duration::from_secs(2), requests: None };
            let mut run = Run::begin(pace, limit, 1, 3, 1).unwrap();
            let end = run.deadline;
            while run.next_due(end).is_some() {}
            let due = run.schedule.as_ref().unwrap().next;
            assert_eq!(due as f64, 2.0 * requests_per_second);
        }
    }

    #[test]
    fn what_was_answered_before_the_connection_ended_counts() {
        let limit = Limit { duration: Duration::from_secs(60), requests: Some(8) };
        let mut run = Run::begin(Pace::Closed, limit, 4, 1, 1).unwrap();
        let now = run.start;
        assert!(run.next_start(0, now).is_some());
        run.record_loss(0, 3, "server closed the connection");
        let measurement = &run.measurement;
        assert_eq!((measurement.requests, measurement.tally.lost), (1, 3));
        assert_eq!(measurement.requests_by_node, [1]);
        assert!(run.next_start(0, now).is_some());
        assert!(run.is_over(now));
    }
}
