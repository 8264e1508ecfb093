//! Names, mailboxes and amounts: what the schema takes, and what it refuses.

#![allow(clippy::expect_used, reason = "a test may end so")]

mod common;

use common::{patched, vectors};
use postern_crds::check;
use serde::Deserialize;
use serde_json::{Value, json};

/// Texts on both sides of a field's form.
#[derive(Deserialize)]
struct Form {
    kind: String,
    /// JSON pointer of the field.
    field: String,
    takes: Vec<String>,
    refuses: Vec<String>,
}

impl Form {
    /// A manifest with `text` in the field.
    fn with(&self, text: &str) -> Value {
        let surroundings = match self.kind.as_str() {
            "SmtpRelay" => json!({ "spec": {
                "podTemplate": {
                    "labels": {},
                    "resources": { "limits": {} },
                    "tolerations": [{ "key": "edge" }],
                    "topologySpreadConstraints": [{ "topologyKey": "zone" }],
                },
                "tls": { "certificate": { "secretRef": { "name": "mx-tls" } } },
            }}),
            _ => json!({ "spec": { "tls": { "caCertificateRefs": [{ "name": "internal-ca" }] } } }),
        };
        let mut manifest = patched(&self.kind, &surroundings);
        let (parent, name) = self.field.rsplit_once('/').expect("a pointer");
        manifest.pointer_mut(parent).expect("the parent is there")[name] = text.into();
        manifest
    }
}

#[test]
fn what_is_right_is_taken() {
    for form in vectors::<Vec<Form>>("forms.yaml") {
        for text in &form.takes {
            assert!(check(&form.with(text)).is_ok(), "{} {text:?}: {:?}", form.field, check(&form.with(text)));
        }
    }
}

#[test]
fn what_is_wrong_is_refused_at_its_field_and_nowhere_else() {
    for form in vectors::<Vec<Form>>("forms.yaml") {
        let field = form.field.trim_start_matches('/').replace("/0", "[0]").replace('/', ".");
        for text in &form.refuses {
            let errors = check(&form.with(text)).expect_err(&format!("{field} {text:?} must be refused"));
            assert!(errors.iter().all(|error| error.field == field) && errors.len() == 1, "{text:?}: {errors:?}");
        }
    }
}
