//! A built object as the API takes it: kind, place and fields, whatever the kind.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use postern_config::folder::digest;
use serde::Serialize;
use serde_json::Value;

use crate::{inventory::Key, kind::Kind};

/// The annotation by which it is seen whether an object was written as it is built now.
pub const DESIRED: &str = "postern.dev/desired";

/// An object that a relay consists of. It may hold keys, so `Debug` shows which it is, and not what it holds.
#[derive(Clone, PartialEq)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub key: Key,
    /// The whole of it, with the annotation [`DESIRED`].
    pub value: Value,
    /// What the annotation holds: lower-case hexadecimal SHA-256 of the object without it, as JSON with sorted keys.
    pub desired: String,
}

impl Object {
    pub(super) fn of<T: Serialize>(kind: Kind, metadata: &ObjectMeta, object: &T) -> Result<Self, serde_json::Error> {
        let mut value = serde_json::to_value(object)?;
        value.sort_all_objects();
        let desired = digest(&serde_json::to_vec(&value)?);
        value["metadata"]["annotations"][DESIRED] = Value::String(desired.clone());
        value.sort_all_objects();
        Ok(Self { kind, key: Key::of(metadata), value, desired })
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.kind, self.key, self.desired)
    }
}
