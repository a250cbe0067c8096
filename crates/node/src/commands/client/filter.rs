//! Which clients CLIENT LIST shows and CLIENT KILL ends: the filters of Redis 7.2, and those that
//! Valkey has added, for both. All that are given have to fit; of one that is given twice the last
//! counts, but all IDs do.

use std::net::SocketAddr;

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::number::parse_i64;
use router::acl::Acl;
use shard::error::CommandError;

use crate::clients::Client;

/// The letters that a client of Redis or Valkey may have in CLIENT LIST.
const FLAGS: &str = "ABEIMNOPRSTUbcdeirtux";

/// The letters of what a client may say with CLIENT CAPA, which there is not here.
const CAPABILITIES: &str = "r";

const BAD_ID: CommandError = CommandError::Text("ERR Invalid client ID");

/// What the filter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    List,
    Kill,
}

/// One thing to be true of a client.
#[derive(Debug)]
enum Test {
    Address(Option<SocketAddr>),
    Capabilities(Vec<u8>),
    Database,
    Flags(String),
    Id(Vec<i64>),
    Idle(u64),
    Ip(Vec<u8>),
    LibName(Vec<u8>),
    LibVer(Vec<u8>),
    LocalAddress(Option<SocketAddr>),
    MaxAge(u64),
    Name(Vec<u8>),
    Type(Type),
    User(Vec<u8>),
}

/// The types that there are, and those that nobody is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Normal,
    Nobody,
    Pubsub,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Filter {
    /// Each with the name it was given by, in capitals, and whether it is to be true.
    tests: Vec<(String, bool, Test)>,
    skip_me: bool,
}

impl Filter {
    /// That of CLIENT KILL addr:port.
    pub(super) fn of_address(address: &[u8]) -> Self {
        let test = Test::Address(parse_address(address));
        Self { tests: vec![("ADDR".into(), true, test)], skip_me: false }
    }

    /// Reads what follows `CLIENT LIST` or `CLIENT KILL`.
    pub(super) fn parse(args: Args<'_>, what_for: Use, acl: &Acl) -> Result<Self, CommandError> {
        let mut filter = Self { tests: Vec::new(), skip_me: what_for == Use::Kill };
        let mut at = 2;
        let mut unknown = CommandError::from(ArgsError::Syntax);
        while at < args.len() {
            let word = args.at(at).to_ascii_uppercase();
            let word = String::from_utf8_lossy(&word).into_owned();
            let Some(value) = args.get(at + 1) else { return Err(unknown) };
            at += 2;
            match word.as_str() {
                "SKIPME" => filter.skip_me = parse_yes(value)?,
                "ID" | "NOT-ID" => {
                    let mut ids = vec![parse_id(&word, value, what_for)?];
                    while let Some(id) = args.get(at).and_then(parse_i64) {
                        ids.push(check_id(id, what_for)?);
                        at += 1;
                    }
                    filter.add_ids(word, ids);
                    if what_for == Use::List {
                        // In 7.2 there is nothing else behind IDs.
                        unknown = BAD_ID;
                    }
                }
                _ => {
                    let (test, wanted) = match parse_test(&word, value, acl) {
                        Err(error) if error == ArgsError::Syntax.into() => return Err(unknown),
                        parsed => parsed?,
                    };
                    filter.tests.retain(|(known, ..)| *known != word);
                    filter.tests.push((word, wanted, test));
                }
            }
        }
        Ok(filter)
    }

    fn add_ids(&mut self, word: String, ids: Vec<i64>) {
        for (known, _, test) in &mut self.tests {
            if let Test::Id(all) = test
                && *known == word
            {
                all.extend(ids);
                return;
            }
        }
        let wanted = word == "ID";
        self.tests.push((word, wanted, Test::Id(ids)));
    }

    /// Whether a client is meant; `own` is the one that asks.
    pub(super) fn chooses(&self, client: &Client, own: u64) -> bool {
        !(self.skip_me && client.id == own)
            && self.tests.iter().all(|(_, wanted, test)| test.fits(client) == *wanted)
    }
}

impl Test {
    fn fits(&self, client: &Client) -> bool {
        match self {
            Self::Address(address) => *address == Some(client.address),
            Self::Capabilities(letters) => letters.is_empty(),
            Self::Database => true,
            Self::Flags(letters) => {
                let flags = client.flags();
                letters.chars().all(|letter| flags.contains(letter))
            }
            Self::Id(ids) => ids.iter().any(|id| u64::try_from(*id) == Ok(client.id)),
            Self::Idle(seconds) => client.idle_seconds() >= *seconds,
            Self::Ip(ip) => *ip == client.address.ip().to_string().as_bytes(),
            Self::LibName(name) => is_named(&client.facts().lib_name, name),
            Self::LibVer(version) => is_named(&client.facts().lib_ver, version),
            Self::LocalAddress(address) => *address == Some(client.local),
            Self::MaxAge(seconds) => client.age_seconds() >= *seconds,
            Self::Name(name) => is_named(&client.facts().name, name),
            Self::Type(kind) => {
                let listens = client.facts().subscriptions != [0; 3];
                *kind == if listens { Type::Pubsub } else { Type::Normal }
            }
            Self::User(user) => client.facts().user == *user,
        }
    }
}

/// A client without a name is not found by the empty one.
fn is_named(name: &[u8], wanted: &[u8]) -> bool {
    !name.is_empty() && name == wanted
}

/// A test by its name, and whether it is to be true.
fn parse_test(word: &str, value: &[u8], acl: &Acl) -> Result<(Test, bool), CommandError> {
    let (name, wanted) = match word.strip_prefix("NOT-") {
        Some("MAXAGE" | "IDLE") => return Err(ArgsError::Syntax.into()),
        Some(name) => (name, false),
        None => (word, true),
    };
    let text = value.to_vec();
    let test = match name {
        "ADDR" => Test::Address(parse_address(value)),
        "CAPA" => {
            check_letters(value, CAPABILITIES, "capa", wanted)?;
            Test::Capabilities(text)
        }
        "DB" => check_database(word, value)?,
        "FLAGS" => Test::Flags(check_letters(value, FLAGS, "flags", wanted)?),
        "IDLE" => Test::Idle(parse_seconds("idle", value)?),
        "IP" => Test::Ip(text),
        "LADDR" => Test::LocalAddress(parse_address(value)),
        "LIB-NAME" => Test::LibName(text),
        "LIB-VER" => Test::LibVer(text),
        "MAXAGE" => Test::MaxAge(parse_seconds("maxage", value)?),
        "NAME" => Test::Name(text),
        "TYPE" => Test::Type(parse_type(value)?),
        "USER" if acl.user(value).is_some() => Test::User(text),
        "USER" => return error(format!("ERR No such user '{}'", shown(value))),
        _ => return Err(ArgsError::Syntax.into()),
    };
    Ok((test, wanted))
}

fn error<T>(text: String) -> Result<T, CommandError> {
    Err(CommandError::dynamic(text))
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// An address that nobody has is none.
fn parse_address(text: &[u8]) -> Option<SocketAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn parse_yes(value: &[u8]) -> Result<bool, CommandError> {
    match value.to_ascii_lowercase().as_slice() {
        b"yes" => Ok(true),
        b"no" => Ok(false),
        _ => Err(ArgsError::Syntax.into()),
    }
}

fn parse_id(word: &str, text: &[u8], what_for: Use) -> Result<i64, CommandError> {
    match (parse_i64(text), what_for) {
        (Some(id), _) => check_id(id, what_for),
        (None, _) if word != "ID" => Err(ArgsError::Syntax.into()),
        (None, Use::List) => Err(BAD_ID),
        (None, Use::Kill) => check_id(0, what_for),
    }
}

/// CLIENT LIST takes any number: nobody has those below 1.
fn check_id(id: i64, what_for: Use) -> Result<i64, CommandError> {
    match what_for {
        Use::Kill if id < 1 => Err(CommandError::Text("ERR client-id should be greater than 0")),
        _ => Ok(id),
    }
}

fn parse_seconds(name: &str, value: &[u8]) -> Result<u64, CommandError> {
    match parse_i64(value).map(u64::try_from) {
        Some(Ok(seconds @ 1..)) => Ok(seconds),
        Some(_) => error(format!("ERR {name} should be greater than 0")),
        None => error(format!("ERR {name} is not an integer or out of range")),
    }
}

fn check_database(word: &str, value: &[u8]) -> Result<Test, CommandError> {
    match parse_i64(value) {
        Some(0) => Ok(Test::Database),
        Some(_) => error(format!("ERR {word} number should be between 0 and 0")),
        None => error(format!("ERR {word} is not an integer or out of range")),
    }
}

fn check_letters(
    value: &[u8],
    known: &str,
    what: &str,
    wanted: bool,
) -> Result<String, CommandError> {
    let text = shown(value);
    if text.chars().all(|letter| known.contains(letter)) {
        return Ok(text);
    }
    let filter = match wanted {
        true => "provided".into(),
        false => format!("NOT-{}", what.to_ascii_uppercase()),
    };
    error(format!("ERR Unknown {what} found in the {filter} filter: {text}"))
}

fn parse_type(name: &[u8]) -> Result<Type, CommandError> {
    match name.to_ascii_lowercase().as_slice() {
        b"normal" => Ok(Type::Normal),
        b"pubsub" => Ok(Type::Pubsub),
        b"master" | b"primary" | b"replica" | b"slave" => Ok(Type::Nobody),
        _ => error(format!("ERR Unknown client type '{}'", shown(name))),
    }
}
