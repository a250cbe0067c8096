use std::sync::Mutex;

use protocol::args::Request;

use super::*;
use crate::commands::table::CommandTable;

fn selector(table: &CommandTable, commands: &[&str], keys: &[(&str, bool, bool)]) -> Selector {
    let mut selector = Selector::nothing(table);
    for name in commands {
        selector.set_command(table.lookup(name.as_bytes()).unwrap(), true);
    }
    for (pattern, read, write) in keys {
        let pattern = pattern.as_bytes().to_vec();
        selector.keys.push(KeyPattern { pattern, read: *read, write: *write });
    }
    selector
}

fn check(table: &CommandTable, permissions: &Permissions, parts: &[&str]) -> Result<(), Denied> {
    let request = Request::of(parts);
    let id = table.resolve(request.args()).unwrap();
    permissions.check(id, table.spec(id), request.args())
}

#[test]
fn each_selector_allows_requests_as_a_whole() {
    let table = CommandTable::new([]);
    let reader = selector(&table, &["get", "mget"], &[("a*", true, false)]);
    let writer = selector(&table, &["set", "get"], &[("b*", false, true)]);
    let permissions = Permissions { user: b"u"[..].into(), selectors: vec![reader, writer] };
    let check = |parts: &[&str]| check(&table, &permissions, parts);
    assert_eq!(check(&["get", "a1"]), Ok(()));
    assert_eq!(check(&["set", "b1", "v"]), Ok(()));
    assert_eq!(check(&["set", "b1", "v", "get"]), Err(Denied::Key(1)), "it reads as well");
    assert_eq!(check(&["set", "a1", "v"]), Err(Denied::Key(1)));
    assert_eq!(check(&["mget", "a1", "a2", "b1"]), Err(Denied::Key(3)));
    assert_eq!(check(&["get", "b1"]), Err(Denied::Key(1)));
    assert_eq!(check(&["del", "a1"]), Err(Denied::Command));
}

#[test]
fn one_pattern_has_to_allow_reading_and_writing() {
    let table = CommandTable::new([]);
    let keys = [("k", true, false), ("k*", false, true), ("r*", true, true)];
    let selectors = vec![selector(&table, &["getset", "exists"], &keys)];
    let permissions = Permissions { user: b"u"[..].into(), selectors };
    assert_eq!(check(&table, &permissions, &["getset", "k", "v"]), Err(Denied::Key(1)));
    assert_eq!(check(&table, &permissions, &["getset", "r", "v"]), Ok(()));
    assert_eq!(check(&table, &permissions, &["exists", "k2"]), Ok(()), "any pattern will do");
    assert_eq!(check(&table, &permissions, &["exists", "x"]), Err(Denied::Key(1)));
}

#[test]
fn sort_does_not_read_what_the_user_may_not() {
    let table = CommandTable::new([]);
    let one = |keys: &[(&str, bool, bool)]| Permissions {
        user: b"u"[..].into(),
        selectors: vec![selector(&table, &["sort"], keys)],
    };
    let some = one(&[("a*", true, true)]);
    assert_eq!(check(&table, &some, &["sort", "a", "by", "nosort", "get", "#"]), Ok(()));
    assert_eq!(check(&table, &some, &["sort", "a", "by", "w*"]), Err(Denied::Key(3)));
    assert_eq!(check(&table, &some, &["sort", "a", "get", "#", "get", "b*"]), Err(Denied::Key(5)));
    assert_eq!(check(&table, &one(&[("*", true, false)]), &["sort", "a", "by", "w*"]), Ok(()));
}

#[test]
fn channels_fit_patterns() {
    let table = CommandTable::new([]);
    let mut selector = selector(&table, &["publish", "spublish"], &[]);
    selector.channels = vec![b"news.*".to_vec()];
    let permissions = Permissions { user: b"u"[..].into(), selectors: vec![selector] };
    assert_eq!(check(&table, &permissions, &["publish", "news.a", "m"]), Ok(()));
    assert_eq!(check(&table, &permissions, &["spublish", "news.a", "m"]), Ok(()));
    assert_eq!(check(&table, &permissions, &["publish", "x", "m"]), Err(Denied::Channel(1)));
    assert!(permissions.may_listen(ChannelKind::Channel, b"news.a"));
    assert!(!permissions.may_listen(ChannelKind::Pattern, b"news.a*"));
    assert!(permissions.may_listen(ChannelKind::Pattern, b"news.*"));
}

#[test]
fn all_commands_end_with_the_first_that_is_taken_away() {
    let table = CommandTable::new([]);
    let mut selector = Selector::nothing(&table);
    selector.set_all_commands(true);
    selector.all_keys = true;
    selector.all_channels = true;
    assert!(selector.allows_all());
    let get = table.lookup(b"get").unwrap();
    selector.set_command(get, false);
    assert!(!selector.allows_all() && !selector.has_command(get));
    selector.set_command(get, true);
    assert!(!selector.allows_all(), "new commands are not among them any more");
    selector.set_all_commands(false);
    selector.allow_first_arg(get, b"Key");
    let permissions = Permissions { user: b"u"[..].into(), selectors: vec![selector] };
    assert_eq!(check(&table, &permissions, &["get", "kEY"]), Ok(()));
    assert_eq!(check(&table, &permissions, &["get", "other"]), Err(Denied::Command));
}

#[derive(Debug, Default)]
struct Notes(Mutex<Vec<String>>);

impl Witness for Notes {
    fn note(&self, incident: Incident<'_>) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.0.lock().unwrap().push(format!(
            "{} {} {} {}",
            incident.reason,
            incident.context.name(),
            text(incident.object),
            text(incident.user)
        ));
    }
}

#[test]
fn refusals_are_noted_and_told() {
    let table = CommandTable::new([]);
    let selectors = vec![selector(&table, &["get"], &[("a", true, true)])];
    let notes = Arc::new(Notes::default());
    let permissions = Arc::new(Permissions { user: b"bob"[..].into(), selectors });
    let restricted = RestrictedUser::new(permissions, notes.clone());
    let ask = |parts: &[&str], context| {
        let request = Request::of(parts);
        let id = table.resolve(request.args()).unwrap();
        let spec = table.spec(id);
        let denied = restricted.check(id, spec, request.args(), context).unwrap_err();
        let full = denied.text_in_full(b"bob", spec, request.args());
        (denied.text(b"bob", spec), String::from_utf8(full).unwrap())
    };
    let (short, full) = ask(&["set", "a", "v"], Context::TopLevel);
    assert_eq!(short, "User bob has no permissions to run the 'set' command");
    assert_eq!(full, short);
    let (short, full) = ask(&["get", "b"], Context::Multi);
    assert_eq!(short, "No permissions to access a key");
    assert_eq!(full, "User bob has no permissions to access the 'b' key");
    ask(&["object", "encoding", "b"], Context::Script);
    let notes = notes.0.lock().unwrap();
    let expected =
        ["command toplevel set bob", "key multi b bob", "command lua object|encoding bob"];
    assert_eq!(*notes, expected);
}
