//! A generator follows slots that move, against nodes that only say so.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use load::client::Value;
use load::encoder::RequestEncoder;
use load::generator::{Generator, Limit, Pace};
use load::measurement::Measurement;
use load::tape::TapePlan;
use load::topology::Topology;
use load::workload::Workload;

/// Answers each request by what `reply` says of its words.
fn serve(listener: TcpListener, reply: impl Fn(&[String]) -> String + Send + Sync + 'static) {
    let reply = Arc::new(reply);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            stream.set_nodelay(true).unwrap();
            let reply = Arc::clone(&reply);
            thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut stream: TcpStream = stream;
                while let Some(words) = read_request(&mut reader) {
                    if stream.write_all(reply(&words).as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
}

fn read_request(reader: &mut impl BufRead) -> Option<Vec<String>> {
    let number = |reader: &mut dyn BufRead| -> Option<usize> {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        line.get(1..)?.trim().parse().ok()
    };
    let count = number(reader)?;
    let mut words = Vec::new();
    for _ in 0..count {
        let mut word = vec![0; number(reader)? + 2];
        reader.read_exact(&mut word).ok()?;
        word.truncate(word.len() - 2);
        words.push(String::from_utf8(word).unwrap());
    }
    Some(words)
}

fn all_slots_at(port: u16) -> String {
    format!("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:{port}\r\n")
}

/// The requests that the second node was sent, all and those after ASKING, and what the generator
/// saw. It is told that the first node has all slots, which answers each GET as `answer` says.
fn run(answer: &'static str, moves: bool, limit: u64) -> (u64, u64, Measurement) {
    let (first, second) = (listen(), listen());
    let [first_port, port] = [&first, &second].map(|node| node.local_addr().unwrap().port());
    let slots = all_slots_at(if moves { port } else { first_port });
    serve(first, move |words| match words[0].as_str() {
        "CLUSTER" => slots.clone(),
        // The host is that of the node which says it.
        _ => format!("-{answer} 5 :{port}\r\n"),
    });
    let (asked, gets) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let counts = (Arc::clone(&asked), Arc::clone(&gets));
    serve(second, move |words| match words[0].as_str() {
        "CLUSTER" => all_slots_at(port),
        "ASKING" => {
            counts.0.fetch_add(1, Ordering::Relaxed);
            "+OK\r\n".to_owned()
        }
        "GET" => {
            counts.1.fetch_add(1, Ordering::Relaxed);
            "$1\r\nx\r\n".to_owned()
        }
        other => format!("-ERR {other}\r\n"),
    });
    let seed = format!("127.0.0.1:{first_port}");
    let node = Value::Array(Some(vec![Value::Bulk(None), Value::Integer(i64::from(first_port))]));
    let range = Value::Array(Some(vec![Value::Integer(0), Value::Integer(16383), node]));
    let told = Value::Array(Some(vec![range]));
    let plan = TapePlan {
        encoder: Arc::new(RequestEncoder::new(Workload::Get, 1, String::new())),
        topology: Arc::new(Topology::from_slots(&told, &seed).unwrap()),
        keys: 100,
        zipf: None,
        pipeline: 3,
        connections: 2,
        seed: 0,
    };
    let limit = Limit { duration: Duration::from_secs(20), requests: Some(limit) };
    let mut generator = Generator::connect_patient(&plan, 0..2).unwrap();
    let measurement = generator.run(Pace::Closed, limit).unwrap();
    (gets.load(Ordering::Relaxed), asked.load(Ordering::Relaxed), measurement)
}

fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

#[test]
fn a_slot_that_has_moved_is_asked_for_where_it_is() {
    let (gets, asked, measurement) = run("MOVED", true, 3000);
    let tally = &measurement.tally;
    assert_eq!((measurement.requests, gets, asked), (3000, 3000, 0));
    assert_eq!((tally.errors, tally.disconnects, tally.done[0]), (0, 0, 3000));
    // It learns where the slots are, and then goes there at once.
    assert!(tally.moved >= 3 && tally.moved < 1000, "{}", tally.moved);
    assert_eq!(measurement.requests_by_node.len(), 2);
    assert!(measurement.requests_by_node[1] > 2000, "{:?}", measurement.requests_by_node);
}

#[test]
fn a_slot_that_is_on_its_way_is_asked_for_each_time() {
    let (gets, asked, measurement) = run("ASK", false, 60);
    let tally = &measurement.tally;
    assert_eq!((measurement.requests, gets, asked), (60, 60, 60));
    assert_eq!((tally.errors, tally.asked, tally.moved, tally.done[0]), (0, 60, 0, 60));
    assert_eq!(measurement.requests_by_node, [60]);
}
