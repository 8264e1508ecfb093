//! A domain that refers to what is missing or wrong is not left out: it stays in the configuration, is answered "try again", and says why.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod support;

use jiff::Timestamp;
use postern_config::{DomainType, RecipientValidation};
use postern_operator::validate::{Blocker, Cause, DomainState, Findings};
use support::{config_map, domain, find, inventory, issued, last_year, relay, secret};

const CA: &str = "  tls: {caCertificateRefs: [{name: ca}]}\n";
const CA_IN_SECRET: &str = "  tls: {caCertificateRefs: [{kind: Secret, name: ca, key: chain.pem}]}\n";
const CLIENT: &str = "  tls: {clientCertificateRef: {name: client}}\n";
const LIST: &str = "  recipients: {validation: List, listRef: {name: list}}\n";

/// What is said of a domain with `more` in its spec, beside `others`; it must be detached.
fn fault(more: &str, others: &[&str]) -> String {
    let (relay, domain) = (relay("edge", 25), domain("d", "example.com", more));
    let manifests: Vec<_> = [relay.as_str(), domain.as_str()].into_iter().chain(others.iter().copied()).collect();
    let inventory = inventory(&manifests);
    let findings = find(&inventory);
    let domains = &findings.relay.as_ref().unwrap().configuration.domains;
    assert_eq!(domains.len(), 1, "it is never silently absent");
    assert_eq!(domains[0].kind, DomainType::Detached);
    match &findings.domains[0].state {
        DomainState::Detached { cause, .. } => cause.texts().join("\n"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_not_there_is_named_with_its_field() {
    assert_eq!(fault(CA, &[]), "spec.tls.caCertificateRefs[0]: ConfigMap mail/ca: is not there; create it, or change the reference");
    assert_eq!(fault(CA_IN_SECRET, &[]), "spec.tls.caCertificateRefs[0]: Secret mail/ca: is not there; create it, or change the reference");
    assert_eq!(fault(CLIENT, &[]), "spec.tls.clientCertificateRef: Secret mail/client: is not there; create it, or change the reference");
    assert_eq!(fault(LIST, &[]), "spec.recipients.listRef: ConfigMap mail/list: is not there; create it, or change the reference");
}

#[test]
fn a_key_that_is_not_there_is_named() {
    let others = config_map("ca", &[("other", "x")]);
    assert!(fault(CA, &[&others]).ends_with("has no key `ca.crt`; add it, or name another key"));
    let others = secret("client", &[("tls.crt", "x")]);
    assert!(fault(CLIENT, &[&others]).contains("has no key `tls.key`; put the certificate chain into `tls.crt`"));
    let others = config_map("list", &[("other", "x")]);
    assert!(fault(LIST, &[&others]).contains("has no key `recipients`"));
}

#[test]
fn what_is_no_certificate_is_refused() {
    assert!(
        fault(CA, &[&config_map("ca", &[("ca.crt", "nothing")])])
            .contains("`ca.crt` holds no PEM block `CERTIFICATE`; put the certificates there")
    );
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
    assert!(
        fault(CA, &[&config_map("ca", &[("ca.crt", broken)])])
            .contains("`ca.crt` holds a certificate (number 1) that is not valid X.509; take it again")
    );
}

#[test]
fn a_client_certificate_with_another_key_or_that_ended_is_refused() {
    let (one, other) = (issued(Timestamp::now()).0, issued(Timestamp::now()).0);
    let mixed = secret("client", &[("tls.crt", one.chain()), ("tls.key", other.key().reveal())]);
    assert!(fault(CLIENT, &[&mixed]).contains("`tls.key` does not belong to the first certificate of the chain; put in the key"));
    let old = issued(last_year()).0;
    let ended = secret("client", &[("tls.crt", old.chain()), ("tls.key", old.key().reveal())]);
    assert!(fault(CLIENT, &[&ended]).contains("the certificate ended on"));
    let binary = "apiVersion: v1\nkind: Secret\nmetadata: {name: client, namespace: mail}\ndata: {tls.crt: //8=, tls.key: //8=}\n";
    assert!(fault(CLIENT, &[binary]).contains("is not UTF-8 text"));
}

#[test]
fn a_line_of_a_list_that_is_no_mailbox_is_named() {
    for line in
        ["alice", "@example.com", "alice@", "alice@example", "a b@example.com", "alice@example.com, bob@example.com", "<a@example.com>"]
    {
        let list = config_map("list", &[("recipients", &format!("# staff\nbob@example.com\n{line}\n"))]);
        assert!(fault(LIST, &[&list]).contains("line 3 of `recipients` is not a mailbox"), "{line}");
    }
}

#[test]
fn a_list_that_does_not_fit_once_it_is_written_is_refused() {
    let lines = (0..50_000).map(|number| format!("{number}@example.com")).collect::<Vec<_>>().join("\n");
    assert!(lines.len() < 1 << 20, "the ConfigMap itself is fine");
    assert!(fault(LIST, &[&config_map("list", &[("recipients", &lines)])]).contains("larger than 1 MiB once it is written"));
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let more = "  type: InternalRelay
  tls: {caCertificateRefs: [{name: ca}], clientCertificateRef: {name: client}}
  unknownRecipients: {nextHops: [{host: other.example.com}], tls: {caCertificateRefs: [{name: other-ca}]}}
  recipients: {validation: List, listRef: {name: list}}
";
    let relay = relay("edge", 25);
    let domain = domain("d", "example.com", more).replace("  type: Authoritative\n", "");
    let inventory = inventory(&[&relay, &domain]);
    let findings = find(&inventory);
    let DomainState::Detached { cause: Cause::References(problems), .. } = &findings.domains[0].state else { panic!("not detached") };
    let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
    let expected = [
        "spec.tls.caCertificateRefs[0]",
        "spec.tls.clientCertificateRef",
        "spec.unknownRecipients.tls.caCertificateRefs[0]",
        "spec.recipients.listRef",
    ];
    assert_eq!(fields, expected);
}

#[test]
fn the_other_domains_of_the_relay_are_served() {
    let inventory = inventory(&[&relay("edge", 25), &domain("broken", "example.com", CA), &domain("whole", "example.org", "")]);
    let findings = find(&inventory);
    let served: Vec<_> =
        findings.relay.unwrap().configuration.domains.into_iter().filter(|domain| domain.kind != DomainType::Detached).collect();
    assert_eq!(served.len(), 1);
    assert_eq!(served[0].name.as_str(), "example.org");
}

#[test]
fn what_is_there_is_used() {
    let (pair, authority) = issued(Timestamp::now());
    let others = [
        relay("edge", 25),
        domain(
            "d",
            "example.com",
            "  tls: {caCertificateRefs: [{name: ca}], clientCertificateRef: {name: client}}\n  recipients: {validation: List, listRef: {name: list}}\n",
        ),
        config_map("ca", &[("ca.crt", authority.bundle().as_str())]),
        secret("client", &[("tls.crt", pair.chain()), ("tls.key", pair.key().reveal())]),
        config_map("list", &[("recipients", "# staff\n\n Bob@Example.com \nalice@example.com\nbob@example.com\n")]),
    ];
    let inventory = inventory(&others.iter().map(String::as_str).collect::<Vec<_>>());
    let findings = find(&inventory);
    let relay = findings.relay.unwrap();
    let DomainType::Authoritative { next_hops, recipients } = &relay.configuration.domains[0].kind else { panic!("not served") };
    let RecipientValidation::List { list } = recipients else { panic!("no list") };
    assert_eq!(relay.configuration.recipients[list].mailboxes, ["alice@example.com", "bob@example.com"]);
    assert_eq!(relay.trust[&next_hops.tls.trust[0]].open().unwrap(), &authority.bundle());
    assert_eq!(relay.client_certificates[next_hops.tls.client_certificate.as_ref().unwrap()].open().unwrap(), &pair);
}

#[test]
fn nothing_but_certificates_gets_into_a_bundle() {
    let (pair, authority) = issued(Timestamp::now());
    let text = format!("A comment.\n{}{}", pair.key().reveal(), authority.bundle().as_str());
    let (relay, domain) = (relay("edge", 25), domain("d", "example.com", CA));
    let inventory = inventory(&[&relay, &domain, &config_map("ca", &[("ca.crt", &text)])]);
    let findings = find(&inventory);
    let relay = findings.relay.unwrap();
    let bundle = relay.trust.values().next().unwrap().open().unwrap();
    assert_eq!(bundle, &authority.bundle());
}

#[test]
fn a_public_suffix_is_nobodys_and_is_not_in_the_configuration() {
    let inventory = inventory(&[&relay("edge", 25), &domain("d", "co.uk", "")]);
    let findings = find(&inventory);
    let state = &findings.domains[0].state;
    assert!(matches!(state, DomainState::Refused { cause: Cause::Invalid(violation), since: None } if violation.field == "spec.domain"));
    assert!(findings.relay.unwrap().configuration.domains.is_empty());
}

/// What blocks a relay that names a certificate.
fn blocked(findings: &Findings<'_>) -> Option<String> {
    match findings.relay.as_ref().err()?.first()? {
        Blocker::Certificate(problem) => Some(problem.to_string()),
        other => panic!("{other}"),
    }
}

#[test]
fn a_relay_whose_own_certificate_can_not_be_used_gives_no_configuration() {
    let relay = format!("{}  tls: {{certificate: {{secretRef: {{name: mx-tls}}}}}}\n", relay("edge", 25));
    let missing = inventory(&[&relay]);
    assert!(blocked(&find(&missing)).unwrap().starts_with("spec.tls.certificate.secretRef: Secret mail/mx-tls: is not there"));
    // One that ended is better than none: most senders don't look.
    let old = issued(last_year()).0;
    let ended = inventory(&[&relay, &secret("mx-tls", &[("tls.crt", old.chain()), ("tls.key", old.key().reveal())])]);
    assert_eq!(blocked(&find(&ended)), None);
}

#[test]
fn the_postmaster_is_at_the_oldest_authoritative_domain_unless_the_relay_names_another() {
    let domains = [domain("a", "example.com", ""), domain("b", "example.org", "  includeSubdomains: true\n")];
    let postmaster = |named: &str| {
        let relay = format!("{}{named}", relay("edge", 25));
        let inventory = inventory(&[&relay, &domains[0], &domains[1]]);
        let findings = find(&inventory);
        let warnings = findings.warnings.len();
        (findings.relay.unwrap().configuration.root.postmaster, warnings)
    };
    assert_eq!(postmaster(""), (Some("postmaster@example.com".to_owned()), 0));
    assert_eq!(postmaster("  postmaster: me@example.org\n"), (Some("me@example.org".to_owned()), 0));
    assert_eq!(postmaster("  postmaster: me@mail.example.org\n"), (Some("me@mail.example.org".to_owned()), 0));
    assert_eq!(postmaster("  postmaster: me@mail.example.com\n"), (None, 1), "sub-domains of example.com are not accepted");
    assert_eq!(postmaster("  postmaster: me@notexample.org\n"), (None, 1));
}

/// Such as one that was stored before the schema forbade it.
#[test]
fn a_domain_that_no_relay_can_run_holds_up_nobody_else() {
    let mut inventory = inventory(&[&relay("edge", 25), &domain("a", "example.com", ""), &domain("b", "example.org", "")]);
    inventory.domains.values_mut().next().unwrap().spec.next_hops[0].host = Some("Mail_Host".to_owned());
    let findings = find(&inventory);
    let text = findings.domains[0].state.cause().unwrap().texts().join("");
    assert!(text.starts_with("spec.nextHops[Mail_Host].host: is neither"), "{text}");
    let served: Vec<_> = findings.relay.unwrap().configuration.domains.into_iter().map(|domain| domain.name.to_string()).collect();
    assert_eq!(served, ["example.org"]);
}
