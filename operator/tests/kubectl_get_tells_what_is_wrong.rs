//! `kubectl get` and `kubectl describe` tell somebody new to it what is wrong and what mends it, without the operator's log.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use std::{fmt::Write as _, fs};

use jiff::Timestamp;
use postern_operator::{
    inventory::Inventory,
    status::{Applied, Pods, Reason, Trouble},
    validate::Findings,
};
use support::{
    columns::table,
    config_map, domain, inventory, issued, relay, secret,
    statuses::{none, noon, running, settle, starting},
    tenants::{gate, tenant},
};

/// What `kubectl get srelay,adom` shows, and the conditions that `kubectl describe` adds.
fn shown(title: &str, inventory: &mut Inventory, pods: fn(&Findings<'_>) -> Pods, applied: &Applied) -> String {
    settle(inventory, pods, applied, noon());
    let relays: Vec<_> = inventory.relays.values().map(|relay| serde_json::to_value(relay).unwrap()).collect();
    let domains: Vec<_> = inventory.domains.values().map(|domain| serde_json::to_value(domain).unwrap()).collect();
    let mut text = format!("# {title}\n{}\n{}", table("SmtpRelay", &relays, false), table("AcceptedDomain", &domains, false));
    for (kind, resource) in relays.iter().map(|relay| ("SmtpRelay", relay)).chain(domains.iter().map(|domain| ("AcceptedDomain", domain))) {
        let _ = write!(text, "\n{kind} {}:\n", resource["metadata"]["name"].as_str().unwrap());
        for condition in resource["status"]["conditions"].as_array().unwrap() {
            let _ = writeln!(
                text,
                "  {}={} {}: {}",
                plain(&condition["type"]),
                plain(&condition["status"]),
                plain(&condition["reason"]),
                plain(&condition["message"])
            );
        }
    }
    text
}

fn plain(value: &serde_json::Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn what_is_wrong_stands_in_the_table() {
    let (one, other) = (issued(Timestamp::now()).0, issued(Timestamp::now()).0);
    let good = relay("edge", 25);
    let named = format!("{good}  tls: {{certificate: {{secretRef: {{name: mx-tls}}}}}}\n");
    let tenants = gate("[{namespaces: {from: Same}}, {namespaces: {from: All}, domains: ['*.tenants.example.com']}]");
    let mixed = secret("client", &[("tls.crt", one.chain()), ("tls.key", other.key().reveal())]);
    let a = domain("a", "example.com", "");
    let older = domain("a-older", "example.org", "");
    let younger = domain("b-younger", "example.org", "");
    let pull = "pod edge-relay-0: ErrImagePull: registry.example.com/postern:9: not found; check the image, its name and the registry's credentials";
    let pulling = Applied { waiting: Some((Reason::of_pods("ErrImagePull"), pull.to_owned())), ..Applied::default() };
    let collision = "Service mail/edge-public is there and is not this relay's; delete or rename it, or rename the relay";
    let collision = Trouble { reason: Reason::NameCollision, message: collision.to_owned(), is_final: true };
    let collision = Applied { trouble: Some(collision), ..Applied::default() };
    let fine = Applied::default();
    let cases = [
        shown("All is well", &mut inventory(&[&good, &a]), running, &fine),
        shown("The Secret of the relay's certificate is missing", &mut inventory(&[&named, &a]), none, &fine),
        shown(
            "The client certificate of a domain does not fit its key",
            &mut inventory(&[&good, &domain("a", "example.com", "  tls: {clientCertificateRef: {name: client}}\n"), &mixed]),
            running,
            &fine,
        ),
        shown("Two resources claim one domain", &mut inventory(&[&good, &older, &younger]), running, &fine),
        shown(
            "A namespace wants a domain that the relay's owner does not allow it",
            &mut inventory(&[&tenants, &a, &tenant("blue", "greedy", "example.net", "")]),
            running,
            &fine,
        ),
        shown("The image can't be pulled", &mut inventory(&[&good, &a]), starting, &pulling),
        shown("Somebody else's Service has the name of the relay's", &mut inventory(&[&good, &a]), none, &collision),
        shown("No domain names the relay", &mut inventory(&[&good, &config_map("nothing", &[("a", "b")])]), running, &fine),
        shown("A slip of the pen in relayRefs", &mut inventory(&[&good, &a.replace("{name: edge}", "{name: egde}")]), running, &fine),
    ];
    insta::assert_snapshot!(cases.join("\n"));
}

#[test]
fn the_page_on_what_goes_wrong_shows_what_is_shown() {
    let shown = fs::read_to_string("tests/snapshots/kubectl_get_tells_what_is_wrong__what_is_wrong_stands_in_the_table.snap").unwrap();
    let page = fs::read_to_string("../docs/troubleshooting.md").unwrap();
    let quoted: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert_eq!(quoted.len(), 16, "is the page still written as it was?");
    for line in quoted {
        let is_shown = shown.lines().any(|shown| shown == line || shown.starts_with("  Ready=") && shown.ends_with(&format!(": {line}")));
        assert!(is_shown, "docs/troubleshooting.md shows what nothing says any more: {line}");
    }
}
