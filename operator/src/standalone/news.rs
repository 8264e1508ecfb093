//! What there is to tell of a folder: put together from what was read, what was found and what was seen.

use std::collections::BTreeMap;

use jiff::Timestamp;
use postern_crds::{AcceptedDomain, SmtpRelay, condition::types};

use super::report::News;
use crate::{
    inventory::Key,
    manifest::Reading,
    status::{self, Pods, reasons_of},
    validate::{DomainState, Findings},
};

/// The relay that runs, and what was found of it.
pub(super) struct Found<'a> {
    pub(super) key: &'a Key,
    pub(super) relay: &'a SmtpRelay,
    pub(super) findings: &'a Findings<'a>,
    pub(super) pods: &'a Pods,
}

/// What there is to tell; `before` is what was told last, whose times go on.
pub(super) fn gather(reading: &Reading, found: Option<&Found<'_>>, before: &News, now: Timestamp) -> News {
    let mut news = News {
        problems: reading.problems.iter().map(ToString::to_string).collect(),
        notes: reading.ignored.iter().map(|(file, object)| format!("{file}: {object} is of a kind that is not read")).collect(),
        ..News::default()
    };
    for extra in reading.inventory.relays.keys().skip(1) {
        let text = format!("SmtpRelay {extra}: this command runs one relay, and another is here; put each in a folder of its own");
        news.problems.push(in_file(reading, &format!("SmtpRelay {extra}"), &text));
    }
    let Some(found) = found else {
        news.notes.push("no SmtpRelay is here yet, so nothing runs".to_owned());
        return news;
    };
    let reasons = reasons_of(found.key, found.findings);
    news.problems.extend(reasons.iter().map(|(object, text)| in_file(reading, object, &format!("{object}: {text}"))));
    add_relay(&mut news, found, before, now);
    add_domains(&mut news, reading, found, before, now);
    news
}

fn in_file(reading: &Reading, object: &str, text: &str) -> String {
    match reading.files.get(object) {
        Some(file) => format!("{file}, {text}"),
        None => text.to_owned(),
    }
}

fn add_relay(news: &mut News, found: &Found<'_>, before: &News, now: Timestamp) {
    let relay = SmtpRelay { status: before.relays.get(found.key).cloned(), ..found.relay.clone() };
    news.relays.insert(found.key.clone(), status::relay(&relay, found.findings, found.pods, now));
}

fn add_domains(news: &mut News, reading: &Reading, found: &Found<'_>, before: &News, now: Timestamp) {
    let programmed = news.relays.values().flat_map(|status| &status.conditions);
    let programmed = programmed.clone().any(|condition| condition.type_ == types::PROGRAMMED && condition.status == "True");
    let states: BTreeMap<Key, &DomainState> =
        found.findings.domains.iter().map(|outcome| (Key::of(&outcome.domain.metadata), &outcome.state)).collect();
    for (key, domain) in &reading.inventory.domains {
        let domain = AcceptedDomain { status: before.domains.get(key).cloned(), ..domain.clone() };
        let relays: Vec<_> = states.get(key).map(|state| (found.key.name.as_str(), *state, programmed)).into_iter().collect();
        if relays.is_empty() {
            let text = format!("AcceptedDomain {key}: spec.relayRefs: names no relay of this folder; name {}", found.key.name);
            news.problems.push(in_file(reading, &format!("AcceptedDomain {key}"), &text));
        }
        news.domains.insert(key.clone(), status::domain(&domain, &relays, now));
    }
}
