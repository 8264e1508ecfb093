//! A relay takes domains of other namespaces only where its owner lets them in, by namespace, by name and by where their mail goes.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use std::collections::BTreeSet;

use postern_operator::{
    dereference::Refusal,
    inventory::Readable,
    validate::{Cause, DomainState, Warning},
};
use support::{
    domain, find, inventory, relay,
    tenants::{cause, configured, gate, namespace, state, tenant},
};

const ALL: &str = "[{namespaces: {from: All}, domains: [example.com, '*.example.org']}]";
const SELECTOR: &str =
    "[{namespaces: {from: Same}}, {namespaces: {from: Selector, selector: {matchLabels: {mail: tenant}}}, domains: [example.com]}]";

#[test]
fn by_default_only_the_relays_own_namespace_is_let_in() {
    let inventory = inventory(&[&relay("edge", 25), &domain("own", "example.org", ""), &tenant("blue", "other", "example.com", "")]);
    let findings = find(&inventory);
    assert_eq!(*state(&findings, "mail", "own"), DomainState::Served);
    let expected = "spec.relayRefs: SmtpRelay mail/edge takes no domain of namespace blue; let its owner add the namespace to spec.allowedDomains, or name another relay";
    assert_eq!(cause(&findings, "blue", "other"), expected);
    assert!(configured(&findings, "example.com").is_none(), "it was never let in, so there is nothing to wait for");
}

#[test]
fn a_namespace_is_let_in_by_its_labels() {
    let manifests = [gate(SELECTOR), namespace("blue", "mail", "tenant"), tenant("blue", "a", "example.com", "")];
    let with_label = inventory(&manifests.each_ref().map(String::as_str));
    assert_eq!(*state(&find(&with_label), "blue", "a"), DomainState::Served);
    let without = inventory(&[&manifests[0], &namespace("blue", "mail", "guest"), &manifests[2]]);
    assert!(cause(&find(&without), "blue", "a").contains("takes no domain of namespace blue"));
    let unlabelled = inventory(&[&manifests[0], &manifests[2]]);
    assert!(cause(&find(&unlabelled), "blue", "a").contains("takes no domain of namespace blue"));
}

#[test]
fn a_domain_is_let_in_by_its_name_and_one_with_all_below_it_needs_the_wildcard() {
    let served = |name: &str, more: &str| {
        let inventory = inventory(&[&gate(ALL), &tenant("blue", "a", name, more)]);
        let findings = find(&inventory);
        match state(&findings, "blue", "a") {
            DomainState::Served => None,
            DomainState::Refused { cause: Cause::Refusal(Refusal::Name { wanted, .. }), since: None } => Some(wanted.clone()),
            other => panic!("{name}: {other:?}"),
        }
    };
    assert_eq!(served("example.com", ""), None);
    assert_eq!(served("sub.example.com", ""), Some("sub.example.com".to_owned()));
    assert_eq!(served("example.com", "  includeSubdomains: true\n"), Some("*.example.com".to_owned()));
    assert_eq!(served("sub.example.org", ""), None);
    assert_eq!(served("deep.sub.example.org", ""), None);
    assert_eq!(served("sub.example.org", "  includeSubdomains: true\n"), None);
    assert_eq!(served("example.org", ""), Some("example.org".to_owned()), "a wildcard is what is below");
    assert_eq!(served("notexample.org", ""), Some("notexample.org".to_owned()));
}

#[test]
fn domains_that_are_listed_bind_the_own_namespace_too() {
    let inventory = inventory(&[
        &gate("[{namespaces: {from: Same}, domains: [example.com]}]"),
        &domain("a", "example.com", ""),
        &domain("b", "example.net", ""),
    ]);
    let findings = find(&inventory);
    assert_eq!(*state(&findings, "mail", "a"), DomainState::Served);
    let expected = "spec.domain: SmtpRelay mail/edge takes no `example.net` of namespace mail; let its owner add it to spec.allowedDomains, or name another relay";
    assert_eq!(cause(&findings, "mail", "b"), expected);
}

#[test]
fn mail_goes_where_the_owner_lets_it_go() {
    let gate = gate("[{namespaces: {from: All}, domains: [example.com], nextHopCIDRs: [10.1.0.0/16, 'fd00::/64']}]");
    let fault = |hop: &str, more: &str| {
        let domain = tenant("blue", "a", "example.com", more).replace("host: mail.internal.example.com", hop);
        let inventory = inventory(&[&gate, &domain]);
        cause(&find(&inventory), "blue", "a")
    };
    assert_eq!(fault("host: 10.1.2.3", ""), "");
    assert_eq!(fault("host: 'fd00::25'", ""), "");
    let expected = "spec.nextHops[0].host: SmtpRelay mail/edge lets mail of this domain go on to 10.1.0.0/16, fd00::/64 only; name a server there, or let its owner change spec.allowedDomains";
    assert_eq!(fault("host: 169.254.169.254", ""), expected);
    let others = "  unknownRecipients: {nextHops: [{host: 10.1.2.3}, {host: 10.2.2.3}]}\n";
    let internal = |text: String| text.replace("Authoritative", "InternalRelay");
    let inventory = inventory(&[
        &gate,
        &internal(tenant("blue", "a", "example.com", others).replace("host: mail.internal.example.com", "host: 10.1.1.1")),
    ]);
    assert!(cause(&find(&inventory), "blue", "a").starts_with("spec.unknownRecipients.nextHops[1].host:"));
}

#[test]
fn where_a_name_leads_the_relay_judges_itself() {
    let gate = gate("[{namespaces: {from: All}, domains: [example.com], nextHopCIDRs: [10.1.0.0/16]}]");
    let inventory = inventory(&[&gate, &tenant("blue", "a", "example.com", "")]);
    let findings = find(&inventory);
    let hops = configured(&findings, "example.com").unwrap().next_hops().next().unwrap();
    assert_eq!(hops.allowed_cidrs, ["10.1.0.0/16".parse().unwrap()]);
}

#[test]
fn one_entry_without_networks_lets_mail_go_anywhere() {
    let gate = gate("[{namespaces: {from: Same}}, {namespaces: {from: All}, domains: [example.com], nextHopCIDRs: [10.1.0.0/16]}]");
    let inventory = inventory(&[&gate, &domain("a", "example.com", "")]);
    let findings = find(&inventory);
    assert!(configured(&findings, "example.com").unwrap().next_hops().next().unwrap().allowed_cidrs.is_empty());
}

#[test]
fn an_operator_that_watches_some_namespaces_can_not_judge_and_says_so() {
    for from in ["All", "Selector, selector: {matchLabels: {mail: tenant}}"] {
        let gate = gate(&format!("[{{namespaces: {{from: Same}}}}, {{namespaces: {{from: {from}}}, domains: [example.com]}}]"));
        let mut inventory = inventory(&[
            &gate,
            &domain("own", "example.org", ""),
            &tenant("blue", "a", "example.com", ""),
            &namespace("blue", "mail", "tenant"),
        ]);
        inventory.scope.namespaces = Readable::Only(BTreeSet::from(["mail".to_owned(), "blue".to_owned()]));
        let findings = find(&inventory);
        assert_eq!(*state(&findings, "mail", "own"), DomainState::Served);
        assert!(matches!(
            state(&findings, "blue", "a"),
            DomainState::Refused { cause: Cause::Refusal(Refusal::NamespacesNotReadable(_)), since: None }
        ));
        assert_eq!(findings.warnings, [Warning::Unjudged(1)]);
        assert!(findings.warnings[0].to_string().starts_with("spec.allowedDomains[1].namespaces.from:"));
    }
}
