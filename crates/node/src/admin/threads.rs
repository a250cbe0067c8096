//! What the threads of the process take of the processors, as the system counts it.

use std::collections::BTreeMap;
use std::fs;

/// Nanoseconds that each thread has been running since it began, by its name; empty where the
/// system does not say. Threads of the same name count together.
pub(super) fn busy_nanos() -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return sums };
    for task in tasks.flatten() {
        let read = |name: &str| fs::read_to_string(task.path().join(name)).ok();
        let (Some(name), Some(statistics)) = (read("comm"), read("schedstat")) else { continue };
        if let Some(nanos) = parse(&statistics) {
            *sums.entry(name.trim_end().to_owned()).or_default() += nanos;
        }
    }
    sums
}

/// The first number of a `schedstat`.
fn parse(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_read_where_there_is_one() {
        assert_eq!(parse("12345 67 8\n"), Some(12345));
        assert_eq!(parse(""), None);
        let before: u64 = busy_nanos().values().sum();
        let mut sum = 0u64;
        (0..10_000_000u64).for_each(|number| sum = sum.wrapping_add(std::hint::black_box(number)));
        std::hint::black_box(sum);
        let after: u64 = busy_nanos().values().sum();
        assert!(before == 0 || after > before, "{before} {after}");
    }
}
