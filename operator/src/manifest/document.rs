//! From the text of a file to the objects in it.

use k8s_openapi::{
    ByteString,
    api::core::v1::{ConfigMap, Namespace, Secret, Service},
};
use postern_crds::{FieldError, GROUP, Resource, check, check_change};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Problem;
use crate::{
    inventory::{Key, OBJECT_DATA_BYTES},
    reference_grant::ReferenceGrant,
};

/// Most documents of one file.
const MAX_DOCUMENTS: usize = 10_000;
/// How deep a manifest nests at most.
const MAX_DEPTH: usize = 64;
/// The kinds that the operator reads.
const KINDS: [&str; 7] = ["SmtpRelay", "AcceptedDomain", "Secret", "ConfigMap", "Service", "Namespace", "ReferenceGrant"];
/// The group and version of consents to references, as far as they are read.
const GRANTS: &str = "gateway.networking.k8s.io/v1beta1";

/// An object that the operator reads.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Object {
    Resource(Resource),
    Secret(Box<Secret>),
    ConfigMap(Box<ConfigMap>),
    Service(Box<Service>),
    Namespace(Box<Namespace>),
    Grant(Box<ReferenceGrant>),
}

/// What identifies an object among all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Identity {
    pub(super) kind: String,
    pub(super) key: Key,
}

/// An object, what it was written as, and where.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Document {
    pub(super) identity: Identity,
    pub(super) manifest: Value,
    pub(super) object: Object,
    pub(super) file: String,
    /// Which document of the file, from 1.
    pub(super) number: usize,
}

/// A document that is wrong.
#[derive(Clone, Debug)]
pub(super) struct Wrong {
    /// The object, as far as that can be told; else it may be any of the file.
    pub(super) identity: Option<Identity>,
    pub(super) problems: Vec<Problem>,
}

/// What a file gave.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) documents: Vec<Document>,
    pub(super) wrong: Vec<Wrong>,
    /// Objects of kinds that the operator does not read: `KIND NAMESPACE/NAME`.
    pub(super) ignored: Vec<String>,
}

/// Reads the text of `file`. `old` gives the manifest that an object had before, if it had one: some fields can't change.
///
/// A document that is wrong leaves the others alone. Only behind an error of syntax nothing is read: nobody knows what it would be.
pub(super) fn parse<'a>(file: &str, text: &str, old: impl Fn(&Identity) -> Option<&'a Value>) -> Parsed {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH, max_documents: MAX_DOCUMENTS },
        with_snippet: false,
    };
    let mut parsed = Parsed::default();
    let mut bytes = text.as_bytes();
    for (index, manifest) in serde_saphyr::read_with_options::<_, Value>(&mut bytes, options).enumerate() {
        match manifest {
            Ok(manifest) => parsed.take(file, index + 1, manifest, &old),
            Err(error) => parsed.refuse_file(file, format!("not YAML: {}", error.render())),
        }
    }
    parsed
}

impl Parsed {
    /// Nothing is known of what `file` holds, or held.
    pub(super) fn refuse_file(&mut self, file: &str, why: impl Into<String>) {
        self.wrong.push(Wrong { identity: None, problems: vec![Problem::of_file(file, why)] });
    }

    fn take<'a>(&mut self, file: &str, number: usize, manifest: Value, old: &impl Fn(&Identity) -> Option<&'a Value>) {
        let identity = Identity::of(&manifest);
        if !is_read(&manifest) {
            return self.ignored.push(identity.to_string());
        }
        match object(&manifest, old(&identity)) {
            Ok(object) => self.documents.push(Document { identity, manifest, object, file: file.to_owned(), number }),
            Err(errors) => {
                let problem = |error: &FieldError| Problem::of_field(file, number, Some(identity.to_string()), error);
                let problems = errors.iter().map(problem).collect();
                self.wrong.push(Wrong { identity: Some(identity).filter(Identity::is_certain), problems });
            }
        }
    }
}

/// Our own group is always read, so that a misspelt kind is refused and not passed over.
fn is_read(manifest: &Value) -> bool {
    let api_version = text(manifest, "/apiVersion");
    let is_ours = api_version == GROUP || api_version.strip_prefix(GROUP).is_some_and(|rest| rest.starts_with('/'));
    let kind = (api_version, text(manifest, "/kind"));
    is_ours || matches!(kind, ("v1", "Secret" | "ConfigMap" | "Service" | "Namespace") | (GRANTS, "ReferenceGrant") | ("", _) | (_, ""))
}

fn object(manifest: &Value, old: Option<&Value>) -> Result<Object, Vec<FieldError>> {
    match (text(manifest, "/apiVersion"), text(manifest, "/kind")) {
        ("v1", "Secret") => {
            typed(manifest).map(merge_string_data).and_then(|secret| fits(secret_bytes(&secret)).map(|()| Object::Secret(secret)))
        }
        ("v1", "ConfigMap") => {
            typed(manifest).and_then(|map: Box<ConfigMap>| fits(config_map_bytes(&map)).map(|()| Object::ConfigMap(map)))
        }
        ("v1", "Service") => typed(manifest).map(Object::Service),
        ("v1", "Namespace") => typed(manifest).map(Object::Namespace),
        (GRANTS, "ReferenceGrant") => typed(manifest).map(Object::Grant),
        _ => match old {
            Some(old) => check_change(old, manifest),
            None => check(manifest),
        }
        .map(Object::Resource),
    }
}

fn typed<T: DeserializeOwned>(manifest: &Value) -> Result<Box<T>, Vec<FieldError>> {
    if text(manifest, "/metadata/name").is_empty() {
        return Err(vec![FieldError::new("metadata.name", "is missing", "give the object a name")]);
    }
    let (field, mend) = match text(manifest, "/kind") {
        "Secret" | "ConfigMap" => ("data", "a Secret's data is base64, its stringData and a ConfigMap's data are plain text"),
        _ => ("spec", "write the fields as the API has them; see kubectl explain"),
    };
    serde_json::from_value(manifest.clone()).map(Box::new).map_err(|error| vec![FieldError::new(field, error.to_string(), mend)])
}

/// As the API server does it: what is written plainly stands over what is encoded.
fn merge_string_data(mut secret: Box<Secret>) -> Box<Secret> {
    if let Some(plain) = secret.string_data.take() {
        let data = secret.data.get_or_insert_default();
        data.extend(plain.into_iter().map(|(key, value)| (key, ByteString(value.into_bytes()))));
    }
    secret
}

fn secret_bytes(secret: &Secret) -> usize {
    secret.data.iter().flatten().map(|(key, value)| key.len() + value.0.len()).sum()
}

fn config_map_bytes(map: &ConfigMap) -> usize {
    let plain: usize = map.data.iter().flatten().map(|(key, value)| key.len() + value.len()).sum();
    plain + map.binary_data.iter().flatten().map(|(key, value)| key.len() + value.0.len()).sum::<usize>()
}

fn fits(bytes: usize) -> Result<(), Vec<FieldError>> {
    let too_large = || vec![FieldError::new("data", format!("holds {bytes} bytes, over the 1 MiB of one object"), "split it")];
    if bytes <= OBJECT_DATA_BYTES { Ok(()) } else { Err(too_large()) }
}

fn text<'a>(manifest: &'a Value, pointer: &str) -> &'a str {
    manifest.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

impl Identity {
    fn of(manifest: &Value) -> Self {
        let kind = text(manifest, "/kind").to_owned();
        let namespace = match text(manifest, "/metadata/namespace") {
            // A namespace is in none.
            _ if kind == "Namespace" => "",
            "" => "default",
            namespace => namespace,
        };
        Self { kind, key: Key::new(namespace, text(manifest, "/metadata/name")) }
    }
}

impl Identity {
    /// Whether it can be told which object it is: with its kind misspelt, or without a name, it may be any.
    fn is_certain(&self) -> bool {
        KINDS.contains(&self.kind.as_str()) && !self.key.name.is_empty()
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.key.namespace.as_str() {
            "" => write!(f, "{} {}", self.kind, self.key.name),
            _ => write!(f, "{} {}", self.kind, self.key),
        }
    }
}
