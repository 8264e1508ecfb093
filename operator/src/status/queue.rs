//! What is in the queue of a relay, and whether it outlives the pod that took it.

use postern_config::Storage;
use postern_crds::{condition::types, smtp_relay::SpoolStatus};
use serde::Deserialize;

use super::{Conditions, Reason};
use crate::validate::Validated;

/// What is in the queue of one pod, or in the one that it shares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Queue {
    /// Messages.
    pub messages: u64,
    /// How long the oldest has waited; none when there is none.
    pub oldest_seconds: Option<u64>,
}

impl Queue {
    /// As a status shows it: the first two digits of the count, and whole minutes. What changes with every mail would be written with every mail.
    #[must_use]
    pub fn rounded(self) -> Self {
        let scale = 10_u64.pow(self.messages.checked_ilog10().unwrap_or_default().saturating_sub(1));
        Self { messages: self.messages / scale * scale, oldest_seconds: self.oldest_seconds.map(|seconds| seconds / 60 * 60) }
    }

    /// Two queues, each with messages of its own.
    fn beside(self, other: Self) -> Self {
        Self { messages: self.messages.saturating_add(other.messages), ..self.or(other) }
    }

    /// One queue as two pods see it.
    fn or(self, other: Self) -> Self {
        Self { messages: self.messages.max(other.messages), oldest_seconds: self.oldest_seconds.max(other.oldest_seconds) }
    }
}

/// What is in the queue of a relay whose pods told `queues`; none for a relay without one, or before a pod has told.
pub(super) fn spool(validated: &Validated<'_>, queues: &[Queue]) -> Option<SpoolStatus> {
    let together = match validated.configuration.root.spool.as_ref()?.storage {
        Storage::Directory { .. } => Queue::beside,
        Storage::Postgres { .. } => Queue::or,
    };
    let whole = queues.iter().copied().reduce(together)?.rounded();
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Some(SpoolStatus { messages: count(whole.messages), oldest_seconds: count(whole.oldest_seconds.unwrap_or_default()) })
}

/// Sets the condition, where there is a queue.
pub(super) fn durable(conditions: &mut Conditions<'_>, validated: &Validated<'_>) {
    let Some(spool) = &validated.configuration.root.spool else { return };
    match spool.storage {
        Storage::Directory { durable: false, .. } => {
            let message = "the queue ends with its pod (EmptyDir): mail survives a crash of the container and a pod that ends in peace, and is lost with a pod or node that fails; make another SmtpRelay with the storage PersistentVolume or Postgres";
            conditions.set(types::SPOOL_DURABLE, false, Reason::EndsWithPod, message);
        }
        Storage::Directory { durable: true, .. } | Storage::Postgres { .. } => {
            conditions.set(types::SPOOL_DURABLE, true, Reason::OutlivesPods, "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(messages: u64, oldest: u64) -> Queue {
        Queue { messages, oldest_seconds: Some(oldest) }
    }

    #[test]
    fn two_digits_and_whole_minutes_are_shown() {
        for (messages, shown) in [(0, 0), (7, 7), (99, 99), (100, 100), (101, 100), (1999, 1900), (1_234_567, 1_200_000)] {
            assert_eq!(queue(messages, 0).rounded().messages, shown);
        }
        assert_eq!(queue(0, 179).rounded().oldest_seconds, Some(120));
    }

    #[test]
    fn queues_of_their_own_add_up_and_a_shared_one_does_not() {
        assert_eq!(queue(3, 70).beside(queue(4, 50)), queue(7, 70));
        assert_eq!(queue(3, 70).or(queue(4, 50)), queue(4, 70));
    }
}
