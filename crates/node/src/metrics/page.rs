//! Samples of metrics, and their text.
//!
//! # Invariants
//! - I1. Only metrics of the catalogue have samples, each with exactly its labels.

use std::collections::BTreeMap;

use prometheus::TextEncoder;
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType, Quantile,
    Summary,
};

use super::catalogue::{Described, Kind};
use crate::times::Durations;

/// Powers of two of microseconds that histograms show: 1 µs to 1 ms, then in steps of four up to
/// 67 s.
const BOUNDS: [u32; 19] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 22, 24, 26];

/// What one scrape says. See the module.
#[derive(Debug, Default)]
pub(super) struct Page {
    families: BTreeMap<&'static str, MetricFamily>,
}

impl Page {
    /// A sample of a gauge or a counter.
    pub(super) fn put(&mut self, metric: &'static Described, labels: &[&str], value: f64) {
        let mut sample = labelled(metric, labels);
        match metric.kind {
            Kind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(value);
                sample.set_counter(counter);
            }
            Kind::Gauge => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                sample.set_gauge(gauge);
            }
            Kind::Histogram | Kind::Summary => {
                unreachable!("{} has a method of its own", metric.name)
            }
        }
        self.add(metric, sample);
    }

    /// The same of something that is counted.
    pub(super) fn count(&mut self, metric: &'static Described, labels: &[&str], value: u64) {
        self.put(metric, labels, value as f64);
    }

    /// A histogram.
    pub(super) fn times(&mut self, metric: &'static Described, labels: &[&str], all: &Durations) {
        let bucket = |power: &u32| {
            let mut bucket = Bucket::default();
            bucket.set_upper_bound((1u64 << power) as f64 / 1e6);
            bucket.set_cumulative_count(all.times.below_micros(*power));
            bucket
        };
        let mut histogram = Histogram::default();
        histogram.set_bucket(BOUNDS.iter().map(bucket).collect());
        histogram.set_sample_count(all.times.count());
        histogram.set_sample_sum(all.nanos as f64 / 1e9);
        let mut sample = labelled(metric, labels);
        sample.set_histogram(histogram);
        self.add(metric, sample);
    }

    /// A summary: how many, their sum in seconds, and pairs of quantiles and seconds.
    pub(super) fn summary(
        &mut self,
        metric: &'static Described,
        labels: &[&str],
        (count, seconds): (u64, f64),
        quantiles: &[(f64, f64)],
    ) {
        let quantile = |(quantile, seconds): &(f64, f64)| {
            let mut shown = Quantile::default();
            shown.set_quantile(*quantile);
            shown.set_value(*seconds);
            shown
        };
        let mut summary = Summary::default();
        summary.set_sample_count(count);
        summary.set_sample_sum(seconds);
        summary.set_quantile(quantiles.iter().map(quantile).collect());
        let mut sample = labelled(metric, labels);
        sample.set_summary(summary);
        self.add(metric, sample);
    }

    fn add(&mut self, metric: &'static Described, sample: Metric) {
        let family = self.families.entry(metric.name).or_insert_with(|| {
            let mut family = MetricFamily::default();
            family.set_name(metric.name.into());
            family.set_help(metric.help.into());
            family.set_field_type(match metric.kind {
                Kind::Counter => MetricType::COUNTER,
                Kind::Gauge => MetricType::GAUGE,
                Kind::Histogram => MetricType::HISTOGRAM,
                Kind::Summary => MetricType::SUMMARY,
            });
            family
        });
        family.mut_metric().push(sample);
    }

    /// All of it, metrics in the order of their names.
    pub(super) fn text(self) -> String {
        let families: Vec<MetricFamily> = self.families.into_values().collect();
        match TextEncoder::new().encode_to_string(&families) {
            Ok(text) => text,
            Err(error) => unreachable!("every family has samples: {error}"),
        }
    }
}

fn labelled(metric: &Described, values: &[&str]) -> Metric {
    assert!(metric.labels.len() == values.len(), "{} (I1)", metric.name);
    let pair = |(name, value): (&&str, &&str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).into());
        pair.set_value((*value).into());
        pair
    };
    Metric::from_label(metric.labels.iter().zip(values).map(pair).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    static GAUGE: Described =
        Described { name: "g", kind: Kind::Gauge, labels: &["a"], help: "A \\ b." };
    static TIMES: Described =
        Described { name: "h_seconds", kind: Kind::Histogram, labels: &[], help: "T." };
    static QUANTILES: Described =
        Described { name: "q_seconds", kind: Kind::Summary, labels: &[], help: "Q." };

    #[test]
    fn text_is_escaped_and_histograms_cumulate() {
        let mut page = Page::default();
        page.put(&GAUGE, &["x\"\\\ny"], 1.5);
        let mut all = Durations::default();
        all.note(Duration::from_nanos(500));
        all.note(Duration::from_micros(3));
        all.note(Duration::from_secs(100));
        page.times(&TIMES, &[], &all);
        page.summary(&QUANTILES, &[], (2, 0.5), &[(0.5, 0.1), (0.99, 0.4)]);
        let text = page.text();
        let has = |line: &str| assert!(text.lines().any(|own| own == line), "{line}\n{text}");
        has("# HELP g A \\\\ b.");
        has("# TYPE g gauge");
        has("g{a=\"x\\\"\\\\\\ny\"} 1.5");
        has("h_seconds_bucket{le=\"0.000001\"} 1");
        has("h_seconds_bucket{le=\"0.000002\"} 1");
        has("h_seconds_bucket{le=\"0.000004\"} 2");
        has("h_seconds_bucket{le=\"67.108864\"} 2");
        has("h_seconds_bucket{le=\"+Inf\"} 3");
        has("h_seconds_sum 100.0000035");
        has("h_seconds_count 3");
        has("q_seconds{quantile=\"0.99\"} 0.4");
        has("q_seconds_count 2");
    }
}
