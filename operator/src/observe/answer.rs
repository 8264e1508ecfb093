//! What a relay says of itself on `/status`, as far as it counts here.

use serde::Deserialize;

use super::Wanted;
use crate::status::{Clients, Queue};

/// The part of the relay's `/status` that the operator reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Answer {
    /// The hash of the configuration that it runs.
    pub config_hash: Option<String>,
    /// That of the keys, certificates and CAs that it has with it. A relay of the version before does not tell it.
    pub material_hash: Option<String>,
    /// It is about to end.
    pub draining: bool,
    /// The configuration that it refused last.
    pub last_refusal: Option<Refusal>,
    /// Whose addresses its clients had.
    pub clients: Clients,
    /// What is in its queue. A relay of the version before, and one without a queue, does not tell it.
    pub spool: Option<Queue>,
}

/// A configuration that a relay refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Refusal {
    /// Its hash; none while the relay waits for the rest of it.
    pub hash: Option<String>,
    /// Why.
    pub reasons: Vec<String>,
}

impl Answer {
    /// Whether two answers mean the same for the relay's status: counts go up without end, and only whether there are any tells something; of a
    /// queue it is told about how long it is.
    #[must_use]
    pub fn means(&self, other: &Self) -> bool {
        let seen = |answer: &Self| (answer.clients.own > 0, answer.clients.cluster > 0);
        let rest = |answer: &Self| Self { clients: Clients::default(), spool: answer.spool.map(Queue::rounded), ..answer.clone() };
        seen(self) == seen(other) && rest(self) == rest(other)
    }

    /// Whether it runs this. One that does not tell what keys it has gets them at the kubelet's own pace.
    #[must_use]
    pub fn runs(&self, wanted: &Wanted) -> bool {
        self.config_hash.as_ref() == Some(&wanted.configuration) && self.material_hash.as_ref().is_none_or(|hash| *hash == wanted.material)
    }

    /// Whether this configuration was refused.
    #[must_use]
    pub fn refuses(&self, hash: &str) -> bool {
        self.last_refusal.as_ref().is_some_and(|refusal| refusal.hash.as_deref() == Some(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_go_up_tell_nothing_new() {
        let answer = |own, cluster| Answer { clients: Clients { own, cluster }, ..Answer::default() };
        assert!(answer(1, 2).means(&answer(7, 9)));
        assert!(!answer(1, 0).means(&answer(1, 1)));
        assert!(!answer(1, 0).means(&Answer { draining: true, ..answer(1, 0) }));
    }

    #[test]
    fn of_a_queue_it_matters_about_how_long_it_is() {
        let answer = |messages, oldest_seconds| Answer {
            spool: Some(Queue { messages, oldest_seconds: Some(oldest_seconds) }),
            ..Answer::default()
        };
        assert!(answer(1234, 61).means(&answer(1299, 119)));
        assert!(!answer(1234, 61).means(&answer(1300, 61)) && !answer(1234, 61).means(&answer(1234, 120)));
    }

    #[test]
    fn keys_count_where_the_relay_tells_which_it_has() {
        let wanted = Wanted { configuration: "a".to_owned(), material: "1".to_owned() };
        let answer = |config: &str, material: Option<&str>| Answer {
            config_hash: Some(config.to_owned()),
            material_hash: material.map(str::to_owned),
            ..Answer::default()
        };
        assert!(answer("a", Some("1")).runs(&wanted) && answer("a", None).runs(&wanted));
        assert!(!answer("a", Some("0")).runs(&wanted) && !answer("b", Some("1")).runs(&wanted));
    }

    #[test]
    fn fields_of_other_versions_are_passed_over() {
        let answer: Answer = serde_json::from_str(r#"{"configHash": "a", "lastRefusal": null, "sessions": 7}"#).unwrap();
        assert_eq!(answer, Answer { config_hash: Some("a".to_owned()), ..Answer::default() });
    }
}
