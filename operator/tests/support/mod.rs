//! What tests of the operator share.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test uses its share of this")]

pub mod columns;
pub mod kstatus;
pub mod scenarios;
pub mod standalone;
pub mod statuses;
pub mod tenants;

use std::{fs, path::Path, process::Output};

use assert_cmd::Command;
use jiff::{SignedDuration, Timestamp};
use postern_operator::{
    dereference::{Absent, CLUSTER_DOMAIN, Context, dereference},
    inventory::{Inventory, Key},
    issue::{self, Authority, Issued, issue_identity, issue_leaf},
    manifest::Folder,
    material::{CertifiedKey, Sealed},
    validate::{Findings, validate},
};
use tempfile::TempDir;

/// A folder of manifests.
pub struct Manifests(TempDir);

impl Manifests {
    /// With the relay `mail/edge` in `relay.yaml`.
    pub fn new() -> Self {
        let manifests = Self::empty();
        manifests.put("relay.yaml", &relay("edge", 25));
        manifests
    }

    /// With nothing in it.
    pub fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn put(&self, file: &str, text: &str) {
        // In one step, as an editor would.
        let temporary = self.path().join(format!("{file}.new"));
        fs::write(&temporary, text).unwrap();
        fs::rename(temporary, self.path().join(file)).unwrap();
    }

    pub fn remove(&self, file: &str) {
        fs::remove_file(self.path().join(file)).unwrap();
    }

    /// What `render` makes of it.
    pub fn render(&self) -> Rendered {
        render(&[self.path()])
    }
}

/// What `render` said.
pub struct Rendered {
    pub code: i32,
    pub objects: String,
    pub said: String,
}

impl Rendered {
    /// The printed object, as YAML.
    pub fn object(&self, kind: &str, name: &str) -> Option<&str> {
        self.objects
            .split("---\n")
            .find(|object| object.contains(&format!("\nkind: {kind}\n")) && object.contains(&format!("\n  name: {name}\n")))
    }
}

pub fn render(paths: &[&Path]) -> Rendered {
    let output = operator().arg("render").args(paths).args(["--image", "postern-relay:test"]).output().unwrap();
    let Output { status, stdout, stderr } = output;
    Rendered { code: status.code().unwrap(), objects: String::from_utf8(stdout).unwrap(), said: String::from_utf8(stderr).unwrap() }
}

pub fn operator() -> Command {
    Command::new(env!("CARGO_BIN_EXE_postern-operator"))
}

/// A relay in the namespace `mail` with one listener.
pub fn relay(name: &str, port: u16) -> String {
    format!(
        "apiVersion: postern.dev/v1alpha1
kind: SmtpRelay
metadata: {{name: {name}, namespace: mail}}
spec:
  hostname: mx1.example.com
  listeners: [{{name: mx, role: Inbound, port: {port}}}]
"
    )
}

/// A domain of the relay `edge`; `more` is added to its spec.
pub fn domain(name: &str, domain: &str, more: &str) -> String {
    format!(
        "apiVersion: postern.dev/v1alpha1
kind: AcceptedDomain
metadata: {{name: {name}, namespace: mail}}
spec:
  relayRefs: [{{name: edge}}]
  domain: {domain}
  type: Authoritative
  nextHops: [{{host: mail.internal.example.com}}]
{more}"
    )
}

/// A Secret in the namespace `mail`, of keys and values.
pub fn secret(name: &str, data: &[(&str, &str)]) -> String {
    object("Secret", name, "stringData", data)
}

/// A ConfigMap in the namespace `mail`, of keys and values.
pub fn config_map(name: &str, data: &[(&str, &str)]) -> String {
    object("ConfigMap", name, "data", data)
}

fn object(kind: &str, name: &str, field: &str, data: &[(&str, &str)]) -> String {
    let values = data.iter().map(|(key, value)| format!("  {key}: |\n    {}\n", value.trim_end().replace('\n', "\n    ")));
    format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: mail}}\n{field}:\n{}", values.collect::<String>())
}

/// A certificate that was issued at `now`, and the CA that issued it.
pub fn issued(now: Timestamp) -> (CertifiedKey, Authority) {
    let authority = Authority::at(now, Vec::new()).unwrap();
    (issue_leaf("mx1.example.com", &authority, now).unwrap(), authority)
}

/// What the pods of `mail/edge` show the operator.
pub fn identity() -> Issued {
    let now = Timestamp::now();
    let authority = Authority::of_identities_at(now, Vec::new()).unwrap();
    let name = issue::identity::of_relay(&Key::new("mail", "edge"));
    Issued { pair: issue_identity(&name, &authority, now).unwrap(), authority: authority.bundle() }
}

/// Long enough ago that a certificate from then has ended.
pub fn last_year() -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(365 * 24)
}

/// The resources of manifests, none of which is wrong.
pub fn inventory(manifests: &[&str]) -> Inventory {
    let folder = Manifests::empty();
    for (index, manifest) in manifests.iter().enumerate() {
        folder.put(&format!("{index}.yaml"), manifest);
    }
    let reading = Folder::new(vec![folder.path().to_owned()]).read().unwrap();
    assert!(reading.problems.is_empty(), "{:?}", reading.problems);
    reading.inventory
}

/// What the pipeline finds of the relay `mail/edge`, which gets a certificate of a CA of its own where it names none.
pub fn find(inventory: &Inventory) -> Findings<'_> {
    let (pair, authority) = issued(Timestamp::now());
    find_with(inventory, Issued { pair, authority: authority.bundle() })
}

/// What the pipeline finds of the relay `mail/edge`, which gets `certificate` where it names none.
pub fn find_with(inventory: &Inventory, certificate: Issued) -> Findings<'_> {
    find_at(inventory, Timestamp::now(), certificate)
}

/// What the pipeline finds of the relay `mail/edge` at `now`.
pub fn find_at(inventory: &Inventory, now: Timestamp, certificate: Issued) -> Findings<'_> {
    let context = Context { inventory, now, absent: Absent::Missing, cluster_domain: CLUSTER_DOMAIN, cluster_cidrs: &[] };
    validate(dereference(&inventory.relays[&Key::new("mail", "edge")], context), |_| Ok(Sealed::Open(certificate)))
}
