//! What there is to tell of a folder: put together from what was read, what was found and what was seen.

use jiff::Timestamp;
use postern_crds::{SmtpRelay, accepted_domain::RelayReference};

use super::report::News;
use crate::{
    inventory::Key,
    manifest::Reading,
    status::{self, Applied, Pods, reasons_of},
    validate::Findings,
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
    let Some(found) = found else {
        news.notes.push("no SmtpRelay is here yet, so nothing runs".to_owned());
        return news;
    };
    for extra in reading.inventory.relays.keys().filter(|relay| *relay != found.key) {
        let text =
            format!("SmtpRelay {extra}: this command runs one relay, and {} was here before; put each in a folder of its own", found.key);
        news.problems.push(in_file(reading, &format!("SmtpRelay {extra}"), &text));
    }
    let reasons = reasons_of(found.key, found.findings);
    news.problems.extend(reasons.iter().map(|(object, text)| in_file(reading, object, &format!("{object}: {text}"))));
    add_relay(&mut news, found, before, now);
    add_domains(&mut news, reading, found, now);
    news
}

fn in_file(reading: &Reading, object: &str, text: &str) -> String {
    match reading.files.get(object) {
        Some(file) => format!("{file}, {text}"),
        None => text.to_owned(),
    }
}

fn add_relay(news: &mut News, found: &Found<'_>, before: &News, now: Timestamp) {
    let mut relay = found.relay.clone();
    relay.status = before.relays.get(found.key).and_then(|shown| shown.status.clone());
    relay.status = Some(status::relay(&relay, found.findings, found.pods, &Applied::default(), now));
    news.relays.insert(found.key.clone(), relay);
}

fn add_domains(news: &mut News, reading: &Reading, found: &Found<'_>, now: Timestamp) {
    let report = status::Report::new(found.findings, news.relays.get(found.key));
    let others = reading.inventory.relays.keys().map(|other| (other.clone(), status::Report::pending()));
    let reports = others.chain([(found.key.clone(), report)]).collect();
    for (key, domain) in &reading.inventory.domains {
        let mut domain = domain.clone();
        domain.status = Some(status::domain(&domain, &reports, now));
        let refers = |reference: &RelayReference| key.refer(&reference.namespace, &reference.name) == *found.key;
        if !domain.spec.relay_refs.iter().any(refers) {
            let text = format!("AcceptedDomain {key}: spec.relayRefs: does not name the relay that runs here; add {}", found.key.name);
            news.problems.push(in_file(reading, &format!("AcceptedDomain {key}"), &text));
        }
        news.domains.insert(key.clone(), domain);
    }
}
