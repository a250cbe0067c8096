//! Durability while clients write without a pause: a sync ends, and modes change one at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use e2e::resp::{Client, encode};
use e2e::server::{Server, folder};
use e2e::{poll, ports};
use nix::sys::signal::Signal;

/// A client that writes pipelines until it is told to end; how many writes were acknowledged.
fn writer(port: u16, name: usize, end: &Arc<AtomicBool>) -> JoinHandle<u64> {
    const DEPTH: u64 = 64;
    let end = end.clone();
    std::thread::spawn(move || {
        let mut client = Client::connect(port);
        let increment = encode(&["INCR", &format!("writer{name}")]);
        let pipeline = increment.repeat(DEPTH as usize);
        let mut done = 0;
        while !end.load(Ordering::Relaxed) {
            client.send(&pipeline);
            for _ in 0..DEPTH {
                done += 1;
                assert_eq!(client.read().int(), done as i64);
            }
        }
        done
    })
}

#[test]
fn a_sync_ends_while_others_write() {
    let server = Server::builder().shards(2).set("durability", "everysec").start();
    let end = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4).map(|name| writer(server.port(), name, &end)).collect();
    let mut client = server.client();
    for round in 0..20 {
        client.check(&format!("SET mine {round}"), "+OK");
        let begin = Instant::now();
        client.check("WAITAOF 1 0 0", "[:1 :0]");
        // A sync takes milliseconds; one that takes what comes meanwhile has no end.
        assert!(begin.elapsed() < Duration::from_secs(5), "round {round}: {:?}", begin.elapsed());
    }
    end.store(true, Ordering::Relaxed);
    for writer in writers {
        assert!(writer.join().unwrap() > 0);
    }
}

#[test]
fn modes_that_change_at_once_lose_nothing() {
    let folder = folder();
    let node = || Server::builder().directory(folder.path()).shards(2);
    let mut server = node().set("durability", "everysec").start();
    let end = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..2).map(|name| writer(server.port(), name, &end)).collect();
    let port = server.port();
    let switchers: Vec<_> = ["none", "everysec", "always"]
        .into_iter()
        .map(|mode| {
            std::thread::spawn(move || {
                let mut client = Client::connect(port);
                for _ in 0..8 {
                    client.check(&format!("CONFIG SET durability {mode}"), "+OK");
                }
            })
        })
        .collect();
    for switcher in switchers {
        switcher.join().unwrap();
    }
    let mut client = server.client();
    client.check("CONFIG SET durability always", "+OK");
    end.store(true, Ordering::Relaxed);
    let done: Vec<_> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
    client.check("SET last 1", "+OK");
    server.signal(Signal::SIGKILL);
    server.wait();

    let server = node()
        .set("durability", "always")
        .expect_in_log("the log ends in what was being written")
        .start();
    let mut client = server.client();
    client.check("GET last", "$1");
    for (name, done) in done.iter().enumerate() {
        // What was acknowledged after the last change is there, and so is all before it.
        client.check(&format!("GET writer{name}"), &format!("${done}"));
    }
}

/// Ends that come at any time, also while data is still being read, with clients that come back at
/// once.
#[test]
fn an_orderly_end_loses_nothing() {
    const CLIENTS: usize = 4;
    let folder = folder();
    let port = ports::take(1);
    let node = || Server::builder().port(port).directory(folder.path()).shards(2);
    let end = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|name| {
            let end = end.clone();
            std::thread::spawn(move || count_up(port, name, &end))
        })
        .collect();
    for round in 0..6 {
        let mut server = node().launch();
        // Before that a signal ends the process as it ends any other. Data is read from then on.
        poll("a node listens", || server.log().contains("listening").then_some(()));
        std::thread::sleep(Duration::from_millis(50 + 200 * round));
        server.signal(Signal::SIGTERM);
        let status = server.wait();
        assert!(status.success(), "round {round}: {status}");
    }
    let server = node().start();
    end.store(true, Ordering::Relaxed);
    for client in clients {
        let acknowledged = client.join().unwrap();
        assert!(acknowledged > 0);
    }
    drop(server);
}

/// Increments a counter over and over, through ends of the server; how often it was acknowledged. What
/// was acknowledged is never forgotten: the counter only grows.
fn count_up(port: u16, name: usize, end: &AtomicBool) -> i64 {
    let request = encode(&["INCR", &format!("counter{name}")]);
    let mut last = 0;
    while !end.load(Ordering::Relaxed) {
        let Ok(mut client) = Client::try_connect(port) else {
            std::thread::sleep(Duration::from_millis(1));
            continue;
        };
        while !end.load(Ordering::Relaxed) && client.try_send(&request).is_ok() {
            let Ok(Some(reply)) = client.try_read() else { break };
            // While data is read, that is said.
            if !reply.is_error() {
                assert!(reply.int() > last, "{} after {last} was acknowledged", reply.int());
                last = reply.int();
            }
        }
    }
    last
}
