//! The tables of docs/metrics.md are made from the catalogue; this fails when they are stale. The
//! dashboard names only what there is.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::catalogue::{ALL, Kind};

const BEGIN: &str = "<!-- made by UPDATE=1 cargo test -p node metrics -->\n";
const END: &str = "<!-- end -->\n";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn table() -> String {
    let mut out =
        String::from("| metric | type | labels | unit | meaning |\n|---|---|---|---|---|\n");
    for metric in ALL {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Summary => "summary",
        };
        let base = metric.name.strip_suffix("_total").unwrap_or(metric.name);
        let unit = ["seconds", "bytes", "ratio"].into_iter().find(|unit| base.ends_with(unit));
        let (name, labels, unit) = (metric.name, metric.labels.join(", "), unit.unwrap_or(""));
        writeln!(out, "| `{name}` | {kind} | {labels} | {unit} | {} |", metric.help)
            .expect("writing to a string does not fail");
    }
    out
}

#[test]
fn metrics_md_is_up_to_date() {
    let path = repository().join("docs/metrics.md");
    let written = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = written.split_once(BEGIN).expect("the mark is there");
    let (_, tail) = rest.split_once(END).expect("the other mark is there");
    let document = format!("{head}{BEGIN}{}{END}{tail}", table());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &document).unwrap();
        return;
    }
    assert!(written == document, "docs/metrics.md is stale: UPDATE=1 cargo test -p node metrics");
}

#[test]
fn names_are_prometheus_s_way() {
    let mut seen = BTreeSet::new();
    for metric in ALL {
        let name = metric.name;
        assert!(seen.insert(name), "{name} occurs twice");
        let is_plain = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        assert!(name.chars().all(is_plain), "{name}");
        assert!(name.starts_with("atoll_") || name.starts_with("process_"), "{name}");
        assert_eq!(metric.kind == Kind::Counter, name.ends_with("_total"), "{name}");
        if matches!(metric.kind, Kind::Histogram | Kind::Summary) {
            assert!(name.ends_with("_seconds"), "{name}");
        }
        assert!(metric.help.ends_with('.') && !metric.help.contains('|'), "{name}");
    }
}

/// Names of ours in a text, without what histograms and summaries add to theirs.
fn names_in(text: &str) -> BTreeSet<&str> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = text.split(|letter| !is_part(letter));
    let ours = words.filter(|word| word.starts_with("atoll_") || word.starts_with("process_"));
    ours.map(|word| {
        let known = |name: &str| ALL.iter().any(|metric| metric.name == name);
        let suffixes = ["_bucket", "_sum", "_count"].into_iter();
        let mut bases = suffixes.filter_map(|suffix| word.strip_suffix(suffix));
        if known(word) { word } else { bases.find(|base| known(base)).unwrap_or(word) }
    })
    .collect()
}

#[test]
fn the_dashboard_is_one() {
    let text = std::fs::read_to_string(repository().join("config/grafana-dashboard.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let source = &dashboard["templating"]["list"][0];
    assert_eq!((&source["name"], &source["type"]), (&"datasource".into(), &"datasource".into()));
    let (mut ids, mut places) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        let place = &panel["gridPos"];
        let place = (place["y"].as_u64().unwrap(), place["x"].as_u64().unwrap());
        assert!(places.insert(place), "{title} lies on another panel");
        if panel["type"] == "row" {
            continue;
        }
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            let query = target["expr"].as_str().unwrap();
            assert!(!names_in(query).is_empty() && query.contains("$instance"), "{title}");
        }
    }
    assert!(places.len() > 40);
}

#[test]
fn the_dashboard_and_the_alerts_name_what_there_is() {
    let all: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
    for file in ["config/grafana-dashboard.json", "config/prometheus.yml", "docs/metrics.md"] {
        let text = std::fs::read_to_string(repository().join(file)).unwrap();
        let named = names_in(&text);
        let unknown: Vec<_> = named.difference(&all).collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}");
        if file.ends_with(".json") {
            let missing: Vec<_> = all.difference(&named).collect();
            assert!(missing.is_empty(), "{file} has no panel of {missing:?}");
        }
    }
}
