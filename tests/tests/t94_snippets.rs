//! The programs in Rust and the configuration that docs/clients.md shows: they are what is compiled
//! and run here. The others are run by tests/clients/run.

#[expect(unreachable_pub, reason = "as the reader of docs/clients.md has it")]
mod fred;
#[expect(unreachable_pub, reason = "as the reader of docs/clients.md has it")]
mod redis_rs;

use std::fs;

use e2e::cluster::Cluster;
use e2e::server::{self, Server};
use e2e::{ports, repository};

/// The block of docs/clients.md with this word after its language.
fn block(mark: &str) -> String {
    let text = fs::read_to_string(repository().join("docs/clients.md")).unwrap();
    let blocks: Vec<&str> = text
        .split("\n```")
        .filter_map(|block| block.split_once('\n'))
        .filter(|(head, _)| head.split(' ').nth(1) == Some(mark))
        .map(|(_, body)| body)
        .collect();
    let [body] = blocks[..] else { panic!("{} blocks are marked {mark}", blocks.len()) };
    format!("{body}\n")
}

#[test]
fn what_the_document_shows_is_what_is_compiled_here() {
    for name in ["redis_rs", "fred"] {
        let path = format!("tests/tests/t94_snippets/{name}.rs");
        let compiled = fs::read_to_string(repository().join(path)).unwrap();
        let (_about, program) = compiled.split_once("\n\n").unwrap();
        assert_eq!(block(name), program, "{name}");
    }
}

#[test]
fn the_program_with_redis_rs_runs() {
    let cluster = Cluster::start(3);
    assert_eq!(redis_rs::example(cluster.urls()).unwrap(), (vec![2, 1], 7));
}

#[test]
fn the_program_with_fred_runs() {
    let cluster = Cluster::start(3);
    let address = |node: usize| cluster.nodes()[node].address();
    let url = format!("redis-cluster://{}?node={}", address(0), address(1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let got = runtime.block_on(fred::example(&url)).unwrap();
    assert_eq!(got, (1, Some("new".into())));
}

#[test]
fn each_listener_tells_its_own_addresses() {
    let first = ports::take(2);
    let folder = server::folder();
    let path = folder.path().join("atoll.toml");
    let text = block("config").replace("0.0.0.0:7001", &format!("127.0.0.1:{}", first + 1));
    let text = text.replace("port = 6379\nann", &format!("port = {first}\nann"));
    fs::write(&path, text).unwrap();
    let server = Server::builder()
        .port(first)
        .arguments(&["--config", path.to_str().unwrap()])
        .expect_in_log("node2")
        .expect_in_log("node3")
        .start();
    // A slot of the second node, as each side is to be told of it.
    server.client().check("GET foo", "-MOVED 12182 node3:6379");
    e2e::resp::Client::connect(first + 1).check("GET foo", "-MOVED 12182 localhost:7003");
}
