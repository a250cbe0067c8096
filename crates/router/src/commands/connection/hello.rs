//! HELLO [protover [AUTH username password] [SETNAME clientname]]: agree on a protocol version.
//!
//! The reply is in the new version already.

use protocol::args::Args;
use protocol::encode::Version;
use protocol::number::parse_i64;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::{LOGIN, authenticate};
use crate::commands::client::check_name;
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "hello",
        family: Family::Connection,
        arity: Arity::at_least(1),
        flags: LOGIN,
        since: "6.0.0",
        summary: "Handshakes with the server.",
        ..CommandSpec::NEW
    },
    run,
};

const LOCKED: &str = "NOAUTH HELLO must be called with the client already authenticated, otherwise \
    the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select \
    the RESP protocol version at the same time";

/// What a client asks for.
#[derive(Default)]
struct Options<'a> {
    version: Option<Version>,
    login: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

fn run(call: &mut SessionCall<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let options = parse(args)?;
    if let Some((user, password)) = options.login {
        authenticate(call, args.at(0), user, password)?;
    }
    if call.session.login.is_locked() {
        return Err(CommandError::Text(LOCKED));
    }
    let SessionCall { session, reply, .. } = call;
    if let Some(name) = options.name {
        session.name = name.to_vec();
    }
    if let Some(version) = options.version {
        session.version = version;
        reply.set_version(version);
    }
    reply.map(7);
    reply.bulk(b"server");
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(protocol::REDIS_VERSION.as_bytes());
    reply.bulk(b"proto");
    reply.int(session.version.number());
    reply.bulk(b"id");
    reply.int(i64::try_from(session.id).unwrap_or(i64::MAX));
    reply.bulk(b"mode");
    reply.bulk(b"cluster");
    reply.bulk(b"role");
    reply.bulk(b"master");
    reply.bulk(b"modules");
    reply.array(0);
    Ok(())
}

fn parse(args: Args<'_>) -> Result<Options<'_>, CommandError> {
    let mut options = Options::default();
    let Some(version) = args.get(1) else { return Ok(options) };
    options.version = Some(match parse_i64(version) {
        Some(2) => Version::Resp2,
        Some(3) => Version::Resp3,
        Some(_) => return Err(CommandError::Text("NOPROTO unsupported protocol version")),
        None => {
            let text = "ERR Protocol version is not an integer or out of range";
            return Err(CommandError::Text(text));
        }
    });
    let mut at = 2;
    while let Some(option) = args.get(at) {
        if let (true, Some(user), Some(password)) =
            (args.is(at, "AUTH"), args.get(at + 1), args.get(at + 2))
        {
            options.login = Some((user, password));
            at += 3;
        } else if let (true, Some(name)) = (args.is(at, "SETNAME"), args.get(at + 1)) {
            check_name(name)?;
            options.name = Some(name);
            at += 2;
        } else {
            let option = String::from_utf8_lossy(option);
            let text = format!("ERR Syntax error in HELLO option '{option}'");
            return Err(CommandError::dynamic(text));
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;
    use protocol::encode::Version;

    #[test]
    fn the_reply_is_in_the_new_version() {
        let mut rig = Rig::new();
        let map = |proto| {
            format!(
                "$server $redis $version $7.2.4 $proto :{proto} $id :7 $mode $cluster $role \
                 $master $modules []"
            )
        };
        rig.check("HELLO", &format!("[{}]", map(2)));
        let resp3 = "%{$server:$redis $version:$7.2.4 $proto::3 $id::7 $mode:$cluster \
                     $role:$master $modules:[]}";
        rig.check("HELLO 3", resp3);
        assert_eq!(rig.session.version, Version::Resp3);
        rig.check("HELLO", resp3);
        rig.check("HELLO 2", &format!("[{}]", map(2)));
        assert_eq!(rig.session.version, Version::Resp2);
    }

    #[test]
    fn it_may_authenticate_and_name_the_connection() {
        let mut rig = Rig::new();
        assert!(rig.run("hello 3 setname me auth default any").starts_with("%{"));
        assert_eq!(rig.session.name, b"me");
        let wrong = "-WRONGPASS invalid username-password pair or user is disabled.";
        rig.check("HELLO 2 AUTH foo bar SETNAME you", wrong);
        assert_eq!(rig.session.name, b"me");
        assert_eq!(rig.session.version, Version::Resp3);
    }

    #[test]
    fn who_has_to_authenticate_does_so_here_or_before() {
        let mut rig = Rig::new();
        rig.set_user("default", "resetpass >secret");
        rig.check("RESET", "+RESET");
        assert!(rig.run("HELLO 3").starts_with("-NOAUTH HELLO must be called with the client"));
        assert_eq!(rig.session.version, Version::Resp2);
        assert!(rig.run("HELLO 3 AUTH default secret").starts_with("%{"));
        assert!(rig.run("HELLO 2").starts_with("["));
    }

    #[test]
    fn what_it_does_not_understand_changes_nothing() {
        let mut rig = Rig::new();
        let cases = [
            ("1", "NOPROTO unsupported protocol version"),
            ("4", "NOPROTO unsupported protocol version"),
            ("3x", "ERR Protocol version is not an integer or out of range"),
            ("9223372036854775808", "ERR Protocol version is not an integer or out of range"),
            ("3 FOO", "ERR Syntax error in HELLO option 'FOO'"),
            ("3 auth a", "ERR Syntax error in HELLO option 'auth'"),
            ("3 SETNAME", "ERR Syntax error in HELLO option 'SETNAME'"),
            (
                "3 SETNAME 'a b'",
                "ERR Client names cannot contain spaces, newlines or special characters.",
            ),
        ];
        for (options, error) in cases {
            rig.check(&format!("HELLO {options}"), &format!("-{error}"));
        }
        assert_eq!(rig.session.version, Version::Resp2);
    }
}
