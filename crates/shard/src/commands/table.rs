//! The table of all commands: from the name in a request to its row.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use super::{FAMILIES, Run};
use crate::error::CommandError;

/// A row of a [`CommandTable`], for as long as the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CommandId(u16);

impl CommandId {
    /// The first row.
    pub(crate) const FIRST: Self = Self(0);

    /// The row's number, for tables beside the command table.
    #[inline]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// One command: its specification, and its handler if a shard runs it.
pub struct Row {
    /// What is known of it without running it.
    pub spec: &'static CommandSpec,
    /// Its handler; `None` when it is answered without a shard.
    pub run: Option<Run>,
    /// [`CommandSpec::one_key_up_to`].
    one_key_up_to: usize,
    /// A shard runs it at once and by itself: it is no script, and does not wait.
    pub is_plain: bool,
}

impl Row {
    fn new(spec: &'static CommandSpec, run: Option<Run>) -> Self {
        let waits = spec.flags.contains(Flags::BLOCKING);
        let is_plain = run.is_some() && !waits && spec.family != Family::Scripting;
        Self { spec, run, one_key_up_to: spec.one_key_up_to(), is_plain }
    }

    /// The part of a request that is its one key; see [`CommandSpec::only_key`].
    #[inline]
    pub fn only_key_at(&self, args: Args<'_>) -> Option<usize> {
        if args.len() <= self.one_key_up_to {
            return (args.len() > 1).then_some(1);
        }
        self.spec.only_key_at(args)
    }
}

/// The command that was found last: in a pipeline it is mostly asked for again.
#[derive(Clone, Copy)]
pub struct Recent {
    /// Its name as it was written, which is short.
    ends: [u64; 2],
    len: usize,
    id: CommandId,
    arity: Arity,
}

impl Default for Recent {
    /// None: no name is that long.
    fn default() -> Self {
        Self { ends: [0; 2], len: usize::MAX, id: CommandId::FIRST, arity: Arity(0) }
    }
}

/// A row's name, ready to be compared in any case without looking at single bytes.
struct Name {
    /// [`ends`] of the name, which is lower-case.
    ends: [u64; 2],
    /// The same of what folds its letters, and nothing else, to lower case.
    fold: [u64; 2],
    len: usize,
    is_subcommand: bool,
}

impl Name {
    fn of(spec: &CommandSpec) -> Self {
        let name = spec.name.as_bytes();
        let fold = |byte: &u8| if byte.is_ascii_lowercase() { 0x20 } else { 0 };
        let fold = ends(&name.iter().map(fold).collect::<Vec<u8>>());
        let is_subcommand = spec.container().is_some();
        Self { ends: ends(name), fold, len: name.len(), is_subcommand }
    }

    /// Whether a name of these ends and this length is it, as far as the ends tell: wholly up to
    /// [`SHORT`] bytes.
    #[inline]
    fn fits(&self, ends: [u64; 2], len: usize) -> bool {
        let [head, tail] = ends;
        self.len == len
            && (head | self.fold[0]) == self.ends[0]
            && (tail | self.fold[1]) == self.ends[1]
    }
}

/// Names up to this length are all in their [`ends`].
const SHORT: usize = 16;

/// The first and the last eight bytes of a name, or all of a shorter one.
#[inline]
fn ends(name: &[u8]) -> [u64; 2] {
    if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
        return [u64::from_le_bytes(*head), u64::from_le_bytes(*tail)];
    }
    if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
        let (head, tail) = (u32::from_le_bytes(*head), u32::from_le_bytes(*tail));
        return [u64::from(head), u64::from(tail)];
    }
    let [a, b, c] = match *name {
        [a, b, c, ..] => [a, b, c],
        [a, b] => [a, b, 0],
        [a] => [a, 0, 0],
        [] => [0; 3],
    };
    [u64::from_le_bytes([a, b, c, 0, 0, 0, 0, 0]), 0]
}

/// All commands that a server knows. Built once at start.
pub struct CommandTable {
    rows: Vec<Row>,
    /// The names of the rows.
    names: Vec<Name>,
    /// Open addressing by name; `u16::MAX` is empty. A power of two, at most a quarter full.
    places: Vec<u16>,
}

const EMPTY: u16 = u16::MAX;

/// Mixes the length and the ends of a name, letters folded to lower case by setting their 0x20 bit.
/// Whatever it maps together is told apart by comparing names.
#[inline]
fn hash_name([head, tail]: [u64; 2], len: usize) -> u64 {
    let fold = 0x2020_2020_2020_2020;
    let mixed = ((head | fold) ^ (tail | fold).rotate_left(23)).wrapping_add(len as u64);
    mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl CommandTable {
    /// The table of the shard's commands and of `others`, which are answered elsewhere.
    ///
    /// # Panics
    /// When two commands have one name: a mistake in the tables themselves.
    pub fn new(others: impl IntoIterator<Item = &'static CommandSpec>) -> Self {
        let own = FAMILIES.iter().copied().flatten();
        let own = own.map(|command| Row::new(&command.spec, Some(command.run)));
        let others = others.into_iter().map(|spec| Row::new(spec, None));
        let mut rows: Vec<Row> = own.chain(others).collect();
        rows.sort_by_key(|row| row.spec.name);
        let places = vec![EMPTY; (rows.len() * 4).next_power_of_two()];
        let names = rows.iter().map(|row| Name::of(row.spec)).collect();
        let mut table = Self { rows, names, places };
        for row in 0..table.rows.len() {
            let name = table.rows[row].spec.name;
            assert!(table.lookup(name.as_bytes()).is_none(), "two commands are named {name}");
            let mut place = table.place(ends(name.as_bytes()), name.len());
            while table.places[place] != EMPTY {
                place = (place + 1) & (table.places.len() - 1);
            }
            table.places[place] = row as u16;
        }
        table
    }

    #[inline]
    fn place(&self, ends: [u64; 2], len: usize) -> usize {
        (hash_name(ends, len) >> 32) as usize & (self.places.len() - 1)
    }

    /// The command with this name, in any case; subcommands as `container|name`.
    #[inline]
    pub fn lookup(&self, name: &[u8]) -> Option<CommandId> {
        let ends = ends(name);
        let mut place = self.place(ends, name.len());
        loop {
            let row = self.places[place];
            if row == EMPTY {
                return None;
            }
            if self.names[usize::from(row)].fits(ends, name.len()) && self.is_named(row, name) {
                return Some(CommandId(row));
            }
            place = (place + 1) & (self.places.len() - 1);
        }
    }

    /// Whether a row whose ends fit has this name.
    #[inline]
    fn is_named(&self, row: u16, name: &[u8]) -> bool {
        let known = self.rows[usize::from(row)].spec.name.as_bytes();
        name.len() <= SHORT || known.eq_ignore_ascii_case(name)
    }

    /// [`Self::lookup`] of what a request can begin with. Rows of subcommands are named
    /// `container|name`; that is not a command's name.
    #[inline]
    fn lookup_command(&self, name: &[u8]) -> Option<CommandId> {
        self.lookup(name).filter(|id| !self.names[id.index()].is_subcommand)
    }

    /// The row of a command.
    #[inline]
    pub fn row(&self, id: CommandId) -> &Row {
        &self.rows[id.index()]
    }

    /// The specification of a command.
    #[inline]
    pub fn spec(&self, id: CommandId) -> &'static CommandSpec {
        self.rows[id.index()].spec
    }

    /// All commands and subcommands, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (CommandId, &Row)> {
        self.rows.iter().enumerate().map(|(at, row)| (CommandId(at as u16), row))
    }

    /// How many rows there are, subcommands included.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The command that a request names, its arity checked.
    ///
    /// # Errors
    /// Unknown command, unknown subcommand or wrong arity, with Redis's texts.
    #[inline]
    pub fn resolve(&self, args: Args<'_>) -> Result<CommandId, CommandError> {
        match self.find(args) {
            Some(id) => Ok(id),
            None => Err(self.why_not(args)),
        }
    }

    /// The command that a request names, if there is one whose arity fits.
    #[inline]
    pub fn find(&self, args: Args<'_>) -> Option<CommandId> {
        let mut id = self.lookup_command(args.get(0)?)?;
        let mut spec = self.spec(id);
        if spec.flags.contains(Flags::CONTAINER) && args.len() > 1 {
            id = self.subcommand(spec, args.at(1)).ok()?;
            spec = self.spec(id);
        }
        spec.arity.fits(args.len()).then_some(id)
    }

    /// The same, looking first whether it is the one that was found last.
    #[inline]
    pub fn find_again(&self, args: Args<'_>, recent: &mut Recent) -> Option<CommandId> {
        let name = args.get(0)?;
        let ends = ends(name);
        if name.len() == recent.len && ends == recent.ends {
            return recent.arity.fits(args.len()).then_some(recent.id);
        }
        let id = self.find(args)?;
        let spec = self.spec(id);
        // To know a subcommand takes more than the first word.
        let by_name = name.len() == spec.name.len() && !spec.flags.contains(Flags::CONTAINER);
        if name.len() <= SHORT && by_name {
            *recent = Recent { ends, len: name.len(), id, arity: spec.arity };
        }
        Some(id)
    }

    #[cold]
    fn why_not(&self, args: Args<'_>) -> CommandError {
        let Some(id) = args.get(0).and_then(|name| self.lookup_command(name)) else {
            return unknown_command(args);
        };
        let spec = self.spec(id);
        if !spec.flags.contains(Flags::CONTAINER) || args.len() == 1 {
            return CommandError::Arity(spec.name);
        }
        match self.subcommand(spec, args.at(1)) {
            Ok(id) => CommandError::Arity(self.spec(id).name),
            Err(error) => error,
        }
    }

    /// The command or subcommand that a request names; its arity is not looked at. A container that
    /// stands alone is that itself.
    pub fn named(&self, args: Args<'_>) -> Option<CommandId> {
        let id = self.lookup_command(args.get(0)?)?;
        let spec = self.spec(id);
        match args.get(1).filter(|_| spec.flags.contains(Flags::CONTAINER)) {
            Some(subcommand) => self.subcommand(spec, subcommand).ok(),
            None => Some(id),
        }
    }

    /// The subcommands of a command.
    pub fn subcommands(&self, id: CommandId) -> impl Iterator<Item = CommandId> {
        let container = self.spec(id).name;
        let own = move |row: &Row| row.spec.container().is_some_and(|(name, _)| name == container);
        self.iter().filter(move |(_, row)| own(row)).map(|(id, _)| id)
    }

    fn subcommand(&self, container: &CommandSpec, name: &[u8]) -> Result<CommandId, CommandError> {
        let mut joined = [0u8; 64];
        let prefix = container.name.len() + 1;
        let found = joined.get_mut(prefix..prefix + name.len()).is_some_and(|rest| {
            rest.copy_from_slice(name);
            true
        });
        joined[..prefix - 1].copy_from_slice(container.name.as_bytes());
        joined[prefix - 1] = b'|';
        let id = if found { self.lookup(&joined[..prefix + name.len()]) } else { None };
        id.filter(|_| !name.is_empty()).ok_or_else(|| CommandError::UnknownSubcommand {
            name: String::from_utf8_lossy(&name[..name.len().min(128)]).into_owned(),
            container: container.name.to_ascii_uppercase(),
        })
    }
}

/// Redis cuts the name to 128 bytes, and the arguments to 128 in all.
#[cold]
fn unknown_command(args: Args<'_>) -> CommandError {
    let cut = |text: &[u8], len: usize| {
        String::from_utf8_lossy(&text[..text.len().min(len)]).into_owned()
    };
    let mut shown = String::new();
    for part in args.iter_from(1) {
        if shown.len() >= 128 {
            break;
        }
        let room = 128 - shown.len();
        shown.push_str(&format!("'{}' ", cut(part, room)));
    }
    let name = cut(args.get(0).unwrap_or_default(), 128);
    CommandError::dynamic(format!(
        "ERR unknown command '{name}', with args beginning with: {shown}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::args::Request;

    #[test]
    fn every_row_is_found_in_any_case() {
        let table = CommandTable::new([]);
        for (id, row) in table.iter() {
            assert_eq!(table.lookup(row.spec.name.as_bytes()), Some(id));
            assert_eq!(table.lookup(row.spec.name.to_ascii_uppercase().as_bytes()), Some(id));
        }
        assert_eq!(table.lookup(b"nosuch"), None);
        assert_eq!(table.lookup(b""), None);
    }

    #[test]
    fn only_the_case_of_letters_is_folded() {
        let table = CommandTable::new([]);
        for (_, row) in table.iter() {
            for at in 0..row.spec.name.len() {
                for byte in 0..=u8::MAX {
                    let mut name = row.spec.name.as_bytes().to_vec();
                    name[at] = byte;
                    let found = table.lookup(&name).map(|id| table.spec(id).name);
                    let equal = table.iter().map(|(_, row)| row.spec.name);
                    let equal = equal.map(str::as_bytes).find(|it| it.eq_ignore_ascii_case(&name));
                    assert_eq!(found.map(str::as_bytes), equal, "{}", name.escape_ascii());
                }
            }
        }
        assert!(table.resolve(Request::of(["object|freq", "k"]).args()).is_err());
    }

    #[test]
    fn what_was_found_last_changes_nothing() {
        /// It may stand alone or have subcommands.
        const COMMAND: CommandSpec = CommandSpec {
            name: "command",
            arity: Arity::at_least(1),
            flags: Flags::CONTAINER,
            ..CommandSpec::NEW
        };
        let table = CommandTable::new([&COMMAND]);
        let requests = [
            "get k",
            "GET k",
            "get k",
            "get",
            "get k x",
            "set k v",
            "sets k v",
            "getx k",
            "ge k",
            "",
            "command",
            "command count",
            "command",
            "object freq k",
            "object encoding k",
            "object",
            "georadiusbymember_ro k m 1 m",
            "zrevrangebyscore k 1 0",
            "zrevrangebyscorf k 1 0",
        ];
        let requests = requests.map(|line| Request::of(line.split(' ')));
        let mut recent = Recent::default();
        for before in &requests {
            for request in &requests {
                table.find_again(before.args(), &mut recent);
                let found = table.find_again(request.args(), &mut recent);
                assert_eq!(found, table.find(request.args()), "{before:?} {request:?}");
            }
        }
    }

    #[test]
    fn scripts_and_what_waits_are_not_plain() {
        let table = CommandTable::new([&CommandSpec { name: "node", ..CommandSpec::NEW }]);
        let is_plain = |name: &str| table.row(table.lookup(name.as_bytes()).unwrap()).is_plain;
        assert!(["get", "set", "hget", "sismember", "zadd", "lpop"].into_iter().all(is_plain));
        let others = ["eval", "evalsha_ro", "fcall", "blpop", "xreadgroup", "node"];
        assert!(!others.into_iter().any(is_plain));
    }

    /// What the row says of keys is what the specification does.
    #[test]
    fn the_one_key_of_a_request_is_where_its_specification_says() {
        let table = CommandTable::new([]);
        let parts = ["x", "1", "1", "k", "1", "v"];
        for (_, row) in table.iter() {
            for count in 1..=parts.len() {
                let request = Request::of(&parts[..count]);
                let at = row.only_key_at(request.args());
                assert_eq!(at, row.spec.only_key_at(request.args()), "{}", row.spec.name);
                let key = at.map(|at| request.args().at(at));
                assert_eq!(key, row.spec.only_key(request.args()), "{}", row.spec.name);
            }
        }
    }

    #[test]
    fn what_does_not_resolve_is_told_as_redis_tells_it() {
        let table = CommandTable::new([]);
        let text =
            |parts: &[&str]| table.resolve(Request::of(parts).args()).unwrap_err().to_string();
        assert_eq!(
            text(&["FOO", "bar", "baz"]),
            "ERR unknown command 'FOO', with args beginning with: 'bar' 'baz' "
        );
        assert_eq!(text(&["get"]), "ERR wrong number of arguments for 'get' command");
        assert_eq!(text(&["object"]), "ERR wrong number of arguments for 'object' command");
        assert_eq!(text(&["object", "nope"]), "ERR unknown subcommand 'nope'. Try OBJECT HELP.");
        assert_eq!(
            text(&["object", "freq"]),
            "ERR wrong number of arguments for 'object|freq' command"
        );
    }
}
