//! What a sink has seen.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::message::Claim;

/// Counts of a sink, printed as one line of JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Connections that were taken.
    pub sessions: u64,
    /// Those of them that went to TLS.
    pub tls_sessions: u64,
    /// Messages that were answered 250.
    pub messages: u64,
    /// Messages that came over TLS.
    pub tls_messages: u64,
    /// Different messages whose body was whole; 0 unless the sink verifies.
    pub distinct: u64,
    /// Messages that say nothing of themselves, or whose body is not what their header says.
    pub corrupt: u64,
    #[serde(skip)]
    seen: HashSet<u64>,
}

impl Tally {
    /// Counts what a message said of itself; `None` is one that said nothing.
    pub fn judge(&mut self, claim: Option<Claim>) {
        match claim {
            Some(Claim { number, is_whole: true }) => self.distinct += u64::from(self.seen.insert(number)),
            Some(Claim { is_whole: false, .. }) | None => self.corrupt += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_comes_twice_is_one_distinct_message() {
        let mut tally = Tally::default();
        for number in [1, 2, 1] {
            tally.judge(Some(Claim { number, is_whole: true }));
        }
        assert_eq!((tally.distinct, tally.corrupt), (2, 0));
    }

    #[test]
    fn broken_and_unknown_messages_are_corrupt() {
        let mut tally = Tally::default();
        tally.judge(Some(Claim { number: 1, is_whole: false }));
        tally.judge(None);
        assert_eq!((tally.distinct, tally.corrupt), (0, 2));
    }
}
