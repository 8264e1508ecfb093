//! What a program may do, beside what it did.

use serde_json::Value;

use super::{audit::Entry, release::Release};

/// A right that the chart gives: one verb on one resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// Where it holds; everywhere when it is empty.
    pub namespace: String,
    /// The API group; empty for the core.
    pub group: String,
    /// The plural, with `/SUBRESOURCE` where it is one.
    pub resource: String,
    /// The verb.
    pub verb: String,
}

impl std::fmt::Display for Right {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let within = if self.namespace.is_empty() { "everywhere" } else { &self.namespace };
        write!(f, "{} {} ({}) in {within}", self.verb, self.resource, self.group)
    }
}

/// Every right of the release's roles. Names that a rule is limited to are left out.
#[must_use]
pub fn of(release: &Release) -> Vec<Right> {
    let mut rights = Vec::new();
    for (namespace, rule) in &release.rules {
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                for verb in texts(&rule["verbs"]) {
                    let namespace = namespace.clone().unwrap_or_default();
                    rights.push(Right { namespace, group: group.clone(), resource: resource.clone(), verb });
                }
            }
        }
    }
    rights.sort();
    rights.dedup();
    rights
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

impl Right {
    /// Whether the request needed this right, and was not refused for want of it.
    #[must_use]
    pub fn was_used_by(&self, entry: &Entry) -> bool {
        let Some(object) = &entry.object_ref else { return false };
        let resource =
            if object.subresource.is_empty() { object.resource.clone() } else { format!("{}/{}", object.resource, object.subresource) };
        // An apply makes what is not there, and counts as both.
        let verbs: &[&str] = match (entry.verb.as_str(), entry.code()) {
            ("patch", 201) => &["patch", "create"],
            (verb, _) => &[verb],
        };
        let is_within = self.namespace.is_empty() || self.namespace == object.namespace;
        entry.code() != 403
            && is_within
            && self.group == object.api_group
            && self.resource == resource
            && verbs.contains(&self.verb.as_str())
    }
}
