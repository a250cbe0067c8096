//! Commands of the family *stream*.
//!
//! Beside the commands: `claim` (what XCLAIM and XAUTOCLAIM do), `consumer` (groups and consumers as commands name them), `entries` (how
//! entries are replied), `id` (how clients write ids), `read` (the arguments of XREAD and
//! XREADGROUP), `references` (KEEPREF, DELREF, ACKED), `trim` (the options of XADD and XTRIM).

mod claim;
mod consumer;
mod entries;
mod help;
mod id;
mod read;
mod references;
mod trim;
mod xack;
mod xackdel;
mod xadd;
mod xautoclaim;
mod xclaim;
mod xdel;
mod xdelex;
mod xgroup;
mod xgroup_create;
mod xgroup_createconsumer;
mod xgroup_delconsumer;
mod xgroup_destroy;
mod xinfo;
mod xinfo_consumers;
mod xinfo_groups;
mod xinfo_stream;
mod xlen;
mod xpending;
mod xrange;
mod xread;
mod xreadgroup;
mod xsetid;
mod xtrim;

use protocol::args::Args;
use protocol::encode::Version;

use super::{Call, Command};
use crate::error::CommandError;
use crate::reply::Reply;

pub use xread::request_to_wait_with;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[
    &xack::COMMAND,
    &xackdel::COMMAND,
    &xadd::COMMAND,
    &xautoclaim::COMMAND,
    &xclaim::COMMAND,
    &xdel::COMMAND,
    &xdelex::COMMAND,
    &xgroup::COMMAND,
    &xgroup_create::CREATE,
    &xgroup_createconsumer::COMMAND,
    &xgroup_delconsumer::COMMAND,
    &xgroup_destroy::COMMAND,
    &help::XGROUP,
    &xgroup_create::SETID,
    &xinfo::COMMAND,
    &xinfo_consumers::COMMAND,
    &xinfo_groups::COMMAND,
    &help::XINFO,
    &xinfo_stream::COMMAND,
    &xlen::COMMAND,
    &xpending::COMMAND,
    &xrange::XRANGE,
    &xread::COMMAND,
    &xreadgroup::COMMAND,
    &xrange::XREVRANGE,
    &xsetid::COMMAND,
    &xtrim::COMMAND,
];

/// How long XREAD or XREADGROUP is to wait, in milliseconds, 0 for ever; `None` when it is not to.
///
/// # Errors
/// What is wrong with the request.
pub fn block_timeout(args: Args<'_>) -> Result<Option<i64>, CommandError> {
    Ok(read::Options::parse(args, args.is(0, "XREADGROUP"))?.block)
}

/// The reply when there is nothing to read.
fn nothing_to_read(call: &mut Call<'_, '_>, block: Option<i64>) -> Result<(), CommandError> {
    if block.is_some() {
        return Err(CommandError::WouldBlock);
    }
    call.reply.null_array();
    Ok(())
}

/// What XREAD and XREADGROUP reply begins with: a map of streams, which RESP2 has as pairs.
fn begin_streams(reply: &mut Reply<'_>, streams: usize) {
    match reply.version() {
        Version::Resp2 => reply.array(streams),
        Version::Resp3 => reply.map(streams),
    }
}

/// A stream of that reply; its entries follow.
fn begin_stream(reply: &mut Reply<'_>, key: &[u8]) {
    if reply.version() == Version::Resp2 {
        reply.array(2);
    }
    reply.bulk(key);
}

/// The error of a subcommand that was given what it does not know.
fn unknown_form(args: Args<'_>, container: &str) -> CommandError {
    let name = String::from_utf8_lossy(args.at(1));
    CommandError::dynamic(format!(
        "ERR unknown subcommand or wrong number of arguments for '{name}'. Try {container} HELP."
    ))
}

#[cfg(test)]
mod tests {
    use crate::keyspace::{Events, Message, Settings};
    use crate::testing::Rig;

    #[test]
    fn what_is_told_of_changes() {
        let mut rig = Rig::new();
        let settings = Settings { events: Events::STREAM, ..Settings::default() };
        rig.shard().keyspace_mut().configure(settings);
        let mut check = |line: &str, events: &[&str]| {
            rig.run(line);
            let messages = rig.shard().keyspace_mut().take_messages();
            let told: Vec<&str> = messages
                .iter()
                .map(|message| match message {
                    Message::Event { event, .. } => *event,
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(told, events, "{line}");
        };
        check("XADD s 1 f v", &["xadd"]);
        check("XADD s 1 f v", &[]);
        check("XADD s 2 f v", &["xadd"]);
        check("XADD s MAXLEN 2 3 f v", &["xadd", "xtrim"]);
        check("XTRIM s MAXLEN 2", &[]);
        check("XGROUP CREATE s g 0", &["xgroup-create"]);
        check("XREADGROUP GROUP g a COUNT 1 STREAMS s >", &["xgroup-createconsumer"]);
        check("XREADGROUP GROUP g a COUNT 1 STREAMS s >", &[]);
        check("XCLAIM s g b 0 2", &["xgroup-createconsumer"]);
        check("XAUTOCLAIM s g c 0 0", &["xgroup-createconsumer"]);
        check("XACK s g 2", &[]);
        check("XACKDEL s g IDS 1 3", &["xdel"]);
        check("XDEL s 9", &[]);
        check("XDEL s 2", &["xdel"]);
        check("XADD s 4 f v", &["xadd"]);
        check("XDELEX s IDS 1 4", &["xdel"]);
        check("XSETID s 9", &["xsetid"]);
        check("XGROUP SETID s g 0", &["xgroup-setid"]);
        check("XGROUP CREATECONSUMER s g d", &["xgroup-createconsumer"]);
        check("XGROUP DELCONSUMER s g d", &["xgroup-delconsumer"]);
        check("XGROUP DESTROY s g", &["xgroup-destroy"]);
        check("XGROUP DESTROY s g", &[]);
        check("XGROUP CREATE new g 0 MKSTREAM", &["xgroup-create"]);
    }

    #[test]
    fn consumers_spoil_no_watch_and_entries_do() {
        let mut rig = Rig::new().once();
        rig.check("XADD s 1 f v", "$1-0");
        rig.check("XGROUP CREATE s g 0", "+OK");
        let flag = crate::keyspace::WatchFlag::default();
        let now = crate::time::Micros(rig.now_ms() * 1000);
        let keyspace = rig.shard().keyspace_mut();
        keyspace.enter(now, Some(protocol::slot::Slot::of_key(b"s")));
        keyspace.watch(b"s", &flag);
        rig.run("XREADGROUP GROUP g a STREAMS s >");
        rig.run("XACK s g 1");
        assert!(!flag.spoiled());
        rig.run("XGROUP DESTROY s g");
        assert!(flag.spoiled());
    }

    #[test]
    fn a_copy_and_a_reload_have_all_of_it() {
        let mut rig = Rig::new();
        for id in 1..=5 {
            rig.check(&format!("XADD {{s}}a {id} f {id}"), &format!("${id}-0"));
        }
        rig.check("XGROUP CREATE {s}a g 0 ENTRIESREAD 0", "+OK");
        rig.run("XREADGROUP GROUP g a COUNT 3 STREAMS {s}a >");
        rig.check("XDEL {s}a 5 2", ":2");
        rig.check("XGROUP CREATE {s}empty g $ MKSTREAM", "+OK");
        let before = rig.run("XINFO STREAM {s}a FULL");
        rig.check("COPY {s}a {s}b", ":1");
        assert_eq!(rig.run("XINFO STREAM {s}b FULL"), before);
        rig.check("XACK {s}b g 1", ":1");
        let digest = rig.shard().keyspace().digest();
        rig.shard().keyspace_mut().rebuild();
        assert_eq!(rig.shard().keyspace().digest(), digest);
        assert_eq!(rig.run("XINFO STREAM {s}a FULL"), before);
        rig.check("XLEN {s}empty", ":0");
        rig.check_error("XGROUP CREATE {s}empty g $", "BUSYGROUP");
    }
}
