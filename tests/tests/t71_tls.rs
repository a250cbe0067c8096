//! TLS: listeners with it beside those without, certificates of clients, bytes in all sizes, and all
//! that is looked after when the connection's own task does not run.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use e2e::resp::{Client, Value, encode};
use e2e::server::{Builder, Server, refusal};
use e2e::tls::{Authority, Config, wrap};
use e2e::{PATIENCE, poll, ports, slot};
use nix::sys::signal::Signal;

const SHARDS: u16 = 4;
const BUSY: &str =
    "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";

fn key(shard: u16) -> String {
    slot::key_of_shard(shard, SHARDS)
}

fn start(adapt: impl FnOnce(Builder) -> Builder) -> (Authority, Server) {
    let authority = Authority::new();
    let server = adapt(Server::builder().tls(&authority, None)).start();
    (authority, server)
}

/// Whether a server serves a client with this configuration.
fn is_served(port: u16, config: &Config) -> bool {
    let mut client = Client::connect_tls(port, config);
    // In TLS 1.3 the server's opinion of a certificate comes with its first answer.
    client.try_send(b"PING\r\n").is_ok()
        && matches!(client.try_read(), Ok(Some(pong)) if pong.to_string() == "+PONG")
}

#[test]
fn clients_with_tls_and_without_are_served_at_once() {
    let (_authority, server) = start(|builder| builder);
    let (mut plain, mut tls) = (server.client(), server.tls_client());
    tls.check("SET key value", "+OK");
    plain.check("GET key", "$value");
    let port = server.tls_port();
    plain.check("CONFIG GET tls-port", &format!("[$tls-port ${port}]"));
    plain.check("CONFIG GET tls-auth-clients", "[$tls-auth-clients $yes]");
    let info = tls.value("INFO server").text();
    assert!(info.contains(&format!("tcp_port:{}\r\n", server.port())), "{info}");
    let listener = format!("listener1:name=tls,bind=127.0.0.1,port={port}\r\n");
    assert!(info.contains(&listener), "{info}");
    // Each is told to go on as it has come; both ports are there for who asks for them.
    assert!(plain.run("CLUSTER SLOTS").contains(&format!("$127.0.0.1 :{} ", server.port())));
    assert!(tls.run("CLUSTER SLOTS").contains(&format!("$127.0.0.1 :{port} ")));
    assert!(tls.run("CLUSTER NODES").contains(&format!(" 127.0.0.1:{port}@")));
    let shards = format!("$port :{} $tls-port :{port} ", server.port());
    assert!(tls.run("CLUSTER SHARDS").contains(&shards));
    assert_eq!(tls.run("CLUSTER SHARDS"), plain.run("CLUSTER SHARDS"));
    tls.check("HELLO 3 SETNAME secret", &tls_hello(&mut plain));
    assert!(plain.run("CLIENT LIST").contains("name=secret"));
}

/// What HELLO 3 replies, but for the id.
fn tls_hello(plain: &mut Client) -> String {
    let hello = plain.run("HELLO 3");
    let id = plain.value("CLIENT ID").int();
    plain.run("HELLO 2");
    hello.replace(&format!("$id::{id} "), &format!("$id::{} ", id + 1))
}

#[test]
fn there_may_be_no_port_but_that_with_tls() {
    let (_authority, server) = start(Builder::only_tls);
    let port = server.tls_port();
    let mut client = server.tls_client();
    client.check("CONFIG GET port", "[$port $0]");
    assert!(client.run("CLUSTER SLOTS").contains(&format!("$127.0.0.1 :{port} ")));
    let shards = client.run("CLUSTER SHARDS");
    assert!(shards.contains(&format!(" $tls-port :{port} ")) && !shards.contains("$port "));
    let info = client.value("INFO server").text();
    assert!(info.contains(&format!("tcp_port:{port}\r\n")), "{info}");
}

#[test]
fn what_cannot_be_is_said_at_the_start() {
    let authority = Authority::new();
    let identity = authority.issue("server");
    let others = Authority::new();
    let other = others.issue("other");
    let cert = format!("tls-cert-file={}", identity.cert.display());
    let key = format!("tls-key-file={}", identity.key.display());
    let other_key = format!("tls-key-file={}", other.key.display());
    let ca = format!("tls-ca-cert-file={}", authority.file().display());
    let port = ports::take(2);
    let (plain, tls) = (format!("port={port}"), format!("tls-port={}", port + 1));
    let (cert, key, ca, tls) = (&cert[..], &key[..], &ca[..], &tls[..]);
    for (settings, text) in [
        (&["port=0"][..], "port and tls-port are both 0"),
        (&[tls], "No tls-cert-file configured!"),
        (&[tls, cert], "No tls-key-file configured!"),
        (&[tls, cert, key], "Either tls-ca-cert-file or tls-ca-cert-dir must be specified"),
        (&[tls, cert, &other_key, ca], "tls-cert-file and tls-key-file: "),
        (&[tls, "tls-cert-file=/nowhere", key, ca], "tls-cert-file: /nowhere: "),
        (&[tls, cert, key, ca, "tls-protocols=TLSv1.1"], "Invalid tls-protocols specified."),
        (&[tls, cert, key, ca, "tls-auth-clients=perhaps"], "tls-auth-clients"),
        (&["tls-dh-params-file=x"], "tls-dh-params-file"),
        (&["listeners=tls://127.0.0.1:0"], "needs `announce`"),
    ] {
        let mut arguments = vec!["--set", &plain];
        settings.iter().for_each(|setting| arguments.extend(["--set", setting]));
        let refusal = refusal(&arguments, &[]);
        assert!(refusal.text.contains(text), "{settings:?}: {}", refusal.text);
    }
}

#[test]
fn clients_show_certificates_as_it_is_wanted() {
    let (authority, server) = start(|builder| builder);
    let (alice, expired) = (authority.issue("alice"), authority.issue_expired("old"));
    let strangers = Authority::new();
    let stranger = strangers.issue("stranger");
    let port = server.tls_port();
    let served = |identity| is_served(port, &authority.client(identity));
    let mut admin = server.client();
    for (wanted, without, with, others) in
        [("yes", false, true, false), ("optional", true, true, false), ("no", true, true, true)]
    {
        admin.check(&format!("CONFIG SET tls-auth-clients {wanted}"), "+OK");
        assert_eq!(served(None), without, "{wanted}, without one");
        assert_eq!(served(Some(&alice)), with, "{wanted}, with one");
        assert_eq!(served(Some(&expired)), others, "{wanted}, with an old one");
        assert_eq!(served(Some(&stranger)), others, "{wanted}, with a stranger's");
    }
    // The client does not believe every server either.
    assert!(!is_served(port, &Authority::new().client(None)));
}

#[test]
fn a_certificate_may_say_who_the_client_is() {
    let (authority, server) = start(|builder| builder.set("tls-auth-clients-user", "CN"));
    let mut admin = server.client();
    admin.check("ACL SETUSER alice on nopass ~* +@all", "+OK");
    admin.check("ACL SETUSER carl off nopass ~* +@all", "+OK");
    let port = server.tls_port();
    for (name, user) in [("alice", "alice"), ("bob", "default"), ("carl", "default")] {
        let config = authority.client(Some(&authority.issue(name)));
        let mut client = Client::connect_tls(port, &config);
        client.check("ACL WHOAMI", &format!("${user}"));
        let id = client.value("CLIENT ID").int();
        let list = admin.value(&format!("CLIENT LIST ID {id}")).text();
        assert!(list.contains(&format!(" user={user} ")), "{list}");
    }
    admin.check("CONFIG SET tls-auth-clients-user off", "+OK");
    let config = authority.client(Some(&authority.issue("alice")));
    Client::connect_tls(port, &config).check("ACL WHOAMI", "$default");
    admin.check("CONFIG SET requirepass secret tls-auth-clients-user cn", "+OK");
    Client::connect_tls(port, &config).check("ACL WHOAMI", "$alice");
    let nobody = authority.client(Some(&authority.issue("nobody")));
    Client::connect_tls(port, &nobody).check_start("ACL WHOAMI", "-NOAUTH");
}

#[test]
fn certificates_are_renewed_while_clients_are_served() {
    let (authority, server) =
        start(|builder| builder.expect_in_log("certificates stay as they were"));
    let mut old = server.tls_client();
    let mut admin = server.client();
    let file = |name: &str| authority.folder().join(format!("server-{}.{name}", server.tls_port()));
    let ca = authority.file().to_owned();
    let (cert, key) = (file("pem"), file("key"));
    let set = format!(
        "CONFIG SET tls-cert-file {} tls-key-file {} tls-ca-cert-file {}",
        cert.display(),
        key.display(),
        ca.display()
    );
    let port = server.tls_port();
    let was = authority.client(Some(&authority.issue("client")));
    let files = || [&cert, &key, &ca].map(|path| fs::read(path).unwrap());
    let put = |contents: &[Vec<u8>; 3]| {
        for (path, text) in [&cert, &key, &ca].into_iter().zip(contents) {
            fs::write(path, text).unwrap();
        }
    };
    let first = files();
    let renewed = Authority::new();
    let identity = renewed.issue("server");
    let is = renewed.client(Some(&identity));
    let second =
        [&identity.cert, &identity.key, renewed.file()].map(|path| fs::read(path).unwrap());

    put(&second);
    assert!(is_served(port, &was), "nobody has asked for the files to be read again");
    admin.check(&set, "+OK");
    assert!(is_served(port, &is) && !is_served(port, &was));

    put(&first);
    server.signal(Signal::SIGHUP);
    poll("the signal is heard", || is_served(port, &was).then_some(()));
    assert!(!is_served(port, &is));

    fs::write(&key, "no key").unwrap();
    admin
        .check_start(&set, "-ERR CONFIG SET failed (possibly related to argument 'tls-cert-file')");
    server.signal(Signal::SIGHUP);
    poll("it is said", || server.log().contains("certificates stay as they were").then_some(()));
    assert!(is_served(port, &was));
    let before = admin.run("CONFIG GET tls-key-file");
    admin.check_start("CONFIG SET maxclients 77 tls-key-file /nowhere", "-ERR CONFIG SET failed");
    assert_eq!(admin.run("CONFIG GET tls-key-file"), before);
    admin.check("CONFIG GET maxclients", "[$maxclients $10000]");
    old.check("PING", "+PONG");
}

#[test]
fn large_values_and_long_pipelines_go_both_ways() {
    let (_authority, server) = start(|builder| builder);
    let mut client = server.tls_client();
    let value = |seed: u8| {
        (0..1 << 20).map(|at: u32| (at.wrapping_mul(seed.into()) >> 7) as u8).collect::<Vec<_>>()
    };
    for seed in [3, 5, 7] {
        client.send_parts(&[b"SET", &b"large"[..], &value(seed)]);
        assert_eq!(client.read().to_string(), "+OK");
        client.send_line("GET large");
        assert_eq!(client.read(), Value::Bulk('$', value(seed)));
    }
    // Far more than any buffer has room for, asked for before anything is read.
    let count = 40;
    client.send(&encode(&["GET", "large"]).repeat(count));
    for _ in 0..count {
        assert_eq!(client.read(), Value::Bulk('$', value(7)));
    }
    let requests: Vec<u8> =
        (0..20_000).flat_map(|at| encode(&["INCRBY", &format!("n{}", at % 7), "1"])).collect();
    client.send(&requests);
    let replies: Vec<i64> = (0..20_000).map(|_| client.read().int()).collect();
    assert!(replies.iter().enumerate().all(|(at, reply)| *reply == at as i64 / 7 + 1));
}

/// A client of TLS whose bytes are in our hands.
struct Bytes {
    tls: rustls::ClientConnection,
    socket: TcpStream,
}

impl Bytes {
    fn new(port: u16, config: &Config) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut stream = wrap(socket, config);
        stream.write_all(b"PING\r\n").unwrap();
        let mut pong = [0; 7];
        stream.read_exact(&mut pong).unwrap();
        assert_eq!(&pong, b"+PONG\r\n");
        let (tls, socket) = stream.into_parts();
        Self { tls, socket }
    }

    /// What these bytes are over the wire.
    fn encrypted(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.tls.writer().write_all(bytes).unwrap();
        let mut out = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut out).unwrap();
        }
        out
    }

    fn read(&mut self, count: usize) -> Vec<u8> {
        let mut found = vec![0; count];
        let mut stream = rustls::Stream::new(&mut self.tls, &mut self.socket);
        stream.read_exact(&mut found).unwrap();
        found
    }
}

#[test]
fn requests_come_in_single_bytes() {
    let (authority, server) = start(|builder| builder);
    let config = authority.client(Some(&authority.issue("client")));
    let mut client = Bytes::new(server.tls_port(), &config);
    let request = [encode(&["SET", "key", "value"]), encode(&["GET", "key"])].concat();
    for byte in client.encrypted(&request) {
        client.socket.write_all(&[byte]).unwrap();
    }
    assert_eq!(client.read(16), b"+OK\r\n$5\r\nvalue\r\n");
    // And in a record for each byte, all of them at once.
    let records: Vec<u8> = request.iter().flat_map(|byte| client.encrypted(&[*byte])).collect();
    client.socket.write_all(&records).unwrap();
    assert_eq!(client.read(16), b"+OK\r\n$5\r\nvalue\r\n");
}

#[test]
fn the_end_is_said_and_understood() {
    let (authority, server) = start(|builder| builder);
    let config = authority.client(Some(&authority.issue("client")));
    let connect = || {
        let socket = TcpStream::connect(("127.0.0.1", server.tls_port())).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        wrap(socket, &config)
    };
    let mut stream = connect();
    stream.write_all(b"QUIT\r\n").unwrap();
    let mut said = Vec::new();
    // Without a goodbye this is an error.
    stream.read_to_end(&mut said).unwrap();
    assert_eq!(said, b"+OK\r\n");
    let mut stream = connect();
    stream.write_all(b"PING\r\n").unwrap();
    stream.conn.send_close_notify();
    stream.flush().unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap();
    assert_eq!(said, b"+PONG\r\n");
    let mut admin = server.client();
    poll("only one client is left", || {
        admin.run("INFO clients").contains("connected_clients:1\\r\\n").then_some(())
    });
}

#[test]
fn a_busy_shard_answers_and_its_scripts_are_killed() {
    let (authority, server) = start(|builder| {
        builder
            .set("busy-reply-threshold", 50)
            .set("script-time-limit", 0)
            .expect_in_log("a script is slow")
    });
    let config = authority.client(Some(&authority.issue("client")));
    // Clients on all shards, by turns.
    let mut clients: Vec<Client> = (0..2 * SHARDS).map(|_| server.tls_client()).collect();
    clients.iter_mut().for_each(|client| client.check("PING", "+PONG"));
    let mut runner = server.tls_client();
    for round in 0..3 {
        runner.send_parts(&["EVAL", "while true do end", "1", &key(0)]);
        let get = format!("GET {}", key(0));
        poll("the shard is busy", || (clients[0].run(&get) == BUSY).then_some(()));
        for client in &mut clients {
            client.check(&get, BUSY);
            client.check(&format!("GET {}", key(1)), "_");
            let other = format!("GET {}", key(2));
            let replies = client.pipeline(&[&other, &get, &other]);
            assert_eq!(replies, ["_", BUSY, "_"]);
        }
        // New ones on each shard: their requests may come with the end of the handshake.
        for _ in 0..2 * SHARDS {
            Client::connect_tls(server.tls_port(), &config).check(&get, BUSY);
        }
        if round == 2 {
            clients[3].check("SCRIPT KILL", "+OK");
        } else {
            let mut killer = Client::connect_tls(server.tls_port(), &config);
            killer.check("SCRIPT KILL", "+OK");
        }
        let reply = runner.read().to_string();
        assert!(reply.starts_with("-ERR Script killed by user"), "{reply}");
        for client in &mut clients {
            poll("the shard is free again", || (client.run(&get) == "_").then_some(()));
        }
    }
}

#[test]
fn messages_are_pushed() {
    let (_authority, server) = start(|builder| builder);
    let mut publisher = server.client();
    let mut listeners: Vec<Client> = (0..SHARDS).map(|_| server.tls_client()).collect();
    for client in &mut listeners {
        client.check("SUBSCRIBE channel", "[$subscribe $channel :1]");
    }
    let text = "x".repeat(100_000);
    for _ in 0..20 {
        assert_eq!(publisher.call(&["PUBLISH", "channel", &text]), ":4");
    }
    for client in &mut listeners {
        for _ in 0..20 {
            assert_eq!(client.read().to_string(), format!("[$message $channel ${text}]"));
        }
    }
}

#[test]
fn who_does_not_read_is_ended_at_the_limit() {
    let (_authority, server) = start(|builder| {
        builder.set("client-output-buffer-limit", "normal 20mb 0 0 pubsub 8mb 0 0")
    });
    let mut admin = server.client();
    admin.call(&["SET", "large", &"x".repeat(1 << 20)]);
    let mut deaf = server.tls_client();
    deaf.check("CLIENT SETNAME deaf", "+OK");
    deaf.send(&encode(&["GET", "large"]).repeat(200));
    // It is not served beyond what it has not read, so it stays; what it takes is known.
    poll("its output is seen", || {
        let list = admin.value("CLIENT LIST").text();
        let line = list.lines().find(|line| line.contains("name=deaf"))?;
        let field = |name: &str| {
            let (_, rest) = line.split_once(&format!(" {name}="))?;
            rest.split(' ').next()?.parse::<usize>().ok()
        };
        let (unread, all) = (field("omem")?, field("tot-mem")?);
        (unread > 0 && all > unread + 10_000).then_some(())
    });
    for _ in 0..200 {
        assert_eq!(deaf.value("PING").text().len(), 1 << 20);
    }
    let mut listener = server.tls_client();
    listener.run("SUBSCRIBE channel");
    let text = "x".repeat(1 << 20);
    let end = Instant::now() + PATIENCE;
    while admin.call(&["PUBLISH", "channel", &text]) == ":1" {
        assert!(Instant::now() < end, "it is never ended");
    }
    let stats = admin.value("INFO stats").text();
    assert!(!stats.contains("client_output_buffer_limit_disconnections:0\r\n"), "{stats}");
}

#[test]
fn a_debugger_and_a_copy_of_all_data_go_over_tls() {
    let (_authority, server) = start(|builder| builder);
    let mut client = server.tls_client();
    for at in 0..4000 {
        client.call(&["SET", &format!("key{at}"), &"v".repeat(300)]);
    }
    for shard in 0..SHARDS {
        let mut client = server.tls_client();
        client.check("SCRIPT DEBUG YES", "+OK");
        let script = "local a = 17\nreturn a";
        client.send_parts(&["EVAL", script, "1", &key(shard)]);
        assert!(client.read().to_string().contains("* Stopped at 1"));
        client.send_line("next");
        assert!(client.read().to_string().contains("* Stopped at 2"));
        client.send(&[encode(&["print", "a"]), encode(&["continue"])].concat());
        assert!(client.read().to_string().contains("17"));
        assert!(client.read().to_string().contains("<endsession>"));
        assert_eq!(client.read().to_string(), ":17");
        client.check_closed();
    }
    client.send_line("SYNC");
    let copy = client.read_copy();
    assert!(copy.starts_with(b"REDIS0") && copy.len() > 4000, "{} bytes", copy.len());
    client.check_closed();
}

#[test]
fn whoever_does_not_talk_tls_is_no_trouble() {
    let (authority, server) = start(|builder| builder.set("maxclients", 20));
    let port = server.tls_port();
    let connect = || {
        let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    };
    let ended = |mut socket: TcpStream| {
        let mut rest = Vec::new();
        match socket.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("it is not ended: {error}"),
        }
        rest
    };
    let began = Instant::now();
    let (silent, mut half) = (connect(), connect());
    half.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]).unwrap();
    for bytes in
        [&b"PING\r\n"[..], b"*1\r\n$4\r\nPING\r\n", &[0xff; 4096], b"GET / HTTP/1.1\r\n\r\n"]
    {
        let mut socket = connect();
        socket.write_all(bytes).unwrap();
        let said = ended(socket);
        assert!(!said.starts_with(b"+") && !said.starts_with(b"-"), "{said:?}");
    }
    let mut client = server.tls_client();
    client.check("PING", "+PONG");
    // Who has not finished counts all the same.
    let mut waiting: Vec<TcpStream> = (0..17).map(|_| connect()).collect();
    let one_more = connect();
    ended(one_more);
    waiting.clear();
    drop(half);
    let config = authority.client(Some(&authority.issue("client")));
    poll("there is room again", || is_served(port, &config).then_some(()));
    ended(silent);
    let took = began.elapsed();
    assert!(took > Duration::from_secs(9), "ended after {took:?}");
    client.check("PING", "+PONG");
}

/// A cluster of three nodes that talk TLS with each other.
fn cluster(authority: &Authority) -> Vec<Server> {
    let first = ports::take(6);
    let plain = first..first + 3;
    let list = plain.clone().map(|port| format!("127.0.0.1:{port}:{}", port + 3));
    let list = list.collect::<Vec<_>>().join(",");
    let launch = |port| {
        let builder = Server::builder().shards(2).port(port).tls(authority, Some(port + 3));
        builder.set("tls-cluster", "yes").set("cluster.initial-nodes", &list).launch()
    };
    let nodes: Vec<Server> = plain.map(launch).collect();
    nodes.into_iter().map(Server::wait_ready).collect()
}

#[test]
fn nodes_talk_tls_with_each_other() {
    let authority = Authority::new();
    let nodes = cluster(&authority);
    let (tls, plain): (Vec<u16>, Vec<u16>) =
        nodes.iter().map(|node| (node.tls_port(), node.port())).unzip();
    let mut clients: Vec<Client> = nodes.iter().map(Server::tls_client).collect();
    for (slot, node) in [(866, 0), (12182, 2)] {
        // The slots of "hello" and "foo".
        let key = if slot == 866 { "hello" } else { "foo" };
        assert_eq!(slot::of(key), slot);
        clients[1].check(&format!("GET {key}"), &format!("-MOVED {slot} 127.0.0.1:{}", tls[node]));
        let moved = format!("-MOVED {slot} 127.0.0.1:{}", plain[node]);
        nodes[1].client().check(&format!("GET {key}"), &moved);
    }
    let shown = clients[0].run("CLUSTER SHARDS");
    for (plain, tls) in plain.iter().zip(&tls) {
        assert!(shown.contains(&format!("$port :{plain} $tls-port :{tls} ")), "{shown}");
    }
    for client in &mut clients[1..] {
        client.run("SUBSCRIBE channel");
    }
    nodes[0].client().check("PUBLISH channel news", ":0");
    for client in &mut clients[1..] {
        assert_eq!(client.read().to_string(), "[$message $channel $news]");
    }
    // Who asks a node how it is reached by others sees TLS.
    let text = "x".repeat(1 << 20);
    for _ in 0..5 {
        clients[0].call(&["PUBLISH", "channel", &text]);
    }
    for client in &mut clients[1..] {
        for _ in 0..5 {
            assert_eq!(client.read().to_string(), format!("[$message $channel ${text}]"));
        }
    }
}

#[test]
fn nodes_without_the_authority_s_certificates_do_not_belong() {
    let (authority, strangers) = (Authority::new(), Authority::new());
    let ports = ports::take(4);
    let list = format!("127.0.0.1:{}:{},127.0.0.1:{}:{}", ports, ports + 1, ports + 2, ports + 3);
    let told = "no TLS with another node";
    let start = |authority: &Authority, at: u16| {
        let builder = Server::builder().shards(1).port(ports + at);
        let builder = builder.tls(authority, Some(ports + at + 1)).set("tls-cluster", "yes");
        builder.set("cluster.initial-nodes", &list).expect_in_log(told).start()
    };
    let (ours, other) = (start(&authority, 0), start(&strangers, 2));
    let mut listener = other.client();
    listener.run("SUBSCRIBE channel");
    for _ in 0..3 {
        ours.client().check("PUBLISH channel news", ":0");
    }
    assert!(listener.is_silent_for(Duration::from_millis(500)));
    assert_eq!(ours.log().matches(told).count(), 1, "{}", ours.log());
    // It is the certificates that keep them apart.
    let mut admin = other.client();
    let identity = authority.issue("renewed");
    admin.check(
        &format!(
            "CONFIG SET tls-cert-file {} tls-key-file {} tls-ca-cert-file {}",
            identity.cert.display(),
            identity.key.display(),
            authority.file().display()
        ),
        "+OK",
    );
    poll("messages come through", || {
        ours.client().check("PUBLISH channel now", ":0");
        (!listener.is_silent_for(Duration::from_millis(100))).then_some(())
    });
}

#[test]
fn keys_migrate_by_tls() {
    let authority = Authority::new();
    let (source, target) = (
        Server::builder().tls(&authority, None).set("tls-cluster", "yes").start(),
        Server::builder().tls(&authority, None).only_tls().start(),
    );
    let mut from = source.client();
    for at in 0..200 {
        from.call(&["SET", &format!("{{a}}{at}"), &"v".repeat(20_000)]);
    }
    let keys: Vec<String> = (0..200).map(|at| format!("{{a}}{at}")).collect();
    let migrate =
        format!("MIGRATE 127.0.0.1 {} \"\" 0 5000 KEYS {}", target.tls_port(), keys.join(" "));
    from.check(&migrate, "+OK");
    from.check("DBSIZE", ":0");
    let mut to = target.tls_client();
    to.check("DBSIZE", ":200");
    assert_eq!(to.value("GET {a}199").text().len(), 20_000);
    // Without TLS there is nobody at that port.
    from.check("CONFIG SET tls-cluster no", "+OK");
    from.check("SET key value", "+OK");
    let reply = from.run(&format!("MIGRATE 127.0.0.1 {} key 0 300", target.tls_port()));
    assert!(reply.starts_with("-IOERR error or timeout "), "{reply}");
    from.check("GET key", "$value");
}

#[test]
fn shards_and_listeners_have_ports_with_tls() {
    let authority = Authority::new();
    let first = ports::take(8);
    let server = Server::builder()
        .shards(2)
        .port(first)
        .tls(&authority, Some(first + 1))
        .set("shard-endpoints", "true")
        .set("shard-endpoint-port", first + 2)
        .set("tls-shard-endpoint-port", first + 4)
        .set("listeners", format!("tls://127.0.0.1:{}=outside:{}", first + 6, first + 6))
        // The shards of that listener are three further on.
        .variable("ATOLL_LOG", "info")
        .start();
    let config = authority.client(Some(&authority.issue("client")));
    let mut main = server.tls_client();
    let slots = main.run("CLUSTER SLOTS");
    for port in [first + 4, first + 5] {
        assert!(slots.contains(&format!("$127.0.0.1 :{port} ")), "{slots}");
        let mut client = Client::connect_tls(port, &config);
        assert_eq!(client.run("CLUSTER SLOTS"), slots);
    }
    let shards = main.run("CLUSTER SHARDS");
    let expected = format!("$port :{} $tls-port :{} ", first + 2, first + 4);
    assert!(shards.contains(&expected), "{shards}");
    let mut outside = Client::connect_tls(first + 6, &config);
    let slots = outside.run("CLUSTER SLOTS");
    assert!(slots.contains(&format!("$outside :{} ", first + 9)), "{slots}");
}

#[test]
fn the_rewritten_file_says_what_has_been_set() {
    let authority = Authority::new();
    let identity = authority.issue("server");
    let file = authority.folder().join("atoll.toml");
    let text = format!(
        "# Ours.\ntls-cert-file = {:?}\ntls-key-file = {:?}\ntls-ca-cert-file = {:?}\n",
        identity.cert.display().to_string(),
        identity.key.display().to_string(),
        authority.file().display().to_string(),
    );
    fs::write(&file, text).unwrap();
    let server = Server::builder()
        .arguments(&["--config", file.to_str().unwrap()])
        .set("tls-port", ports::take(1))
        .start();
    let mut client = server.client();
    client.check("CONFIG SET tls-auth-clients optional tls-protocols TLSv1.3", "+OK");
    client.check("CONFIG REWRITE", "+OK");
    let text = fs::read_to_string(&file).unwrap();
    for line in ["# Ours.", "tls-auth-clients = \"optional\"", "tls-protocols = \"TLSv1.3\""] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
}
