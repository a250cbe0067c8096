//! Users: who comes in, what they may do there, and who is told of what they may not.

use e2e::cluster::Cluster;
use e2e::poll;
use e2e::resp::{Client, Value};
use e2e::server::{Server, folder, refusal};
use e2e::slot;

const WRONG: &str = "-WRONGPASS invalid username-password pair or user is disabled.";
const NOAUTH: &str = "-NOAUTH Authentication required.";
const NO_KEY: &str = "-NOPERM No permissions to access a key";
const NO_CHANNEL: &str = "-NOPERM No permissions to access a channel";

fn no_command(user: &str, command: &str) -> String {
    format!("-NOPERM User {user} has no permissions to run the '{command}' command")
}

/// A connection of a user that `rules` make, with the password `p`.
fn user(server: &Server, name: &str, rules: &str) -> Client {
    server.client().check(&format!("ACL SETUSER {name} on >p {rules}"), "+OK");
    let mut client = server.client();
    client.check(&format!("AUTH {name} p"), "+OK");
    client
}

/// The entries of ACL LOG, newest first: reason, context, object, user and count.
fn log(client: &mut Client) -> Vec<String> {
    let entries = client.value("ACL LOG");
    let field = |entry: &Value, at: usize| entry.items()[at].to_string();
    let show = |entry: &Value| {
        let parts = [3, 5, 7, 9, 1].map(|at| field(entry, at).replace(['$', ':'], ""));
        parts.join(" ")
    };
    entries.items().iter().map(show).collect()
}

#[test]
fn a_password_keeps_strangers_out() {
    let server = Server::builder().set("requirepass", "secret").start();
    let mut client = server.client();
    client.check("PING", NOAUTH);
    client.check("GET k", NOAUTH);
    client.check("ACL WHOAMI", NOAUTH);
    client.check_start("HELLO 3", "-NOAUTH HELLO must be called with the client already");
    client.check_start("NOPE", "-ERR unknown command 'NOPE'");
    client.check("GET", "-ERR wrong number of arguments for 'get' command");
    client.check("AUTH nope", WRONG);
    client.check("AUTH default secret", "+OK");
    client.check("SET k v", "+OK");
    client.check("CONFIG GET requirepass", "[$requirepass $secret]");
    client.check("RESET", "+RESET");
    client.check("GET k", NOAUTH);
    client.check_start("HELLO 3 AUTH default nope", WRONG);
    client.check_start("HELLO 3 AUTH default secret", "%{");
    client.check("CONFIG SET requirepass \"\"", "+OK");
    let mut other = server.client();
    other.check("GET k", "$v");
    other.check_start("AUTH secret", "-ERR AUTH <password> called without any password");
    client.check("CONFIG SET requirepass new", "+OK");
    other.check("GET k", "$v");
    server.client().check("GET k", NOAUTH);
}

#[test]
fn strangers_send_little() {
    let server = Server::builder().set("requirepass", "secret").start();
    let mut client = server.client();
    client.send(b"*11\r\n");
    let text = "-ERR Protocol error: unauthenticated multibulk length";
    assert_eq!(client.read().to_string(), text);
    client.check_closed();
    let mut client = server.client();
    client.send(b"*2\r\n$4\r\nAUTH\r\n$16385\r\n");
    assert_eq!(client.read().to_string(), "-ERR Protocol error: unauthenticated bulk length");
    client.check_closed();
    // Whoever has come in may send more, in the same breath.
    let mut client = server.client();
    let keys: Vec<String> = (0..20).map(|at| format!("{{t}}{at}")).collect();
    let set = format!("SET {{t}}1 {}", "x".repeat(20_000));
    let lines = ["AUTH secret", "PING", &format!("DEL {}", keys.join(" ")), &set, "STRLEN {t}1"];
    assert_eq!(client.pipeline(&lines), ["+OK", "+PONG", ":0", "+OK", ":20000"]);
}

#[test]
fn commands_keys_and_channels_are_checked_on_all_shards() {
    let server = Server::builder().shards(4).start();
    let mut bob = user(&server, "bob", "+@string +@hash +publish ~k* %R~r &c*");
    bob.check("GET k1", "_");
    let denied = user(&server, "eve", "+get ~k*").run("SET k1 v");
    assert_eq!(denied, no_command("eve", "set"));
    for shard in 0..4 {
        let key = slot::key_of_shard(shard, 4);
        assert!(key.starts_with('k'));
        let lines = [format!("SET {key} v"), format!("GET x{key}"), format!("GET {key}")];
        assert_eq!(bob.pipeline(&lines), ["+OK", NO_KEY, "$v"]);
    }
    bob.check("GET r", "_");
    bob.check("SET r v", NO_KEY);
    bob.check("MGET {r}k r", NO_KEY);
    bob.check("DEL k1", &no_command("bob", "del"));
    bob.check("CONFIG GET x", &no_command("bob", "config|get"));
    bob.check("PUBLISH c1 m", ":0");
    bob.check("PUBLISH d m", NO_CHANNEL);
    bob.check_start("NOPE", "-ERR unknown command");
    bob.check("GET", "-ERR wrong number of arguments for 'get' command");
    bob.check_start("HELLO 3", "%{");
    bob.check("SUBSCRIBE c1", &no_command("bob", "subscribe"));
}

#[test]
fn changes_hold_for_connections_that_are_open() {
    let server = Server::builder().shards(4).start();
    let mut admin = server.client();
    let mut bobs: Vec<Client> = (0..6).map(|_| user(&server, "bob", "+get ~*")).collect();
    admin.check("ACL SETUSER bob -get +strlen", "+OK");
    for bob in &mut bobs {
        bob.check("GET k", &no_command("bob", "get"));
        bob.check("STRLEN k", ":0");
    }
    admin.check("ACL SETUSER bob off +@all allchannels", "+OK");
    bobs[0].check("GET k", "_");
    server.client().check("AUTH bob p", WRONG);
    admin.check("ACL DELUSER bob nobody", ":1");
    admin.check("ACL SETUSER bob on nopass +@all ~*", "+OK");
    for bob in &mut bobs {
        bob.check_closed();
    }
    admin.check("ACL DELUSER default", "-ERR The 'default' user cannot be removed");
}

#[test]
fn a_user_who_removes_itself_is_told_so() {
    let server = Server::start();
    let mut bob = user(&server, "bob", "+@all ~* &*");
    bob.check("ACL DELUSER bob", ":1");
    bob.check_closed();
}

#[test]
fn transactions_are_checked_twice() {
    let server = Server::builder().shards(2).start();
    let mut admin = server.client();
    let mut bob = user(&server, "bob", "+@all -strlen ~k* &*");
    let lines = ["MULTI", "SET k v", "GET x", "EXEC"];
    let aborted = "-EXECABORT Transaction discarded because of previous errors.";
    assert_eq!(bob.pipeline(&lines), ["+OK", "+QUEUED", NO_KEY, aborted]);
    assert_eq!(log(&mut admin), ["key multi x bob 1"]);
    for key in [slot::key_of_shard(0, 2), slot::key_of_shard(1, 2)] {
        admin.check("ACL SETUSER bob +get", "+OK");
        let get = format!("GET {key}");
        assert_eq!(bob.pipeline(&["MULTI", &get, "PING", "DBSIZE"])[3], "+QUEUED");
        admin.check("ACL SETUSER bob -get -dbsize", "+OK");
        let changed = "-NOPERM ACLs rules changed between the moment the transaction was \
            accumulated and the EXEC call. This command is no longer allowed for the following \
            reason: no permission to execute the command or subcommand";
        bob.check("EXEC", &format!("[{changed} +PONG {changed}]"));
        admin.check("ACL SETUSER bob +dbsize", "+OK");
    }
    assert_eq!(log(&mut admin)[0], "command multi dbsize bob 2");
    admin.check("ACL SETUSER bob +get", "+OK");
    bob.pipeline(&["MULTI", "GET k"]);
    admin.check("ACL SETUSER bob -exec", "+OK");
    bob.check(
        "EXEC",
        "-EXECABORT Transaction discarded because of: NOPERM User bob has no permissions to run \
         the 'exec' command",
    );
}

#[test]
fn scripts_may_do_what_their_callers_may() {
    let server = Server::builder().shards(4).start();
    let mut admin = server.client();
    let library = "#!lua name=l\nredis.register_function('f', function(keys) \
                   return redis.call('SET', keys[1], 'v') end)";
    assert_eq!(admin.call(&["FUNCTION", "LOAD", library]), "$l");
    let mut bob = user(&server, "bob", "+@scripting +@transaction +get +publish ~k* &c");
    for shard in 0..4 {
        let key = slot::key_of_shard(shard, 4);
        let mut eval = |script: &str, keys: &str| bob.run(&format!("EVAL \"{script}\" {keys}"));
        let one = format!("1 {key}");
        assert_eq!(eval("return redis.call('GET', KEYS[1])", &one), "_");
        assert_eq!(eval("return 1", "1 x"), NO_KEY);
        let denied =
            "ERR ACL failure in script: User bob has no permissions to run the 'set' command";
        let reply = eval("return redis.call('SET', KEYS[1], 1)", &one);
        assert!(reply.starts_with(&format!("-{denied} script: ")), "{reply}");
        let caught = eval("return redis.pcall('SET', KEYS[1], 1)['err']", &one);
        assert_eq!(caught.replace('\\', ""), format!("${denied}"));
        let reply = eval(&format!("return redis.call('GET', '{{{key}}}x')"), &one);
        assert!(reply.starts_with("-ERR ACL failure in script: No permissions to access a key"));
        let check = "return {redis.acl_check_cmd('get', KEYS[1]), redis.acl_check_cmd('set', 'k', \
                     1), redis.acl_check_cmd('get', 'x')}";
        assert_eq!(eval(check, &one), "[:1 _ _]");
        let reply = bob.run(&format!("FCALL f 1 {key}"));
        assert!(reply.contains("ACL failure in script: User bob"), "{reply}");
        // Undeclared: the script finds its shard by itself, and the user goes with it.
        let reply = bob.run(&format!("EVAL \"return redis.call('SET', '{key}', 1)\" 0"));
        assert!(reply.contains("ACL failure in script: User bob"), "{reply}");
        let lines =
            ["MULTI", &format!("EVAL \"return redis.call('DEL', '{key}')\" 1 {key}"), "EXEC"];
        let reply = &bob.pipeline(&lines)[2];
        assert!(reply.starts_with("[-ERR ACL failure in script: User bob"), "{reply}");
        // Who comes next on the same shard is somebody else.
        admin.check(&format!("EVAL \"return redis.call('SET', KEYS[1], 1)\" 1 {key}"), "+OK");
        admin.check(&format!("FCALL f 1 {key}"), "+OK");
        admin.check(&format!("DEL {key}"), ":1");
    }
    let reply = bob.run("EVAL \"return redis.call('PUBLISH', 'd', 1)\" 0");
    assert!(reply.starts_with("-ERR ACL failure in script: No permissions to access a channel"));
    assert_eq!(log(&mut admin)[0], "channel lua d bob 1");
}

#[test]
fn a_script_that_is_refused_something_is_taken_back() {
    let server = Server::start();
    let mut bob = user(&server, "bob", "+eval +set +get ~k*");
    let script = "redis.call('SET', KEYS[1], 1) return redis.call('DEL', KEYS[1])";
    bob.check_start(&format!("EVAL \"{script}\" 1 k"), "-ERR ACL failure in script: User bob");
    bob.check("GET k", "_");
}

#[test]
fn listeners_hear_what_they_may() {
    let server = Server::builder().shards(4).start();
    let mut admin = server.client();
    let mut bobs: Vec<Client> =
        (0..5).map(|_| user(&server, "bob", "+@pubsub +acl|setuser &c &p* &s")).collect();
    bobs[0].check("SUBSCRIBE c", "[$subscribe $c :1]");
    bobs[0].check("SUBSCRIBE d", NO_CHANNEL);
    bobs[0].check("PSUBSCRIBE p*", "[$psubscribe $p* :2]");
    bobs[0].check("PSUBSCRIBE p1", NO_CHANNEL);
    bobs[0].check("UNSUBSCRIBE d", "[$unsubscribe $d :2]");
    bobs[1].check("SSUBSCRIBE s", "[$ssubscribe $s :1]");
    bobs[2].check("SUBSCRIBE p1", "[$subscribe $p1 :1]");
    bobs[3].check_start("HELLO 3", "%{");
    bobs[3].check("PSUBSCRIBE p*", ">[$psubscribe $p* :1]");
    admin.check("ACL SETUSER bob &more", "+OK");
    admin.check("PUBLISH c m", ":1");
    assert_eq!(bobs[0].read().to_string(), "[$message $c $m]");
    bobs[3].check("ACL SETUSER bob resetchannels &c &p1 &s", "+OK");
    bobs[3].check_closed();
    bobs[0].check_closed();
    // Their sockets are closed at once; their executors forget them when they look next.
    e2e::poll("their subscriptions to end", || (admin.run("PUBSUB NUMPAT") == ":0").then_some(()));
    admin.check("PUBLISH p1 m", ":1");
    assert_eq!(bobs[2].read().to_string(), "[$message $p1 $m]");
    bobs[4].check_start("PUBLISH p2 m", NO_CHANNEL);
    assert_eq!(bobs[1].run("SUNSUBSCRIBE"), "[$sunsubscribe $s :0]");
}

#[test]
fn clients_are_listed_and_killed_by_user() {
    let server = Server::builder().shards(2).start();
    let mut admin = server.client();
    let mut bob = user(&server, "bob", "+@all ~* &*");
    assert!(admin.run("CLIENT LIST").contains(" user=bob "));
    assert!(bob.run("CLIENT INFO").contains(" user=bob "));
    admin.check("CLIENT KILL USER nobody", "-ERR No such user 'nobody'");
    admin.check("CLIENT KILL USER bob", ":1");
    bob.check_closed();
    let mut bob = user(&server, "bob", "");
    bob.check("RESET", "+RESET");
    bob.check("ACL WHOAMI", "$default");
    assert!(bob.run("CLIENT INFO").contains(" user=default "));
}

#[test]
fn refusals_are_logged() {
    let server = Server::builder().shards(2).start();
    let mut admin = server.client();
    admin.check("ACL LOG", "[]");
    let mut bob = user(&server, "bob", "+get ~k");
    bob.check("CLIENT ID", &no_command("bob", "client|id"));
    bob.check("GET x", NO_KEY);
    bob.check("GET x", NO_KEY);
    bob.check("AUTH eve nope", WRONG);
    bob.check_start("HELLO 2 AUTH eve nope", WRONG);
    let expected = [
        "auth toplevel HELLO eve 1",
        "auth toplevel AUTH eve 1",
        "key toplevel x bob 2",
        "command toplevel client|id bob 1",
    ];
    assert_eq!(log(&mut admin), expected);
    let entry = admin.value("ACL LOG 1").items()[0].to_string();
    assert!(entry.contains(" $client-info $id=") && entry.contains(" $entry-id :3 "), "{entry}");
    assert!(entry.contains(" cmd=hello user=bob "), "{entry}");
    admin.check("CONFIG SET acllog-max-len 1", "+OK");
    bob.check("GET y", NO_KEY);
    assert_eq!(log(&mut admin), ["key toplevel y bob 1"]);
    admin.check("ACL LOG x", "-ERR value is not an integer or out of range");
    admin.check("ACL LOG RESET", "+OK");
    admin.check("ACL LOG", "[]");
    admin.check_start("HELLO 3", "%{");
    bob.check("GET y", NO_KEY);
    admin.check_start("ACL LOG", "[%{$count::1 $reason:$key $context:$toplevel $object:$y ");
}

#[test]
fn passwords_are_random() {
    let server = Server::start();
    let mut client = server.client();
    let first = client.run("ACL GENPASS");
    assert_eq!(first.len(), 65, "{first}");
    assert_ne!(first, client.run("ACL GENPASS"));
    assert_eq!(client.run("ACL GENPASS 5").len(), 3);
    assert_eq!(client.run("ACL GENPASS 4096").len(), 1025);
    let range = "-ERR ACL GENPASS argument must be the number of bits for the output password, a \
                 positive number up to 4096";
    client.check("ACL GENPASS 0", range);
    client.check("ACL GENPASS 4097", range);
    client.check_start("ACL GENPASS x", "-ERR value is not an integer");
    client.check_start("ACL SETUSER \"a b\"", "-ERR Usernames can't contain spaces or null");
    client.check(
        "ACL SETUSER bob on +foo",
        "-ERR Error in ACL SETUSER modifier '+foo': Unknown command or category name in ACL",
    );
    client.check("ACL GETUSER bob", "_");
    client
        .check_start("ACL SAVE", "-ERR This Redis instance is not configured to use an ACL file.");
    client
        .check_start("ACL LOAD", "-ERR This Redis instance is not configured to use an ACL file.");
}

#[test]
fn users_are_kept_in_a_file() {
    let folder = folder();
    let file = folder.path().join("users.acl");
    std::fs::write(&file, "user default on nopass ~* &* +@all\nuser bob on >p ~k +get\n").unwrap();
    let server = Server::builder().set("aclfile", file.display()).shards(2).start();
    let mut admin = server.client();
    let mut bob = server.client();
    bob.check("AUTH bob p", "+OK");
    admin.check("ACL SETUSER eve on nopass +@all ~* &*", "+OK");
    let mut eve = server.client();
    eve.check("AUTH eve any", "+OK");
    admin.check("ACL SAVE", "+OK");
    let saved = std::fs::read_to_string(&file).unwrap();
    assert!(saved.contains("\nuser eve on nopass sanitize-payload ~* &* +@all\n"), "{saved}");
    std::fs::write(&file, saved.replace("user eve", "usr eve")).unwrap();
    let text = admin.run("ACL LOAD");
    assert!(text.ends_with("no change to the previously active ACL rules was performed"), "{text}");
    assert!(text.contains("users.acl:3: should start with user keyword"), "{text}");
    eve.check("ACL WHOAMI", "$eve");
    std::fs::write(&file, "user bob on >p ~k +strlen\n").unwrap();
    admin.check("ACL LOAD", "+OK");
    eve.check_closed();
    bob.check("STRLEN k", ":0");
    bob.check("GET k", &no_command("bob", "get"));
    admin.check("ACL USERS", "[$bob $default]");
}

#[test]
fn users_are_kept_in_the_configuration() {
    let server = Server::builder().set("user", "bob on >p +@read ~k*,default off").start();
    let mut client = server.client();
    client.check("PING", NOAUTH);
    client.check("AUTH bob p", "+OK");
    client.check("GET k", "_");
    client.check("SET k v", &no_command("bob", "set"));
    let wrong = refusal(&["--set", "user=bob on +nope"], &[]);
    assert!(format!("{wrong:?}").contains("Unknown command or category name in ACL"), "{wrong:?}");
    let wrong = refusal(&["--set", "aclfile=/none/at/all"], &[]);
    assert!(format!("{wrong:?}").contains("opening file '/none/at/all'"), "{wrong:?}");
    let both = refusal(&["--set", "aclfile=/none", "--set", "user=bob on"], &[]);
    assert!(format!("{both:?}").contains("not both"), "{both:?}");
}

#[test]
fn new_users_hear_all_channels_if_they_are_to() {
    let server = Server::builder().set("acl-pubsub-default", "allchannels").start();
    let mut client = server.client();
    client.check("ACL SETUSER bob", "+OK");
    assert!(client.run("ACL LIST").contains("user bob off sanitize-payload &* -@all"));
    client.check("CONFIG GET acl-pubsub-default", "[$acl-pubsub-default $allchannels]");
    client.check("CONFIG SET acl-pubsub-default resetchannels", "+OK");
    client.check("ACL SETUSER eve", "+OK");
    assert!(client.run("ACL LIST").contains("user eve off sanitize-payload resetchannels -@all"));
    client.check_start("CONFIG SET acl-pubsub-default x", "-ERR CONFIG SET failed");
}

#[test]
fn nodes_come_in_to_each_other() {
    let cluster = Cluster::start_with(2, |_, builder| {
        let users = "default on >secret ~* &* +@all,relay on >r resetchannels &* +cluster|relay";
        builder.set("user", users).set("masteruser", "relay").set("masterauth", "r")
    });
    let enter = |node: usize| {
        let mut client = cluster.nodes()[node].client();
        client.check("AUTH secret", "+OK");
        client
    };
    let (mut listener, mut publisher) = (enter(0), enter(1));
    listener.check("SUBSCRIBE c", "[$subscribe $c :1]");
    poll("a message of another node", || {
        publisher.check("PUBLISH c m", ":0");
        (!listener.is_silent_for(std::time::Duration::from_millis(100))).then_some(())
    });
    assert_eq!(listener.read().to_string(), "[$message $c $m]");
}
