//! Why pods are replaced, in words.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::path::{Path, keys_of_list, says_nothing};
use crate::kind::Kind;

/// How many causes are told.
const MOST: usize = 6;

/// What differs between the pod templates of two workloads of a kind, both as the server gave them; none when pods stay.
///
/// Such as `image a → b`, `ports of listeners`, `resources`.
#[must_use]
pub fn causes(kind: Kind, before: &Value, after: &Value) -> Vec<String> {
    let template = |workload: &Value| workload.pointer("/spec/template").cloned().unwrap_or_default();
    let (before, after) = (template(before), template(after));
    let mut paths = BTreeSet::new();
    differences(kind, &Path::ROOT, "", &before, &after, &mut paths);
    let mut causes: Vec<String> = Vec::new();
    for path in paths {
        let cause = in_words(&path, &before, &after);
        if !causes.contains(&cause) {
            causes.push(cause);
        }
    }
    causes.truncate(MOST);
    causes
}

fn differences(kind: Kind, path: &Path<'_>, field: &str, before: &Value, after: &Value, found: &mut BTreeSet<String>) {
    match (before, after) {
        (before, after) if before == after || says_nothing(before) && says_nothing(after) => {}
        (Value::Object(before), Value::Object(after)) => {
            for name in before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))) {
                differences(kind, &path.field(name), name, of(before, name), of(after, name), found);
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            let Some(keys) = keys_of_list(kind, field) else {
                found.insert(path.to_string());
                return;
            };
            for (index, element) in before.iter().enumerate() {
                let other = after.iter().find(|other| is_same(keys, element, other)).unwrap_or(&Value::Null);
                differences(kind, &path.element(index, element, Some(keys)), "", element, other, found);
            }
            for (index, element) in
                after.iter().enumerate().filter(|(_, element)| !before.iter().any(|other| is_same(keys, element, other)))
            {
                found.insert(path.element(index, element, Some(keys)).to_string());
            }
        }
        _ => {
            found.insert(path.to_string());
        }
    }
}

fn of<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a Value {
    fields.get(name).unwrap_or(&Value::Null)
}

fn is_same(keys: &[&str], one: &Value, other: &Value) -> bool {
    keys.iter().all(|key| one.get(key) == other.get(key))
}

fn in_words(path: &str, before: &Value, after: &Value) -> String {
    let container = path.strip_prefix("spec.containers[relay]");
    match container {
        Some(".image") => {
            let image = |template: &Value| relay(template).and_then(|relay| relay["image"].as_str()).unwrap_or_default().to_owned();
            format!("image {} → {}", image(before), image(after))
        }
        Some(field) if field.starts_with(".ports") => "ports of listeners".to_owned(),
        Some(field) if field.starts_with(".resources") => "resources".to_owned(),
        Some(field) if field.starts_with(".args") => format!("arguments {}", arguments(before, after)),
        _ => path.trim_start_matches("spec.").to_owned(),
    }
}

fn relay(template: &Value) -> Option<&Value> {
    template.pointer("/spec/containers")?.as_array()?.iter().find(|container| container["name"] == "relay")
}

/// The arguments that only the new pods have, or else those that only the old ones had.
fn arguments(before: &Value, after: &Value) -> String {
    let list = |template: &Value| -> Vec<String> {
        let arguments = relay(template).and_then(|relay| relay["args"].as_array().cloned()).unwrap_or_default();
        arguments.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (before, after) = (list(before), list(after));
    let new: Vec<_> = after.iter().filter(|argument| !before.contains(argument)).cloned().collect();
    let gone = || before.iter().filter(|argument| !after.contains(argument)).map(|argument| format!("without {argument}")).collect();
    if new.is_empty() { gone() } else { new }.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment() -> Value {
        json!({"spec": {"replicas": 2, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {
            "containers": [{"name": "relay", "image": "postern:1", "args": ["--grace=600"],
                "ports": [{"containerPort": 10025, "protocol": "TCP"}], "resources": {"limits": {"memory": "256Mi"}}}],
            "terminationGracePeriodSeconds": 645,
        }}}})
    }

    fn changed(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut after = deployment();
        change(&mut after);
        causes(Kind::Deployment, &deployment(), &after)
    }

    #[test]
    fn what_leaves_pods_alone_is_no_cause() {
        assert_eq!(changed(|deployment| deployment["spec"]["replicas"] = 4.into()), Vec::<String>::new());
        assert_eq!(changed(|deployment| deployment["spec"]["template"]["spec"]["volumes"] = json!([])), Vec::<String>::new());
    }

    #[test]
    fn each_cause_is_named_once() {
        let container = |deployment: &mut Value| deployment["spec"]["template"]["spec"]["containers"][0].take();
        let with = |fields: Value| {
            changed(|deployment| {
                let mut new = container(deployment);
                new.as_object_mut().unwrap().append(&mut fields.as_object().unwrap().clone());
                deployment["spec"]["template"]["spec"]["containers"][0] = new;
            })
        };
        assert_eq!(with(json!({"image": "postern:2"})), ["image postern:1 → postern:2"]);
        let ports = json!([{"containerPort": 10465, "protocol": "TCP"}, {"containerPort": 10587, "protocol": "TCP"}]);
        assert_eq!(with(json!({"ports": ports})), ["ports of listeners"]);
        assert_eq!(with(json!({"resources": {"limits": {"memory": "1Gi", "cpu": "1"}}})), ["resources"]);
        assert_eq!(with(json!({"args": ["--grace=600", "--log-level=debug"]})), ["arguments --log-level=debug"]);
        assert_eq!(with(json!({"args": []})), ["arguments without --grace=600"]);
    }

    #[test]
    fn what_was_taken_away_is_a_cause() {
        let gone = changed(|deployment| {
            deployment["spec"]["template"]["metadata"]["labels"].take();
        });
        assert_eq!(gone, ["metadata.labels"]);
        let added = changed(|deployment| deployment["spec"]["template"]["spec"]["nodeSelector"] = json!({"disk": "ssd"}));
        assert_eq!(added, ["nodeSelector"]);
    }
}
