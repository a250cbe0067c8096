//! Requests without their passwords, as others may see them: MONITOR, SLOWLOG.

use protocol::args::{Args, Request};
use protocol::spec::CommandSpec;

use crate::commands::migrate;

/// What stands in place of a secret (Redis's word).
const REDACTED: &[u8] = b"(redacted)";

/// The request as it may be shown. `None`: as it is.
pub(crate) fn without(spec: &CommandSpec, args: Args<'_>) -> Option<Request> {
    let is_secret: Box<dyn Fn(usize) -> bool + '_> = match spec.name {
        "auth" => Box::new(|at| at >= 1),
        "acl|setuser" => Box::new(|at| at >= 2),
        "hello" => Box::new(|at| {
            let after_auth = |back: usize| at >= 2 + back && args.is(at - back, "AUTH");
            after_auth(1) || after_auth(2)
        }),
        "config|set" => Box::new(|at| {
            let names = ["requirepass", "masterauth", "masteruser"];
            at >= 3 && at % 2 == 1 && names.iter().any(|name| args.is(at - 1, name))
        }),
        "migrate" => Box::new(move |at| migrate::is_secret(args, at)),
        _ => return None,
    };
    let parts = args.iter_from(0).enumerate();
    Some(Request::of(parts.map(|(at, part)| if is_secret(at) { REDACTED } else { part })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &'static str, line: &str) -> Option<String> {
        let spec = CommandSpec { name, ..CommandSpec::NEW };
        let request = Request::of(line.split(' '));
        let request = without(&spec, request.args())?;
        let parts: Vec<String> = request
            .args()
            .iter_from(0)
            .map(|part| String::from_utf8_lossy(part).replace("(redacted)", "*"))
            .collect();
        Some(parts.join(" "))
    }

    #[test]
    fn passwords_are_not_shown() {
        let cases = [
            ("auth", "AUTH bob p", "AUTH * *"),
            ("auth", "AUTH p", "AUTH *"),
            ("acl|setuser", "ACL SETUSER bob >p", "ACL SETUSER * *"),
            ("hello", "HELLO 3 SETNAME n AUTH bob p", "HELLO 3 SETNAME n AUTH * *"),
            ("config|set", "CONFIG SET a b RequirePass p", "CONFIG SET a b RequirePass *"),
            ("migrate", "MIGRATE h 1 k 0 1 AUTH p", "MIGRATE h 1 k 0 1 AUTH *"),
            (
                "migrate",
                "MIGRATE h 1 k 0 1 copy auth2 auth p KEYS AUTH a b",
                "MIGRATE h 1 k 0 1 copy auth2 * * KEYS AUTH a b",
            ),
        ];
        for (name, line, expected) in cases {
            assert_eq!(shown(name, line).as_deref(), Some(expected));
        }
        assert_eq!(shown("get", "GET auth"), None);
    }
}
