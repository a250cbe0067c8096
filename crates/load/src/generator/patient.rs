//! What a generator does that goes on when connections end and slots move.
//!
//! # Invariants
//! - I1. A connection that has ended is being renewed, until there is another.
//! - I2. A connection takes another tape or stream only while it is idle.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, anyhow, ensure};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::{ERRANDS, Generator, STALL_MAX};
use crate::errands::{Done, Errand, Errands};
use crate::run::Run;
use crate::tape::TapePlan;

/// What it takes to go on when connections end and slots move.
#[derive(Debug)]
pub(super) struct Patience {
    errands: Errands,
    event: Arc<EventFd>,
    /// The newest state of the topology that is known of.
    version: u64,
}

impl Patience {
    pub(super) fn new(plan: &TapePlan, epoll: &Epoll) -> Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let event = EventFd::from_flags(flags).context("create an event")?;
        let event = Arc::new(event);
        epoll
            .add(&*event, EpollEvent::new(EpollFlags::EPOLLIN, ERRANDS))
            .context("watch the event of errands")?;
        let script = plan.encoder.workload().script();
        let errands = Errands::start(plan.clone(), script, Arc::clone(&event));
        Ok(Self { errands, event, version: 0 })
    }
}

impl Generator {
    pub(super) fn is_down(&self, index: usize) -> bool {
        self.connections[index].stream().is_none()
    }

    /// Counts a connection that has ended and has it opened anew, or ends the run.
    pub(super) fn lose(&mut self, index: usize, error: Error, run: &mut Run) -> Result<()> {
        if self.patience.is_none() {
            return Err(error);
        }
        let connection = &mut self.connections[index];
        let (node, why) = (connection.node(), format!("{error:#}"));
        // Closing the socket takes it out of the epoll set.
        let lost = connection.end();
        run.record_loss(node, lost, &why);
        self.places[index].failure = Some(why);
        // What was made for the connection that has ended is for no other.
        self.places[index].renewal = None;
        run.fail_due(index, self.places[index].why());
        self.renew(index);
        Ok(())
    }

    /// No server has said anything for long: connections with a batch are given up.
    pub(super) fn give_up(&mut self, run: &mut Run, silence: Duration) -> Result<()> {
        ensure!(self.patience.is_some(), "no reply for {silence:?}");
        for index in 0..self.connections.len() {
            if !self.connections[index].idle() {
                let error = anyhow!("no reply for {} s", STALL_MAX.as_secs());
                self.lose(index, error, run)?;
            }
        }
        run.last_progress = Instant::now();
        Ok(())
    }

    /// Has redirects followed, and learns where the slots are now.
    pub(super) fn follow(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        let (life, node) = (connection.life(), connection.node());
        let redirects = connection.take_redirects();
        let Some(patience) = &self.patience else { return };
        let moved = redirects.iter().any(|(redirect, _)| !redirect.asking);
        for (redirect, request) in redirects {
            patience.errands.send(Errand::Follow {
                connection: index,
                life,
                node,
                redirect,
                request,
            });
        }
        if moved {
            self.renew(index);
        }
    }

    /// Has a connection opened anew if it has ended or should go elsewhere.
    fn renew(&mut self, index: usize) {
        let (Some(patience), place) = (&self.patience, &mut self.places[index]) else { return };
        if place.renewing || place.renewal.is_some() {
            return;
        }
        place.renewing = true;
        let connection = &self.connections[index];
        let node = connection.stream().map(|_| connection.node());
        let (number, version) = (place.number, place.version);
        patience.errands.send(Errand::Renew { connection: index, number, node, version });
    }

    pub(super) fn take_errands(&mut self, run: &mut Run) -> Result<()> {
        while let Some(done) = self.next_done()? {
            match done {
                Done::Followed { connection: index, life, tally } => {
                    let connection = &mut self.connections[index];
                    if connection.life() != life {
                        continue;
                    }
                    run.last_progress = Instant::now();
                    run.measurement.tally.add(tally);
                    if connection.answered_elsewhere() {
                        let now = Instant::now();
                        run.record(connection, now);
                        self.start_next(index, now, run)?;
                    }
                }
                Done::Renewed { connection: index, renewal, version } => {
                    let place = &mut self.places[index];
                    place.renewing = false;
                    place.renewal = Some((renewal, version));
                    self.deal_anew(version);
                    if self.connections[index].idle() {
                        self.start_next(index, Instant::now(), run)?;
                    }
                }
                Done::Failed { connection: index, why } => {
                    let down = self.is_down(index);
                    let place = &mut self.places[index];
                    place.renewing = false;
                    if down {
                        place.failure = Some(why);
                        self.renew(index);
                    }
                }
            }
        }
        Ok(())
    }

    /// When slots have moved, each connection may have to go elsewhere.
    fn deal_anew(&mut self, version: u64) {
        let Some(patience) = &mut self.patience else { return };
        if version <= patience.version {
            return;
        }
        patience.version = version;
        for index in 0..self.connections.len() {
            self.renew(index);
        }
    }

    fn next_done(&self) -> Result<Option<Done>> {
        let Some(patience) = &self.patience else { return Ok(None) };
        if let Some(done) = patience.errands.done() {
            return Ok(Some(done));
        }
        // Emptied first, so that what is done from now on is told again.
        match patience.event.read() {
            Ok(_) | Err(Errno::EAGAIN) => {}
            Err(error) => return Err(error).context("read the event of errands"),
        }
        Ok(patience.errands.done())
    }

    /// Gives an idle connection what has been made new for it.
    pub(super) fn settle(&mut self, index: usize) -> Result<()> {
        let Some((renewal, version)) = self.places[index].renewal.take() else { return Ok(()) };
        if self.is_down(index) && renewal.stream.is_none() {
            // It has ended since; this takes a new connection, too.
            self.renew(index);
            return Ok(());
        }
        self.places[index].version = version;
        let reopened = renewal.stream.is_some();
        self.connections[index].renew(renewal)?;
        if reopened {
            self.watch_new(index)?;
        }
        Ok(())
    }
}
