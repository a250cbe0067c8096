//! CLIENT PAUSE: until when clients wait, and which of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use protocol::args::Args;
use protocol::spec::{CommandSpec, Flags};
use router::plan::{Plan, plan};
use router::registry::Home;
use router::session::Transaction;
use shard::keyspace::Hold;
use shard::script::functions::Function;
use shard::script::sha::Sha;
use shard::script::shebang;
use shard::time::Micros;
use tokio::sync::Notify;

use crate::attention::{Attention, Reason};
use crate::commands::NodeCommand;
use crate::node::Node;

/// What is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All commands.
    All,
    /// Commands that may write.
    Write,
}

/// The pause of a node. See the module.
#[derive(Debug)]
pub(crate) struct Pause {
    /// Says whether there may be a pause: all that is read while there is none.
    attention: Arc<Attention>,
    until: Mutex<Option<(Instant, Mode)>>,
    ended: Notify,
    count: AtomicU64,
    /// Nothing expires or is evicted during a pause.
    pub(crate) hold: Arc<Hold>,
}

impl Pause {
    /// No pause. When there is one, requests are told by `attention`.
    pub(crate) fn new(attention: Arc<Attention>) -> Self {
        Self {
            attention,
            until: Mutex::default(),
            ended: Notify::new(),
            count: AtomicU64::new(0),
            hold: Arc::default(),
        }
    }

    /// Begins a pause at `now`, or prolongs the one there is: the later end and the stronger mode
    /// hold.
    pub(crate) fn begin(&self, duration: Duration, mode: Mode, now: Micros) {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let end = Instant::now() + duration;
        let (end, mode) = match *until {
            Some((known, known_mode)) if known > Instant::now() => (
                known.max(end),
                if known_mode == Mode::All || mode == Mode::All { Mode::All } else { Mode::Write },
            ),
            _ => (end, mode),
        };
        *until = Some((end, mode));
        let left = end.saturating_duration_since(Instant::now()).as_micros();
        self.hold.set(Micros(now.0.saturating_add(i64::try_from(left).unwrap_or(i64::MAX))));
        self.count.fetch_add(1, Ordering::Relaxed);
        self.attention.set(Reason::Paused, true);
    }

    /// Ends the pause.
    pub(crate) fn end(&self) {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = None;
        self.hold.end();
        self.attention.set(Reason::Paused, false);
        drop(until);
        self.ended.notify_waiters();
    }

    /// Whether anything may have to wait.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.attention.has(Reason::Paused)
    }

    /// Until when a command waits that does or does not write; `None`: not at all.
    #[cold]
    pub(crate) fn holds(&self, writes: bool) -> Option<Instant> {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let (end, mode) = (*until)?;
        if end <= Instant::now() {
            *until = None;
            self.attention.set(Reason::Paused, false);
            return None;
        }
        (mode == Mode::All || writes).then_some(end)
    }

    /// Waits until `end`, or until the pause is ended before.
    pub(crate) async fn wait(&self, end: Instant) {
        let ended = self.ended.notified();
        tokio::select! {
            () = ended => {}
            () = tokio::time::sleep_until(end.into()) => {}
        }
    }
}

/// Until when a pause holds the command back. One that cannot run on this node is told so at once.
#[cold]
pub(crate) fn held(
    node: &Node,
    home: Home<NodeCommand>,
    spec: &CommandSpec,
    args: Args<'_>,
    transaction: Option<&Transaction>,
) -> Option<Instant> {
    let refused = matches!(
        plan(spec, args, &node.topology),
        Plan::Moved { .. } | Plan::CrossSlot | Plan::Down(_)
    );
    if refused && matches!(home, Home::Shard) {
        return None;
    }
    let writes = match (spec.name, transaction) {
        // EXEC does what has been queued.
        ("exec", Some(transaction)) => transaction
            .queue
            .iter()
            .any(|queued| may_write(node, node.table().spec(queued.id), queued.request.args())),
        _ => may_write(node, spec, args),
    };
    node.pause.holds(writes)
}

/// Whether a pause of writes holds the command back. A script or a function that says that it does
/// not write is believed: it cannot.
fn may_write(node: &Node, spec: &CommandSpec, args: Args<'_>) -> bool {
    let declares_no_writes = |body: &[u8]| {
        shebang::parse(body).is_ok_and(|(flags, _)| flags.declared && flags.no_writes)
    };
    match spec.name {
        "eval" => !declares_no_writes(args.at(1)),
        "evalsha" => {
            let known = Sha::parse(args.at(1)).and_then(|sha| node.scripts.find(sha));
            !known.is_some_and(|source| declares_no_writes(&source.body))
        }
        "fcall" => {
            let is_called =
                |known: &Function| known.name.as_bytes().eq_ignore_ascii_case(args.at(1));
            let libraries = node.functions.libraries();
            let mut functions = libraries.iter().flat_map(|library| &library.functions);
            !functions.any(|function| is_called(function) && function.flags.no_writes)
        }
        _ => spec.flags.intersects(Flags::WRITE | Flags::MAY_REPLICATE),
    }
}
