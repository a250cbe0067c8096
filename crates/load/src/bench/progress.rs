//! What a person at a terminal sees while a workload runs: a bar on stderr. A program sees nothing.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::generator::Progress;
use crate::report::grouped;
use crate::run::Limit;

/// How often the bar is drawn.
const FRAMES: Duration = Duration::from_millis(100);
const TEMPLATE: &str = "{prefix} [{wide_bar}] {percent}% {msg}";

/// A bar, or nothing where nobody would see it.
pub(super) fn bar(length: u64, prefix: &str) -> Option<ProgressBar> {
    if !io::stderr().is_terminal() {
        return None;
    }
    let mut style = ProgressStyle::default_bar();
    if let Ok(own) = ProgressStyle::with_template(TEMPLATE) {
        style = own.progress_chars("=> ");
    }
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    Some(bar.with_style(style).with_prefix(prefix.to_owned()))
}

/// Shows a bar while `work` runs.
pub(super) fn during<T>(
    prefix: &str,
    limit: Limit,
    counts: &[Arc<Progress>],
    work: impl FnOnce() -> T,
) -> T {
    let length = limit.requests.unwrap_or(limit.duration.as_millis() as u64);
    let Some(bar) = bar(length, prefix) else { return work() };
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let drawing = scope.spawn(|| draw(&bar, limit, counts, &ended));
        // Also when it panics: the scope would wait for the drawing for ever.
        let end = EndOnDrop(&ended);
        let result = work();
        drop(end);
        drawing.thread().unpark();
        result
    })
}

struct EndOnDrop<'a>(&'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn draw(bar: &ProgressBar, limit: Limit, counts: &[Arc<Progress>], ended: &AtomicBool) {
    let start = Instant::now();
    let (mut before, mut then) = (0, start);
    while !ended.load(Ordering::Relaxed) {
        thread::park_timeout(FRAMES);
        let answered = counts.iter().map(|count| count.answered.load(Ordering::Relaxed)).sum();
        let now = Instant::now();
        let rate = f64::from(u32::try_from(answered - u64::min(before, answered)).unwrap_or(0))
            / (now - then).as_secs_f64().max(0.001);
        (before, then) = (answered, now);
        let elapsed = (now - start).as_millis() as u64;
        bar.set_position(if limit.requests.is_some() { answered } else { elapsed });
        bar.set_message(format!("{} requests/s", grouped(rate)));
    }
    bar.finish_and_clear();
}
