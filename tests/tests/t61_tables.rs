//! The tables of tests/data/scripts: what scripts reply, value for value and text for text.

use std::fs;
use std::path::PathBuf;

use e2e::golden::Peer;
use e2e::redis::Redis;
use e2e::repository;
use e2e::server::Server;
use e2e::tables::{Target, play};

/// All tables, in the order of their names.
fn tables() -> Vec<PathBuf> {
    let folder = fs::read_dir(repository().join("tests/data/scripts")).unwrap();
    let mut tables: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    tables.sort();
    tables
}

/// Plays all, also after one that differs.
#[track_caller]
fn play_all(target: Target) {
    let tables = tables();
    assert!(!tables.is_empty());
    let agrees = |path: &&PathBuf| std::panic::catch_unwind(|| play(path, target)).is_ok();
    let agreed = tables.iter().filter(agrees).count();
    assert_eq!(agreed, tables.len(), "see above");
}

#[test]
fn atoll_replies_what_the_tables_say() {
    let server = Server::start();
    play_all(Target { peer: Peer::Atoll, port: server.port(), version: (0, 0) });
}

#[test]
fn redis_agrees_with_the_tables() {
    let Some(redis) = Redis::start() else { return };
    play_all(Target { peer: Peer::Redis, port: redis.port(), version: redis.version() });
}
