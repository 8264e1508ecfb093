//! Several namespaces on one relay.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use postern_config::{Domain, DomainType};
use postern_operator::{
    inventory::{Inventory, Key},
    validate::{DomainState, Findings},
};

/// The relay `mail/edge` with `allowedDomains`.
pub fn gate(allowed: &str) -> String {
    format!("{}  allowedDomains: {allowed}\n", super::relay("edge", 25))
}

/// A domain of the namespace `namespace` that names the relay `mail/edge`; `more` is added to its spec.
pub fn tenant(namespace: &str, name: &str, domain: &str, more: &str) -> String {
    super::domain(name, domain, more)
        .replace("namespace: mail", &format!("namespace: {namespace}"))
        .replace("[{name: edge}]", "[{name: edge, namespace: mail}]")
}

/// A namespace with a label.
pub fn namespace(name: &str, key: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{{key}: '{value}'}}}}\n")
}

/// The consent of `namespace` that objects of `kind` in `from` refer to its `to` (`{kind: Secret, name: x}`).
pub fn grant(namespace: &str, kind: &str, from: &str, to: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {{name: consent, namespace: {namespace}}}
spec:
  from: [{{group: postern.dev, kind: {kind}, namespace: {from}}}]
  to: [{{group: '', {to}}}]
"
    )
}

/// Makes a domain one that was created at a second since the epoch.
pub fn created(inventory: &mut Inventory, namespace: &str, name: &str, second: i64) {
    let domain = inventory.domains.get_mut(&Key::new(namespace, name)).unwrap();
    domain.metadata.creation_timestamp = Some(Time(Timestamp::from_second(second).unwrap()));
}

/// What became of a domain.
pub fn state<'a>(findings: &'a Findings<'_>, namespace: &str, name: &str) -> &'a DomainState {
    let key = Key::new(namespace, name);
    &findings.domains.iter().find(|outcome| Key::of(&outcome.domain.metadata) == key).unwrap().state
}

/// Why a domain is not served.
pub fn cause(findings: &Findings<'_>, namespace: &str, name: &str) -> String {
    state(findings, namespace, name).cause().map(|cause| cause.texts().join("\n")).unwrap_or_default()
}

/// The domain of that name in the relay's configuration.
pub fn configured<'a>(findings: &'a Findings<'_>, name: &str) -> Option<&'a Domain> {
    findings.relay.as_ref().unwrap().configuration.domains.iter().find(|domain| domain.name.as_str() == name)
}

/// Whether the relay answers "try again" for a domain.
pub fn is_kept_waiting(findings: &Findings<'_>, name: &str) -> bool {
    configured(findings, name).is_some_and(|domain| domain.kind == DomainType::Detached)
}
