//! The node is killed again and again while it is written to: what was acknowledged is there, nothing
//! is there twice, and no script and no transaction is there in part.
//!
//! `ATOLL_CRASHES=N` has it killed so many times; a few by default.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use e2e::resp::{Client, Value};
use e2e::server::{Server, folder};
use nix::sys::signal::Signal;

const ACCOUNTS: u32 = 10;
const MONEY: i64 = 10_000;

const TRANSFER: &str = "
local amount = math.min(tonumber(redis.call('HGET', KEYS[1], ARGV[1])), tonumber(ARGV[3]))
redis.call('HINCRBY', KEYS[1], ARGV[1], -amount)
redis.call('HINCRBY', KEYS[1], ARGV[2], amount)
redis.call('RPUSH', KEYS[2], ARGV[4])
return amount";

const SELL: &str = "
local stock = tonumber(redis.call('GET', KEYS[1]))
if stock <= 0 then return redis.error_reply('SOLD OUT') end
redis.call('DECR', KEYS[1])
redis.call('ZADD', KEYS[2], ARGV[1], ARGV[1])
return stock - 1";

/// What one writer has been told.
#[derive(Default)]
struct Told {
    transfers: Vec<u64>,
    sales: Vec<u64>,
    appends: Vec<u64>,
    pairs: u64,
}

/// Writes until the server is gone. Every operation has a number of its own.
fn write(port: u16, from: u64, stop: &AtomicBool) -> Told {
    let mut told = Told::default();
    let Ok(mut client) = Client::try_connect(port) else { return told };
    let mut call = |parts: &[&str]| -> Option<Value> {
        client.try_send(&e2e::resp::encode(parts)).ok()?;
        client.try_read().ok().flatten()
    };
    let mut rng = fastrand::Rng::with_seed(from);
    for id in from.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let name = id.to_string();
        let done = match rng.u32(..4) {
            0 => {
                let accounts = [rng.u32(..ACCOUNTS).to_string(), rng.u32(..ACCOUNTS).to_string()];
                let amount = rng.u32(1..50).to_string();
                let reply = call(&[
                    "EVAL",
                    TRANSFER,
                    "2",
                    "{bank}accounts",
                    "{bank}log",
                    &accounts[0],
                    &accounts[1],
                    &amount,
                    &name,
                ]);
                reply.map(|_| told.transfers.push(id))
            }
            1 => call(&["EVAL", SELL, "2", "{shop}stock", "{shop}sold", &name]).map(|reply| {
                assert!(!reply.is_error(), "{reply}");
                told.sales.push(id);
            }),
            2 => call(&["RPUSH", "appended", &name]).map(|_| told.appends.push(id)),
            _ => {
                let steps = [&["MULTI"][..], &["INCR", "{pair}a"], &["INCR", "{pair}b"], &["EXEC"]];
                let replies = steps.map(&mut call);
                match &replies[3] {
                    Some(reply) if !reply.is_error() => {
                        told.pairs += 1;
                        Some(())
                    }
                    _ => None,
                }
            }
        };
        if done.is_none() {
            break;
        }
    }
    told
}

fn list(client: &mut Client, key: &str) -> Vec<u64> {
    let elements = client.value(&format!("LRANGE {key} 0 -1"));
    elements.items().iter().map(|element| element.text().parse().unwrap()).collect()
}

/// Each id once, and all that were acknowledged, unless some may be lost: how many are. Those are
/// forgotten.
#[track_caller]
fn check_ids(what: &str, found: &[u64], acknowledged: &mut BTreeSet<u64>, may_lose: bool) -> usize {
    let set: BTreeSet<u64> = found.iter().copied().collect();
    assert_eq!(set.len(), found.len(), "{what}: something is there twice");
    let lost: Vec<u64> = acknowledged.difference(&set).copied().collect();
    assert!(lost.is_empty() || may_lose, "{what}: lost {lost:?}");
    acknowledged.retain(|id| set.contains(id));
    lost.len()
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_half_there() {
    crash_again_and_again("always");
}

/// What was acknowledged in the last moment may be lost; what is there is whole.
#[test]
fn nothing_is_half_there_when_the_log_is_synced_once_a_second() {
    crash_again_and_again("everysec");
}

fn crash_again_and_again(durability: &str) {
    let crashes: u32 = std::env::var("ATOLL_CRASHES").map_or(6, |text| text.parse().unwrap());
    let folder = folder();
    let may_lose = durability != "always";
    let mut lost = 0;
    let start = || {
        Server::builder()
            .directory(folder.path())
            .shards(2)
            .set("durability", durability)
            .set("log-segment-size", 262_144)
            .set("auto-aof-rewrite-min-size", 100_000)
            .expect_in_log("the log ends in what was being written")
            .start()
    };
    let mut rng = fastrand::Rng::with_seed(7);
    let (mut transfers, mut sales, mut appends) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut pairs = 0;
    let mut server = start();
    let mut client = server.client();
    for account in 0..ACCOUNTS {
        client.check(
            &format!("HSET {{bank}}accounts {account} {}", MONEY / i64::from(ACCOUNTS)),
            ":1",
        );
    }
    client.check("SET {shop}stock 100000000", "+OK");
    for round in 0..crashes {
        let stop: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
        let writers: Vec<JoinHandle<Told>> = (0..4u64)
            .map(|writer| {
                let (port, from) = (server.port(), (u64::from(round) * 4 + writer) * 10_000_000);
                std::thread::spawn(move || write(port, from, stop))
            })
            .collect();
        std::thread::sleep(Duration::from_millis(rng.u64(20..400)));
        server.signal(Signal::SIGKILL);
        server.wait();
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            let told = writer.join().unwrap();
            transfers.extend(told.transfers);
            sales.extend(told.sales);
            appends.extend(told.appends);
            pairs += told.pairs;
        }
        server = start();
        client = server.client();
        let accounts = client.value("HVALS {bank}accounts");
        let sum: i64 =
            accounts.items().iter().map(|money| money.text().parse::<i64>().unwrap()).sum();
        assert_eq!(sum, MONEY, "round {round}");
        let found = list(&mut client, "{bank}log");
        lost += check_ids("transfers", &found, &mut transfers, may_lose);
        let found = list(&mut client, "appended");
        lost += check_ids("appends", &found, &mut appends, may_lose);
        let sold = client.value("ZRANGE {shop}sold 0 -1");
        let sold: Vec<u64> = sold.items().iter().map(|id| id.text().parse().unwrap()).collect();
        lost += check_ids("sales", &sold, &mut sales, may_lose);
        let stock: u64 = client.value("GET {shop}stock").text().parse().unwrap();
        assert_eq!(stock + sold.len() as u64, 100_000_000, "round {round}");
        let counters = client.value("MGET {pair}a {pair}b");
        assert_eq!(counters.items()[0].to_string(), counters.items()[1].to_string());
        let counted = counters.items()[0].to_string();
        let counted: u64 = counted.trim_start_matches('$').parse().unwrap_or_default();
        assert!(
            may_lose || counted >= pairs,
            "round {round}: {pairs} transactions were told, {counted} are there"
        );
    }
    assert!(!transfers.is_empty() && !sales.is_empty() && !appends.is_empty() && pairs > 0);
    eprintln!(
        "{durability}: {crashes} crashes, {} transfers, {} sales, {} appends, {pairs} transactions, \
         {lost} lost",
        transfers.len(),
        sales.len(),
        appends.len()
    );
}

/// The log is switched on while the node is killed: what was acknowledged as logged is there, and what
/// is there is the state of one moment.
#[test]
fn a_log_that_is_being_switched_on_is_there_whole_or_not_at_all() {
    let folder = folder();
    let start = |durability: &str| {
        Server::builder()
            .directory(folder.path())
            .shards(2)
            .set("durability", durability)
            .set("log-segment-size", 262_144)
            .expect_in_log("the log ends in what was being written")
            .expect_in_log("the log was switched on, and the snapshot")
            .start()
    };
    let mut rng = fastrand::Rng::with_seed(11);
    let mut switched = 0;
    for round in 0..12 {
        let mut server = start("none");
        let mut client = server.client();
        let value = "x".repeat(100);
        let lines: Vec<String> = (0..4000).map(|n| format!("SET fill{n} {round}{value}")).collect();
        client.pipeline(&lines);
        client.check(&format!("SET round {round}"), "+OK");
        let stop: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
        let (port, from) = (server.port(), (1000 + round) * 10_000_000);
        let mut accounts = server.client();
        for account in 0..ACCOUNTS {
            let line = format!("HSET {{bank}}accounts {account} {}", MONEY / i64::from(ACCOUNTS));
            accounts.run(&line);
        }
        accounts.check("SET {shop}stock 100000000", "+OK");
        accounts.run("DEL {shop}sold");
        let writer = std::thread::spawn(move || write(port, from, stop));
        client.send_line("CONFIG SET durability always");
        let acknowledged = !client.is_silent_for(Duration::from_micros(rng.u64(100..20_000)));
        server.signal(Signal::SIGKILL);
        server.wait();
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        let server = start("always");
        let mut client = server.client();
        let found = client.run("GET round");
        if acknowledged {
            switched += 1;
            assert_eq!(found, format!("${round}"));
        }
        // What is there is of one moment, this round's or an earlier one's.
        let fill = client.run("GET fill3999");
        let of = fill.trim_start_matches('$').trim_end_matches('x');
        assert!(found == "_" || found == format!("${of}") || !acknowledged, "{found} {of}");
        if client.run("EXISTS {bank}accounts") == ":1" {
            let accounts = client.value("HVALS {bank}accounts");
            let money = |money: &Value| money.text().parse::<i64>().unwrap();
            let sum: i64 = accounts.items().iter().map(money).sum();
            assert_eq!(sum % MONEY, 0, "round {round}");
            let stock: u64 = client.value("GET {shop}stock").text().parse().unwrap();
            let sold = client.value("ZCARD {shop}sold").int() as u64;
            assert_eq!(stock + sold, 100_000_000, "round {round}");
        }
        let counters = client.value("MGET {pair}a {pair}b");
        assert_eq!(counters.items()[0].to_string(), counters.items()[1].to_string());
    }
    eprintln!("switched on before the end in {switched} of 12 rounds");
}
