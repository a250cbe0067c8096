//! CLIENT subcommands about other clients: LIST, INFO, KILL, PAUSE, UNPAUSE, UNBLOCK.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::number::parse_i64;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use router::acl::Acl;
use shard::error::CommandError;

use super::{Done, NodeCall, NodeCommand};
use crate::clients::{Client, Unblock};
use crate::connection::command_name;
use crate::pause::Mode;

/// Sorted by name.
pub(super) const COMMANDS: &[(&CommandSpec, NodeCommand)] = &[
    (&INFO, info),
    (&KILL, kill),
    (&LIST, list),
    (&PAUSE, pause),
    (&UNBLOCK, unblock),
    (&UNPAUSE, unpause),
];

const BASE: CommandSpec = CommandSpec {
    family: Family::Connection,
    flags: Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE),
    ..CommandSpec::NEW
};

const ADMIN: Flags = BASE.flags.union(Flags::ADMIN);

static INFO: CommandSpec = CommandSpec {
    name: "client|info",
    arity: Arity::exactly(2),
    tips: &["nondeterministic_output"],
    since: "6.2.0",
    summary: "Returns information about the connection.",
    ..BASE
};

static LIST: CommandSpec = CommandSpec {
    name: "client|list",
    arity: Arity::at_least(2),
    flags: ADMIN,
    tips: &["nondeterministic_output"],
    since: "2.4.0",
    complexity: "O(N) where N is the number of client connections",
    summary: "Lists open connections.",
    ..BASE
};

static KILL: CommandSpec = CommandSpec {
    name: "client|kill",
    arity: Arity::at_least(3),
    flags: ADMIN,
    since: "2.4.0",
    complexity: "O(N) where N is the number of client connections",
    summary: "Terminates open connections.",
    ..BASE
};

static PAUSE: CommandSpec = CommandSpec {
    name: "client|pause",
    arity: Arity::at_least(3),
    flags: ADMIN,
    since: "3.0.0",
    summary: "Suspends commands processing.",
    ..BASE
};

static UNPAUSE: CommandSpec = CommandSpec {
    name: "client|unpause",
    arity: Arity::exactly(2),
    flags: ADMIN,
    since: "6.2.0",
    complexity: "O(N) Where N is the number of paused clients",
    summary: "Resumes processing commands from paused clients.",
    ..BASE
};

static UNBLOCK: CommandSpec = CommandSpec {
    name: "client|unblock",
    arity: Arity::at_least(3),
    flags: ADMIN,
    since: "5.0.0",
    complexity: "O(log N) where N is the number of client connections",
    summary: "Unblocks a client blocked by a blocking command from a different connection.",
    ..BASE
};

fn line(call: &NodeCall<'_, '_>, client: &Client) -> String {
    let command = command_name(&call.executor.node, client.last_command.load(Ordering::Relaxed));
    client.describe(command)
}

fn info(call: &mut NodeCall<'_, '_>, _args: Args<'_>) -> Result<Done, CommandError> {
    call.connection.publish_facts(call.session);
    let line = line(call, &call.connection.client) + "\n";
    call.reply.verbatim(line.as_bytes());
    Ok(Done::Replied)
}

fn list(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let chosen: Box<dyn Fn(&Client) -> bool> = match args.len() {
        2 => Box::new(|_| true),
        4 if args.is(2, "TYPE") => {
            let normal = is_normal_type(args.at(3))?;
            Box::new(move |_| normal)
        }
        4.. if args.is(2, "ID") => {
            let ids: Result<Vec<u64>, CommandError> = args.iter_from(3).map(parse_id).collect();
            let ids = ids?;
            Box::new(move |client| ids.contains(&client.id))
        }
        _ => return Err(ArgsError::Syntax.into()),
    };
    call.connection.publish_facts(call.session);
    let clients = call.executor.node.clients.all();
    let lines: String = clients
        .iter()
        .filter(|client| chosen(client))
        .map(|client| line(call, client) + "\n")
        .collect();
    call.reply.verbatim(lines.as_bytes());
    Ok(Done::Replied)
}

fn parse_id(text: &[u8]) -> Result<u64, CommandError> {
    parse_i64(text)
        .and_then(|id| u64::try_from(id).ok())
        .filter(|id| *id > 0)
        .ok_or(CommandError::Text("ERR Invalid client ID"))
}

/// Whether clients of this type are the ones there are: normal ones.
fn is_normal_type(name: &[u8]) -> Result<bool, CommandError> {
    match name.to_ascii_lowercase().as_slice() {
        b"normal" => Ok(true),
        b"master" | b"primary" | b"replica" | b"slave" | b"pubsub" => Ok(false),
        other => Err(CommandError::dynamic(format!(
            "ERR Unknown client type '{}'",
            String::from_utf8_lossy(other)
        ))),
    }
}

/// Which clients CLIENT KILL ends.
#[derive(Default)]
struct Filter {
    id: Option<u64>,
    address: Option<SocketAddr>,
    local: Option<SocketAddr>,
    normal: Option<bool>,
    max_age: Option<u64>,
    user: Option<Vec<u8>>,
    /// The address does not parse, so no client has it.
    nobody: bool,
}

impl Filter {
    fn fits(&self, client: &Client) -> bool {
        !self.nobody
            && self.id.is_none_or(|id| id == client.id)
            && self.address.is_none_or(|address| address == client.address)
            && self.local.is_none_or(|local| local == client.local)
            && self.normal.unwrap_or(true)
            && self.user.as_ref().is_none_or(|user| *user == client.facts().user)
            && self.max_age.is_none_or(|age| client.age_seconds() >= age)
    }

    fn set_address(&mut self, text: &[u8], is_local: bool) {
        match std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()) {
            Some(address) if is_local => self.local = Some(address),
            Some(address) => self.address = Some(address),
            None => self.nobody = true,
        }
    }
}

fn kill(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let me = call.session.id;
    let clients = &call.executor.node.clients;
    if args.len() == 3 {
        // The old form: CLIENT KILL addr:port.
        let mut filter = Filter::default();
        filter.set_address(args.at(2), false);
        if clients.kill(Some(me), |client| filter.fits(client)) == 0 {
            return Err(CommandError::Text("ERR No such client"));
        }
        call.reply.ok();
        let own = filter.fits(&call.connection.client);
        return Ok(if own { Done::Close } else { Done::Replied });
    }
    let (filter, skip_me) = kill_filter(args, &call.executor.node.acl)?;
    let own = !skip_me && filter.fits(&call.connection.client);
    let count =
        clients.kill(Some(me), |client| filter.fits(client) && !(skip_me && client.id == me));
    call.reply.count(count);
    Ok(if own { Done::Close } else { Done::Replied })
}

fn kill_filter(args: Args<'_>, acl: &Acl) -> Result<(Filter, bool), CommandError> {
    let mut filter = Filter::default();
    let mut skip_me = true;
    if args.len() % 2 == 1 {
        return Err(ArgsError::Syntax.into());
    }
    for at in (2..args.len()).step_by(2) {
        let value = args.at(at + 1);
        match args.at(at).to_ascii_uppercase().as_slice() {
            b"ID" => {
                let id = parse_i64(value).and_then(|id| u64::try_from(id).ok());
                let wrong = CommandError::Text("ERR client-id should be greater than 0");
                filter.id = Some(id.filter(|id| *id > 0).ok_or(wrong)?);
            }
            b"TYPE" => filter.normal = Some(is_normal_type(value)?),
            b"ADDR" => filter.set_address(value, false),
            b"LADDR" => filter.set_address(value, true),
            b"USER" => {
                if acl.user(value).is_none() {
                    return Err(CommandError::dynamic(format!(
                        "ERR No such user '{}'",
                        String::from_utf8_lossy(value)
                    )));
                }
                filter.user = Some(value.to_vec());
            }
            b"MAXAGE" => {
                let age = parse_i64(value).and_then(|age| u64::try_from(age).ok());
                let wrong = CommandError::Text("ERR maxage is not an integer or out of range");
                filter.max_age = Some(age.ok_or(wrong)?);
            }
            b"SKIPME" => match value.to_ascii_lowercase().as_slice() {
                b"yes" => skip_me = true,
                b"no" => skip_me = false,
                _ => return Err(ArgsError::Syntax.into()),
            },
            _ => return Err(ArgsError::Syntax.into()),
        }
    }
    Ok((filter, skip_me))
}

fn pause(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let mode = match args.len() {
        3 => Mode::All,
        4 if args.is(3, "ALL") => Mode::All,
        4 if args.is(3, "WRITE") => Mode::Write,
        4 => return Err(CommandError::Text("ERR CLIENT PAUSE mode must be WRITE or ALL")),
        _ => return Err(ArgsError::Syntax.into()),
    };
    let ms = parse_i64(args.at(2))
        .ok_or(CommandError::Text("ERR timeout is not an integer or out of range"))?;
    let ms = u64::try_from(ms).map_err(|_| CommandError::Text("ERR timeout is negative"))?;
    // A century is for ever, and an Instant can be that far away.
    let duration = Duration::from_millis(ms.min(100 * 366 * 86_400_000));
    call.executor.node.pause.begin(duration, mode);
    call.reply.ok();
    Ok(Done::Replied)
}

fn unpause(call: &mut NodeCall<'_, '_>, _args: Args<'_>) -> Result<Done, CommandError> {
    call.executor.node.pause.end();
    call.reply.ok();
    Ok(Done::Replied)
}

fn unblock(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let known = args.len() == 3 || args.is(3, "TIMEOUT") || args.is(3, "ERROR");
    if args.len() > 4 || !known {
        return Err(CommandError::Text("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
    }
    let id = args.int(2)?;
    let how = if args.is(3, "ERROR") { Unblock::Error } else { Unblock::TimeOut };
    let client = u64::try_from(id).ok().and_then(|id| call.executor.node.clients.find(id));
    call.reply.flag(client.is_some_and(|client| client.ask_to_unblock(how)));
    Ok(Done::Replied)
}
