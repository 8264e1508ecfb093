//! Waits that double.

use std::time::Duration;

/// What `first` comes to when it has doubled so many times, and no more than `longest`.
pub(crate) fn doubled(first: Duration, times: u32, longest: Duration) -> Duration {
    first.saturating_mul(1 << times.min(u32::BITS - 1)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_doubles_up_to_the_longest_however_often() {
        let seconds = Duration::from_secs;
        let waits = [0, 1, 2, 3, 31, 32, u32::MAX].map(|times| doubled(seconds(5), times, seconds(30)));
        assert_eq!(waits, [5, 10, 20, 30, 30, 30, 30].map(seconds));
        assert_eq!(doubled(seconds(1), u32::MAX, Duration::MAX), seconds(1 << 31));
    }
}
