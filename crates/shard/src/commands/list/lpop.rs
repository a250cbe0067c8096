//! LPOP and RPOP: take elements off an end of a list. Without a count one, replied as it is; with a
//! count an array. The key goes with its last element.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::notify_popped;
use crate::commands::{Call, Command, Run};
use crate::error::CommandError;
use crate::reply::Reply;
use crate::types::list::{Element, End, List};

pub(super) const LPOP: Command = command(
    "lpop",
    "Returns the first elements in a list after removing it. Deletes the list if the last element \
     was popped.",
    |call, args| pop(call, args, "lpop", End::Head),
);

pub(super) const RPOP: Command = command(
    "rpop",
    "Returns and removes the last elements of a list. Deletes the list if the last element was \
     popped.",
    |call, args| pop(call, args, "rpop", End::Tail),
);

const fn command(name: &'static str, summary: &'static str, run: Run) -> Command {
    Command {
        spec: CommandSpec {
            name,
            family: Family::List,
            arity: Arity::at_least(2),
            flags: Flags::WRITE.union(Flags::FAST),
            keys: const { &[KeySpec::at(1, Access::Rw, &["access", "delete"])] },
            complexity: "O(N) where N is the number of elements returned",
            summary,
            ..CommandSpec::NEW
        },
        run,
    }
}

fn pop(
    call: &mut Call<'_, '_>,
    args: Args<'_>,
    name: &'static str,
    end: End,
) -> Result<(), CommandError> {
    let key = args.at(1);
    let count = match args.len() {
        2 => None,
        3 => {
            let count = args.int(2).ok().and_then(|count| usize::try_from(count).ok());
            Some(count.ok_or(CommandError::MustBePositive)?)
        }
        _ => return Err(CommandError::Arity(name)),
    };
    let Some(list) = call.keyspace.list(key)? else {
        match count {
            None => call.reply.null(),
            Some(_) => call.reply.null_array(),
        }
        return Ok(());
    };
    match count {
        None => write_end(call.reply, list, end),
        Some(count) => write_ends(call.reply, list, end, count),
    }
    if call.keyspace.list_pop(key, end, count.unwrap_or(1))? > 0 {
        notify_popped(call, key, end);
    }
    Ok(())
}

/// Replies the outermost element.
pub(super) fn write_end(reply: &mut Reply<'_>, list: &List, end: End) {
    let element = match end {
        End::Head => list.get(0),
        End::Tail => list.get(list.len() - 1),
    };
    match element {
        Some(element) => write(reply, element),
        None => reply.null(),
    }
}

/// Replies an array of the outermost elements, the outermost first.
pub(super) fn write_ends(reply: &mut Reply<'_>, list: &List, end: End, count: usize) {
    let count = count.min(list.len());
    reply.array(count);
    match end {
        End::Head => list.iter_from(0).take(count).for_each(|element| write(reply, element)),
        End::Tail => {
            let elements = list.iter_back_from(list.len() - 1).take(count);
            elements.for_each(|element| write(reply, element));
        }
    }
}

/// Replies an element.
pub(super) fn write(reply: &mut Reply<'_>, element: Element<'_>) {
    element.with_text(|text| reply.bulk(text));
}

#[cfg(test)]
mod tests {
    use crate::keyspace::{Events, Message, Settings};
    use crate::testing::Rig;
    use crate::types::list::ListLimit;

    #[test]
    fn one_or_several() {
        let mut rig = Rig::new();
        rig.check("RPUSH l a b c d e f", ":6");
        rig.check("LPOP l", "$a");
        rig.check("RPOP l", "$f");
        rig.check("RPOP l 2", "[$e $d]");
        rig.check("LPOP l 0", "[]");
        rig.check("LPOP l 9", "[$b $c]");
        rig.check("EXISTS l", ":0");
    }

    #[test]
    fn over_several_nodes() {
        let mut rig = Rig::new();
        let settings = Settings { list_limit: ListLimit(2), ..Settings::default() };
        rig.shard().keyspace_mut().configure(settings);
        rig.check("RPUSH l 1 2 3 4 5 6 7 8 9", ":9");
        rig.check("LPOP l 3", "[$1 $2 $3]");
        rig.check("RPOP l 4", "[$9 $8 $7 $6]");
        rig.check("LRANGE l 0 -1", "[$4 $5]");
        rig.check("OBJECT ENCODING l", "$quicklist");
        rig.check("LPOP l", "$4");
        rig.check("OBJECT ENCODING l", "$listpack");
    }

    #[test]
    fn nulls_of_a_missing_key() {
        let mut rig = Rig::new();
        let (mut out, mut reply) = (Vec::new(), String::new());
        for line in ["LPOP l", "RPOP l 1"] {
            reply += &rig.run(line);
        }
        assert_eq!(reply, "__");
        let id = rig.shard().table().lookup(b"lpop").unwrap();
        let request = protocol::args::Request::of(["lpop", "l", "0"]);
        let version = protocol::encode::Version::Resp2;
        let slot = Some(protocol::slot::Slot::of_key(b"l"));
        let mut sink = crate::reply::Reply::resp(&mut out, version);
        let now = crate::time::Micros(0);
        rig.shard().execute(id, request.args(), slot, now, &mut sink);
        assert_eq!(out, b"*-1\r\n");
    }

    #[test]
    fn tells_of_the_last_element() {
        let mut rig = Rig::new();
        let events = Events::parse(b"KEA").unwrap();
        rig.check("RPUSH l a", ":1");
        rig.shard().keyspace_mut().configure(Settings { events, ..Settings::default() });
        rig.check("LPOP l", "$a");
        let told: Vec<_> = rig
            .shard()
            .keyspace_mut()
            .take_messages()
            .into_iter()
            .map(|message| match message {
                Message::Event { event, .. } => event,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(told, ["lpop", "del"]);
    }

    #[test]
    fn bad_arguments_and_wrong_type() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        for name in ["lpop", "rpop"] {
            rig.check_error(&format!("{name} k"), "WRONGTYPE");
            rig.check_error(&format!("{name} k 1"), "WRONGTYPE");
            for count in ["-1", "x"] {
                let error = "-ERR value is out of range, must be positive";
                rig.check(&format!("{name} l {count}"), error);
            }
            let error = format!("-ERR wrong number of arguments for '{name}' command");
            rig.check(name, &error);
            rig.check(&format!("{name} l 1 2"), &error);
        }
    }
}
