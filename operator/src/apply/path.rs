//! Where something stands in an object, as people write it: `spec.template.spec.containers[relay].image`.

use std::fmt;

use serde_json::Value;

use crate::kind::Kind;

/// A path from the root of an object; a list of steps that lies on the stack of whoever walks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Root,
    Field(&'a str),
    Element(&'a str),
    Index(usize),
}

impl Path<'_> {
    pub(super) const ROOT: Path<'static> = Path { parent: None, step: Step::Root };

    pub(super) fn field<'a>(&'a self, name: &'a str) -> Path<'a> {
        Path { parent: Some(self), step: Step::Field(name) }
    }

    /// An element of a list, by what tells it apart where there is such a thing.
    pub(super) fn element<'a>(&'a self, index: usize, element: &'a Value, keys: Option<&[&str]>) -> Path<'a> {
        let name = keys.and_then(|keys| element.get(keys.first()?)?.as_str());
        Path { parent: Some(self), step: name.map_or(Step::Index(index), Step::Element) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        let is_first = self.parent.is_none_or(|parent| matches!(parent.step, Step::Root));
        match self.step {
            Step::Root => Ok(()),
            Step::Field(name) if name.contains(['.', '/']) => write!(f, "[{name}]"),
            Step::Field(name) if is_first => f.write_str(name),
            Step::Field(name) => write!(f, ".{name}"),
            Step::Element(name) => write!(f, "[{name}]"),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// What tells the elements of a list apart, as the API's types say (`x-kubernetes-list-map-keys`); nothing for a list that is written as one.
///
/// Others may add elements of their own to the former (a side-car, a port), and an apply leaves them alone. An apply replaces the latter.
pub(super) fn keys_of_list(kind: Kind, field: &str) -> Option<&'static [&'static str]> {
    match (kind, field) {
        (_, "ownerReferences") => Some(&["uid"]),
        (Kind::Service, "ports") => Some(&["port", "protocol"]),
        (Kind::Deployment | Kind::StatefulSet, "ports") => Some(&["containerPort", "protocol"]),
        (Kind::Deployment | Kind::StatefulSet, "containers" | "initContainers" | "volumes" | "env" | "imagePullSecrets") => Some(&["name"]),
        (Kind::Deployment | Kind::StatefulSet, "volumeMounts") => Some(&["mountPath"]),
        (Kind::Deployment | Kind::StatefulSet, "topologySpreadConstraints") => Some(&["topologyKey", "whenUnsatisfiable"]),
        _ => None,
    }
}

/// Whether a field is written as one, though it is no list, as the API's types say (`x-kubernetes-map-type: atomic`): an apply takes away what
/// others added to it. A NetworkPolicy has no other fields, and what is in a list that is written as one is part of it.
pub(super) fn is_atomic(kind: Kind, field: &str) -> bool {
    matches!(
        (kind, field),
        (Kind::NetworkPolicy, "spec")
            | (Kind::Service | Kind::PodDisruptionBudget | Kind::Deployment | Kind::StatefulSet, "selector")
            | (Kind::Deployment | Kind::StatefulSet, "nodeSelector" | "labelSelector")
    )
}

/// Whether a server may leave it out: it says nothing.
pub(super) fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}
