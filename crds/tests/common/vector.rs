//! The three files of vectors, and every manifest in them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{minimal, patched, vectors};

/// Texts on both sides of a field's form: `forms.yaml`.
#[derive(Deserialize)]
pub(crate) struct Form {
    pub(crate) kind: String,
    /// JSON pointer of the field.
    pub(crate) field: String,
    pub(crate) takes: Vec<String>,
    pub(crate) refuses: Vec<String>,
}

/// A CEL rule, and a manifest on each side of it: `rules.yaml`.
#[derive(Deserialize)]
pub(crate) struct Pair {
    pub(crate) kind: String,
    /// Where the rule stands in the schema.
    pub(crate) at: String,
    /// How its message begins.
    pub(crate) says: String,
    pub(crate) accepts: Value,
    pub(crate) refuses: Value,
    /// What was there before, for a rule about changes.
    #[serde(default)]
    pub(crate) old: Option<Value>,
}

/// A wrong manifest, and all that is said of it: `wrong_manifests.yaml`.
#[derive(Deserialize)]
pub(crate) struct Wrong {
    pub(crate) why: String,
    pub(crate) kind: String,
    pub(crate) patch: Value,
    pub(crate) says: Vec<String>,
}

/// A manifest to judge.
#[derive(Debug)]
pub(crate) struct Case {
    /// Where it comes from.
    pub(crate) why: String,
    pub(crate) kind: String,
    pub(crate) manifest: Value,
    /// What it replaces.
    pub(crate) old: Option<Value>,
    /// The beginning of the message of the CEL rule that refuses it.
    pub(crate) rule: Option<String>,
}

impl Form {
    /// A manifest with `text` in the field.
    pub(crate) fn with(&self, text: &str) -> Value {
        let surroundings = match self.kind.as_str() {
            "SmtpRelay" => json!({ "spec": {
                "podTemplate": {
                    "labels": {},
                    "resources": { "limits": {} },
                    "tolerations": [{ "key": "edge" }],
                    "topologySpreadConstraints": [{ "topologyKey": "zone" }],
                },
                "tls": { "certificate": { "secretRef": { "name": "mx-tls" } } },
                "allowedDomains": [{ "domains": ["example.com"] }],
            }}),
            _ => json!({ "spec": { "tls": { "caCertificateRefs": [{ "name": "internal-ca" }] } } }),
        };
        let mut manifest = patched(&self.kind, &surroundings);
        if let Some(value) = manifest.pointer_mut(&self.field) {
            *value = text.into();
        } else {
            let (parent, name) = self.field.rsplit_once('/').expect("a pointer");
            manifest.pointer_mut(parent).expect("the parent is there")[name] = text.into();
        }
        manifest
    }
}

/// Every manifest of every vector.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |why: String, kind: &str, manifest: Value, old: Option<Value>, rule: Option<&str>| {
        cases.push(Case { why, kind: kind.to_owned(), manifest, old, rule: rule.map(str::to_owned) });
    };
    for form in vectors::<Vec<Form>>("forms.yaml") {
        for text in form.takes.iter().chain(&form.refuses) {
            add(format!("{} {text:?}", form.field), &form.kind, form.with(text), None, None);
        }
    }
    for pair in vectors::<Vec<Pair>>("rules.yaml") {
        let old = pair.old.as_ref().map(|old| patched(&pair.kind, old));
        for (patch, rule) in [(&pair.accepts, None), (&pair.refuses, Some(pair.says.as_str()))] {
            add(format!("{} {}: {patch}", pair.at, pair.says), &pair.kind, patched(&pair.kind, patch), old.clone(), rule);
        }
    }
    for wrong in vectors::<Vec<Wrong>>("wrong_manifests.yaml") {
        add(wrong.why, &wrong.kind, patched(&wrong.kind, &wrong.patch), None, None);
    }
    for (file, kind) in [("full_relay.yaml", "SmtpRelay"), ("full_domain.yaml", "AcceptedDomain")] {
        add(file.to_owned(), kind, vectors(file), None, None);
        add(format!("the least {kind}"), kind, minimal(kind), None, None);
    }
    cases
}
