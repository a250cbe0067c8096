//! Figures as Prometheus reads them: asks for them by HTTP, and reads the text strictly.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::PATIENCE;

/// What a server has answered to one request.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// Sends one request on a connection of its own.
///
/// # Panics
/// When there is no whole answer.
#[track_caller]
pub fn request(port: u16, method: &str, path: &str) -> Response {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the port is open");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("the request is taken");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("the answer is text and ends");
    let (head, body) = text.split_once("\r\n\r\n").expect("the answer has a head");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
    let headers = lines.map(|line| line.split_once(": ").expect("a header"));
    Response {
        status: status.parse().expect("a status is a number"),
        headers: headers.map(|(name, value)| (name.to_lowercase(), value.into())).collect(),
        body: body.into(),
    }
}

/// Labels and their values.
pub type Labels = BTreeMap<String, String>;

/// One metric with all its samples.
#[derive(Debug, Default)]
pub struct Family {
    pub kind: String,
    /// By the name of the series (which histograms and summaries add to) and labels.
    pub samples: BTreeMap<(String, Labels), f64>,
}

/// All that one scrape has said.
#[derive(Debug, Default)]
pub struct Scrape {
    pub families: BTreeMap<String, Family>,
}

impl Scrape {
    /// Scrapes a server.
    ///
    /// # Panics
    /// When the text is not as it has to be.
    #[track_caller]
    pub fn of(port: u16) -> Self {
        let response = request(port, "GET", "/metrics");
        assert_eq!(response.status, 200);
        let kind = &response.headers["content-type"];
        assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
        Self::read(&response.body)
    }

    /// Reads a text, every line of it.
    ///
    /// # Panics
    /// When it is not as it has to be.
    #[track_caller]
    pub fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut all = Self::default();
        // The metric whose samples follow.
        let mut current = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("help has a text");
                assert!(!help.is_empty() && is_name(name), "{line}");
                let known = all.families.insert(name.into(), Family::default());
                assert!(known.is_none(), "{name} occurs twice");
                current = name.into();
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type");
                assert!(["counter", "gauge", "histogram", "summary"].contains(&kind), "{line}");
                assert_eq!(name, current, "help comes first");
                let family = all.families.get_mut(name).expect("help comes first");
                assert!(family.kind.is_empty() && family.samples.is_empty(), "{line}");
                family.kind = kind.into();
            } else {
                let (name, labels, value) = sample(line);
                let family = all.families.get_mut(&current).expect("samples follow their type");
                assert!(belongs(&name, &labels, &current, &family.kind), "{line}");
                let known = family.samples.insert((name, labels), value);
                assert!(known.is_none(), "a series occurs twice: {line}");
            }
        }
        all.families.iter().for_each(|(name, family)| check(name, family));
        all
    }

    /// The sum of all series of this name that have these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |own: &Labels| {
            labels.iter().all(|(key, value)| own.get(*key).is_some_and(|own| own == value))
        };
        let samples = self.families.values().flat_map(|family| &family.samples);
        let wanted = samples.filter(|((own, labels), _)| own == name && has(labels));
        wanted.map(|(_, value)| value).sum()
    }

    /// The values that a label has in a metric.
    pub fn values(&self, name: &str, label: &str) -> BTreeSet<String> {
        let samples = self.families.get(name).into_iter().flat_map(|family| &family.samples);
        samples.filter_map(|((_, labels), _)| labels.get(label).cloned()).collect()
    }

    /// What only grows: counters, and the counts and sums of histograms and summaries.
    pub fn growing(&self) -> impl Iterator<Item = (&(String, Labels), f64)> {
        self.families.values().flat_map(|family| {
            let grows = |series: &(String, Labels)| match family.kind.as_str() {
                "counter" | "histogram" => true,
                "summary" => !series.1.contains_key("quantile"),
                _ => false,
            };
            family.samples.iter().filter(move |(series, _)| grows(series)).map(|(s, v)| (s, *v))
        })
    }

    /// Fails if something that grows is smaller than in a scrape of before, or is gone.
    ///
    /// # Panics
    /// Then.
    #[track_caller]
    pub fn check_follows(&self, before: &Self) {
        let now: BTreeMap<_, _> = self.growing().collect();
        for (series, value) in before.growing() {
            let after = now.get(series).copied();
            assert!(
                after.is_some_and(|after| after >= value),
                "{series:?}: {value}, then {after:?}"
            );
        }
    }
}

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|letter| letter.is_ascii_lowercase())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// Reads `name{label="value",…} 1.5`.
fn sample(line: &str) -> (String, Labels, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line:?}"));
    let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line:?}"));
    assert!(value.is_finite(), "{line}");
    let (name, labels) = match series.split_once('{') {
        None => (series, Labels::new()),
        Some((name, rest)) => {
            let rest = rest.strip_suffix('}').unwrap_or_else(|| panic!("no end: {line:?}"));
            (name, labels(rest))
        }
    };
    assert!(is_name(name), "{line}");
    (name.into(), labels, value)
}

fn labels(mut text: &str) -> Labels {
    let mut all = Labels::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"").expect("a label has a value");
        assert!(is_name(name), "{name}");
        let (mut value, mut letters) = (String::new(), rest.char_indices());
        let end = loop {
            match letters.next().expect("a value ends") {
                (at, '"') => break at,
                (_, '\\') => match letters.next().expect("an escape ends").1 {
                    'n' => value.push('\n'),
                    letter @ ('"' | '\\') => value.push(letter),
                    letter => panic!("no escape: {letter}"),
                },
                (_, letter) => value.push(letter),
            }
        };
        assert!(all.insert(name.into(), value).is_none(), "{name} occurs twice");
        text = &rest[end + 1..];
        if let Some(more) = text.strip_prefix(',') {
            assert!(!more.is_empty(), "nothing follows a comma");
            text = more;
        } else {
            assert!(text.is_empty(), "{text:?} follows a label");
        }
    }
    all
}

fn belongs(name: &str, labels: &Labels, family: &str, kind: &str) -> bool {
    let (bucket, quantile) = (labels.contains_key("le"), labels.contains_key("quantile"));
    match (kind, name.strip_prefix(family)) {
        ("counter" | "gauge", Some("")) => !bucket && !quantile,
        ("histogram", Some("_bucket")) => bucket && !quantile,
        ("summary", Some("")) => quantile && !bucket,
        ("histogram" | "summary", Some("_sum" | "_count")) => !bucket && !quantile,
        _ => false,
    }
}

/// What holds for a whole metric.
fn check(name: &str, family: &Family) {
    assert!(!family.samples.is_empty(), "{name} has no samples");
    assert_eq!(family.kind == "counter", name.ends_with("_total"), "{name}");
    if family.kind == "counter" {
        assert!(family.samples.values().all(|value| *value >= 0.0), "{name}");
    }
    if family.kind != "histogram" {
        return;
    }
    let mut buckets: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
    for ((series, labels), value) in &family.samples {
        let mut labels = labels.clone();
        if let Some(bound) = labels.remove("le") {
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().expect("le") };
            buckets.entry(labels).or_default().push((bound, *value));
        } else {
            assert!(series.ends_with("_sum") || series.ends_with("_count"), "{series}");
        }
    }
    for (labels, mut buckets) in buckets {
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        let counts = buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1);
        assert!(counts, "{name} {labels:?} is not cumulative: {buckets:?}");
        let last = buckets.last().expect("there are some");
        assert!(last.0.is_infinite(), "{name} {labels:?} has no +Inf");
        let count = family.samples.get(&(format!("{name}_count"), labels.clone()));
        assert_eq!(count, Some(&last.1), "{name} {labels:?}");
        assert!(family.samples.contains_key(&(format!("{name}_sum"), labels)), "{name}");
    }
}
