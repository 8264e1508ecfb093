//! Ages, sizes and a stranger's words, as people read them.

use std::{borrow::Cow, fmt};

use jiff::{SignedDuration, Timestamp};

/// A length of time in its largest unit: `42s`, `12m`, `5h`, `3d`. What is negative counts as none.
pub(super) struct Span(SignedDuration);

impl Span {
    /// From `earlier` to `later`.
    pub(super) fn between(earlier: Timestamp, later: Timestamp) -> Self {
        Self(later.duration_since(earlier).max(SignedDuration::ZERO))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0.as_secs() {
            seconds @ ..60 => format!("{seconds}s"),
            seconds @ 60..3600 => format!("{}m", seconds / 60),
            seconds @ 3600..172_800 => format!("{}h", seconds / 3600),
            seconds => format!("{}d", seconds / 86_400),
        };
        f.pad(&text)
    }
}

/// A number of bytes in its largest unit: `512`, `9.8K`, `35M`.
pub(super) struct Size(pub(super) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = ["K", "M", "G", "T"].into_iter().zip(1_u32..).take_while(|(_, power)| self.0 >= 1 << (10 * power)).last();
        let text = match unit {
            None => self.0.to_string(),
            Some((unit, power)) => {
                let tenths = (u128::from(self.0) * 10) >> (10 * power);
                if tenths < 100 { format!("{}.{}{unit}", tenths / 10, tenths % 10) } else { format!("{}{unit}", tenths / 10) }
            }
        };
        f.pad(&text)
    }
}

/// A number of messages: `1 message`, `2 messages`.
pub(super) struct Messages(pub(super) usize);

impl fmt::Display for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} message{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

/// What a stranger said, in one line that does nothing to a terminal.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) { Cow::Owned(text.replace(char::is_control, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// As much of it as `width` characters hold.
pub(super) fn cut(text: &str, width: usize) -> Cow<'_, str> {
    let text = clean(text);
    match text.char_indices().nth(width) {
        None => text,
        Some(_) => text.chars().take(width - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_their_largest_unit() {
        let spans = [(-5, "0s"), (0, "0s"), (59, "59s"), (60, "1m"), (3_599, "59m"), (3_600, "1h"), (172_799, "47h"), (172_800, "2d")];
        for (seconds, expected) in spans {
            let later = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
            assert_eq!(Span::between(Timestamp::UNIX_EPOCH, later).to_string(), expected);
        }
    }

    #[test]
    fn sizes_are_in_their_largest_unit() {
        let sizes =
            [(0, "0"), (1_023, "1023"), (1_024, "1.0K"), (10_239, "9.9K"), (10_240, "10K"), (36_700_160, "35M"), (u64::MAX, "16777215T")];
        for (bytes, expected) in sizes {
            assert_eq!(Size(bytes).to_string(), expected);
        }
    }

    #[test]
    fn a_strangers_words_are_no_orders_to_a_terminal() {
        assert_eq!(clean("450 \u{1b}[2J\u{9b}31m\r\nno"), "450 \u{fffd}[2J\u{fffd}31m\u{fffd}\u{fffd}no");
        assert_eq!(cut("jörg@example.com", 5), "jörg…");
        assert_eq!(cut("jörg", 4), "jörg");
    }
}
