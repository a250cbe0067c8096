//! SADD key member…: add members and reply how many are new.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "sadd",
        family: Family::Set,
        arity: Arity::at_least(3),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["insert"])],
        complexity: "O(1) for each element added, so O(N) to add N elements when the command is \
                     called with multiple arguments.",
        summary: "Adds one or more members to a set. Creates the key if it doesn't exist.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    let added = call.keyspace.set_add(key, args.iter_from(2))?;
    if added > 0 {
        call.keyspace.notify(Events::SET, "sadd", key);
    }
    call.reply.count(added);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::keyspace::{Events, Message, Settings};
    use crate::testing::Rig;

    #[test]
    fn replies_how_many_are_new() {
        let mut rig = Rig::new();
        rig.check("SADD s b a b", ":2");
        rig.check("SADD s a c", ":1");
        rig.check("SMEMBERS s", "[$b $a $c]");
    }

    #[test]
    fn integers_lie_sorted_until_something_else_comes() {
        let mut rig = Rig::new();
        rig.check("SADD s 5 -7 70000 3", ":4");
        rig.check("OBJECT ENCODING s", "$intset");
        rig.check("SMEMBERS s", "[$-7 $3 $5 $70000]");
        rig.check("SADD s x 03", ":2");
        rig.check("OBJECT ENCODING s", "$listpack");
        rig.check("SMEMBERS s", "[$-7 $3 $5 $70000 $x $03]");
        rig.check(&format!("SADD s {}", "y".repeat(65)), ":1");
        rig.check("OBJECT ENCODING s", "$hashtable");
        rig.check("SCARD s", ":7");
        rig.check("SADD s 70000 03 new", ":1");
    }

    #[test]
    fn many_members_at_once_choose_the_form() {
        let mut rig = Rig::new();
        let words = |count: u32, letter: &str| {
            (0..count).map(|n| format!(" {letter}{n}")).collect::<String>()
        };
        for (key, members, form) in [
            ("ints", words(512, ""), "$intset"),
            ("more", words(513, ""), "$hashtable"),
            ("texts", words(128, "m"), "$listpack"),
            ("texts2", words(129, "m"), "$hashtable"),
        ] {
            let count = members.split_whitespace().count();
            rig.check(&format!("SADD {key}{members}"), &format!(":{count}"));
            rig.check(&format!("OBJECT ENCODING {key}"), form);
        }
        // Redis expects as many new members as there are arguments.
        rig.check("SADD few a", ":1");
        rig.check(&format!("SADD few{}", " b".repeat(129)), ":1");
        rig.check("OBJECT ENCODING few", "$hashtable");
    }

    #[test]
    fn keeps_the_expiry_and_tells_of_new_members() {
        let mut rig = Rig::new();
        let events = Events::parse(b"KEA").unwrap();
        rig.check("SADD s a", ":1");
        rig.check("EXPIRE s 10", ":1");
        rig.shard().keyspace_mut().configure(Settings { events, ..Settings::default() });
        rig.check("SADD s b", ":1");
        rig.check("SADD s b", ":0");
        rig.check("TTL s", ":10");
        let told = rig.shard().keyspace_mut().take_messages();
        assert_eq!(told, [Message::Event { event: "sadd", key: b"s".to_vec() }]);
    }

    #[test]
    fn wrong_type_and_arity() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("SADD k a", "WRONGTYPE");
        rig.check("GET k", "$v");
        rig.check("SADD k", "-ERR wrong number of arguments for 'sadd' command");
    }
}
