//! What a request says, and which parts of it are keys or secrets.

use std::ops::Range;
use std::time::Duration;

use protocol::args::Args;
use protocol::error::ArgsError;
use shard::error::CommandError;

/// Where the options begin.
const OPTIONS: usize = 6;

/// A request that has been understood.
pub(super) struct Migration {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) database: i64,
    /// How long nothing may happen between the two servers.
    pub(super) patience: Duration,
    pub(super) copy: bool,
    pub(super) replace: bool,
    /// What AUTH is told: a password, or a user and a password. Empty: nothing.
    pub(super) login: Vec<Vec<u8>>,
    pub(super) keys: Vec<Vec<u8>>,
}

impl Migration {
    /// Reads a request that fits the arity.
    ///
    /// # Errors
    /// Redis's.
    pub(super) fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let (mut copy, mut replace) = (false, false);
        let mut login: Vec<Vec<u8>> = Vec::new();
        let mut keys = 3..4;
        let mut at = OPTIONS;
        while at < args.len() {
            let more = args.len() - at - 1;
            if args.is(at, "COPY") {
                copy = true;
            } else if args.is(at, "REPLACE") {
                replace = true;
            } else if let Some(words) = words_of_login(args, at).filter(|words| *words <= more) {
                login = (at + 1..=at + words).map(|at| args.at(at).to_vec()).collect();
                at += words;
            } else if args.is(at, "KEYS") {
                if !args.at(3).is_empty() {
                    return Err(CommandError::Text(
                        "ERR When using MIGRATE KEYS option, the key argument must be set to the \
                         empty string",
                    ));
                }
                keys = at + 1..args.len();
                break;
            } else {
                return Err(ArgsError::Syntax.into());
            }
            at += 1;
        }
        let timeout = u64::try_from(args.int(5)?).ok().filter(|timeout| *timeout > 0);
        Ok(Self {
            host: String::from_utf8_lossy(args.at(1)).into_owned(),
            // Nobody listens on port 0.
            port: args.int(2).ok().and_then(|port| u16::try_from(port).ok()).unwrap_or(0),
            database: args.int(4)?,
            patience: Duration::from_millis(timeout.unwrap_or(1000)),
            copy,
            replace,
            login,
            keys: keys.map(|at| args.at(at).to_vec()).collect(),
        })
    }
}

/// How many words follow the option at part `at` if it is AUTH or AUTH2.
fn words_of_login(args: Args<'_>, at: usize) -> Option<usize> {
    match () {
        () if args.is(at, "AUTH") => Some(1),
        () if args.is(at, "AUTH2") => Some(2),
        () => None,
    }
}

/// Where the keys of KEYS begin, and which words before are secret.
fn options(args: Args<'_>) -> (Option<usize>, Vec<usize>) {
    let mut secrets = Vec::new();
    let mut at = OPTIONS;
    while at < args.len() {
        if args.is(at, "KEYS") {
            return (Some(at + 1), secrets);
        }
        let words = words_of_login(args, at).unwrap_or(0);
        secrets.extend(at + 1..=at + words);
        at += 1 + words;
    }
    (None, secrets)
}

/// The parts that are keys. KEYS without any key is as if it were not there; with a key besides,
/// there is none, and the command says what is wrong.
pub(super) fn find_keys(args: Args<'_>) -> Option<(usize, Range<usize>)> {
    match options(args).0 {
        Some(first) if first < args.len() => args.at(3).is_empty().then(|| (1, first..args.len())),
        Some(_) | None => Some((0, 3..4)),
    }
}

/// Whether a part is somebody's name or password.
pub(crate) fn is_secret(args: Args<'_>, at: usize) -> bool {
    at > OPTIONS && options(args).1.contains(&at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::args::Request;

    fn request(line: &str) -> Request {
        Request::of(line.split(' ').map(|word| if word == "''" { "" } else { word }))
    }

    fn error(line: &str) -> String {
        match Migration::parse(request(line).args()) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn options_are_understood() {
        let line = "MIGRATE h 1 '' 2 0 copy REPLACE AUTH2 keys keys KEYS keys a";
        let read = Migration::parse(request(line).args()).unwrap();
        assert_eq!((read.host.as_str(), read.port, read.database), ("h", 1, 2));
        assert_eq!(read.patience, Duration::from_secs(1));
        assert!(read.copy && read.replace);
        assert_eq!(read.login, [b"keys".to_vec(), b"keys".to_vec()]);
        assert_eq!(read.keys, [b"keys".to_vec(), b"a".to_vec()]);
        let read = Migration::parse(request("MIGRATE h x k 0 7").args()).unwrap();
        assert_eq!((read.port, read.patience), (0, Duration::from_millis(7)));
        assert_eq!((read.copy, read.replace, read.login.len()), (false, false, 0));
        assert_eq!(read.keys, [b"k".to_vec()]);
    }

    #[test]
    fn bad_requests_are_refused_as_redis_refuses_them() {
        let syntax = "ERR syntax error";
        let number = "ERR value is not an integer or out of range";
        let keys = "ERR When using MIGRATE KEYS option, the key argument must be set to the empty \
                    string";
        for (line, text) in [
            ("MIGRATE h 1 k 0 1 foo", syntax),
            ("MIGRATE h 1 k 0 1 AUTH", syntax),
            ("MIGRATE h 1 k 0 1 AUTH2 a", syntax),
            ("MIGRATE h 1 k 0 1 KEYS a", keys),
            ("MIGRATE h 1 k 0 1 KEYS", keys),
            ("MIGRATE h 1 k 0 x", number),
            ("MIGRATE h 1 k x 1", number),
            ("MIGRATE h 1 k x 1 foo", syntax),
        ] {
            assert_eq!(error(line), text, "{line}");
        }
    }

    #[test]
    fn keys_are_found_behind_the_options() {
        for (line, expected) in [
            ("MIGRATE h 1 k 0 1", Some((0, 3..4))),
            ("MIGRATE h 1 '' 0 1 foo", Some((0, 3..4))),
            ("MIGRATE h 1 '' 0 1 KEYS", Some((0, 3..4))),
            ("MIGRATE h 1 '' 0 1 AUTH keys keys a b", Some((1, 9..11))),
            ("MIGRATE h 1 '' 0 1 COPY KEYS a keys b", Some((1, 8..11))),
            ("MIGRATE h 1 k 0 1 KEYS a", None),
        ] {
            assert_eq!(find_keys(request(line).args()), expected, "{line}");
        }
    }
}
