use super::login::Guard;
use super::*;
use crate::testing::table;

fn lines(acl: &Acl) -> Vec<String> {
    acl.users().iter().map(|user| String::from_utf8(user.line()).unwrap()).collect()
}

/// Applies rules to a new user; its line without `user t `, or what is wrong.
fn made(rules: &[&str]) -> Result<String, String> {
    let acl = Acl::new(table());
    let words = ["sanitize-payload"].iter().chain(rules).map(|rule| rule.as_bytes());
    acl.set_user(b"t", words).map_err(|error| String::from_utf8(error).unwrap())?;
    let text = String::from_utf8(acl.user(b"t").unwrap().describe()).unwrap();
    Ok(text.replace(" sanitize-payload", ""))
}

fn wrong(rule: &str, why: &str) -> String {
    format!("Error in ACL SETUSER modifier '{rule}': {why}")
}

/// As Redis prints them; commands as Redis 7.2 and later do.
#[test]
fn rules_are_printed_as_redis_prints_them() {
    let hash = "148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940";
    let hashed = format!("#{hash}");
    let with_hash = format!("off #{hash} resetchannels -@all");
    let cases: &[(&[&str], &str)] = &[
        (&[], "off resetchannels -@all"),
        (&["ON", "nopass"], "on nopass resetchannels -@all"),
        (&[">p", ">p"], &with_hash),
        (&["nopass", &hashed], &with_hash),
        (&[">p", "nopass"], "off nopass resetchannels -@all"),
        (&[">p", "<p"], "off resetchannels -@all"),
        (&["allkeys", "allchannels", "allcommands"], "off ~* &* +@all"),
        (&["~a", "%R~b", "%w~c", "%Rw~d"], "off ~a %R~b %W~c ~d resetchannels -@all"),
        (&["%R~a", "%W~a"], "off ~a resetchannels -@all"),
        (&["%RW"], "off ~ resetchannels -@all"),
        (&["~a", "resetkeys", "~b"], "off ~b resetchannels -@all"),
        (&["~*", "resetkeys"], "off resetchannels -@all"),
        (&["~a", "~*"], "off ~* resetchannels -@all"),
        (&["&a", "&b", "&a"], "off resetchannels &a &b -@all"),
        (&["+GET", "+@Read", "-get"], "off resetchannels -@all +@read -get"),
        (&["+get", "+set", "+get"], "off resetchannels -@all +set +get"),
        (&["+client|id", "+client"], "off resetchannels -@all +client"),
        (&["+client", "-client|id"], "off resetchannels -@all +client -client|id"),
        (&["+@all", "-@admin", "+client|id"], "off resetchannels +@all -@admin +client|id"),
        (&["+get", "-@all", "+set"], "off resetchannels -@all +set"),
        (&["+select|0", "+select|1"], "off resetchannels -@all +select|0 +select|1"),
        (&["+select|0", "-select"], "off resetchannels -@all -select"),
        (
            &["(~a +get)", "(", "%R~b", ")"],
            "off resetchannels -@all (~a resetchannels -@all +get) \
            (%R~b resetchannels -@all)",
        ),
        (&["( +get  +set )", "(\"+get\")", "()", "clearselectors"], "off resetchannels -@all"),
        (&["on", ">p", "~a", "&b", "+get", "(+set)", "reset"], "off resetchannels -@all"),
        (&["", "on"], "on resetchannels -@all"),
        (&["+get", "+getdel", "-get"], "off resetchannels -@all +getdel -get"),
    ];
    for (rules, line) in cases {
        assert_eq!(made(rules).as_deref(), Ok(*line), "{rules:?}");
    }
}

#[test]
fn what_is_no_rule_is_told_as_redis_tells_it() {
    let unknown = "Unknown command or category name in ACL";
    let cases = [
        ("+foo", unknown),
        ("-foo", unknown),
        ("+@foo", unknown),
        ("+", unknown),
        ("+@", unknown),
        ("-select|0", unknown),
        ("+client|nope", unknown),
        ("(+foo)", unknown),
        ("+set)", unknown),
        ("x", "Syntax error"),
        (" ", "Syntax error"),
        ("%~x", "Syntax error"),
        ("%RWR~a", "Syntax error"),
        ("~a b", "Syntax error"),
        ("&a b", "Syntax error"),
        ("(>p)", "Syntax error"),
        ("(reset)", "Syntax error"),
        ("(+get (+set)", "Syntax error"),
        ("+client|", "Syntax error"),
        ("+client|id|x", "Allowing first-arg of a subcommand is not supported"),
        ("<p", "The password you are trying to remove from the user does not exist"),
    ];
    for (rule, why) in cases {
        assert_eq!(made(&[rule]), Err(wrong(rule, why)), "{rule}");
    }
    for rule in ["#abc", "!abc"] {
        let why = "The password hash must be exactly 64 characters and contain only lowercase \
                   hexadecimal characters";
        assert_eq!(made(&[rule]), Err(wrong(rule, why)));
    }
    assert!(made(&["~*", "~a"]).unwrap_err().contains("'allkeys' flag"));
    assert!(made(&["&*", "&a"]).unwrap_err().contains("'allchannels' flag"));
    let open = made(&["on", "(+get", "+set"]);
    assert_eq!(open.unwrap_err(), "Unmatched parenthesis in acl selector starting at '(+get'.");
}

#[test]
fn a_rule_that_is_wrong_leaves_all_as_it_was() {
    let acl = Acl::new(table());
    acl.set_user(b"bob", [&b"on"[..]]).unwrap();
    let (before, generation) = (lines(&acl), acl.generation());
    acl.set_user(b"bob", [&b"off"[..], b"+nope"]).unwrap_err();
    acl.set_user(b"eve", [&b"+nope"[..]]).unwrap_err();
    assert_eq!((lines(&acl), acl.generation()), (before, generation));
}

#[test]
fn sessions_follow_their_users() {
    let acl = Acl::new(table());
    let mut session = Session::new(1);
    acl.enter(&mut session);
    assert!(session.login.is_open() && session.login.authenticated);
    acl.set_default_password(b"secret");
    assert_ne!(session.login.generation, acl.generation());
    acl.refresh(&mut session);
    assert!(session.login.is_open(), "who is in stays in");
    let mut other = Session::new(2);
    acl.enter(&mut other);
    assert!(other.login.is_locked());
    acl.set_user(b"bob", [&b"on"[..], b">p", b"+get"]).unwrap();
    assert!(acl.authenticate(b"bob", b"q").is_none());
    let bob = acl.authenticate(b"bob", b"p").unwrap();
    acl.log_in(&mut other, bob);
    assert!(matches!(other.login.guard, Guard::Restricted(_)));
    acl.set_user(b"bob", [&b"off"[..], b"+@all", b"~*", b"&*"]).unwrap();
    acl.refresh(&mut other);
    assert!(other.login.is_open(), "who is in stays in");
    acl.set_default_password(b"");
    let mut third = Session::new(3);
    acl.enter(&mut third);
    assert!(third.login.is_open());
}

#[test]
fn a_user_that_was_made_again_is_another() {
    let acl = Acl::new(table());
    let make = || acl.set_user(b"bob", [&b"on"[..], b"nopass"]).unwrap();
    assert_eq!(make(), Changed::default());
    let mut session = Session::new(1);
    acl.log_in(&mut session, acl.authenticate(b"bob", b"").unwrap());
    let names = [&b"bob"[..], b"default", b"nobody"];
    assert_eq!(acl.remove_users(names).removed, [b"bob".to_vec()]);
    make();
    acl.refresh(&mut session);
    assert!(session.login.is_gone());
    assert_eq!(lines(&acl).len(), 2, "default is there for ever");
}

#[test]
fn files_are_read_and_written() {
    let acl = Acl::new(table());
    acl.set_user(b"old", [&b"on"[..]]).unwrap();
    let text = "user alice on >p ~\"a b\"x\n";
    assert!(acl.parse_file("f", text.as_bytes()).is_err());
    let text = "\n  user alice on nopass (+get ~a) +@read\r\nuser old off\n\n";
    let users = acl.parse_file("f", text.as_bytes()).unwrap();
    let birth = acl.user(b"old").unwrap().birth;
    let changed = acl.replace_users(users);
    assert_eq!(changed.altered, [b"default".to_vec(), b"old".to_vec()]);
    assert_eq!(acl.user(b"old").unwrap().birth, birth);
    assert_eq!(
        lines(&acl),
        [
            "user alice on nopass sanitize-payload resetchannels -@all +@read \
             (~a resetchannels -@all +get)",
            "user default on nopass sanitize-payload ~* &* +@all",
            "user old off sanitize-payload resetchannels -@all",
        ]
    );
    let users = acl.users();
    let printed = file::print(users.iter().map(AsRef::as_ref));
    let again = acl.parse_file("f", &printed).unwrap();
    assert_eq!(file::print(&again), printed);
}

#[test]
fn what_is_wrong_with_a_file_is_told_by_line() {
    let acl = Acl::new(table());
    let wrong = |text: &str| acl.parse_file("f.acl", text.as_bytes()).unwrap_err();
    let end = "WARNING: ACL errors detected, no change to the previously active ACL rules was \
               performed";
    assert_eq!(
        wrong("user a on\nusr b\n"),
        format!("f.acl:2: should start with user keyword followed by the username. {end}")
    );
    assert_eq!(
        wrong("user a +foo x y +bar"),
        format!(
            "f.acl:1: Error in applying operation '+foo': Unknown command or category name in ACL. \
             f.acl:1: Syntax error. \
             f.acl:1: Error in applying operation '+bar': Unknown command or category name in ACL. \
             {end}"
        )
    );
    assert!(wrong("user a on\nuser a off").starts_with("f.acl:2: duplicate user 'a' found. "));
    assert!(wrong("user \"a b\" on").contains("username 'a b' contains invalid characters"));
    assert!(wrong("user a (+get").contains("Unmatched parenthesis in selector definition"));
}
