//! Ports for the servers of a test.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that the system gives to outgoing connections, which could take ours.
const FIRST: u16 = 22_000;
const COUNT: u16 = 10_000;

/// The first of `count` ports in a row that nobody listens on. Each call gives others.
///
/// # Panics
/// When there are none.
pub fn take(count: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test processes that run side by side begin at different places.
    let offset = (std::process::id() % 97) as u16 * 101;
    for _ in 0..COUNT / count {
        let at = NEXT.fetch_add(count, Ordering::Relaxed) % (COUNT - count);
        let first = FIRST + (at + offset) % (COUNT - count);
        if (first..first + count).all(is_free) {
            return first;
        }
    }
    panic!("no {count} free ports between {FIRST} and {}", FIRST + COUNT);
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
