//! The table of all commands: from the name in a request to its row.

use protocol::args::Args;
use protocol::spec::{CommandSpec, Flags};

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
}

/// All commands that a server knows. Built once at start.
pub struct CommandTable {
    rows: Vec<Row>,
    /// Open addressing by name; `u16::MAX` is empty. A power of two, at most half full.
    places: Vec<u16>,
}

const EMPTY: u16 = u16::MAX;

/// Mixes the length and up to the first and last eight bytes of a name, letters folded to lower
/// case by setting their 0x20 bit. Whatever it maps together is told apart by comparing names.
#[inline]
fn hash_name(name: &[u8]) -> u64 {
    let mut head = [0u8; 8];
    let mut tail = [0u8; 8];
    let len = name.len().min(8);
    head[..len].copy_from_slice(&name[..len]);
    tail[..len].copy_from_slice(&name[name.len() - len..]);
    let fold = 0x2020_2020_2020_2020;
    let head = u64::from_le_bytes(head) | fold;
    let tail = u64::from_le_bytes(tail) | fold;
    let mixed = (head ^ tail.rotate_left(23)).wrapping_add(name.len() as u64);
    mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl CommandTable {
    /// The table of the shard's commands and of `others`, which are answered elsewhere.
    ///
    /// # Panics
    /// When two commands have one name: a mistake in the tables themselves.
    pub fn new(others: impl IntoIterator<Item = &'static CommandSpec>) -> Self {
        let own = FAMILIES.iter().copied().flatten();
        let own = own.map(|command| Row { spec: &command.spec, run: Some(command.run) });
        let others = others.into_iter().map(|spec| Row { spec, run: None });
        let mut rows: Vec<Row> = own.chain(others).collect();
        rows.sort_by_key(|row| row.spec.name);
        let places = vec![EMPTY; (rows.len() * 2).next_power_of_two()];
        let mut table = Self { rows, places };
        for row in 0..table.rows.len() {
            let name = table.rows[row].spec.name;
            assert!(table.lookup(name.as_bytes()).is_none(), "two commands are named {name}");
            let mut place = table.place(name.as_bytes());
            while table.places[place] != EMPTY {
                place = (place + 1) & (table.places.len() - 1);
            }
            table.places[place] = row as u16;
        }
        table
    }

    #[inline]
    fn place(&self, name: &[u8]) -> usize {
        (hash_name(name) >> 32) as usize & (self.places.len() - 1)
    }

    /// The command with this name, in any case; subcommands as `container|name`.
    #[inline]
    pub fn lookup(&self, name: &[u8]) -> Option<CommandId> {
        let mut place = self.place(name);
        loop {
            let row = self.places[place];
            if row == EMPTY {
                return None;
            }
            if self.rows[usize::from(row)].spec.name.as_bytes().eq_ignore_ascii_case(name) {
                return Some(CommandId(row));
            }
            place = (place + 1) & (self.places.len() - 1);
        }
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
        // Rows of subcommands are named `container|name`; that is not a command's name.
        let plain = |name: &&[u8]| !name.contains(&b'|');
        let Some(mut id) = args.get(0).filter(plain).and_then(|name| self.lookup(name)) else {
            return Err(unknown_command(args));
        };
        let mut spec = self.spec(id);
        if spec.flags.contains(Flags::CONTAINER) {
            if args.len() > 1 {
                id = self.subcommand(spec, args.at(1))?;
                spec = self.spec(id);
            } else if !spec.arity.fits(1) {
                return Err(CommandError::Arity(spec.name));
            }
        }
        if !spec.arity.fits(args.len()) {
            return Err(CommandError::Arity(spec.name));
        }
        Ok(id)
    }

    /// The command or subcommand that a request names; its arity is not looked at. A container that
    /// stands alone is that itself.
    pub fn named(&self, args: Args<'_>) -> Option<CommandId> {
        let name = args.get(0).filter(|name| !name.contains(&b'|'))?;
        let id = self.lookup(name)?;
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
