//! Whether a live object holds what was built: all of it, beside what the server and others added.

use serde_json::{Map, Value};

use super::path::{Path, is_atomic, keys_of_list, says_nothing};
use crate::kind::Kind;

/// How many paths are told of one object.
const MOST: usize = 8;

/// The places where `live` does not hold what `desired` says, up to eight; none when it holds all of it.
///
/// Fields that only the live object has are others' (or defaults), and so are elements of lists that the API merges by a key. A list that the
/// API replaces must be the same, element for element, and a selector or the rules of a NetworkPolicy must hold nothing else.
#[must_use]
pub fn missing(kind: Kind, desired: &Value, live: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Subset { kind, is_exact: false, found: &mut found }.value(&Path::ROOT, "", desired, Some(live));
    found.truncate(MOST);
    found
}

struct Subset<'f> {
    kind: Kind,
    /// Nothing but what is desired may be here.
    is_exact: bool,
    found: &'f mut Vec<String>,
}

impl Subset<'_> {
    fn value(&mut self, path: &Path<'_>, field: &str, desired: &Value, live: Option<&Value>) {
        if self.found.len() >= MOST {
            return;
        }
        let is_exact = self.is_exact || is_atomic(self.kind, field);
        let mut within = Subset { kind: self.kind, is_exact, found: &mut *self.found };
        match (desired, live) {
            (_, None | Some(Value::Null)) if says_nothing(desired) => {}
            (Value::Object(desired), Some(Value::Object(live))) => within.object(path, desired, live),
            (Value::Array(desired), Some(Value::Array(live))) => within.list(path, field, desired, live),
            (desired, Some(live)) if desired == live => {}
            _ => self.found.push(path.to_string()),
        }
    }

    fn object(&mut self, path: &Path<'_>, desired: &Map<String, Value>, live: &Map<String, Value>) {
        for (name, value) in desired {
            self.value(&path.field(name), name, value, live.get(name));
        }
        if self.is_exact {
            let added = live.iter().filter(|(name, value)| !desired.contains_key(*name) && !says_nothing(value));
            self.found.extend(added.map(|(name, _)| path.field(name).to_string()));
        }
    }

    fn list(&mut self, path: &Path<'_>, field: &str, desired: &[Value], live: &[Value]) {
        let keys = keys_of_list(self.kind, field);
        if keys.is_none() && desired.len() != live.len() {
            self.found.push(path.to_string());
            return;
        }
        for (index, element) in desired.iter().enumerate() {
            let counterpart = match keys {
                Some(keys) => live.iter().find(|other| is_same_element(keys, element, other)),
                None => live.get(index),
            };
            self.value(&path.element(index, element, keys), "", element, counterpart);
        }
    }
}

/// A key that was not built is a default that the server filled in.
fn is_same_element(keys: &[&str], desired: &Value, live: &Value) -> bool {
    keys.iter().all(|key| desired.get(key).is_none_or(|value| live.get(key) == Some(value)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_others_added_is_theirs() {
        let desired = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"ports": [{"port": 25}]}});
        let live = json!({
            "metadata": {"labels": {"a": "b", "theirs": "x"}, "annotations": {"theirs": "x"}},
            "spec": {"clusterIP": "10.0.0.1", "ports": [{"port": 9, "protocol": "TCP"}, {"port": 25, "protocol": "TCP", "nodePort": 30025}]},
        });
        assert_eq!(missing(Kind::Service, &desired, &live), Vec::<String>::new());
    }

    #[test]
    fn what_was_changed_by_hand_is_named() {
        let desired = json!({"spec": {"template": {"spec": {"containers": [{"name": "relay", "image": "a", "args": ["x", "y"]}]}}}});
        let mut live = desired.clone();
        let container = &mut live["spec"]["template"]["spec"]["containers"][0];
        container["image"] = "b".into();
        container["args"] = json!(["x", "y", "z"]);
        let path = |field: &str| format!("spec.template.spec.containers[relay].{field}");
        assert_eq!(missing(Kind::Deployment, &desired, &live), [path("image"), path("args")]);
    }

    #[test]
    fn what_was_removed_by_hand_is_named() {
        let desired = json!({"data": {"relay.json": "{}"}, "metadata": {"annotations": {"postern.dev/desired": "x"}}});
        assert_eq!(missing(Kind::ConfigMap, &desired, &json!({"metadata": {}})), ["data", "metadata.annotations"]);
        assert_eq!(
            missing(Kind::ConfigMap, &desired, &json!({"data": {}, "metadata": {"annotations": {}}})),
            ["data[relay.json]", "metadata.annotations[postern.dev/desired]"]
        );
    }

    #[test]
    fn a_rule_that_was_added_to_a_policy_is_named() {
        let desired = json!({"spec": {"ingress": [{"ports": [{"port": 9464}]}]}});
        let live = json!({"spec": {"ingress": [{"ports": [{"port": 9464, "protocol": "TCP"}, {"port": 1, "protocol": "TCP"}]}]}});
        assert_eq!(missing(Kind::NetworkPolicy, &desired, &live), ["spec.ingress[0].ports"]);
    }

    #[test]
    fn what_was_added_where_an_apply_takes_it_away_is_named() {
        let added = |kind: Kind, desired: Value, pointer: &str, name: &str| {
            let mut live = desired.clone();
            live.pointer_mut(pointer).unwrap()[name] = "x".into();
            missing(kind, &desired, &live)
        };
        let labels = || json!({"matchLabels": {"a": "b"}});
        assert_eq!(added(Kind::Service, json!({"spec": {"selector": {"a": "b"}}}), "/spec/selector", "c"), ["spec.selector.c"]);
        let budget = json!({"spec": {"selector": labels(), "maxUnavailable": 1}});
        assert_eq!(added(Kind::PodDisruptionBudget, budget, "/spec/selector/matchLabels", "c"), ["spec.selector.matchLabels.c"]);
        let pods = json!({"spec": {"template": {"spec": {"nodeSelector": {"a": "b"}}}}});
        assert_eq!(added(Kind::Deployment, pods, "/spec/template/spec/nodeSelector", "c"), ["spec.template.spec.nodeSelector.c"]);
        let policy = || json!({"spec": {"podSelector": labels(), "ingress": [{"ports": [{"port": 9464, "protocol": "TCP"}]}]}});
        let port = "/spec/ingress/0/ports/0";
        assert_eq!(added(Kind::NetworkPolicy, policy(), port, "endPort"), ["spec.ingress[0].ports[0].endPort"]);
        assert_eq!(added(Kind::NetworkPolicy, policy(), "/spec/ingress/0", "from"), ["spec.ingress[0].from"]);
        assert_eq!(added(Kind::NetworkPolicy, policy(), "/spec/podSelector/matchLabels", "c"), ["spec.podSelector.matchLabels.c"]);
        // And what may be added elsewhere is others'.
        assert_eq!(added(Kind::Service, json!({"spec": {"type": "NodePort"}}), "/spec", "clusterIP"), Vec::<String>::new());
        let every_namespace = json!({"spec": {"ingress": [{"from": [{"namespaceSelector": {}}]}]}});
        assert_eq!(missing(Kind::NetworkPolicy, &every_namespace, &every_namespace), Vec::<String>::new());
    }

    #[test]
    fn what_says_nothing_may_be_left_out() {
        let desired = json!({"spec": {"emptyDir": {}, "list": [], "none": null}});
        assert_eq!(missing(Kind::Deployment, &desired, &json!({"spec": {}})), Vec::<String>::new());
        assert_eq!(missing(Kind::Deployment, &desired, &json!({"spec": {"list": [1]}})), ["spec.list"]);
    }

    #[test]
    fn a_mount_is_found_by_its_path_and_a_volume_by_its_name() {
        let desired = json!({"spec": {"volumes": [{"name": "b"}], "volumeMounts": [{"mountPath": "/b", "name": "b"}]}});
        let live = json!({"spec": {
            "volumes": [{"name": "a"}, {"name": "b", "emptyDir": {}}],
            "volumeMounts": [{"mountPath": "/a", "name": "a"}, {"mountPath": "/b", "name": "other"}],
        }});
        assert_eq!(missing(Kind::Deployment, &desired, &live), ["spec.volumeMounts[/b].name"]);
    }
}
