//! SYNC and REPLCONF, as far as `redis-cli --rdb` goes: a file of Redis's format with all that there is.
//!
//! No replica of Redis can follow this node: behind the file nothing comes, and the connection ends.
//! The file is made of a snapshot that is taken for it, by a thread of its own and one shard at a time,
//! so nobody who is served has to wait.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use protocol::args::Args;
use protocol::encode;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use super::{Done, NodeCall, NodeCommand};
use crate::connection::stream::Channel;
use crate::node::Node;
use crate::{rdb_files, snapshots};

/// Sorted by name.
pub(super) const COMMANDS: &[(&CommandSpec, NodeCommand)] = &[(&REPLCONF, replconf), (&SYNC, sync)];

/// Who takes nothing for so long has gone, in milliseconds.
const PATIENCE: u16 = 60_000;

static REPLCONF: CommandSpec = CommandSpec {
    name: "replconf",
    family: Family::Server,
    arity: Arity::at_least(1),
    flags: Flags::ADMIN
        .union(Flags::NOSCRIPT)
        .union(Flags::LOADING)
        .union(Flags::STALE)
        .union(Flags::ALLOW_BUSY),
    since: "3.0.0",
    complexity: "O(1)",
    summary: "An internal command for configuring the replication stream.",
    ..CommandSpec::NEW
};

static SYNC: CommandSpec = CommandSpec {
    name: "sync",
    family: Family::Server,
    arity: Arity::exactly(1),
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::NO_MULTI),
    summary: "An internal command used in replication.",
    ..CommandSpec::NEW
};

fn replconf(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    if args.len().is_multiple_of(2) {
        return Err(protocol::error::ArgsError::Syntax.into());
    }
    for at in (1..args.len()).step_by(2) {
        // What `redis-cli --rdb` says of itself. Functions are part of the file as they are.
        if !args.is(at, "RDB-ONLY") {
            let option = String::from_utf8_lossy(args.at(at)).into_owned();
            return Err(CommandError::dynamic(format!(
                "ERR Unrecognized REPLCONF option: {option}"
            )));
        }
    }
    call.reply.ok();
    Ok(Done::Replied)
}

fn sync(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    if !call.session.subscriptions.is_empty() || call.session.tracking.is_some() {
        return Err(CommandError::Text("ERR SYNC is for connections that listen to nothing else"));
    }
    let (executor, connection) = (call.executor.clone(), call.connection.clone());
    Ok(Done::Later(Box::pin(async move {
        let node = executor.node.clone();
        connection.write_now(&executor);
        let Ok(channel) = connection.channel() else {
            return error("ERR no descriptor is left");
        };
        if let Err(why) = snapshot(&node).await {
            return error(&format!("ERR {why}"));
        }
        let sent = tokio::task::spawn_blocking(move || send_newest(&node, &channel)).await;
        match sent.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(()) => {
                connection.close_when_written();
                Vec::new()
            }
            Err(why) => {
                // Some of the file may have been sent, so nothing else can be said.
                tracing::warn!(why, "a file for SYNC was not sent");
                connection.kill();
                Vec::new()
            }
        }
    })))
}

fn error(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    encode::error(&mut out, text.as_bytes());
    out
}

/// Takes a snapshot, after one that is under way: that may be too old.
async fn snapshot(node: &Arc<Node>) -> Result<(), String> {
    loop {
        match snapshots::begin(node) {
            Ok(end) => return end.await.unwrap_or_else(|_| Err("the snapshot ended".to_owned())),
            Err(snapshots::Busy) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Makes a file of the newest snapshot and sends it. For a thread that may wait.
fn send_newest(node: &Node, channel: &Channel) -> Result<(), String> {
    let path = node.config.dir.join(format!(".atoll-sync-{}.tmp", fastrand::u64(..)));
    let written = rdb_files::write_newest(node, &path);
    let sent = written.and_then(|()| send_file(&path, channel));
    // Best effort: what is left is removed by hand.
    let _ = std::fs::remove_file(&path);
    sent
}

fn send_file(path: &Path, channel: &Channel) -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    send_all(channel, format!("${size}\r\n").as_bytes())?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(()),
            count => send_all(channel, &buffer[..count])?,
        }
    }
}

fn send_all(channel: &Channel, mut bytes: &[u8]) -> Result<(), String> {
    while !bytes.is_empty() {
        match channel.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let mut fds = [PollFd::new(channel.as_fd(), PollFlags::POLLOUT)];
                match poll(&mut fds, PollTimeout::from(PATIENCE)) {
                    Ok(0) => return Err("the client takes nothing".to_owned()),
                    Ok(_) | Err(Errno::EINTR) => {}
                    Err(error) => return Err(error.to_string()),
                }
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(())
}
