//! The policy relays a recipient to its own domain's next hop, and to no other, whatever its local part says.

#![allow(clippy::unwrap_used, reason = "what fails to parse here fails the test")]

use std::{collections::BTreeMap, convert::Infallible};

use postern_config::{
    Configuration, Domain, DomainName, DomainType, Limits, NextHop, NextHopTls, NextHopTlsMode, NextHops, RecipientList,
    RecipientValidation, RelayConfig, Role, ServerTls, Timeouts, TlsVersion, VERSION,
};
use postern_proto::address::{Domain as AddressDomain, ForwardPath, Literal, Mailbox, ReversePath};
use postern_relay::policy::{Decision, Policy, Refusal, Request, Way, decide};
use proptest::prelude::*;

/// What was decided, in words: `to HOST`, `to HOST, else HOST`, or the refusal.
fn decided(policy: &Policy<String>, recipient: &ForwardPath) -> String {
    match decide(policy, &Request { role: Role::Inbound, listener: "mx", identity: None, sender: &ReversePath::Null, recipient }) {
        Decision::Relay(route) => match route.unknown_to {
            Some(other) => format!("to {}, else {other}", route.to),
            None => format!("to {}", route.to),
        },
        Decision::Refuse(refusal) => refusal.label().to_owned(),
    }
}

fn at(local: &str, domain: &str) -> ForwardPath {
    ForwardPath::Mailbox(Mailbox { local: local.into(), domain: AddressDomain::Name(domain.into()) })
}

fn hops(host: &str) -> NextHops {
    NextHops {
        hops: vec![NextHop { host: host.into(), port: 25, priority: 10, weight: 1 }],
        tls: NextHopTls { mode: NextHopTlsMode::Verify, server_name: None, trust: vec![], client_certificate: None },
        allowed_cidrs: vec![],
    }
}

fn authoritative(name: &str, include_subdomains: bool) -> Domain {
    let kind = DomainType::Authoritative { next_hops: hops(&format!("mx.{name}")), recipients: RecipientValidation::NextHop };
    Domain { name: DomainName::parse(name).unwrap(), include_subdomains, kind, blocked: vec![] }
}

fn with_list(list: &str, kind: DomainType) -> DomainType {
    let by_list = RecipientValidation::List { list: list.into() };
    match kind {
        DomainType::Authoritative { next_hops, .. } => DomainType::Authoritative { next_hops, recipients: by_list },
        DomainType::InternalRelay { next_hops, unknown_recipients, .. } => {
            DomainType::InternalRelay { next_hops, recipients: by_list, unknown_recipients }
        }
        other => other,
    }
}

fn configuration(domains: Vec<Domain>, postmaster: Option<&str>) -> Configuration {
    let root = RelayConfig {
        version: VERSION,
        min_reader: VERSION,
        relay: "mail/edge".into(),
        generation: 1,
        hostname: DomainName::parse("mx1.example.com").unwrap(),
        postmaster: postmaster.map(Into::into),
        listeners: vec![],
        users: vec![],
        routes: vec![],
        dns_servers: vec![],
        spool: None,
        tls: ServerTls { min_version: TlsVersion::V1_2, certificates: vec!["server".into()] },
        limits: Limits {
            message_bytes: 1 << 20,
            recipients: 100,
            connections: 10,
            connections_per_client: 10,
            messages_per_client_per_minute: 60,
            memory_bytes: 1 << 20,
            scratch_bytes: 1 << 24,
            shared_source_cidrs: vec![],
        },
        timeouts: Timeouts {
            client_command_seconds: 300,
            client_data_seconds: 180,
            next_hop_command_seconds: 60,
            next_hop_final_reply_seconds: 120,
        },
        cluster_cidrs: vec![],
        files: BTreeMap::new(),
    };
    let list = RecipientList { mailboxes: vec!["anna@listed.example".into(), "o'neil@listed.example".into()] };
    Configuration::assemble(root, domains, BTreeMap::from([("recipients-1.json".into(), list)]))
}

fn policy(configuration: &Configuration) -> Policy<String> {
    let load = |way: &Way<'_>| Ok::<_, Infallible>(way.target.next_hops().unwrap().hops[0].host.clone());
    let Ok(policy) = Policy::compile(configuration, load);
    policy
}

fn sample() -> Policy<String> {
    let mut listed = authoritative("listed.example", false);
    listed.kind = with_list("recipients-1.json", listed.kind);
    let mut split = authoritative("split.example", false);
    split.kind = DomainType::InternalRelay {
        next_hops: hops("new.split.example"),
        recipients: RecipientValidation::NextHop,
        unknown_recipients: hops("old.split.example"),
    };
    let mut guarded = authoritative("guarded.example", false);
    guarded.blocked = vec!["all-staff@guarded.example".into()];
    let mut detached = authoritative("detached.example", true);
    detached.kind = DomainType::Detached;
    let domains = vec![
        authoritative("example.com", false),
        authoritative("tree.example", true),
        authoritative("apart.tree.example", false),
        authoritative("xn--bcher-kva.example", false),
        listed,
        split,
        guarded,
        detached,
    ];
    policy(&configuration(domains, Some("postmaster@example.com")))
}

#[test]
fn a_recipient_goes_to_its_own_domain_or_nowhere() {
    let cases = [
        ("u", "example.com", "to mx.example.com"),
        ("u", "EXAMPLE.Com", "to mx.example.com"),
        ("u", "foreign.example", "not_accepted"),
        ("u", "sub.example.com", "not_accepted"),
        ("u", "notexample.com", "not_accepted"),
        ("u", "example.com.evil.example", "not_accepted"),
        ("u", "com", "not_accepted"),
        ("u", "localhost", "not_accepted"),
        ("u%foreign.example", "example.com", "to mx.example.com"),
        ("foreign.example!u", "example.com", "to mx.example.com"),
        ("\"u@foreign.example\"", "example.com", "to mx.example.com"),
        ("u@foreign.example", "example.com", "to mx.example.com"),
        ("u@example.com", "foreign.example", "not_accepted"),
        ("u%example.com", "foreign.example", "not_accepted"),
        ("u", "tree.example", "to mx.tree.example"),
        ("u", "a.tree.example", "to mx.tree.example"),
        ("u", "b.a.tree.example", "to mx.tree.example"),
        ("u", "apart.tree.example", "to mx.apart.tree.example"),
        ("u", "x.apart.tree.example", "to mx.tree.example"),
        ("u", "nottree.example", "not_accepted"),
        ("u", "bücher.example", "to mx.xn--bcher-kva.example"),
        ("u", "BÜCHER.example", "to mx.xn--bcher-kva.example"),
        ("u", "xn--bcher-kva.example", "to mx.xn--bcher-kva.example"),
        ("u", "bucher.example", "not_accepted"),
        ("u", "detached.example", "detached"),
        ("u", "x.detached.example", "detached"),
        ("anyone", "split.example", "to new.split.example, else old.split.example"),
    ];
    let policy = sample();
    for (local, domain, expected) in cases {
        assert_eq!(decided(&policy, &at(local, domain)), expected, "{local}@{domain}");
    }
}

#[test]
fn an_address_literal_is_never_relayed() {
    let address = Literal::Address("192.0.2.1".parse().unwrap());
    let recipient = ForwardPath::Mailbox(Mailbox { local: "u".into(), domain: AddressDomain::Literal(address) });
    assert_eq!(decided(&sample(), &recipient), "not_accepted");
}

#[test]
fn a_list_decides_before_the_next_hop_is_asked_and_quotes_do_not_change_who_is_meant() {
    let policy = sample();
    for (local, expected) in [
        ("anna", "to mx.listed.example"),
        ("ANNA", "to mx.listed.example"),
        ("\"anna\"", "to mx.listed.example"),
        ("\"an\\na\"", "to mx.listed.example"),
        ("o'neil", "to mx.listed.example"),
        ("bob", "unknown_recipient"),
        ("anna@listed.example", "unknown_recipient"),
    ] {
        assert_eq!(decided(&policy, &at(local, "listed.example")), expected, "{local}");
    }
}

#[test]
fn a_listed_internal_relay_sends_the_others_to_the_hops_for_unknown_recipients_alone() {
    let mut domain = authoritative("listed.example", false);
    domain.kind = with_list(
        "recipients-1.json",
        DomainType::InternalRelay {
            next_hops: hops("new.example"),
            recipients: RecipientValidation::NextHop,
            unknown_recipients: hops("old.example"),
        },
    );
    let policy = policy(&configuration(vec![domain], None));
    assert_eq!(decided(&policy, &at("anna", "listed.example")), "to new.example, else old.example");
    assert_eq!(decided(&policy, &at("bob", "listed.example")), "to old.example");
}

#[test]
fn a_blocked_recipient_is_refused_however_it_is_written() {
    let policy = sample();
    for local in ["all-staff", "All-Staff", "\"all-staff\"", "\"all\\-staff\""] {
        assert_eq!(decided(&policy, &at(local, "guarded.example")), "blocked", "{local}");
    }
    assert_eq!(decided(&policy, &at("one", "guarded.example")), "to mx.guarded.example");
}

#[test]
fn postmaster_goes_where_the_configuration_says() {
    assert_eq!(decided(&sample(), &ForwardPath::Postmaster), "to mx.example.com");
    let nobody = policy(&configuration(vec![authoritative("example.com", false)], None));
    assert_eq!(decided(&nobody, &ForwardPath::Postmaster), "no_postmaster");
    let abroad = policy(&configuration(vec![authoritative("example.com", false)], Some("postmaster@foreign.example")));
    assert_eq!(decided(&abroad, &ForwardPath::Postmaster), "not_accepted");
}

#[test]
fn without_any_domain_mail_is_put_off_and_not_refused() {
    let policy = policy(&configuration(vec![], None));
    assert_eq!(decided(&policy, &at("u", "example.com")), "no_domains");
    assert!(Refusal::NoDomains.reply().is_transient());
}

#[test]
fn what_may_work_tomorrow_is_4xx_and_what_never_will_is_5xx() {
    use Refusal::{Blocked, Detached, NoDomains, NoPostmaster, NotAccepted, Unknown};
    assert!([Detached, NoDomains, NoPostmaster].iter().all(|refusal| refusal.reply().is_transient()));
    assert!([Blocked, NotAccepted, Unknown].iter().all(|refusal| refusal.reply().code == 550));
}

proptest! {
    /// Against an oracle that knows only text: the domain of a relayed recipient is an accepted one, or ends in a dot and one that
    /// includes its sub-domains.
    #[test]
    fn any_recipient_that_is_relayed_is_covered_by_a_domain(
        labels in proptest::collection::vec("[ab]", 1..5),
        accepted in proptest::collection::btree_map("[ab](\\.[ab]){1,2}", any::<bool>(), 1..4),
    ) {
        let domains = accepted.iter().map(|(name, subdomains)| authoritative(name, *subdomains)).collect();
        let policy = policy(&configuration(domains, None));
        let name = labels.join(".");
        let covered = accepted.iter().any(|(domain, subdomains)| {
            name == *domain || (*subdomains && name.ends_with(&format!(".{domain}")))
        });
        prop_assert_eq!(decided(&policy, &at("u", &name)).starts_with("to "), covered);
    }
}
