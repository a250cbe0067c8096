//! A shard to try commands on, in the process and without a clock.
//!
//! Every request that a test runs is run three times: once inside an undo scope that is rolled
//! back, after which the state must be what it was, byte for byte; once for real; and its effects
//! are replayed into a second shard, whose digest must then be equal. So each test of a command is
//! a test of its undo and of its effects as well.

use protocol::args::Request;
use protocol::decode::split_line;
use protocol::encode::Version;
use protocol::spec::{Flags, Slots};
use std::sync::OnceLock;

use crate::Shard;
use crate::commands::table::CommandTable;
use crate::commands::transactions::{DISCARD, EXEC, MULTI, UNWATCH, WATCH};
use crate::keyspace::Keyspace;
use crate::reply::Reply;
use crate::script::ScriptEngine;
use crate::time::Micros;

/// The table of the shard's own commands, and of those that scripts know besides.
pub fn table() -> &'static CommandTable {
    static TABLE: OnceLock<CommandTable> = OnceLock::new();
    TABLE.get_or_init(|| CommandTable::new([&DISCARD, &EXEC, &MULTI, &UNWATCH, &WATCH]))
}

/// A shard of all slots, its replica, and a clock that the test moves.
pub struct Rig {
    shard: Shard,
    replica: Keyspace,
    now: Micros,
    version: Version,
    twice: bool,
}

impl Default for Rig {
    fn default() -> Self {
        Self::new()
    }
}

impl Rig {
    /// An empty shard that replies in RESP2. The time is 1 700 000 000 000 ms.
    pub fn new() -> Self {
        let mut keyspace = Keyspace::new(0, 16384, 42);
        keyspace.record_effects(true);
        Self {
            shard: Shard::new(keyspace, ScriptEngine::default(), table()),
            replica: Keyspace::new(0, 16384, 7),
            now: Micros(1_700_000_000_000_000),
            version: Version::Resp2,
            twice: true,
        }
    }

    /// Another shard of the same node: it has keys of its own, and the same scripts and libraries.
    pub fn sibling(&self) -> Self {
        let scripts = self.shard.scripts();
        let mut other = Self::new();
        let scripts = ScriptEngine::new(scripts.store().clone(), scripts.function_store().clone());
        other.shard = Shard::new(Keyspace::new(0, 16384, 43), scripts, table());
        other.shard.keyspace_mut().record_effects(true);
        other
    }

    /// Replies in RESP3 from now on.
    pub fn resp3(mut self) -> Self {
        self.version = Version::Resp3;
        self
    }

    /// Runs each request only once: for tests that would otherwise take too long.
    pub fn once(mut self) -> Self {
        self.twice = false;
        self
    }

    /// Moves the clock.
    pub fn advance_ms(&mut self, ms: i64) {
        self.now.0 += ms * 1000;
    }

    /// The time in milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.now.millis().0
    }

    /// The shard itself.
    pub fn shard(&mut self) -> &mut Shard {
        &mut self.shard
    }

    /// Runs a line of words (quotes and escapes as in redis-cli) and returns the reply, see
    /// [`render`].
    pub fn run(&mut self, line: &str) -> String {
        let (mut text, mut spans) = (Vec::new(), Vec::new());
        split_line(line.as_bytes(), &mut text, &mut spans)
            .expect("a test's line has closed quotes");
        self.run_request(&Request::of(spans.iter().map(|span| span.of(&text))))
    }

    /// Runs a request of these parts and returns the reply, see [`render`].
    pub fn run_parts<T: AsRef<[u8]>>(&mut self, parts: &[T]) -> String {
        self.run_request(&Request::of(parts))
    }

    /// Runs a request and returns the reply, see [`render`].
    pub fn run_request(&mut self, request: &Request) -> String {
        let id = match self.shard.table().resolve(request.args()) {
            Ok(id) => id,
            Err(error) => return format!("-{error}"),
        };
        if self.twice && self.shard.table().spec(id).flags.contains(Flags::WRITE) {
            let before = self.shard.keyspace().exact_digest();
            let counts = self.counts();
            let mark = self.shard.keyspace_mut().begin();
            self.execute(request);
            self.shard.keyspace_mut().roll_back(mark);
            let after = self.shard.keyspace().exact_digest();
            assert_eq!(after, before, "rolled back, {request:?} has left something behind");
            assert_eq!(self.counts(), counts, "counts after rolling {request:?} back");
        }
        let out = self.execute(request);
        let effects = self.shard.keyspace_mut().take_effects();
        self.replica.replay(&effects).expect("a shard's own effects decode");
        assert_eq!(
            self.replica.digest(),
            self.shard.keyspace().digest(),
            "the effects of {request:?} do not give the same state"
        );
        let mut rest = &out[..];
        let text = render(&mut rest);
        assert!(rest.is_empty(), "{request:?} replied more than one value: {text}");
        text
    }

    /// How many keys there are, how many expire, and how many have fields that do.
    fn counts(&self) -> [usize; 3] {
        let keyspace = self.shard.keyspace();
        [keyspace.len(), keyspace.expiring(), keyspace.with_expiring_fields()]
    }

    fn execute(&mut self, request: &Request) -> Vec<u8> {
        let table = self.shard.table();
        let args = request.args();
        let id = table.resolve(args).expect("resolved before");
        let slot = match table.spec(id).slots(args) {
            Slots::One(slot) => Some(slot),
            Slots::None => None,
            Slots::Several { .. } => panic!("{request:?} spans slots: use a hash tag"),
        };
        let mut out = Vec::new();
        let mut reply = Reply::resp(&mut out, self.version);
        self.shard.execute(id, args, slot, self.now, &mut reply);
        out
    }

    /// Runs a line and compares the reply.
    #[track_caller]
    pub fn check(&mut self, line: &str, reply: &str) {
        assert_eq!(self.run(line), reply, "{line}");
    }

    /// Runs a line and compares the beginning of its error reply.
    #[track_caller]
    pub fn check_error(&mut self, line: &str, text: &str) {
        let reply = self.run(line);
        let error = reply.strip_prefix('-');
        assert!(error.is_some_and(|error| error.starts_with(text)), "{line}: {reply}");
    }
}

/// A RESP value as text: `+OK`, `-ERR …`, `:1`, `$text`, `_` for every null, `[:1 $a]` for arrays,
/// `%{$k:$v}` for maps, `~[…]` for sets, `,1.5`, `#t`, `(123`, `=txt:…`. Takes the value off `rest`.
///
/// # Panics
/// When `rest` does not begin with a complete value.
pub fn render(rest: &mut &[u8]) -> String {
    let end = rest.windows(2).position(|pair| pair == b"\r\n").expect("a line ends in CRLF");
    let (kind, line) = (char::from(rest[0]), &rest[1..end]);
    let line = String::from_utf8_lossy(line).into_owned();
    *rest = &rest[end + 2..];
    let mut values = |count: i64| -> Vec<String> { (0..count).map(|_| render(rest)).collect() };
    let count = || line.parse::<i64>().expect("a count");
    match kind {
        '+' | '-' | ':' | ',' | '#' | '(' => format!("{kind}{line}"),
        '_' => "_".into(),
        '$' | '=' | '*' if line == "-1" => "_".into(),
        '$' | '=' => {
            let len = usize::try_from(count()).expect("a length");
            let text = rest[..len].escape_ascii().to_string();
            assert_eq!(&rest[len..len + 2], b"\r\n");
            *rest = &rest[len + 2..];
            format!("{kind}{text}")
        }
        '*' => format!("[{}]", values(count()).join(" ")),
        '~' => format!("~[{}]", values(count()).join(" ")),
        '>' => format!(">[{}]", values(count()).join(" ")),
        '%' => {
            let values = values(count() * 2);
            let pairs: Vec<String> =
                values.chunks(2).map(|pair| format!("{}:{}", pair[0], pair[1])).collect();
            format!("%{{{}}}", pairs.join(" "))
        }
        other => panic!("not a RESP type: {other:?}"),
    }
}
