//! How long to wait after failures.

use std::time::Duration;

/// Doubles from the first wait to the longest, and draws the wait from the upper half, so that those who failed together don't come together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Backoff {
    /// The longest wait after the first failure.
    pub(super) first: Duration,
    /// The longest wait of all.
    pub(super) most: Duration,
}

impl Backoff {
    /// The wait after `failures` in a row, from 1.
    #[must_use]
    pub(super) fn wait(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        jittered(self.first.saturating_mul(1 << doublings).min(self.most))
    }
}

/// Something between half of `time` and all of it.
#[must_use]
pub(super) fn jittered(time: Duration) -> Duration {
    time.mul_f64(rand::random_range(0.5..=1.0))
}
