//! ACL subcommands that change users, close connections, or look at the log or at files: DELUSER,
//! GENPASS, LOAD, LOG, SAVE, SETUSER.

use std::path::Path;
use std::rc::Rc;

use protocol::args::Args;
use protocol::encode;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use router::acl::rule::has_blanks;
use router::acl::{Acl, Changed, DEFAULT_USER, file};
use shard::error::CommandError;

use super::{Done, NodeCall, NodeCommand};
use crate::config::{Config, PubsubDefault};
use crate::connection::Connection;
use crate::executor::Executor;

/// Sorted by name.
pub(super) const COMMANDS: &[(&CommandSpec, NodeCommand)] = &[
    (&DELUSER, deluser),
    (&GENPASS, genpass),
    (&LOAD, load),
    (&LOG, log),
    (&SAVE, save),
    (&SETUSER, setuser),
];

const BASE: CommandSpec = CommandSpec {
    family: Family::Server,
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE),
    since: "6.0.0",
    ..CommandSpec::NEW
};

const EVERYWHERE: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

static DELUSER: CommandSpec = CommandSpec {
    name: "acl|deluser",
    arity: Arity::at_least(3),
    tips: EVERYWHERE,
    complexity: "O(1) amortized time considering the typical user.",
    summary: "Deletes ACL users, and terminates their connections.",
    ..BASE
};

static GENPASS: CommandSpec = CommandSpec {
    name: "acl|genpass",
    arity: Arity::at_least(2),
    flags: Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE),
    summary: "Generates a pseudorandom, secure password that can be used to identify ACL users.",
    ..BASE
};

static LOAD: CommandSpec = CommandSpec {
    name: "acl|load",
    arity: Arity::exactly(2),
    complexity: "O(N). Where N is the number of configured users.",
    summary: "Reloads the rules from the configured ACL file.",
    ..BASE
};

static LOG: CommandSpec = CommandSpec {
    name: "acl|log",
    arity: Arity::at_least(2),
    complexity: "O(N) with N being the number of entries shown.",
    summary: "Lists recent security events generated due to ACL rules.",
    ..BASE
};

static SAVE: CommandSpec = CommandSpec {
    name: "acl|save",
    arity: Arity::exactly(2),
    tips: EVERYWHERE,
    complexity: "O(N). Where N is the number of configured users.",
    summary: "Saves the effective ACL rules in the configured ACL file.",
    ..BASE
};

static SETUSER: CommandSpec = CommandSpec {
    name: "acl|setuser",
    arity: Arity::at_least(3),
    tips: EVERYWHERE,
    complexity: "O(N). Where N is the number of rules provided.",
    summary: "Creates and modifies an ACL user and its rules.",
    ..BASE
};

const NO_FILE: &str = "ERR This Redis instance is not configured to use an ACL file. You may want \
    to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you \
    have a Redis configuration file set) in order to store users in the Redis configuration.";

fn setuser(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let name = args.at(2);
    if has_blanks(name) {
        let text = "ERR Usernames can't contain spaces or null characters";
        return Err(CommandError::Text(text));
    }
    let acl = &call.executor.node.acl;
    let changed = acl
        .set_user(name, args.iter_from(3))
        .map_err(|text| CommandError::dynamic(format!("ERR {}", String::from_utf8_lossy(&text))))?;
    Ok(settle(call, changed, |out| encode::status(out, "OK")))
}

fn deluser(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    if args.iter_from(2).any(|name| name == DEFAULT_USER) {
        return Err(CommandError::Text("ERR The 'default' user cannot be removed"));
    }
    let changed = call.executor.node.acl.remove_users(args.iter_from(2));
    let count = changed.removed.len() as i64;
    Ok(settle(call, changed, move |out| encode::header(out, b':', count)))
}

fn load(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    let node = &call.executor.node;
    let changed = load_file(&node.acl, &node.config)
        .map_err(|why| CommandError::dynamic(format!("ERR {why}")))?;
    Ok(settle(call, changed, |out| encode::status(out, "OK")))
}

/// Puts the users of the ACL file in place, all of them or none.
///
/// # Errors
/// Why not.
fn load_file(acl: &Acl, config: &Config) -> Result<Changed, String> {
    let name = config.aclfile.as_str();
    if name.is_empty() {
        return Err(NO_FILE.trim_start_matches("ERR ").into());
    }
    let text = std::fs::read(name)
        .map_err(|error| format!("Error loading ACLs, opening file '{name}': {error}"))?;
    let users = acl.parse_file(name, &text)?;
    Ok(acl.replace_users(users))
}

fn save(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    let node = &call.executor.node;
    let name = node.config.aclfile.as_str();
    if name.is_empty() {
        return Err(CommandError::Text(NO_FILE));
    }
    let users = node.acl.users();
    let text = file::print(users.iter().map(AsRef::as_ref));
    if let Err(error) = write_file(Path::new(name), &text) {
        tracing::warn!(file = name, %error, "the ACL file cannot be written");
        return Err(CommandError::Text(
            "ERR There was an error trying to save the ACLs. Please check the server logs for more \
             information",
        ));
    }
    call.reply.ok();
    Ok(Done::Replied)
}

/// Writes a file beside the old one and puts it in its place, so that there is always one of them.
fn write_file(path: &Path, text: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".tmp-{}", std::process::id()));
    let written = std::fs::File::create(&beside).and_then(|mut file| {
        file.write_all(text)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    });
    if written.is_err() {
        // Best effort: what is wrong has been told already.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

/// Closes the connections that a change of users concerns, then replies.
fn settle(
    call: &NodeCall<'_, '_>,
    changed: Changed,
    reply: impl FnOnce(&mut Vec<u8>) + 'static,
) -> Done {
    let (executor, connection) = (call.executor.clone(), call.connection.clone());
    Done::Later(Box::pin(async move {
        close_connections(&executor, &connection, changed).await;
        let mut out = Vec::new();
        reply(&mut out);
        out
    }))
}

/// Ends the connections of users that are gone, and those that listen to what they may not listen
/// to any more. `own` is answered first.
async fn close_connections(executor: &Rc<Executor>, own: &Rc<Connection>, changed: Changed) {
    let node = &executor.node;
    let is_gone = |user: &[u8]| changed.removed.iter().any(|name| name == user);
    if !changed.removed.is_empty() {
        node.clients.kill(Some(own.id()), |client| is_gone(&client.facts().user));
    }
    if is_gone(&own.client.facts().user) {
        own.close_when_written();
    }
    if changed.altered.is_empty() || node.channels.counts() == (0, 0, 0) {
        return;
    }
    let id = own.id();
    for shard in 0..node.topology.shards() {
        executor.ask(shard, move |executor| executor.close_eavesdroppers(id)).await;
    }
}

fn genpass(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    const BITS_MAX: i64 = 4096;
    if args.len() > 3 {
        return Err(unknown_or_wrong(args));
    }
    let bits = if args.len() == 3 { args.int(2)? } else { 256 };
    if !(1..=BITS_MAX).contains(&bits) {
        return Err(CommandError::Text(
            "ERR ACL GENPASS argument must be the number of bits for the output password, a \
             positive number up to 4096",
        ));
    }
    let digits = bits.unsigned_abs().div_ceil(4) as usize;
    let mut random = [0; (BITS_MAX / 8) as usize];
    getrandom::fill(&mut random)
        .map_err(|_| CommandError::Text("ERR the system has no random numbers"))?;
    let mut text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(digits);
    call.reply.bulk(text.as_bytes());
    Ok(Done::Replied)
}

fn log(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    const SHOWN: i64 = 10;
    let log = &call.executor.node.acl_log;
    if args.len() > 3 {
        return Err(unknown_or_wrong(args));
    }
    if args.len() == 3 && args.is(2, "RESET") {
        log.clear();
        call.reply.ok();
        return Ok(Done::Replied);
    }
    let count = if args.len() == 3 { args.int(2)? } else { SHOWN };
    let entries = log.newest(usize::try_from(count).unwrap_or(0));
    let now_ms = call.executor.clock.now().millis().0;
    let reply = &mut *call.reply;
    reply.array(entries.len());
    for entry in entries {
        reply.map(10);
        reply.bulk(b"count");
        reply.int(entry.count as i64);
        reply.bulk(b"reason");
        reply.bulk(entry.reason.as_bytes());
        reply.bulk(b"context");
        reply.bulk(entry.context.name().as_bytes());
        reply.bulk(b"object");
        reply.bulk(&entry.object);
        reply.bulk(b"username");
        reply.bulk(&entry.user);
        reply.bulk(b"age-seconds");
        reply.double((now_ms - entry.updated_ms) as f64 / 1000.0);
        reply.bulk(b"client-info");
        reply.bulk(entry.client.as_bytes());
        reply.bulk(b"entry-id");
        reply.int(entry.id as i64);
        reply.bulk(b"timestamp-created");
        reply.int(entry.created_ms);
        reply.bulk(b"timestamp-last-updated");
        reply.int(entry.updated_ms);
    }
    Ok(Done::Replied)
}

/// Redis's text for subcommands with too many arguments.
fn unknown_or_wrong(args: Args<'_>) -> CommandError {
    let name = String::from_utf8_lossy(args.at(1)).into_owned();
    CommandError::dynamic(format!(
        "ERR unknown subcommand or wrong number of arguments for '{name}'. Try ACL HELP."
    ))
}

/// Makes the users that the configuration asks for.
///
/// # Errors
/// Which key is wrong, and why.
pub(crate) fn configure(acl: &Acl, config: &Config) -> Result<(), (&'static str, String)> {
    acl.set_all_channels(config.acl_pubsub_default == PubsubDefault::AllChannels);
    if !config.aclfile.is_empty() {
        load_file(acl, config).map_err(|why| ("aclfile", why))?;
    } else if !config.user.is_empty() {
        let lines: Vec<String> = config.user.iter().map(|line| format!("user {line}")).collect();
        let users = acl.parse_file("user", lines.join("\n").as_bytes());
        acl.replace_users(users.map_err(|why| ("user", why))?);
    }
    if !config.requirepass.is_empty() {
        acl.set_default_password(config.requirepass.as_bytes());
    }
    Ok(())
}
