//! Functions: loaded over one connection, there on every shard; all or nothing; always to be
//! stopped.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use e2e::resp::{Client, Value};
use e2e::server::{Server, folder};
use e2e::{poll, ports, slot};

const SHARDS: u16 = 4;
const BUSY_FUNCTION: &str =
    "-BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";
const BUSY_SCRIPT: &str =
    "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
const KILLED: &str = "-ERR Script killed by user with SCRIPT KILL...";
const SLOW: &str = "a script is slow";
/// How much later than its limit a function may end.
const LATE: Duration = Duration::from_millis(500);

fn key(shard: u16) -> String {
    slot::key_of_shard(shard, SHARDS)
}

/// Loads a library of this name, in place of one that is there.
#[track_caller]
fn load(client: &mut Client, name: &str, lua: &str) {
    let code = format!("#!lua name={name}\n{lua}");
    assert_eq!(client.call(&["FUNCTION", "LOAD", "REPLACE", &code]), format!("${name}"));
}

/// A library with functions of each kind.
const LIBRARY: &str = "
local calls = 0
redis.register_function('version', function() return 1 end)
redis.register_function('calls', function() calls = calls + 1 return calls end)
redis.register_function('write', function(keys, args)
    return redis.call('set', keys[1], args[1])
end)
redis.register_function('write_then_fail', function(keys)
    redis.call('set', keys[1], 'half done')
    error('no')
end)
redis.register_function('write_then_loop', function(keys)
    redis.call('set', keys[1], 'half done')
    while true do pcall(function() while true do end end) end
end)
redis.register_function('write_then_fill', function(keys)
    redis.call('set', keys[1], 'half done')
    local t = {}
    while true do t[#t + 1] = ('x'):rep(100000) .. #t end
end)
redis.register_function('write_undeclared', function(_, args)
    return redis.call('incr', args[1])
end)
";

#[test]
fn a_library_is_there_on_all_shards_before_the_reply() {
    let server = Server::builder().shard_endpoints().start();
    let mut clients: Vec<Client> = (0..SHARDS).map(|shard| server.client_on(shard)).collect();
    for version in 0..40 {
        let lua = format!("redis.register_function('v', function() return {version} end)");
        load(&mut clients[version % usize::from(SHARDS)], "lib", &lua);
        for (shard, client) in clients.iter_mut().enumerate() {
            client.check("FCALL v 0", &format!(":{version}"));
            // Also from a connection of another shard.
            let there = key((shard as u16 + 1) % SHARDS);
            client.check(&format!("FCALL v 1 {there}"), &format!(":{version}"));
        }
    }
    clients[1].check("FUNCTION DELETE lib", "+OK");
    for client in &mut clients {
        client.check("FCALL v 0", "-ERR Function not found");
    }
}

#[test]
fn of_libraries_that_collide_one_is_loaded() {
    let server = Server::builder().shard_endpoints().start();
    for round in 0..20 {
        let threads: Vec<_> = (0..SHARDS)
            .map(|shard| {
                let mut client = server.client_on(shard);
                std::thread::spawn(move || {
                    let lua =
                        format!("redis.register_function('f', function() return {shard} end)");
                    client.call(&["FUNCTION", "LOAD", &format!("#!lua name=lib{shard}\n{lua}")])
                })
            })
            .collect();
        let replies: Vec<String> =
            threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        let winners: Vec<&String> =
            replies.iter().filter(|reply| reply.starts_with("$lib")).collect();
        assert_eq!(winners.len(), 1, "round {round}: {replies:?}");
        let lost = "-ERR Function f already exists";
        assert_eq!(replies.iter().filter(|reply| *reply == lost).count(), 3, "{replies:?}");
        for shard in 0..SHARDS {
            let mut client = server.client_on(shard);
            client.check("FCALL f 0", &winners[0].replace("$lib", ":"));
        }
        server.client_on(0).check("FUNCTION FLUSH", "+OK");
    }
}

#[test]
fn cluster_clients_load_over_every_endpoint() {
    let server = Server::builder().shard_endpoints().start();
    let mut clients: Vec<Client> = (0..SHARDS).map(|shard| server.client_on(shard)).collect();
    let code = format!("#!lua name=lib\n{LIBRARY}");
    for client in &mut clients {
        assert_eq!(client.call(&["FUNCTION", "LOAD", &code]), "$lib");
    }
    let again = clients[2].call(&["FUNCTION", "LOAD", &code]);
    assert_eq!(again, "-ERR Library 'lib' already exists");
    for client in &mut clients {
        client.check("FUNCTION DELETE lib", "+OK");
    }
    clients[1].check("FUNCTION DELETE lib", "-ERR Library not found");
}

#[test]
fn a_function_that_fails_leaves_nothing() {
    let server = Server::builder().set("script-memory-limit", 8 << 20).start();
    let mut client = server.client();
    load(&mut client, "lib", LIBRARY);
    for shard in 0..SHARDS {
        let key = key(shard);
        client.check(&format!("FCALL write 1 {key} whole"), "+OK");
        client.check(
            &format!("FCALL write_then_fail 1 {key}"),
            "-ERR user_function:11: no script: write_then_fail, on @user_function:11.",
        );
        client.check_start(&format!("FCALL write_then_fill 1 {key}"), "-OOM Script used more than");
        client.check(&format!("GET {key}"), "$whole");
    }
}

#[test]
fn a_function_without_keys_runs_where_its_first_key_is() {
    let server = Server::builder().shard_endpoints().start();
    let mut client = server.client_on(0);
    load(&mut client, "lib", LIBRARY);
    for shard in 0..SHARDS {
        client.check(&format!("FCALL write_undeclared 0 {}", key(shard)), ":1");
        client.check(&format!("GET {}", key(shard)), "$1");
    }
}

#[test]
fn local_variables_of_a_library_are_each_shards_own() {
    let server = Server::start();
    let mut client = server.client();
    load(&mut client, "lib", LIBRARY);
    for shard in 0..SHARDS {
        client.check(&format!("FCALL calls 1 {}", key(shard)), ":1");
        client.check(&format!("FCALL calls 1 {}", key(shard)), ":2");
    }
    // Another library makes no difference; the same one anew does.
    load(&mut client, "other", "redis.register_function('other', function() end)");
    client.check(&format!("FCALL calls 1 {}", key(1)), ":3");
    load(&mut client, "lib", LIBRARY);
    client.check(&format!("FCALL calls 1 {}", key(1)), ":1");
}

#[test]
fn the_time_limit_ends_functions() {
    const LIMIT: Duration = Duration::from_millis(200);
    let server = Server::builder().set("script-time-limit", LIMIT.as_millis()).start();
    let mut client = server.client();
    load(&mut client, "lib", LIBRARY);
    let start = Instant::now();
    client.check_start(
        &format!("FCALL write_then_loop 1 {}", key(0)),
        "-TIMEOUT Script ran longer than 200 ms and was rolled back. script: write_then_loop, on \
         @user_function:15.",
    );
    let took = start.elapsed();
    assert!(LIMIT <= took && took < LIMIT + LATE, "{took:?}");
    client.check(&format!("EXISTS {}", key(0)), ":0");
    client.check("FCALL version 0", ":1");
}

#[test]
fn a_library_whose_code_does_not_end_is_given_up() {
    const LIMIT: Duration = Duration::from_millis(500);
    let server = Server::builder().shard_endpoints().start();
    let mut client = server.client_on(0);
    load(&mut client, "lib", LIBRARY);
    let endless = "#!lua name=lib\nlocal a = 1 while 1 do a = a + 1 end";
    let start = Instant::now();
    assert_eq!(
        client.call(&["FUNCTION", "LOAD", "REPLACE", endless]),
        "-ERR Error registering functions: ERR FUNCTION LOAD timeout"
    );
    let took = start.elapsed();
    assert!(LIMIT <= took && took < LIMIT + LATE, "{took:?}");
    client.check("FCALL version 0", ":1");
    client.check("FUNCTION KILL", "-NOTBUSY No scripts in execution right now.");
}

/// One port for each shard, so that a test knows where a connection lives; no time limit.
fn patient() -> Server {
    let server = Server::builder()
        .shard_endpoints()
        .set("script-time-limit", 0)
        .set("busy-reply-threshold", 100)
        .expect_in_log(SLOW)
        .start();
    load(&mut server.client_on(3), "lib", LIBRARY);
    server
}

/// Sends a request to a shard that does not end, and waits until the shard is busy.
fn block(server: &Server, shard: u16, parts: &[&str]) -> Client {
    let mut client = server.client_on(shard);
    client.send_parts(parts);
    let mut watcher = server.client_on((shard + 1) % SHARDS);
    let busy = format!("shard{shard}:");
    poll("the shard is busy", || {
        let info = watcher.value("INFO shards").text();
        let line = info.lines().find(|line| line.starts_with(&busy)).unwrap().to_owned();
        line.contains("busy=1").then_some(())
    });
    client
}

#[test]
fn a_function_is_killed_from_any_connection() {
    let server = patient();
    for (shard, killer) in [(0, 0), (0, 1), (2, 3)] {
        let key = key(shard);
        let mut blocked = block(&server, shard, &["FCALL", "Write_Then_Loop", "1", &key, "x"]);
        let mut resident = server.client_on(shard);
        resident.check(&format!("GET {key}"), BUSY_FUNCTION);
        resident.check("MULTI", "+OK");
        resident.check(&format!("GET {key}"), BUSY_FUNCTION);
        resident.check(
            "EXEC",
            &format!(
                "-EXECABORT Transaction discarded because of: {}",
                BUSY_FUNCTION.trim_start_matches('-')
            ),
        );
        let mut killer = server.client_on(killer);
        killer.check("SCRIPT KILL", BUSY_FUNCTION);
        let stats = killer.value("FUNCTION STATS");
        let running = &stats.items()[1];
        assert_eq!(running.items()[1].text(), "write_then_loop");
        let command: Vec<String> = running.items()[3].items().iter().map(Value::text).collect();
        assert_eq!(command, ["FCALL", "Write_Then_Loop", "1", &key, "x"]);
        assert!(running.items()[5].int() >= 100, "{stats}");
        killer.check("FUNCTION KILL", "+OK");
        let reply = blocked.read().to_string();
        let expected = format!("{KILLED} script: write_then_loop, on @user_function:15.");
        assert_eq!(reply, expected);
        blocked.check(&format!("EXISTS {key}"), ":0");
        killer.check("FUNCTION KILL", "-NOTBUSY No scripts in execution right now.");
        let stats = killer.value("FUNCTION STATS");
        assert_eq!(stats.items()[1].to_string(), "_");
    }
}

#[test]
fn killing_functions_does_not_kill_scripts() {
    let server = patient();
    let mut blocked = block(&server, 1, &["EVAL", "while true do end", "1", &key(1)]);
    let mut killer = server.client_on(1);
    killer.check("FUNCTION KILL", BUSY_SCRIPT);
    killer.check(&format!("GET {}", key(1)), BUSY_SCRIPT);
    // Of a script and a function, each kill finds its own.
    let mut function = block(&server, 2, &["FCALL", "write_then_loop", "1", &key(2)]);
    killer.check("FUNCTION KILL", "+OK");
    assert!(function.read().to_string().starts_with(KILLED));
    killer.check("FUNCTION KILL", BUSY_SCRIPT);
    killer.check("SCRIPT KILL", "+OK");
    assert!(blocked.read().to_string().starts_with(KILLED));
}

#[test]
fn a_shard_in_a_long_script_holds_no_load_up() {
    let server = patient();
    let mut client = server.client_on(0);
    let mut blocked = block(&server, 2, &["FCALL", "write_then_loop", "1", &key(2)]);
    let start = Instant::now();
    load(&mut client, "lib", &LIBRARY.replace("return 1 end", "return 2 end"));
    client.check("FCALL version 0", ":2");
    client.check(&format!("FCALL version 1 {}", key(1)), ":2");
    assert!(start.elapsed() < LATE, "{:?}", start.elapsed());
    client.check("FUNCTION KILL", "+OK");
    assert!(blocked.read().to_string().starts_with(KILLED));
    blocked.check(&format!("FCALL version 1 {}", key(2)), ":2");
}

#[test]
fn transactions_load_and_call() {
    let server = Server::start();
    let mut client = server.client();
    let code = "#!lua name=lib\nredis.register_function('f', function(keys) return #keys end)";
    client.check("MULTI", "+OK");
    assert_eq!(client.call(&["FUNCTION", "LOAD", code]), "+QUEUED");
    for line in ["FCALL f 1 k", "FCALL g 1 k", "SET k v", "FCALL f 0"] {
        client.check(line, "+QUEUED");
    }
    client.check("EXEC", "[$lib :1 -ERR Function not found +OK :0]");
    client.check("MULTI", "+OK");
    client.check("FUNCTION FLUSH", "+QUEUED");
    client.check("FUNCTION LIST", "+QUEUED");
    client.check("EXEC", "[+OK []]");
}

#[test]
fn keys_route_as_those_of_scripts_do() {
    let server = Server::start();
    let mut client = server.client();
    load(&mut client, "lib", LIBRARY);
    let (a, b) = (key(0), key(1));
    client.check(
        &format!("FCALL write 2 {a} {b} v"),
        "-CROSSSLOT Keys in request don't hash to the same slot",
    );
    client.check(&format!("COMMAND GETKEYS FCALL write 2 {a} {b} v"), &format!("[${a} ${b}]"));
    client.check("COMMAND GETKEYS FCALL_RO f 1 k v", "[$k]");
    client.check_start(
        &format!("FCALL write_undeclared 1 {a} {b}"),
        "-ERR Script attempted to access keys that do not hash to the same slot",
    );
}

/// The lines of INFO memory with these names.
fn figures(client: &mut Client, names: &[&str]) -> Vec<u64> {
    let info = client.value("INFO memory").text();
    let figure = |name: &&str| {
        let line = info.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
        line.unwrap_or_else(|| panic!("no {name} in {info}")).parse().unwrap()
    };
    names.iter().map(figure).collect()
}

#[test]
fn info_counts_functions() {
    let server = Server::start();
    let mut client = server.client();
    let names = ["number_of_libraries", "number_of_functions", "used_memory_functions"];
    assert_eq!(figures(&mut client, &names), [0, 0, 0]);
    let code = "#!lua name=lib\nredis.register_function('f', redis.log)";
    client.call(&["FUNCTION", "LOAD", code]);
    let size = "lib".len() + code.len() + "f".len();
    assert_eq!(figures(&mut client, &names), [1, 1, size as u64]);
    // Each shard has a VM for them, also if none of its functions has been called.
    let vm = ["used_memory_vm_functions", "used_memory_vm_total"];
    let one = poll("the shards have their VMs", || {
        let memory = figures(&mut client, &vm)[0];
        (memory > 4 * 20_000).then_some(memory)
    });
    assert!(figures(&mut client, &vm)[1] >= one);
    client.check("FUNCTION FLUSH", "+OK");
    poll("their VMs go", || (figures(&mut client, &vm)[0] == 0).then_some(()));
    assert_eq!(figures(&mut client, &names), [0, 0, 0]);
}

#[test]
fn figures_of_functions() {
    let server = Server::start();
    let mut client = server.client();
    load(&mut client, "lib", LIBRARY);
    for shard in 0..SHARDS {
        client.check(&format!("FCALL write 1 {} v", key(shard)), "+OK");
        client.check_start(&format!("FCALL write_then_fail 1 {}", key(shard)), "-ERR");
    }
    let stats = client.value("SCRIPT STATS WRITE write_then_fail");
    let shown = stats.to_string();
    assert!(shown.starts_with("[$write [$calls :4 $error_replies :0 $redis_calls :4"), "{shown}");
    assert!(shown.contains("$write_then_fail [$calls :4"), "{shown}");
    assert!(shown.contains("$rolled_back_for [$error :4"), "{shown}");
}

/// The payload of FUNCTION DUMP.
fn dump(client: &mut Client) -> Vec<u8> {
    match client.value("FUNCTION DUMP") {
        Value::Bulk(_, bytes) => bytes,
        other => panic!("{other}"),
    }
}

fn restore(client: &mut Client, payload: &[u8], policy: &str) -> String {
    client.call(&[&b"FUNCTION"[..], b"RESTORE", payload, policy.as_bytes()])
}

#[test]
fn libraries_move_to_another_server() {
    let (one, other) = (Server::start(), Server::builder().shards(2).start());
    let (mut from, mut to) = (one.client(), other.client());
    load(&mut from, "lib", LIBRARY);
    load(&mut from, "second", "redis.register_function('second', function() return 2 end)");
    load(&mut to, "third", "redis.register_function('third', function() return 3 end)");
    let payload = dump(&mut from);
    assert_eq!(restore(&mut to, &payload, "APPEND"), "+OK");
    to.check("FCALL third 0", ":3");
    to.check("FCALL second 0", ":2");
    assert_eq!(restore(&mut to, &payload, "FLUSH"), "+OK");
    to.check("FCALL third 0", "-ERR Function not found");
    assert_eq!(dump(&mut to), payload);
}

/// A Redis server, where there is one.
struct Redis(Child);

impl Redis {
    fn start() -> Option<(Self, Client)> {
        let (port, directory) = (ports::take(1), folder());
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--save", "", "--dir"]).arg(directory.path());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let redis = Self(child);
        let client = poll("Redis answers", || Client::try_connect(port).ok());
        Some((redis, client))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn libraries_move_from_redis_and_back() {
    let Some((_redis, mut theirs)) = Redis::start() else { return };
    let server = Server::start();
    let mut ours = server.client();
    // Long enough to be compressed.
    let lua = format!("{LIBRARY}{}", "-- the same again and again\n".repeat(50));
    load(&mut theirs, "lib", &lua);
    load(&mut theirs, "short", "redis.register_function('s', redis.log)");
    let payload = dump(&mut theirs);
    assert!(payload.len() < lua.len(), "it is compressed");
    assert_eq!(restore(&mut ours, &payload, "APPEND"), "+OK");
    ours.check(&format!("FCALL version 1 {}", key(2)), ":1");
    let code = |client: &mut Client| client.run("FUNCTION LIST LIBRARYNAME lib WITHCODE");
    assert!(code(&mut ours).contains("again and again"));
    let payload = dump(&mut ours);
    theirs.check("FUNCTION FLUSH", "+OK");
    assert_eq!(restore(&mut theirs, &payload, "REPLACE"), "+OK");
    theirs.check("FCALL version 0", ":1");
    assert_eq!(restore(&mut ours, &payload, "FLUSH"), "+OK");
}
