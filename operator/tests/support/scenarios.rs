//! What happens to a relay and a domain of it, and what tools that wait for both (kstatus) are to see then.

use postern_operator::{
    inventory::Inventory,
    status::{Applied, Pods, Reason, Trouble},
    validate::Findings,
};

use super::{
    config_map, domain, inventory, issued,
    kstatus::Kstatus,
    last_year, relay, secret,
    statuses::{none, running, starting},
};

/// A relay with the domain `mail/a`, and what tools are to see of both.
pub struct Scenario {
    pub name: &'static str,
    pub inventory: Inventory,
    pub pods: fn(&Findings<'_>) -> Pods,
    pub applied: Applied,
    pub relay: Kstatus,
    pub domain: Kstatus,
}

fn scenario(name: &'static str, manifests: &[&str], pods: fn(&Findings<'_>) -> Pods, relay: Kstatus, domain: Kstatus) -> Scenario {
    Scenario { name, inventory: inventory(manifests), pods, applied: Applied::default(), relay, domain }
}

fn refusing(_: &Findings<'_>) -> Pods {
    Pods {
        count: 2,
        ready: 2,
        config_hash: Some("last good".to_owned()),
        refusals: vec!["edge-0: it relays".to_owned()],
        ..Pods::default()
    }
}

fn pending(_: &Findings<'_>) -> Pods {
    Pods { count: 2, ready: 2, config_hash: Some("another".to_owned()), ..Pods::default() }
}

fn trouble(reason: Reason, is_final: bool) -> Applied {
    let message = "Service mail/edge-public: is not the operator's; rename it".to_owned();
    Applied { trouble: Some(Trouble { reason, message, is_final }), ..Applied::default() }
}

/// Everything that happens to relays and domains.
pub fn scenarios() -> Vec<Scenario> {
    use Kstatus::{Current, Failed, InProgress};
    let good = relay("edge", 25);
    let named = format!("{good}  tls: {{certificate: {{secretRef: {{name: mx-tls}}}}}}\n");
    let issuer = format!("{good}  tls: {{certificate: {{issuerRef: {{name: internal}}}}}}\n");
    let small = format!("{good}  podTemplate: {{resources: {{limits: {{memory: 1Mi}}}}}}\n");
    let asleep = format!("{good}  replicas: 0\n");
    let a = domain("a", "example.com", "");
    let missing = domain("a", "example.com", "  tls: {clientCertificateRef: {name: missing}}\n");
    let lost = domain("b", "example.com", "").replace("name: b,", "name: 0-first,");
    let elsewhere = a.replace("{name: edge}", "{name: elsewhere}");
    let old = issued(last_year()).0;
    let ended = secret("mx-tls", &[("tls.crt", old.chain()), ("tls.key", old.key().reveal())]);
    let mut all = vec![
        scenario("all is well", &[&good, &a], running, Current, Current),
        scenario("pods start", &[&good, &a], starting, InProgress, InProgress),
        scenario("no pods yet", &[&good, &a], none, InProgress, InProgress),
        scenario("pods take the configuration", &[&good, &a], pending, InProgress, InProgress),
        scenario("pods refuse the configuration", &[&good, &a], refusing, Failed, InProgress),
        scenario("the certificate is missing", &[&named, &a], none, Failed, InProgress),
        scenario("the certificate is missing, and an old one runs", &[&named, &a], running, Failed, InProgress),
        scenario("the certificate has ended", &[&named, &a, &ended], running, Current, Current),
        scenario("the issuer is at work", &[&issuer, &a], none, InProgress, InProgress),
        scenario("a field that no schema can judge", &[&small, &a], none, Failed, InProgress),
        scenario("scaled to zero", &[&asleep, &a], none, InProgress, InProgress),
        scenario("a reference of the domain is missing", &[&good, &missing], running, Current, Failed),
        scenario("another claimed the domain", &[&good, &a, &lost], running, Current, Failed),
        scenario("the domain names another relay", &[&good, &elsewhere], running, Current, Failed),
    ];
    for (name, applied, relay) in [
        ("an object is somebody else's", trouble(Reason::NameCollision, true), Failed),
        ("the API server is away", trouble(Reason::ApplyFailed, false), InProgress),
    ] {
        all.push(Scenario { name, inventory: inventory(&[&good, &a]), pods: running, applied, relay, domain: InProgress });
    }
    all.push(Scenario {
        applied: trouble(Reason::ApiMissing, true),
        ..scenario("nobody can ask the issuer", &[&issuer, &a], none, Failed, InProgress)
    });
    let waiting = Applied { waiting: Some((Reason::RollingOut, "2 of 3 pods are new".to_owned())), ..Applied::default() };
    all.push(Scenario {
        name: "pods are replaced",
        inventory: inventory(&[&good, &a, &config_map("c", &[("a", "b")])]),
        pods: running,
        applied: waiting,
        relay: InProgress,
        domain: InProgress,
    });
    all
}
