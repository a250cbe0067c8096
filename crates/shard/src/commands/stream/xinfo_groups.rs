//! XINFO GROUPS key: which groups read a stream, and how far behind they are.

use protocol::args::Args;
use protocol::spec::Arity;

use super::entries::put_id;
use super::xinfo::about_key;
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::reply::Reply;
use crate::types::stream::Stream;
use crate::types::stream::group::Progress;

pub(super) const COMMAND: Command = about_key(
    "xinfo|groups",
    Arity::exactly(3),
    &[],
    "Returns a list of the consumer groups of a stream.",
    run,
);

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let stream = call.keyspace.stream(args.at(2))?.ok_or(CommandError::NoSuchKey)?;
    call.reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        call.reply.map(6);
        call.reply.bulk(b"name");
        call.reply.bulk(name);
        call.reply.bulk(b"consumers");
        call.reply.count(group.consumer_count());
        call.reply.bulk(b"pending");
        call.reply.count(group.pending().len());
        put_progress(call.reply, stream, group.progress);
    }
    Ok(())
}

/// How far a group has read: three pairs.
pub(super) fn put_progress(reply: &mut Reply<'_>, stream: &Stream, progress: Progress) {
    reply.bulk(b"last-delivered-id");
    put_id(reply, progress.last);
    let counts = [("entries-read", progress.entries_read), ("lag", stream.lag(progress))];
    for (name, count) in counts {
        reply.bulk(name.as_bytes());
        match count {
            Some(count) => reply.int(count as i64),
            None => reply.null(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    /// `entries-read` and `lag` of the only group.
    fn counts(rig: &mut Rig) -> String {
        let info = rig.run("XINFO GROUPS s");
        let at = info.find("$entries-read").unwrap();
        info[at..].trim_end_matches(']').to_owned()
    }

    #[test]
    fn how_far_behind_a_group_is() {
        let mut rig = Rig::new();
        rig.check("XGROUP CREATE s g 0 MKSTREAM", "+OK");
        assert_eq!(counts(&mut rig), "$entries-read _ $lag :0");
        for id in 1..=5 {
            rig.check(&format!("XADD s {id} f v"), &format!("${id}-0"));
        }
        assert_eq!(counts(&mut rig), "$entries-read _ $lag :5");
        rig.run("XREADGROUP GROUP g a COUNT 1 STREAMS s >");
        assert_eq!(counts(&mut rig), "$entries-read :1 $lag :4");
        // A gap ahead of the group: nobody knows.
        rig.check("XDEL s 3", ":1");
        assert_eq!(counts(&mut rig), "$entries-read :1 $lag _");
        rig.run("XREADGROUP GROUP g a COUNT 2 STREAMS s >");
        assert_eq!(counts(&mut rig), "$entries-read _ $lag _");
        // At the end of the stream it is known again.
        rig.run("XREADGROUP GROUP g a STREAMS s >");
        assert_eq!(counts(&mut rig), "$entries-read :5 $lag :0");
    }

    #[test]
    fn trimming_is_no_gap() {
        let mut rig = Rig::new();
        for id in 1..=5 {
            rig.check(&format!("XADD s {id} f v"), &format!("${id}-0"));
        }
        rig.check("XGROUP CREATE s g 0", "+OK");
        rig.run("XREADGROUP GROUP g a COUNT 1 STREAMS s >");
        rig.check("XTRIM s MAXLEN 2", ":3");
        assert_eq!(counts(&mut rig), "$entries-read :1 $lag :2");
        rig.run("XREADGROUP GROUP g a COUNT 1 STREAMS s >");
        assert_eq!(counts(&mut rig), "$entries-read :4 $lag :1");
    }

    #[test]
    fn an_id_in_between_is_not_counted() {
        let mut rig = Rig::new();
        for id in 1..=3 {
            rig.check(&format!("XADD s {id} f v"), &format!("${id}-0"));
        }
        rig.check("XGROUP CREATE s g 2", "+OK");
        assert_eq!(counts(&mut rig), "$entries-read _ $lag _");
    }

    #[test]
    fn errors() {
        let mut rig = Rig::new().resp3();
        rig.check("XINFO GROUPS s", "-ERR no such key");
        rig.check("XADD s 1 f v", "$1-0");
        rig.check("XINFO GROUPS s", "[]");
        rig.check("SET k v", "+OK");
        rig.check_error("XINFO GROUPS k", "WRONGTYPE");
    }
}
