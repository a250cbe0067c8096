//! DEBUG: what tests of a server need and nobody else should.
//!
//! `enable-debug-command` says who may: `no`, `local` (connections from this machine, the default)
//! or `yes`. The subcommands are those that Redis's own tests use and that mean something here.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use protocol::args::Args;
use protocol::slot::Slot;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use router::topology::Owner;
use shard::error::CommandError;
use shard::glob;
use shard::keyspace::Keyspace;
use shard::keyspace::scan::Storage;
use shard::reply::Reply;

use super::{Done, NodeCall, NodeCommand, reply_lines};
use crate::config::DebugAllowed;
use crate::executor::Executor;
use crate::settings::parse_memory;

/// Sorted by name.
pub(super) const COMMANDS: &[(&CommandSpec, NodeCommand)] = &[
    (&CHANGE_REPL_ID, |call, _| allowed(call).map(|()| ok(call))),
    (&DIGEST, digest),
    (&DIGEST_VALUE, digest_value),
    (&HELP, help),
    (&LOADAOF, reload),
    (&OBJECT, object),
    (&PANIC, |call, _| allowed(call).map(|()| panic!("DEBUG PANIC"))),
    (&PACKED_THRESHOLD, packed_threshold),
    (&RELOAD, reload),
    (&SET_ACTIVE_EXPIRE, set_active_expire),
    (&DENY_SCRIPTS, set_disable_deny_scripts),
    (&SLEEP, sleep),
    (&STRINGMATCH_LEN, stringmatch_len),
];

/// Longest sleep, in seconds.
const SLEEP_MAX: f64 = 3600.0;

const BASE: CommandSpec = CommandSpec {
    family: Family::Server,
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE),
    ..CommandSpec::NEW
};

const fn row(name: &'static str, arity: Arity, summary: &'static str) -> CommandSpec {
    CommandSpec { name, arity, summary, ..BASE }
}

static CHANGE_REPL_ID: CommandSpec = row(
    "debug|change-repl-id",
    Arity::exactly(2),
    "Does nothing: there is no replication to take an id from.",
);
static DIGEST: CommandSpec = row(
    "debug|digest",
    Arity::exactly(2),
    "Returns a digest of all keys and values, equal for equal data.",
);
static DIGEST_VALUE: CommandSpec = row(
    "debug|digest-value",
    Arity::at_least(3),
    "Returns a digest of the value of each key, equal for equal values.",
);
static OBJECT: CommandSpec =
    row("debug|object", Arity::exactly(3), "Returns what is known of how a value is stored.");
static PANIC: CommandSpec = row(
    "debug|panic",
    Arity::exactly(2),
    "Panics on the thread of the connection's shard; the process ends.",
);
static PACKED_THRESHOLD: CommandSpec = row(
    "debug|quicklist-packed-threshold",
    Arity::exactly(3),
    "Does nothing: lists have no nodes of a single element.",
);
static HELP: CommandSpec =
    row("debug|help", Arity::exactly(2), "Returns helpful text about the different subcommands.");
static LOADAOF: CommandSpec = row(
    "debug|loadaof",
    Arity::exactly(2),
    "Writes all data as effects and builds it anew from them, as RELOAD.",
);
static RELOAD: CommandSpec = row(
    "debug|reload",
    Arity::at_least(2),
    "Writes all data as effects and builds it anew from them.",
);
static SET_ACTIVE_EXPIRE: CommandSpec = row(
    "debug|set-active-expire",
    Arity::exactly(3),
    "Whether expired keys are removed that nobody looks at.",
);
static DENY_SCRIPTS: CommandSpec = row(
    "debug|set-disable-deny-scripts",
    Arity::exactly(3),
    "Whether scripts may call commands that are not for scripts.",
);
static SLEEP: CommandSpec = row(
    "debug|sleep",
    Arity::exactly(3),
    "Stops the thread of the connection's shard for some seconds.",
);
static STRINGMATCH_LEN: CommandSpec = row(
    "debug|stringmatch-len",
    Arity::exactly(4),
    "Matches a glob pattern with a string of this many letters a.",
);

/// Whether the connection may debug the server.
fn allowed(call: &NodeCall<'_, '_>) -> Result<(), CommandError> {
    let is_local = match call.connection.client.address.ip() {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
    };
    match call.executor.node.settings.debug_allowed() {
        DebugAllowed::Yes => Ok(()),
        DebugAllowed::Local if is_local => Ok(()),
        DebugAllowed::No | DebugAllowed::Local => Err(CommandError::Text(
            "ERR DEBUG command not allowed. If the enable-debug-command option is set to \
             \"local\", you can run it from a local connection, otherwise you need to set this \
             option in the configuration file, and then restart the server.",
        )),
    }
}

fn ok(call: &mut NodeCall<'_, '_>) -> Done {
    call.reply.ok();
    Done::Replied
}

fn sleep(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    allowed(call)?;
    let seconds = args.float(2)?.clamp(0.0, SLEEP_MAX);
    std::thread::sleep(Duration::from_secs_f64(seconds));
    Ok(ok(call))
}

/// There is nothing that it could be the threshold of, so it is only checked.
fn packed_threshold(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    allowed(call)?;
    let size = parse_memory(&String::from_utf8_lossy(args.at(2)));
    if !size.is_some_and(|size| (0..=1 << 32).contains(&size)) {
        return Err(CommandError::Text(
            "ERR argument must be a memory value bigger than 1 and smaller than 4gb",
        ));
    }
    Ok(ok(call))
}

fn help(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    allowed(call)?;
    reply_lines(
        call,
        &[
            "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
            "CHANGE-REPL-ID",
            "    Do nothing: there is no replication.",
            "DIGEST",
            "    Output a hex signature representing the current DB content.",
            "DIGEST-VALUE <key> [<key> ...]",
            "    Output a hex signature of the values of all the specified keys.",
            "LOADAOF",
            "    Build all data anew from its effects.",
            "OBJECT <key>",
            "    Show low level info about `key` and associated value.",
            "PANIC",
            "    Crash the server simulating a panic.",
            "PROTOCOL <type>",
            "    Reply with a test value of the specified type.",
            "QUICKLIST-PACKED-THRESHOLD <size>",
            "    Do nothing: lists have no nodes of a single element.",
            "RELOAD [option ...]",
            "    Build all data anew from its effects.",
            "SET-ACTIVE-EXPIRE <0|1>",
            "    Setting it to 0 disables expiring keys in background.",
            "SET-DISABLE-DENY-SCRIPTS <0|1>",
            "    Setting it to 1 permits scripts all commands.",
            "SLEEP <seconds>",
            "    Stop the shard of this connection for <seconds>. Decimals allowed.",
            "STRINGMATCH-LEN <len> <pattern>",
            "    Match <pattern> with a string of <len> letters.",
            "HELP",
            "    Print this help.",
        ],
    )
}

fn set_active_expire(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    allowed(call)?;
    let active = args.int(2)? != 0;
    call.executor.node.settings.active_expire.store(active, Ordering::Relaxed);
    Ok(ok(call))
}

fn set_disable_deny_scripts(
    call: &mut NodeCall<'_, '_>,
    args: Args<'_>,
) -> Result<Done, CommandError> {
    allowed(call)?;
    let disabled = args.int(2)? != 0;
    on_all_shards(call, move |executor| {
        if let Ok(mut shard) = executor.shard.try_borrow_mut() {
            shard.scripts_mut().permit_all_commands(disabled);
        }
    })
}

/// Options (NOSAVE, NOFLUSH, MERGE) are about files that there are none of.
fn reload(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    allowed(call)?;
    on_all_shards(call, |executor| {
        if let Ok(mut shard) = executor.shard.try_borrow_mut() {
            shard.keyspace_mut().enter(executor.clock.now(), None);
            shard.keyspace_mut().rebuild();
        }
    })
}

/// Has all executors do something, and replies OK.
fn on_all_shards(
    call: &mut NodeCall<'_, '_>,
    work: impl FnOnce(&Executor) + Clone + Send + 'static,
) -> Result<Done, CommandError> {
    let executor = call.executor.clone();
    Ok(Done::Later(Box::pin(async move {
        for shard in 0..executor.node.topology.shards() {
            executor.ask(shard, work.clone()).await;
        }
        b"+OK\r\n".to_vec()
    })))
}

/// Forty hexadecimal digits, as Redis's digests have.
fn hex(digest: u64) -> String {
    format!("{digest:040x}")
}

fn digest(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    allowed(call)?;
    let executor = call.executor.clone();
    let version = call.session.version;
    Ok(Done::Later(Box::pin(async move {
        let mut sum = 0u64;
        for shard in 0..executor.node.topology.shards() {
            let digest = |executor: &Executor| {
                executor.shard.try_borrow().map_or(0, |shard| shard.keyspace().digest())
            };
            sum = sum.wrapping_add(executor.ask(shard, digest).await.unwrap_or_default());
        }
        let mut out = Vec::new();
        Reply::resp(&mut out, version).status(&hex(sum));
        out
    })))
}

fn digest_value(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    allowed(call)?;
    let executor = call.executor.clone();
    let version = call.session.version;
    let keys: Vec<Vec<u8>> = args.iter_from(2).map(<[u8]>::to_vec).collect();
    Ok(Done::Later(Box::pin(async move {
        let mut out = Vec::new();
        let mut reply = Reply::resp(&mut out, version);
        reply.array(keys.len());
        for key in keys {
            let digest = ask_key(&executor, key, |keyspace, key| keyspace.digest_of(key)).await;
            reply.bulk(hex(digest.flatten().unwrap_or_default()).as_bytes());
        }
        out
    })))
}

fn object(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    allowed(call)?;
    let executor = call.executor.clone();
    let version = call.session.version;
    let key = args.at(2).to_vec();
    Ok(Done::Later(Box::pin(async move {
        let storage = ask_key(&executor, key, |keyspace, key| keyspace.storage_of(key)).await;
        let mut out = Vec::new();
        let mut reply = Reply::resp(&mut out, version);
        match storage.flatten() {
            Some(Storage { encoding, idle_seconds, memory }) => reply.status(&format!(
                "Value at:0x0 refcount:1 encoding:{encoding} serializedlength:{memory} lru:0 \
                 lru_seconds_idle:{idle_seconds}"
            )),
            None => reply.error(&CommandError::NoSuchKey),
        }
        out
    })))
}

/// Asks the shard of a key, if it is one of this node's. Looking removes nothing, also when the key
/// has expired.
async fn ask_key<R: Send + 'static>(
    executor: &Executor,
    key: Vec<u8>,
    ask: impl FnOnce(&Keyspace, &[u8]) -> R + Send + 'static,
) -> Option<R> {
    let slot = Slot::of_key(&key);
    let Owner::Here(shard) = executor.node.topology.owner(slot) else { return None };
    let work = move |executor: &Executor| {
        let mut shard = executor.shard.try_borrow_mut().ok()?;
        shard.keyspace_mut().enter(executor.clock.now(), Some(slot));
        Some(ask(shard.keyspace(), &key))
    };
    executor.ask(shard, work).await.flatten()
}

fn stringmatch_len(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    /// More than this is no test of patterns.
    const LEN_MAX: usize = 1 << 24;
    allowed(call)?;
    let len = usize::try_from(args.int(2)?).map_err(|_| CommandError::OutOfRange)?;
    let text = vec![b'a'; len.min(LEN_MAX)];
    call.reply.flag(glob::matches(args.at(3), &text, false));
    Ok(Done::Replied)
}
