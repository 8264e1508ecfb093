//! How far long work has come: a bar on a terminal, else a line from time to time, both on standard error.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

/// Time between two lines.
const EVERY: Duration = Duration::from_secs(5);
/// What the bar looks like.
const BAR: &str = "{prefix} {wide_bar} {pos}/{len}, {msg} done, {eta} left";

/// Work that goes on. Dropping it takes the bar away.
pub(super) struct Progress {
    bar: ProgressBar,
    work: &'static str,
    done: usize,
    told: Instant,
}

impl Progress {
    /// Begins `work`, such as `deleting`, for which so many messages have to be looked at.
    pub(super) fn begin(work: &'static str, messages: u64) -> Self {
        let style = ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(messages), ProgressDrawTarget::stderr()).with_style(style).with_prefix(work);
        Self { bar, work, done: 0, told: Instant::now() }
    }

    /// So many more were looked at, and to so many it was done.
    pub(super) fn advance(&mut self, examined: usize, done: usize) {
        self.done += done;
        self.bar.inc(examined as u64);
        self.bar.set_message(self.done.to_string());
        if self.bar.is_hidden() && self.told.elapsed() >= EVERY {
            self.told = Instant::now();
            let (position, length) = (self.bar.position(), self.bar.length().unwrap_or_default());
            eprintln!("{}: {position} of {length} messages looked at, {} done", self.work, self.done);
        }
    }

    /// Tells something beside it.
    pub(super) fn tell(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
