//! What operators see: the slow log, the latency monitor, statistics of commands and errors.

use e2e::server::Server;

#[test]
fn slow_requests_are_logged() {
    let server = Server::builder().shards(2).start();
    let mut client = server.client();
    client.check("SLOWLOG LEN", ":0");
    client.check("CLIENT SETNAME watcher", "+OK");
    client.check("CONFIG SET slowlog-log-slower-than 20000", "+OK");
    client.check("DEBUG SLEEP 0.05", "+OK");
    client.check("SLOWLOG LEN", ":1");
    let entry = client.value("SLOWLOG GET");
    let entry = entry.items()[0].items();
    assert_eq!(entry[0].int(), 0);
    assert!(entry[2].int() >= 50_000);
    assert_eq!(entry[3].to_string(), "[$DEBUG $SLEEP $0.05]");
    assert_eq!(entry[4].text(), client.address());
    assert_eq!(entry[5].text(), "watcher");
    // Requests for any shard, commands of a transaction, and scripts.
    client.check("CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 4", "+OK");
    client.check("SLOWLOG RESET", "+OK");
    for key in ["a", "b", "c", "d"] {
        client.check(&format!("SET {key} 1"), "+OK");
    }
    let log = client.run("SLOWLOG GET -1");
    assert!(log.contains("[$SET $b $1]") && log.contains("[$SET $d $1]"), "{log}");
    client.pipeline(&["MULTI", "SET a 2", "EXEC"]);
    let log = client.run("SLOWLOG GET 4");
    assert!(log.contains("[$SET $a $2]") && !log.contains("$EXEC"), "{log}");
    client.check("CONFIG SET slowlog-log-slower-than -1", "+OK");
    client.check("SLOWLOG RESET", "+OK");
    client.check("SET a 1", "+OK");
    client.check("SLOWLOG GET", "[]");
    client.check("SLOWLOG GET -2", "-ERR count should be greater than or equal to -1");
    client.check("CONFIG GET slowlog-log-slower-than", "[$slowlog-log-slower-than $-1]");
}

#[test]
fn the_latency_monitor_keeps_the_worst() {
    let server = Server::builder().shards(2).start();
    let mut client = server.client();
    assert!(client.value("LATENCY DOCTOR").text().contains("Latency monitoring is disabled"));
    client.check("CONFIG SET latency-monitor-threshold 20", "+OK");
    client.check("LATENCY LATEST", "[]");
    client.check("DEBUG SLEEP 0.04", "+OK");
    let latest = client.value("LATENCY LATEST");
    let event = latest.items()[0].items();
    assert_eq!(event[0].text(), "command");
    assert!(event[2].int() >= 40 && event[3].int() >= event[2].int());
    assert_eq!(client.value("LATENCY HISTORY command").items().len(), 1);
    client.check("LATENCY HISTORY none", "[]");
    assert!(client.value("LATENCY GRAPH command").text().starts_with("command - high "));
    client.check("LATENCY GRAPH none", "-ERR No samples available for event 'none'");
    assert!(client.value("LATENCY DOCTOR").text().contains("1. command: 1 latency spikes"));
    client.check("LATENCY RESET none", ":0");
    client.check("LATENCY RESET", ":1");
    client.check("LATENCY LATEST", "[]");
}

#[test]
fn commands_and_errors_are_counted_on_all_shards_at_once() {
    let server = Server::builder().shards(3).start();
    let mut client = server.client();
    client.check("ROLE", "[$master :0 []]");
    client.check("CONFIG RESETSTAT", "+OK");
    for key in ["a", "b", "c", "d", "e"] {
        client.check(&format!("HSET {key} f v"), ":1");
        client.check_start(&format!("INCR {key}"), "-WRONGTYPE");
    }
    client.check_start("NOSUCH", "-ERR unknown command");
    let info = client.value("INFO commandstats").text();
    assert!(info.contains("cmdstat_hset:calls=5,usec="), "{info}");
    let incr = info.lines().find(|line| line.starts_with("cmdstat_incr:")).unwrap();
    assert!(incr.ends_with("rejected_calls=0,failed_calls=5"), "{incr}");
    let errors = client.value("INFO errorstats").text();
    assert!(errors.contains("errorstat_WRONGTYPE:count=5\r\n"), "{errors}");
    assert!(errors.contains("errorstat_ERR:count=1\r\n"), "{errors}");
    let histogram = client.value("LATENCY HISTOGRAM hset nosuch");
    assert_eq!(histogram.items()[0].text(), "hset");
    assert!(histogram.items()[1].to_string().starts_with("[$calls :5 $histogram_usec ["));
    let percentiles = client.value("INFO latencystats").text();
    assert!(percentiles.contains("latency_percentiles_usec_hset:p50="), "{percentiles}");
}

#[test]
fn monitor_shows_what_arrives_on_any_executor() {
    let server = Server::builder().shards(3).start();
    let (mut watcher, mut client) = (server.client(), server.client());
    watcher.check("MONITOR", "+OK");
    for key in ["a", "b", "c"] {
        client.check(&format!("SET {key} \"x\\n\""), "+OK");
        let line = watcher.read().to_string();
        let shown = format!(" [0 {}] \"SET\" \"{key}\" \"x\\n\"", client.address());
        assert!(line.starts_with('+') && line.ends_with(&shown), "{line}");
    }
    let script = "EVAL \"redis.call('SET', KEYS[1], ARGV[1])\" 1 b two";
    client.check(script, "_");
    assert!(watcher.read().to_string().contains(" \"EVAL\" "));
    assert!(watcher.read().to_string().ends_with(" [0 lua] \"SET\" \"b\" \"two\""));
    // Not passwords, and not what operators do.
    client.check_start("CONFIG GET port", "[");
    client.check("PING", "+PONG");
    assert!(watcher.read().to_string().ends_with("\"PING\""));
    watcher.check("RESET", "+RESET");
    client.check("SET a 1", "+OK");
    watcher.check("PING", "+PONG");
}

#[test]
fn debug_is_for_tests() {
    let server = Server::builder().shards(3).start();
    let mut client = server.client();
    client.check("DEBUG DIGEST", &format!("+{}", "0".repeat(40)));
    for key in ["a", "b", "c", "d"] {
        client.check(&format!("HSET {key} f v g w"), ":2");
        client.check(&format!("EXPIRE {key} 100"), ":1");
    }
    let digest = client.run("DEBUG DIGEST");
    client.check("DEBUG RELOAD", "+OK");
    client.check("DEBUG DIGEST", &digest);
    client.check("DBSIZE", ":4");
    client.check("TTL a", ":100");
    let values = client.value("DEBUG DIGEST-VALUE a b none");
    let values: Vec<String> = values.items().iter().map(|value| value.text()).collect();
    assert_eq!(values[2], "0".repeat(40));
    assert_eq!(values[0].len(), 40);
    let about = client.run("DEBUG OBJECT a");
    assert!(about.contains(" encoding:listpack "), "{about}");
    let idle = about.rsplit_once("lru_seconds_idle:").map(|(_, idle)| idle.parse::<u32>());
    assert!(matches!(idle, Some(Ok(..60))), "{about}");
    client.check("DEBUG OBJECT none", "-ERR no such key");
    client.check("DEBUG STRINGMATCH-LEN 1000 a*a", ":1");
    client.check("DEBUG SET-ACTIVE-EXPIRE 0", "+OK");
    client.check("SET gone 1 PX 1", "+OK");
    std::thread::sleep(std::time::Duration::from_millis(250));
    client.check("DBSIZE", ":5");
    client.check("DEBUG SET-ACTIVE-EXPIRE 1", "+OK");
    e2e::poll("active expiry", || (client.run("DBSIZE") == ":4").then_some(()));
    let script = "EVAL \"return redis.call('CONFIG','RESETSTAT')\" 0";
    client.check_start(script, "-ERR This Redis command is not allowed from script");
    let server = Server::builder().set("enable-debug-command", "no").start();
    server.client().check_start("DEBUG SLEEP 0", "-ERR DEBUG command not allowed.");
}

#[test]
fn what_scripts_call_is_counted() {
    let server = Server::builder().shards(2).start();
    let mut client = server.client();
    client.check("SET s v", "+OK");
    client.check("CONFIG RESETSTAT", "+OK");
    let script = "for i = 1, 5 do redis.call('GET', KEYS[1]) end redis.pcall('INCR', KEYS[1]) \
                  redis.pcall('INCR') redis.pcall('CLUSTER', 'MYID')";
    client.check(&format!("EVAL \"{script}\" 1 s"), "_");
    client.check("GET s", "$v");
    let row = |client: &mut e2e::resp::Client, name: &str| {
        let info = client.value("INFO commandstats").text();
        let start = format!("cmdstat_{name}:");
        let line = info.lines().find(|line| line.starts_with(&start)).unwrap_or_default();
        line[start.len().min(line.len())..].to_owned()
    };
    assert!(row(&mut client, "get").starts_with("calls=6,usec="));
    let incr = row(&mut client, "incr");
    assert!(incr.starts_with("calls=1,") && incr.ends_with(",rejected_calls=1,failed_calls=1"));
    assert!(row(&mut client, "cluster|myid").starts_with("calls=1,"));
    assert!(row(&mut client, "eval").ends_with(",rejected_calls=0,failed_calls=0"));
    let errors = client.value("INFO errorstats").text();
    assert!(errors.contains("errorstat_ERR:count=2\r\n"), "{errors}");
    // An error that a script passes on is one error.
    client.check("CONFIG RESETSTAT", "+OK");
    client.check_start("EVAL \"return redis.call('LPUSH', KEYS[1], 'v')\" 1 s", "-WRONGTYPE");
    client.check_start("EVAL \"return redis.pcall('LPUSH', KEYS[1], 'v')\" 1 s", "-WRONGTYPE");
    let errors = client.value("INFO errorstats").text();
    assert!(errors.contains("errorstat_WRONGTYPE:count=2\r\n"), "{errors}");
    let stats = client.value("INFO stats").text();
    assert!(stats.contains("total_error_replies:2\r\n"), "{stats}");
    assert!(row(&mut client, "eval").ends_with(",failed_calls=2"));
    // What is refused before it runs is no call.
    client.check("CONFIG RESETSTAT", "+OK");
    client.check_start("GET", "-ERR wrong number");
    client.check("CONFIG SET maxmemory 1", "+OK");
    client.check_start("SET s v", "-OOM");
    client.check("CONFIG SET maxmemory 0", "+OK");
    assert!(row(&mut client, "get").starts_with("calls=0,"));
    assert!(row(&mut client, "set").ends_with(",rejected_calls=1,failed_calls=0"));
}

#[test]
fn waits_that_end_without_data_are_counted() {
    let server = Server::builder().shards(2).start();
    let mut client = server.client();
    client.check("CONFIG RESETSTAT", "+OK");
    client.check("BLPOP none 0.01", "_");
    let mut other = server.client();
    let id = other.value("CLIENT ID").int();
    other.send_line("BLPOP none 0");
    e2e::poll("it waits", || {
        (client.run(&format!("CLIENT UNBLOCK {id} ERROR")) == ":1").then_some(())
    });
    assert!(other.read().to_string().starts_with("-UNBLOCKED "));
    let info = client.value("INFO commandstats").text();
    let line = info.lines().find(|line| line.starts_with("cmdstat_blpop:calls=2,")).unwrap();
    assert!(line.ends_with(",failed_calls=1"), "{line}");
    assert!(client.value("INFO errorstats").text().contains("errorstat_UNBLOCKED:count=1\r\n"));
}

#[test]
fn latencies_are_shown_as_the_settings_say() {
    let server = Server::builder().shards(2).start();
    let mut client = server.client();
    client.check("SET a 1", "+OK");
    client.check("CONFIG SET latency-tracking-info-percentiles \"0.0 50.0 100.0\"", "+OK");
    client.check(
        "CONFIG GET latency-tracking-info-percentiles",
        "[$latency-tracking-info-percentiles $0 50 100]",
    );
    let shown = client.value("INFO latencystats").text();
    let set = shown.lines().find(|line| line.starts_with("latency_percentiles_usec_set:")).unwrap();
    assert!(set.contains(":p0=") && set.contains(",p50=") && set.contains(",p100="), "{set}");
    client.check("CONFIG SET latency-tracking no", "+OK");
    client.check("INFO latencystats", "$# Latencystats\\r\\n");
    client.check("LATENCY HISTOGRAM", "[]");
    client.check("CONFIG SET latency-tracking yes", "+OK");
    client.check("LATENCY HISTOGRAM set", "[]");
    for bad in ["\"10 a\"", "101"] {
        let line = format!("CONFIG SET latency-tracking-info-percentiles {bad}");
        client.check_start(&line, "-ERR CONFIG SET failed (possibly related to argument");
    }
}

#[test]
fn evicting_is_an_event_of_the_latency_monitor() {
    let server = Server::builder().shards(2).start();
    let mut client = server.client();
    client.check("CONFIG SET latency-monitor-threshold 1", "+OK");
    let fill = |client: &mut e2e::resp::Client| {
        let script = "for i = 1, 30000 do redis.call('SET', KEYS[1] .. i, i) end";
        client.check(&format!("EVAL \"{script}\" 1 {{a}}"), "_");
    };
    let has = |client: &mut e2e::resp::Client, event: &str| {
        let events = client.value("LATENCY LATEST").to_string();
        events.contains(&format!("[${event} :")).then_some(())
    };
    // Expiry is done in slices that are shorter than the least threshold, a millisecond, so that its
    // event is there only on a machine that is busy otherwise.
    fill(&mut client);
    client.check("CONFIG SET maxmemory-policy allkeys-lru maxmemory 1", "+OK");
    e2e::poll("they are evicted", || (client.run("DBSIZE") == ":0").then_some(()));
    e2e::poll("the event is there", || has(&mut client, "eviction-cycle"));
}

#[test]
fn agents_find_what_they_look_for() {
    let server = Server::builder().shards(2).start();
    let mut client = server.client();
    client.check("ACL SETUSER alice on nopass ~a +get", "+OK");
    let mut alice = server.client();
    alice.check("AUTH alice any", "+OK");
    alice.check_start("SET a 1", "-NOPERM");
    alice.check_start("GET b", "-NOPERM");
    alice.check_start("AUTH alice2 any", "-WRONGPASS");
    let info = client.value("INFO").text();
    for line in [
        "config_file:\r\n",
        "acl_access_denied_auth:1\r\n",
        "acl_access_denied_cmd:1\r\n",
        "acl_access_denied_key:1\r\n",
        "acl_access_denied_channel:0\r\n",
        "second_repl_offset:-1\r\n",
        "used_cpu_user_children:",
        "instantaneous_input_kbps:",
    ] {
        assert!(info.contains(line), "{line}: {info}");
    }
    let number = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
        line.unwrap().parse::<u64>().unwrap()
    };
    assert!(number("used_memory_startup") > 0);
    assert!(number("total_system_memory") > number("used_memory"));
    let mut names: Vec<&str> =
        info.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a name is there twice");
    client.check("CONFIG RESETSTAT", "+OK");
    assert!(client.value("INFO stats").text().contains("acl_access_denied_cmd:0\r\n"));
    client.check("CONFIG GET tls-port", "[$tls-port $0]");
}
