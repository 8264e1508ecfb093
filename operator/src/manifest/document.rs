//! From the text of a file to the objects in it.

use k8s_openapi::{
    ByteString,
    api::core::v1::{ConfigMap, Secret},
};
use postern_crds::{FieldError, GROUP, Resource, check, check_change};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Problem;
use crate::inventory::{Key, OBJECT_DATA_BYTES};

/// Most documents of one file.
const MAX_DOCUMENTS: usize = 10_000;

/// An object that the operator reads.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Object {
    Resource(Resource),
    Secret(Box<Secret>),
    ConfigMap(Box<ConfigMap>),
}

/// What identifies an object among all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Identity {
    pub(super) kind: String,
    pub(super) key: Key,
}

/// An object, and what it was written as.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Document {
    pub(super) identity: Identity,
    pub(super) manifest: Value,
    pub(super) object: Object,
}

/// What a file gave.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) documents: Vec<Document>,
    pub(super) problems: Vec<Problem>,
    /// Objects of kinds that the operator does not read: `KIND NAMESPACE/NAME`.
    pub(super) ignored: Vec<String>,
}

/// Reads the text of `file`. `old` gives the manifest that an object had before, if it had one: some fields can't change.
pub(super) fn parse<'a>(file: &str, text: &str, old: impl Fn(&Identity) -> Option<&'a Value>) -> Parsed {
    let manifests = match serde_saphyr::from_multiple::<Value>(text) {
        Ok(manifests) => manifests,
        Err(error) => return Parsed { problems: vec![Problem::of_file(file, format!("not YAML: {error}"))], ..Parsed::default() },
    };
    let mut parsed = Parsed::default();
    if manifests.len() > MAX_DOCUMENTS {
        parsed.problems.push(Problem::of_file(file, format!("holds over {MAX_DOCUMENTS} documents; split it")));
        return parsed;
    }
    for (index, manifest) in manifests.into_iter().enumerate().filter(|(_, manifest)| !manifest.is_null()) {
        let identity = Identity::of(&manifest);
        if !is_read(&manifest) {
            parsed.ignored.push(identity.to_string());
            continue;
        }
        match object(&manifest, old(&identity)) {
            Ok(object) => parsed.documents.push(Document { identity, manifest, object }),
            Err(errors) => {
                let problem = |error: &FieldError| Problem::of_field(file, index + 1, Some(identity.to_string()), error);
                parsed.problems.extend(errors.iter().map(problem));
            }
        }
    }
    parsed
}

/// Our own group is always read, so that a misspelt kind is refused and not passed over.
fn is_read(manifest: &Value) -> bool {
    let api_version = text(manifest, "/apiVersion");
    let is_ours = api_version == GROUP || api_version.strip_prefix(GROUP).is_some_and(|rest| rest.starts_with('/'));
    is_ours || matches!((api_version, text(manifest, "/kind")), ("v1", "Secret" | "ConfigMap") | ("", _) | (_, ""))
}

fn object(manifest: &Value, old: Option<&Value>) -> Result<Object, Vec<FieldError>> {
    match (text(manifest, "/apiVersion"), text(manifest, "/kind")) {
        ("v1", "Secret") => {
            typed(manifest).map(merge_string_data).and_then(|secret| fits(secret_bytes(&secret)).map(|()| Object::Secret(secret)))
        }
        ("v1", "ConfigMap") => {
            typed(manifest).and_then(|map: Box<ConfigMap>| fits(config_map_bytes(&map)).map(|()| Object::ConfigMap(map)))
        }
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
    let mend = "a Secret's data is base64, its stringData and a ConfigMap's data are plain text";
    serde_json::from_value(manifest.clone()).map(Box::new).map_err(|error| vec![FieldError::new("data", error.to_string(), mend)])
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
        let namespace = Some(text(manifest, "/metadata/namespace")).filter(|namespace| !namespace.is_empty()).unwrap_or("default");
        Self { kind: text(manifest, "/kind").to_owned(), key: Key::new(namespace, text(manifest, "/metadata/name")) }
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.key)
    }
}
