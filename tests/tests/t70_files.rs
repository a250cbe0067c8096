//! Files that people start with: docker-compose.yml and config/atoll.toml.

use std::collections::BTreeMap;
use std::fs;

use e2e::repository;
use e2e::server::{folder, refusal};
use serde_norway::Value;

/// The services of docker-compose.yml, each with its environment.
fn services() -> BTreeMap<String, BTreeMap<String, String>> {
    let text = fs::read_to_string(repository().join("docker-compose.yml")).unwrap();
    let mut file: Value = serde_norway::from_str(&text).unwrap();
    file.apply_merge().unwrap();
    // A merge inside of a merged part.
    file.apply_merge().unwrap();
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => panic!("not a text: {other:?}"),
    };
    let service = |(name, service): (&Value, &Value)| {
        let variables = service["environment"].as_mapping().unwrap();
        (text(name), variables.iter().map(|(name, value)| (text(name), text(value))).collect())
    };
    file["services"].as_mapping().unwrap().iter().map(service).collect()
}

#[test]
fn compose_starts_three_nodes() {
    let services = services();
    assert_eq!(services.keys().collect::<Vec<_>>(), ["node1", "node2", "node3"]);
    let lists = services.values().map(|variables| &variables["ATOLL_CLUSTER__INITIAL_NODES"]);
    let lists: Vec<&String> = lists.collect();
    assert!(lists.iter().all(|list| *list == lists[0]));
    for (name, variables) in &services {
        let own = format!("{}:{}", variables["ATOLL_ANNOUNCE_HOST"], variables["ATOLL_PORT"]);
        assert_eq!(variables["ATOLL_ANNOUNCE_HOST"], *name);
        assert!(lists[0].split(',').any(|address| address == own), "{own}");
        let (bind, table) = variables["ATOLL_LISTENERS"].split_once('=').unwrap();
        assert_eq!(table.split(',').count(), 3);
        let port = bind.rsplit_once(':').unwrap().1;
        assert!(table.split(',').any(|address| address.ends_with(port)), "{name}");
    }
}

#[test]
fn compose_sets_only_what_there_is() {
    for (name, variables) in services() {
        let mut variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert!(variables.iter().all(|(name, _)| name.starts_with("ATOLL_")), "{variables:?}");
        // Nothing is wrong but what this test adds, so the rest is understood.
        let wrong = ["--set", "proto-max-bulk-len=1"];
        let refusal_of = |variables: &[(&str, &str)]| refusal(&wrong, variables).text;
        let text = refusal_of(&variables);
        assert!(text.contains("proto-max-bulk-len: argument must be"), "{name}: {text}");
        variables.push(("ATOLL_NO_SUCH", "1"));
        let text = refusal_of(&variables);
        assert!(text.contains("no-such"), "this test has no teeth: {text}");
    }
}

/// The keys that the server knows, by what it says to one that it does not know.
fn known_keys(unknown: &str) -> Vec<String> {
    let folder = folder();
    let dir = folder.path().join("data");
    let refusal = refusal(&["--dir", dir.to_str().unwrap(), "--set", unknown], &[]);
    let (_, list) = refusal.text.split_once("expected ").unwrap();
    let list = list.split(" for key").next().unwrap();
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_documented_file_has_every_key() {
    let text = fs::read_to_string(repository().join("config/atoll.toml")).unwrap();
    let mut keys = known_keys("no-such-key=1");
    assert!(keys.len() > 20, "{keys:?}");
    // Tables, and the environment's form of one of them.
    keys.retain(|key| !["cluster", "listener", "listeners"].contains(&key.as_str()));
    keys.extend(known_keys("cluster.no-such=1"));
    for table in ["[cluster]", "[[listener]]"] {
        assert!(text.lines().any(|line| line.trim_start_matches(['#', ' ']) == table), "{table}");
    }
    for key in keys {
        let is_it =
            |line: &str| line.trim_start_matches(['#', ' ']).starts_with(&format!("{key} ="));
        assert!(text.lines().any(is_it), "{key} is not documented");
    }
}
