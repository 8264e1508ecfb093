use jiff::ToSpan as _;
use postern_config::{Delivery, ListenerTls, Mx, NextHopTls, NextHopTlsMode, OutboundRoute, RouteMatch};
use postern_proto::address::ReversePath;
use postern_spool::{DsnRequest, Failure, MessageId, Recipient};
use postern_tests::{
    config::{HOSTNAME, RelayFolder},
    pki::Authority,
};
use tempfile::TempDir;

use super::*;
use crate::snapshot::Snapshot;

fn noon() -> Timestamp {
    "2026-11-27T12:00:00Z".parse().unwrap()
}

/// A relay that has `local.example` for an accepted domain, and finds all others by MX.
fn snapshot() -> Snapshot {
    let at = TempDir::new().unwrap();
    let mut folder = RelayFolder::new(at.path()).unwrap();
    folder.listen("mx", ListenerTls::StartTls).unwrap();
    folder.root.listeners[0].delivery = Delivery::PassThrough;
    folder.show(&Authority::new("Test CA").unwrap().server(&[HOSTNAME]).unwrap()).unwrap();
    folder.accept("local.example", 2525, NextHopTlsMode::Encrypt).unwrap();
    let tls = NextHopTls { mode: NextHopTlsMode::Encrypt, server_name: None, trust: vec![], client_certificate: None };
    let to = RouteTarget::Mx(Mx { tls, waivers: vec![], allow_cidrs: vec![], port: 25 });
    folder.root.routes.push(OutboundRoute { name: "direct".to_owned(), matches: RouteMatch::default(), to, ehlo_name: None });
    folder.write().unwrap();
    Snapshot::load(at.path()).unwrap()
}

fn entry(recipients: &[String]) -> Entry {
    let path = |text: &String| Recipient::new(ForwardPath::parse(&format!("<{text}>")).unwrap().0);
    let envelope = Envelope {
        reverse_path: ReversePath::Null,
        recipients: recipients.iter().map(path).collect(),
        body: None,
        smtputf8: false,
        dsn: DsnRequest::default(),
        arrival: noon(),
        expires: noon() + 1.hour(),
        listener: "mx".to_owned(),
        origin: Origin::Relay,
    };
    Entry::new(MessageId::new(), envelope)
}

fn planned(entry: &Entry, now: Timestamp) -> Vec<Vec<usize>> {
    let plan = Plan::new(&snapshot().policy, entry, Who::of(entry, now));
    assert_eq!(plan.refused.len(), 0);
    plan.groups.iter().map(|group| group.addressees.iter().map(|addressee| addressee.place).collect()).collect()
}

#[test]
fn recipients_of_a_domain_share_a_transaction_where_mx_decides() {
    let entry = entry(&["a@one.example", "b@two.example", "c@ONE.example", "d@local.example", "e@local.example"].map(str::to_owned));
    assert_eq!(planned(&entry, noon()), [vec![0, 2], vec![1], vec![3, 4]]);
}

#[test]
fn a_transaction_has_a_hundred_recipients_at_most() {
    let recipients: Vec<_> = (0..250).map(|number| format!("user{number}@local.example")).collect();
    let sizes: Vec<_> = planned(&entry(&recipients), noon()).iter().map(Vec::len).collect();
    assert_eq!(sizes, [100, 100, 50]);
}

#[test]
fn only_those_are_tried_that_are_due() {
    let mut entry = entry(&["a@local.example", "b@local.example"].map(str::to_owned));
    entry.statuses_mut()[0] = Status::first(noon() + 1.minute());
    assert_eq!(planned(&entry, noon()), [[1]]);
}

#[test]
fn who_wants_a_message_tried_before_its_time_has_it_tried() {
    let entry = entry(&["a@local.example", "b@local.example"].map(str::to_owned));
    assert_eq!(planned(&entry, noon() - 1.minute()), [[0, 1]]);
}

#[test]
fn a_message_that_is_here_for_its_report_alone_is_not_tried() {
    let mut entry = entry(&["a@local.example", "b@local.example"].map(str::to_owned));
    entry.statuses_mut()[0] = Status::Failed(Failure::new(550, (5, 1, 1), "no such user"));
    assert_eq!(planned(&entry, noon() - 1.minute()), Vec::<Vec<usize>>::new());
}

#[test]
fn a_site_stays_the_same_when_the_configuration_is_loaded_again() {
    let entry = entry(&["a@one.example"].map(str::to_owned));
    let sites = [snapshot(), snapshot()].map(|snapshot| {
        let plan = Plan::new(&snapshot.policy, &entry, Who::Due(noon()));
        plan.groups[0].site.clone()
    });
    assert_eq!(sites[0], sites[1]);
}
