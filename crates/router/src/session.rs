//! The state of one connection: what its requests have set and later ones obey.
//!
//! # Invariants
//! - I1. `watched` is empty, or every key in it is watched with `watch_flag` on the shard of its
//!   slot. Whoever empties it has unwatched the keys.
//! - I2. `transaction` is set between MULTI and EXEC or DISCARD.
//!
//! # Not here
//! Sockets and buffers: the node's connection has them. What a request does to a session:
//! [`crate::commands`].

use std::sync::Arc;

use protocol::encode::Version;
use protocol::slot::Slot;
use shard::acl::Witness;
use shard::keyspace::{Caller, WatchFlag};
use shard::shard::Queued;

use crate::acl::login::Login;
use crate::plan::CROSSSLOT;
use shard::script::sha::Sha;

use crate::subscriptions::Subscriptions;

/// Bytes that a key, channel or prefix takes beside its name: here, and where its shard or the node
/// keeps it.
pub(crate) const OF_NAME: usize = 96;

/// What the next request is called, by CLIENT IDEMPOTENCY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The name.
    pub id: Box<[u8]>,
    /// It is for this script only, which was not known when it was called by its hash.
    pub script: Option<Sha>,
    /// It is still pending when the request that runs now is over.
    pub stays: bool,
}

/// The state of one connection. See the module.
#[derive(Debug)]
pub struct Session {
    /// Unique for as long as the process runs (CLIENT ID).
    pub id: u64,
    /// The version that replies are in.
    pub version: Version,
    /// CLIENT SETNAME. Empty: none.
    pub name: Vec<u8>,
    /// CLIENT SETINFO LIB-NAME. Empty: none.
    pub lib_name: Vec<u8>,
    /// CLIENT SETINFO LIB-VER. Empty: none.
    pub lib_ver: Vec<u8>,
    /// Whether replies are sent.
    pub reply_mode: ReplyMode,
    /// ASKING was sent: the next command may run on an importing slot.
    pub asking: bool,
    /// READONLY was sent: a replica may answer reads.
    pub readonly: bool,
    /// CLIENT NO-EVICT: this connection is not closed to save memory.
    pub no_evict: bool,
    /// CLIENT NO-TOUCH: its commands do not change how recently keys have been used.
    pub no_touch: bool,
    /// CLIENT TRANSACTION ROLLBACK: when a command of a transaction fails, all are undone.
    pub atomic_exec: bool,
    /// What becomes of the next script that is sent with its text (SCRIPT DEBUG).
    pub debug: DebugMode,
    /// The commands since MULTI.
    pub transaction: Option<Transaction>,
    /// The keys that this connection watches, each with its slot. I1.
    pub watched: Vec<(Slot, Vec<u8>)>,
    /// Bytes that they take.
    watched_bytes: usize,
    /// Set when a watched key has changed.
    pub watch_flag: WatchFlag,
    /// MONITOR: it is shown all commands.
    pub monitors: bool,
    /// CLIENT TRACKING: it keeps copies of what it reads.
    pub tracking: Option<Tracking>,
    /// Replies wait until what they tell of is on the disk, or do not; `None`: as the node says
    /// (CLIENT DURABILITY).
    pub holds_replies: Option<bool>,
    /// What the next request or transaction is called (CLIENT IDEMPOTENCY).
    pub once: Option<Pending>,
    /// What it has subscribed to.
    pub subscriptions: Subscriptions,
    /// Who it is.
    pub login: Login,
    /// Who is told when it is refused something.
    pub witness: Option<Arc<dyn Witness>>,
    /// RESET was sent. The node unwatches keys, ends subscriptions, and clears this.
    pub was_reset: bool,
}

impl Session {
    /// The state of a new connection, which may do everything until `Acl::enter` is called.
    pub fn new(id: u64) -> Self {
        Self {
            id,
            version: Version::default(),
            name: Vec::new(),
            lib_name: Vec::new(),
            lib_ver: Vec::new(),
            reply_mode: ReplyMode::On,
            asking: false,
            readonly: false,
            no_evict: false,
            no_touch: false,
            atomic_exec: false,
            debug: DebugMode::Off,
            transaction: None,
            watched: Vec::new(),
            watched_bytes: 0,
            watch_flag: WatchFlag::default(),
            monitors: false,
            tracking: None,
            holds_replies: None,
            once: None,
            subscriptions: Subscriptions::default(),
            login: Login::default(),
            witness: None,
            was_reset: false,
        }
    }

    /// RESET: as a new connection, but for what only the node can undo (`watched`, `tracking` and
    /// `subscriptions`, which is why `was_reset` is set), for the client library, which is still
    /// the same (as in Redis), and for who it is, which the caller resets.
    pub fn reset(&mut self) {
        *self = Self {
            lib_name: std::mem::take(&mut self.lib_name),
            lib_ver: std::mem::take(&mut self.lib_ver),
            watched: std::mem::take(&mut self.watched),
            watched_bytes: self.watched_bytes,
            watch_flag: self.watch_flag.clone(),
            tracking: self.tracking.take(),
            subscriptions: std::mem::take(&mut self.subscriptions),
            login: self.login.clone(),
            witness: self.witness.take(),
            was_reset: true,
            ..Self::new(self.id)
        };
    }

    /// Remembers that a key is watched, with `watch_flag`. I1.
    pub fn watch(&mut self, slot: Slot, key: &[u8]) {
        self.watched_bytes += key.len() + OF_NAME;
        self.watched.push((slot, key.to_vec()));
    }

    /// About how many bytes its names, watched keys, subscriptions and prefixes take.
    pub fn memory(&self) -> usize {
        let prefixes = self.tracking.iter().flat_map(|tracking| &tracking.prefixes);
        self.name.len()
            + self.lib_name.len()
            + self.lib_ver.len()
            + self.watched_bytes
            + self.subscriptions.memory()
            + prefixes.map(|prefix| prefix.len() + OF_NAME).sum::<usize>()
    }

    /// Takes the watched keys, to be unwatched on their shards, with the flag that they are watched
    /// with. From then on no key is watched, and none has changed. I1.
    pub fn take_watches(&mut self) -> (Vec<(Slot, Vec<u8>)>, WatchFlag) {
        self.watched_bytes = 0;
        (std::mem::take(&mut self.watched), std::mem::take(&mut self.watch_flag))
    }

    /// Whose requests its requests are, for the keyspace.
    #[inline]
    pub fn caller(&self) -> Caller {
        let tracks = self.tracking.as_ref().is_some_and(Tracking::remembers);
        Caller { client: self.id, tracks, no_touch: self.no_touch }
    }

    /// Whether it may only send what concerns subscriptions: in RESP2 a client with subscriptions
    /// could not tell replies from messages.
    #[inline]
    pub fn only_listens(&self) -> bool {
        !self.subscriptions.is_empty() && matches!(self.version, Version::Resp2)
    }

    /// Whether nothing about it concerns a command on data that is no script: what the command does
    /// and what is replied is what it would be on a new connection of a user who may do everything,
    /// but for the version of the reply and [`Self::caller`]. Whatever is added to a session that
    /// commands on data have to look at is to be looked at here too.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.transaction.is_none()
            && self.once.is_none()
            && self.tracking.is_none()
            && self.reply_mode == ReplyMode::On
            && self.login.is_open()
            && !self.only_listens()
    }

    /// Whether the reply of the command that has just run is thrown away.
    pub fn silent(&self) -> bool {
        matches!(self.reply_mode, ReplyMode::Off | ReplyMode::Skipping)
    }

    /// Moves on from a command that has been answered: CLIENT REPLY SKIP is for one command.
    #[inline]
    pub fn advance_reply_mode(&mut self) {
        self.reply_mode = match self.reply_mode {
            ReplyMode::On | ReplyMode::Skipping => ReplyMode::On,
            ReplyMode::SkipNext => ReplyMode::Skipping,
            ReplyMode::Off => ReplyMode::Off,
        };
    }
}

/// How a client is told of changes of what it keeps copies of (CLIENT TRACKING).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tracking {
    /// The client that is told in its place; 0: itself.
    pub redirect: u64,
    /// It is told by prefix, whatever it has read.
    pub broadcast: bool,
    /// The prefixes; none: all keys.
    pub prefixes: Vec<Vec<u8>>,
    /// Only what is read after CLIENT CACHING YES is remembered.
    pub optin: bool,
    /// What is read after CLIENT CACHING NO is not remembered.
    pub optout: bool,
    /// It is not told of its own changes.
    pub noloop: bool,
    /// CLIENT CACHING was sent, for the command or transaction that follows.
    pub caching: Option<bool>,
}

impl Tracking {
    /// Whether what the next request reads is remembered.
    pub fn remembers(&self) -> bool {
        !self.broadcast
            && match self.caching {
                Some(caching) => caching,
                None => !self.optin,
            }
    }
}

/// What becomes of a script that is sent with its text (SCRIPT DEBUG).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DebugMode {
    /// It runs.
    Off,
    /// It is debugged, and what it has done is taken back (YES).
    RollBack,
    /// It is debugged, and what it has done is kept if it reaches its end (SYNC).
    Keep,
}

/// Whether replies are sent (CLIENT REPLY).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyMode {
    /// They are.
    On,
    /// They are not, until CLIENT REPLY ON.
    Off,
    /// CLIENT REPLY SKIP is running: from the next command on it is [`ReplyMode::Skipping`].
    SkipNext,
    /// The command that runs now gets no reply; later ones do.
    Skipping,
}

/// The commands since MULTI.
#[derive(Debug, Default)]
pub struct Transaction {
    /// The commands, in order.
    pub queue: Vec<Queued>,
    /// The slot of the first key of all of them.
    pub slot: Option<Slot>,
    /// Two of them have keys in different slots.
    pub cross_slot: bool,
    /// Why EXEC will refuse to run them.
    pub aborted: Option<Abort>,
    memory: usize,
}

impl Transaction {
    /// Adds a command.
    pub fn push(&mut self, queued: Queued) {
        match (self.slot, queued.slot) {
            (None, slot) => self.slot = slot,
            (Some(first), Some(slot)) => self.cross_slot |= first != slot,
            (Some(_), None) => {}
        }
        self.memory += queued.request.memory() + size_of::<Queued>();
        self.queue.push(queued);
    }

    /// Bytes that the commands take.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// Notes that a command was refused. The first reason stays.
    pub fn abort(&mut self, reason: Abort) {
        self.aborted.get_or_insert(reason);
    }

    /// The error that EXEC replies instead of running the commands. Redis looks at slots before
    /// it looks at anything else, so CROSSSLOT wins over EXECABORT.
    pub fn refusal(&self) -> Option<String> {
        match &self.aborted {
            _ if self.cross_slot => Some(CROSSSLOT.to_owned()),
            Some(reason) => Some(reason.to_string()),
            None => None,
        }
    }
}

/// Why EXEC refuses to run a transaction. Displays as EXEC's reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Abort {
    /// A command was refused when it was queued.
    #[error("EXECABORT Transaction discarded because of previous errors.")]
    Errors,
    /// For this reason: an error's text, its code included.
    #[error("EXECABORT Transaction discarded because of: {0}")]
    Because(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::table;
    use protocol::args::Request;

    fn queued(key: Option<&str>) -> Queued {
        let id = table().lookup(b"get").unwrap();
        let request = Request::of(["get", key.unwrap_or_default()]);
        Queued {
            id,
            request,
            slot: key.map(|key| Slot::of_key(key.as_bytes())),
            caller: Caller::default(),
            once: None,
        }
    }

    #[test]
    fn a_transaction_remembers_that_its_keys_span_slots() {
        let mut transaction = Transaction::default();
        for key in [None, Some("a"), Some("{a}b"), None] {
            transaction.push(queued(key));
        }
        assert_eq!(transaction.slot, Some(Slot::of_key(b"a")));
        assert_eq!(transaction.refusal(), None);
        transaction.push(queued(Some("b")));
        transaction.abort(Abort::Errors);
        assert_eq!(transaction.queue.len(), 5);
        assert_eq!(transaction.refusal().as_deref(), Some(CROSSSLOT));
    }

    #[test]
    fn the_first_reason_to_abort_is_told() {
        let mut transaction = Transaction::default();
        transaction.abort(Abort::Because("OOM no memory".into()));
        transaction.abort(Abort::Errors);
        assert_eq!(
            transaction.refusal().as_deref(),
            Some("EXECABORT Transaction discarded because of: OOM no memory")
        );
        let mut transaction = Transaction::default();
        transaction.abort(Abort::Errors);
        assert_eq!(
            transaction.refusal().as_deref(),
            Some("EXECABORT Transaction discarded because of previous errors.")
        );
    }

    #[test]
    fn a_reset_session_is_as_new_but_for_library_and_watches() {
        let mut session = Session::new(9);
        session.version = Version::Resp3;
        session.name = b"n".to_vec();
        session.lib_name = b"lib".to_vec();
        session.lib_ver = b"1.0".to_vec();
        session.reply_mode = ReplyMode::Off;
        session.readonly = true;
        session.atomic_exec = true;
        session.debug = DebugMode::Keep;
        session.transaction = Some(Transaction::default());
        session.watched.push((Slot::of_key(b"a"), b"a".to_vec()));
        session.reset();
        assert_eq!((session.id, session.version), (9, Version::Resp2));
        assert!(session.name.is_empty() && session.transaction.is_none());
        assert_eq!((&session.lib_name[..], &session.lib_ver[..]), (&b"lib"[..], &b"1.0"[..]));
        assert_eq!(session.reply_mode, ReplyMode::On);
        assert!(!session.readonly && !session.atomic_exec && session.was_reset);
        assert_eq!(session.debug, DebugMode::Off);
        let (watched, _) = session.take_watches();
        assert_eq!(watched, [(Slot::of_key(b"a"), b"a".to_vec())]);
        assert!(session.watched.is_empty() && !session.watch_flag.spoiled());
    }

    #[test]
    fn whatever_concerns_commands_makes_a_session_less_than_plain() {
        use crate::acl::login::Guard;

        type Change = fn(&mut Session);
        let concerns: [(&str, Change); 8] = [
            ("MULTI", |session| session.transaction = Some(Transaction::default())),
            ("CLIENT TRACKING", |session| session.tracking = Some(Tracking::default())),
            ("CLIENT REPLY OFF", |session| session.reply_mode = ReplyMode::Off),
            ("CLIENT REPLY SKIP", |session| session.reply_mode = ReplyMode::SkipNext),
            ("after it", |session| session.reply_mode = ReplyMode::Skipping),
            ("no user yet", |session| session.login.guard = Guard::Locked),
            ("a user who has gone", |session| session.login.guard = Guard::Gone),
            ("SUBSCRIBE", |session| {
                session.subscriptions.add(shard::channels::ChannelKind::Channel, b"news");
            }),
        ];
        for (what, concern) in concerns {
            let mut session = Session::new(1);
            assert!(session.is_plain());
            concern(&mut session);
            assert!(!session.is_plain(), "{what}");
        }
        let indifferent: [Change; 5] = [
            |session| session.name = b"n".to_vec(),
            |session| session.version = Version::Resp3,
            |session| session.no_touch = true,
            |session| session.watch(Slot::of_key(b"k"), b"k"),
            |session| session.debug = DebugMode::Keep,
        ];
        for change in indifferent {
            let mut session = Session::new(1);
            change(&mut session);
            assert!(session.is_plain());
        }
    }

    #[test]
    fn skipping_lasts_for_one_command() {
        let mut session = Session::new(1);
        session.reply_mode = ReplyMode::SkipNext;
        assert!(!session.silent());
        session.advance_reply_mode();
        assert!(session.silent());
        session.advance_reply_mode();
        assert!(!session.silent());
        session.reply_mode = ReplyMode::Off;
        session.advance_reply_mode();
        assert!(session.silent());
    }
}
