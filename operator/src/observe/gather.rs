//! What is known of a relay's pods, put together.

use std::collections::BTreeMap;

use super::{Answer, Wanted};
use crate::{cluster::PodFacts, status::Pods};

/// Puts together what pods that should run `wanted` answered, by their UIDs. `has_old_pods`: some are of an older template, and will be replaced:
/// what they run is not what the relay's resource says, even if their configuration is.
#[must_use]
pub fn gather(pods: &[PodFacts], answers: &BTreeMap<String, Answer>, wanted: Option<&Wanted>, has_old_pods: bool) -> Pods {
    let here = || pods.iter().filter(|pod| !pod.terminating);
    let ready: Vec<_> = here().filter(|pod| pod.ready).collect();
    // One with keys of before does not run what is wanted, whatever its configuration.
    let is_current = |answer: &&Answer| wanted.is_none_or(|wanted| answer.runs(wanted));
    let mut hashes = ready.iter().map(|pod| answers.get(&pod.uid).filter(is_current)?.config_hash.clone());
    let first = hashes.next().flatten();
    let is_same = hashes.all(|hash| hash == first);
    // What was refused before is no fault of what is wanted now.
    let refusals = |hash: Option<&str>| {
        let refusals = here().filter_map(|pod| Some((&pod.name, answers.get(&pod.uid)?.last_refusal.as_ref()?)));
        let meant = refusals.filter(|(_, refusal)| refusal.hash.as_deref() == hash);
        meant.map(|(pod, refusal)| format!("{pod}: {}", refusal.reasons.join("; "))).collect()
    };
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let clients = here().filter_map(|pod| answers.get(&pod.uid)).map(|answer| answer.clients).sum();
    // One that ends still has mail.
    let queues = pods.iter().filter_map(|pod| answers.get(&pod.uid)?.spool).collect();
    Pods {
        count: count(here().count()),
        ready: count(ready.len()),
        config_hash: first.filter(|_| is_same && !has_old_pods),
        refusals: wanted.map(|wanted| refusals(Some(&wanted.configuration))).unwrap_or_default(),
        delays: refusals(None),
        clients,
        queues,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, ready: bool) -> PodFacts {
        PodFacts { name: name.to_owned(), uid: name.to_owned(), ready, ..PodFacts::default() }
    }

    fn answers(hashes: &[(&str, &str)]) -> BTreeMap<String, Answer> {
        let answer = |hash: &str| Answer { config_hash: Some(hash.to_owned()), ..Answer::default() };
        hashes.iter().map(|(pod, hash)| ((*pod).to_owned(), answer(hash))).collect()
    }

    fn wanted(configuration: &str) -> Wanted {
        Wanted { configuration: configuration.to_owned(), material: "keys".to_owned() }
    }

    fn hash(pods: &[PodFacts], hashes: &[(&str, &str)], has_old_pods: bool) -> Option<String> {
        gather(pods, &answers(hashes), Some(&wanted("1")), has_old_pods).config_hash
    }

    #[test]
    fn a_hash_counts_when_every_ready_pod_runs_it() {
        let pods = [pod("a", true), pod("b", true), pod("c", false)];
        assert_eq!(hash(&pods, &[("a", "1"), ("b", "1")], false).as_deref(), Some("1"));
        assert_eq!(hash(&pods, &[("a", "1"), ("b", "1"), ("c", "0")], false).as_deref(), Some("1"), "one that is not ready takes no mail");
        assert_eq!(hash(&pods, &[("a", "1"), ("b", "2")], false), None);
        assert_eq!(hash(&pods, &[("b", "1")], false), None, "one that was not asked may run anything");
        assert_eq!(hash(&pods, &[("a", "1"), ("b", "1")], true), None, "old pods are left");
        assert_eq!(hash(&[], &[], false), None);
    }

    #[test]
    fn a_pod_with_keys_of_before_does_not_run_what_is_wanted() {
        let config_hash = |material: &str| {
            let answer = Answer { config_hash: Some("1".to_owned()), material_hash: Some(material.to_owned()), ..Answer::default() };
            gather(&[pod("a", true)], &[("a".to_owned(), answer)].into(), Some(&wanted("1")), false).config_hash
        };
        assert_eq!((config_hash("keys"), config_hash("old keys")), (Some("1".to_owned()), None));
    }

    #[test]
    fn only_what_is_wanted_now_is_refused() {
        let refused = |hash: Option<&str>| {
            let refusal = super::super::Refusal { hash: hash.map(str::to_owned), reasons: vec!["no".to_owned()] };
            let answers = [("a".to_owned(), Answer { last_refusal: Some(refusal), ..Answer::default() })].into();
            let pods = gather(&[pod("a", true)], &answers, Some(&wanted("2")), false);
            (pods.refusals, pods.delays)
        };
        let (none, told) = (Vec::<String>::new(), vec!["a: no".to_owned()]);
        assert_eq!(refused(Some("2")), (told.clone(), none.clone()));
        assert_eq!(refused(Some("1")), (none.clone(), none.clone()), "the one before");
        assert_eq!(refused(None), (none, told), "the rest of it may be on its way");
    }

    #[test]
    fn pods_that_end_count_no_more() {
        let pods = [pod("a", true), PodFacts { terminating: true, ..pod("b", true) }];
        let gathered = gather(&pods, &answers(&[("a", "1"), ("b", "0")]), Some(&wanted("1")), false);
        assert_eq!((gathered.count, gathered.ready, gathered.config_hash.as_deref()), (1, 1, Some("1")));
    }
}
