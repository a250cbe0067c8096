//! DIGEST key: reply with the XXH3 hash of a string, as 16 hexadecimal digits.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::compare::digest;
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "digest",
        family: Family::String,
        arity: Arity::exactly(2),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        since: "8.4.0",
        complexity: "O(N) where N is the length of the string value.",
        summary: "Returns the XXH3 hash of a string value.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let digest = call.keyspace.string(args.at(1))?.map(digest);
    call.reply.bulk_or_null(digest.as_ref().map(<[u8; 16]>::as_slice));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    /// The first is in the documentation of Redis, the others in that of other servers.
    #[test]
    fn digests_are_those_of_redis() {
        let mut rig = Rig::new();
        let cases = [
            ("Hello world", "b6acb9d84a38ff74"),
            ("Hello, Dragonfly!", "063b4909128e92b7"),
            ("test", "9ec9f7918d7dfc40"),
            ("hello", "9555e8555c62dcfd"),
        ];
        for (text, digest) in cases {
            rig.check(&format!("SET k \"{text}\""), "+OK");
            rig.check("DIGEST k", &format!("${digest}"));
        }
        rig.check("SET k \"\"", "+OK");
        rig.check("DIGEST k", "$2d06800538d394c2");
    }

    #[test]
    fn integers_have_the_digest_of_their_text() {
        let mut rig = Rig::new();
        rig.check("SET k 12", "+OK");
        rig.check("SET l 1", "+OK");
        rig.check("APPEND l 2", ":2");
        let digest = rig.run("DIGEST k");
        rig.check("DIGEST l", &digest);
    }

    #[test]
    fn missing_and_wrong_type() {
        let mut rig = Rig::new();
        rig.check("DIGEST missing", "_");
        rig.run("HSET h f v");
        rig.check_error("DIGEST h", "WRONGTYPE");
        rig.check_error("DIGEST", "ERR wrong number of arguments for 'digest' command");
    }
}
