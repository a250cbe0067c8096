//! Scripts made up from a seed: what a grammar allows that both Redis and Atoll should run alike.
//!
//! | module | holds |
//! |---|---|
//! | `random` | where the choices come from |
//! | `expression` | values and what is computed from them |
//! | `command` | calls of commands |
//! | `library` | calls of the libraries |
//! | `statement` | everything else: loops, functions, errors, coroutines |
//!
//! What is known to differ is not made: the order of `pairs` (tables have one key), NaN as text,
//! addresses, holes in lists that are counted, fractions whose shortest digits are not those of
//! `%.17g`, what would crash Redis 7.0.
//!
//! A script is a list of lines, each a statement that stands for itself, so that one that shows a
//! difference can be made shorter line by line.

mod command;
mod expression;
mod library;
mod random;
mod statement;

pub use random::Random;

/// Keys of generated scripts. They are of one slot.
pub const KEYS: [&str; 6] = ["{t}text", "{t}num", "{t}hash", "{t}a", "{t}b", "{t}none"];

/// What is in the keyspace before each script.
pub const SETUP: [&str; 5] = [
    "FLUSHALL",
    "SET {t}text hello",
    "SET {t}num 41",
    "HSET {t}hash f v n 5",
    "SET {t}a 1.5 EX 1000",
];

/// A generated script.
#[derive(Debug, Clone)]
pub struct Script {
    /// Its lines.
    pub lines: Vec<String>,
    /// How many of [`KEYS`] are declared.
    pub keys: usize,
    /// The client speaks RESP3.
    pub resp3: bool,
    /// It is called by EVAL_RO.
    pub read_only: bool,
}

impl Script {
    /// The request that runs it.
    pub fn request(&self) -> Vec<Vec<u8>> {
        let command = if self.read_only { "EVAL_RO" } else { "EVAL" };
        let keys = self.keys.to_string();
        let mut parts = vec![command.into(), self.lines.join("\n").into(), keys.into()];
        parts.extend(KEYS[..self.keys].iter().map(|key| key.as_bytes().to_vec()));
        parts.extend([b"one".to_vec(), b"2".to_vec()]);
        parts
    }
}

/// What is known of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    Boolean,
    /// A table of the values 1 to n.
    List,
    /// What a command replied, or nil.
    Any,
    /// A function of two arguments.
    Function,
}

#[derive(Debug, Clone)]
struct Variable {
    name: String,
    kind: Kind,
}

/// Makes scripts. See the module.
#[derive(Debug)]
pub struct Generator {
    random: Random,
    scope: Vec<Variable>,
    /// Numbers the variables.
    names: usize,
    /// Levels of statements and expressions that are still allowed.
    depth: usize,
    /// The script speaks RESP3 with commands, some of the time.
    resp3: bool,
}

impl Generator {
    /// A generator whose scripts follow from the seed.
    pub fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), scope: Vec::new(), names: 0, depth: 0, resp3: false }
    }

    /// The next script.
    pub fn script(&mut self) -> Script {
        self.scope.clear();
        self.names = 0;
        self.depth = 4;
        self.resp3 = self.random.one_in(3);
        let mut lines = vec![self.first_line()];
        for _ in 0..self.random.between(1, 9) {
            lines.push(self.statement());
        }
        lines.push(self.ending());
        Script {
            lines,
            keys: self.random.below(KEYS.len() + 1),
            resp3: self.random.one_in(3),
            read_only: self.random.one_in(12),
        }
    }

    fn first_line(&mut self) -> String {
        let shebang = match self.random.below(12) {
            0 => "#!lua\n",
            1 => "#!lua flags=no-writes\n",
            2 => "#!lua flags=allow-oom,allow-cross-slot-keys\n",
            _ => "",
        };
        let resp = if self.resp3 { " redis.setresp(3)" } else { "" };
        format!("{shebang}local out = {{}} local function put(v) out[#out + 1] = v end{resp}")
    }

    /// A name that is not in use.
    fn name(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    fn declare(&mut self, name: &str, kind: Kind) {
        self.scope.push(Variable { name: name.into(), kind });
    }

    /// A variable of this kind, if there is one.
    fn variable(&mut self, kind: Kind) -> Option<String> {
        let known: Vec<&Variable> =
            self.scope.iter().filter(|variable| variable.kind == kind).collect();
        if known.is_empty() {
            return None;
        }
        Some(known[self.random.below(known.len())].name.clone())
    }

    /// Makes something one level deeper; variables declared in there are gone afterwards.
    fn inside<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> T {
        let known = self.scope.len();
        self.depth = self.depth.saturating_sub(1);
        let made = make(self);
        self.depth += 1;
        self.scope.truncate(known);
        made
    }
}
