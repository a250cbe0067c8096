//! Tells people how far reading the data has come, when that takes longer than a second: by a bar
//! on a terminal, else by a line in the log each second.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, WeakProgressBar};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::node::Node;

/// How long people wait without being told anything.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often lines are written.
const LINES: Duration = Duration::from_secs(1);
/// How often the bar is drawn.
const FRAMES: Duration = Duration::from_millis(100);

const TEMPLATE: &str = "loading [{wide_bar}] {percent}% of {total_bytes}, {msg}";

/// The bar while there is one.
static BAR: OnceLock<WeakProgressBar> = OnceLock::new();

/// Shows it until it is dropped. To be called once.
pub(crate) async fn show(node: &Node) {
    tokio::time::sleep(PATIENCE).await;
    if io::stderr().is_terminal() {
        show_bar(node).await;
    } else {
        write_lines(node).await;
    }
}

async fn write_lines(node: &Node) {
    let mut interval = interval_at(Instant::now(), LINES);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let (total, loaded) = node.loading.bytes();
        let percent = format_args!("{:.0}", node.loading.percent());
        tracing::info!(%percent, bytes = loaded, of = total, keys = keys(node), "loading");
    }
}

async fn show_bar(node: &Node) {
    let (total, loaded) = node.loading.bytes();
    let mut style = ProgressStyle::default_bar();
    if let Ok(own) = ProgressStyle::with_template(TEMPLATE) {
        style = own.progress_chars("=> ");
    }
    // It is cleared when it is dropped.
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr())
        .with_style(style)
        .with_message(message(node))
        .with_position(loaded);
    let _ = BAR.set(bar.downgrade());
    let mut interval = interval_at(Instant::now(), FRAMES);
    loop {
        interval.tick().await;
        let (total, loaded) = node.loading.bytes();
        bar.set_length(total);
        bar.set_message(message(node));
        bar.set_position(loaded);
    }
}

fn message(node: &Node) -> String {
    format!("{} keys, {} s left", keys(node), node.loading.eta_seconds())
}

fn keys(node: &Node) -> u64 {
    node.published().iter().map(|figures| figures.keys).sum()
}

/// Standard error for the lines of the log, which come above the bar.
#[derive(Debug)]
pub(crate) struct AboveBar;

impl Write for AboveBar {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match BAR.get().and_then(WeakProgressBar::upgrade) {
            Some(bar) => bar.suspend(|| io::stderr().write(line)),
            None => io::stderr().write(line),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
