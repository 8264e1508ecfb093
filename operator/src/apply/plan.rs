//! What has to be written so that the live objects of a relay are those that were built. Pure.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::subset::missing;
use crate::{
    build::{DESIRED, Object},
    cluster::Child,
    inventory::Key,
    kind::Kind,
};

/// What has to be written, in order, and what stands in the way.
#[derive(Debug, Default)]
pub struct Plan<'a> {
    /// The UID of the relay.
    pub owner: &'a str,
    /// Objects that are to be applied, in the order in which they were built.
    pub writes: Vec<Write<'a>>,
    /// Objects of the relay that it needs no more. They go when all else is written.
    pub removals: Vec<&'a Child>,
    /// Objects that others own under names that the relay needs. They are left alone.
    pub collisions: Vec<Collision>,
    /// Objects that are being deleted, or will be, and are made again when they are gone.
    pub leaving: Vec<&'a Child>,
    /// A write was taken out, to be made later. What it does away with may still be in use.
    pub is_partial: bool,
}

/// An object that is to be applied.
#[derive(Debug)]
pub struct Write<'a> {
    /// As it was built.
    pub object: &'a Object,
    /// As it is in the cluster; nothing when it is not known to be there.
    pub live: Option<&'a Child>,
    /// Why it is to be written.
    pub why: Why,
}

/// Why an object is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is not there.
    Absent,
    /// It was built otherwise than it was written.
    Changed,
    /// Somebody changed it at these places.
    Drift(Vec<String>),
}

/// An object that is in the way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {key} is there and does not belong to this relay; call it otherwise, or give the relay another name")]
pub struct Collision {
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub key: Key,
}

/// What is remembered of a relay's objects from one plan to the next, so that what was compared is not compared again.
#[derive(Debug, Default)]
pub struct Compared(HashMap<(Kind, String), Entry>);

#[derive(Debug, Default)]
struct Entry {
    resource_version: String,
    desired: String,
    /// Places at which the server's answer to a write was not what was written: it has its own way of writing them, or a webhook has. To write
    /// them again would be a fight without end.
    tolerated: Vec<String>,
}

impl Plan<'_> {
    /// Whether the workload is there as it was built.
    #[must_use]
    pub fn is_settled_workload(&self) -> bool {
        !self.is_partial && !self.writes.iter().any(|write| write.object.kind.is_workload())
    }
}

impl Compared {
    fn is_known(&self, object: &Object, live: &Child) -> bool {
        let entry = self.0.get(&(object.kind, object.key.name.clone()));
        entry.is_some_and(|entry| entry.resource_version == live.resource_version && entry.desired == object.desired)
    }

    fn tolerates(&self, object: &Object, path: &str) -> bool {
        let entry = self.0.get(&(object.kind, object.key.name.clone()));
        entry.is_some_and(|entry| entry.desired == object.desired && entry.tolerated.iter().any(|tolerated| tolerated == path))
    }

    fn matched(&mut self, object: &Object, live: &Child) {
        let entry = self.0.entry((object.kind, object.key.name.clone())).or_default();
        if entry.desired != object.desired {
            entry.tolerated.clear();
            entry.desired.clone_from(&object.desired);
        }
        entry.resource_version.clone_from(&live.resource_version);
    }

    /// Takes what the server made of a write.
    pub fn answered(&mut self, object: &Object, answer: &Child) {
        let live: Value = serde_json::from_slice(&answer.json).unwrap_or_default();
        let entry = Entry {
            resource_version: answer.resource_version.clone(),
            desired: object.desired.clone(),
            tolerated: missing(object.kind, &object.value, &live),
        };
        self.0.insert((object.kind, object.key.name.clone()), entry);
    }

    fn keep(&mut self, desired: &[Object]) {
        let names: HashSet<_> = desired.iter().map(|object| (object.kind, object.key.name.as_str())).collect();
        self.0.retain(|(kind, name), _| names.contains(&(*kind, name.as_str())));
    }
}

/// Compares the live objects of the relay with the UID `owner` with what was built.
#[must_use]
pub fn plan<'a>(owner: &'a str, live: &'a [Child], desired: &'a [Object], compared: &mut Compared) -> Plan<'a> {
    let mut by_name: HashMap<_, _> = live.iter().map(|child| ((child.kind, child.key.name.as_str()), child)).collect();
    let mut plan = Plan { owner, ..Plan::default() };
    compared.keep(desired);
    for object in desired {
        let child = by_name.remove(&(object.kind, object.key.name.as_str()));
        match child {
            None => plan.writes.push(Write { object, live: None, why: Why::Absent }),
            Some(child) if child.terminating || is_left_over(owner, child) => plan.leaving.push(child),
            Some(child) if !is_owned(owner, child) => plan.collisions.push(Collision { kind: child.kind, key: child.key.clone() }),
            Some(child) => plan.writes.extend(why(object, child, compared).map(|why| Write { object, live: Some(child), why })),
        }
    }
    // Of what it does not know the name of any more, it takes away only what bears its label too.
    plan.removals = by_name.into_values().filter(|child| is_owned(owner, child) && child.managed && !child.terminating).collect();
    plan.removals.sort_by(|one, other| (one.kind, &one.key).cmp(&(other.kind, &other.key)));
    plan
}

/// Whether a write is of a workload that is there, and may replace its pods.
#[must_use]
pub fn may_replace_pods(write: &Write<'_>) -> bool {
    let Some(live) = write.live.filter(|live| live.kind.is_workload()) else { return false };
    let kind = live.kind;
    let live: Value = serde_json::from_slice(&live.json).unwrap_or_default();
    // What is only taken away does not show, so nothing that shows may be anything.
    let part = |json: &Value| json["spec"].clone();
    let (desired, live) = (part(&write.object.value), part(&live));
    let shown = missing(kind, &desired, &live);
    shown.is_empty() || shown.iter().any(|path| path.starts_with("template"))
}

/// Made for this relay and no other of its name. Labels may be lost by an edit; they are put back.
#[must_use]
pub fn is_owned(owner: &str, child: &Child) -> bool {
    child.owner_uid.as_deref() == Some(owner)
}

/// Made for a relay of this name that is gone. It goes too, when the cluster's garbage collector has come to it.
fn is_left_over(owner: &str, child: &Child) -> bool {
    child.managed && child.owner_uid.as_deref().is_some_and(|of| of != owner)
}

fn why(object: &Object, child: &Child, compared: &mut Compared) -> Option<Why> {
    if compared.is_known(object, child) {
        return None;
    }
    let live: Value = serde_json::from_slice(&child.json).unwrap_or_default();
    if live["metadata"]["annotations"][DESIRED] != object.desired.as_str() {
        return Some(Why::Changed);
    }
    let mut drift = missing(object.kind, &object.value, &live);
    drift.retain(|path| !compared.tolerates(object, path));
    if drift.is_empty() {
        compared.matched(object, child);
        None
    } else {
        Some(Why::Drift(drift))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OWNER: &str = "uid-of-edge";

    fn object(kind: Kind, name: &str, data: &str) -> Object {
        let desired = format!("hash of {data}");
        let value = json!({
            "kind": kind.as_str(),
            "metadata": {"name": name, "annotations": {DESIRED: desired}},
            "data": {"value": data},
        });
        Object { kind, key: Key::new("mail", name), value, desired }
    }

    fn child(object: &Object) -> Child {
        child_with(object, object.value.clone())
    }

    fn child_with(object: &Object, mut json: Value) -> Child {
        json["metadata"]["uid"] = "x".into();
        Child {
            kind: object.kind,
            key: object.key.clone(),
            uid: "x".to_owned(),
            resource_version: "1".to_owned(),
            owner_uid: Some(OWNER.to_owned()),
            managed: true,
            terminating: false,
            generation: None,
            json: serde_json::to_vec(&json).unwrap().into(),
            status: None,
        }
    }

    fn whys(plan: &Plan<'_>) -> Vec<(String, Why)> {
        plan.writes.iter().map(|write| (write.object.key.name.clone(), write.why.clone())).collect()
    }

    #[test]
    fn what_is_not_there_is_written_in_the_order_of_the_build() {
        let desired = [object(Kind::ConfigMap, "b", "1"), object(Kind::Deployment, "a", "1")];
        let plan = plan(OWNER, &[], &desired, &mut Compared::default());
        assert_eq!(whys(&plan), [("b".to_owned(), Why::Absent), ("a".to_owned(), Why::Absent)]);
    }

    #[test]
    fn what_is_as_it_was_built_is_not_written() {
        let desired = [object(Kind::ConfigMap, "a", "1")];
        let live = [child(&desired[0])];
        let mut compared = Compared::default();
        assert_eq!(whys(&plan(OWNER, &live, &desired, &mut compared)), []);
        // And is not even compared again.
        let broken = [Child { json: b"{}".as_slice().into(), ..live[0].clone() }];
        assert_eq!(whys(&plan(OWNER, &broken, &desired, &mut compared)), []);
        let touched = [Child { resource_version: "2".to_owned(), ..broken[0].clone() }];
        assert_eq!(whys(&plan(OWNER, &touched, &desired, &mut compared)), [("a".to_owned(), Why::Changed)]);
    }

    #[test]
    fn a_change_of_the_build_is_written() {
        let live = [child(&object(Kind::ConfigMap, "a", "1"))];
        let desired = [object(Kind::ConfigMap, "a", "2")];
        assert_eq!(whys(&plan(OWNER, &live, &desired, &mut Compared::default())), [("a".to_owned(), Why::Changed)]);
    }

    #[test]
    fn a_change_by_hand_is_mended() {
        let desired = [object(Kind::ConfigMap, "a", "1")];
        let mut json = desired[0].value.clone();
        json["data"]["value"] = "by hand".into();
        let live = [child_with(&desired[0], json)];
        let drift = Why::Drift(vec!["data.value".to_owned()]);
        assert_eq!(whys(&plan(OWNER, &live, &desired, &mut Compared::default())), [("a".to_owned(), drift)]);
    }

    #[test]
    fn there_is_no_fight_with_a_server_that_writes_in_its_own_way() {
        let desired = [object(Kind::ConfigMap, "a", "1000m")];
        let mut json = desired[0].value.clone();
        json["data"]["value"] = "1".into();
        let answer = child_with(&desired[0], json);
        let mut compared = Compared::default();
        compared.answered(&desired[0], &answer);
        let later = [Child { resource_version: "9".to_owned(), ..answer }];
        assert_eq!(whys(&plan(OWNER, &later, &desired, &mut compared)), []);
        let changed = [object(Kind::ConfigMap, "a", "2")];
        assert_eq!(whys(&plan(OWNER, &later, &changed, &mut compared)), [("a".to_owned(), Why::Changed)]);
    }

    #[test]
    fn what_others_own_is_left_alone() {
        let desired = [object(Kind::ConfigMap, "a", "1"), object(Kind::ConfigMap, "b", "1")];
        let of_another_kind = Child { owner_uid: None, managed: false, ..child(&desired[0]) };
        let by_hand = Child { owner_uid: None, ..child(&desired[1]) };
        let unneeded = Child { owner_uid: None, ..child(&object(Kind::Secret, "c", "1")) };
        let unlabelled = Child { managed: false, ..child(&object(Kind::Secret, "d", "1")) };
        let live = [of_another_kind, by_hand, unneeded, unlabelled];
        let plan = plan(OWNER, &live, &desired, &mut Compared::default());
        assert_eq!(whys(&plan), []);
        assert!(plan.removals.is_empty());
        assert_eq!(plan.collisions.iter().map(|collision| collision.key.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn what_a_deleted_relay_of_the_same_name_left_is_awaited() {
        let desired = [object(Kind::Service, "a", "1")];
        let live = [Child { owner_uid: Some("older".to_owned()), ..child(&desired[0]) }];
        let plan = plan(OWNER, &live, &desired, &mut Compared::default());
        assert_eq!((whys(&plan), plan.leaving.len(), plan.collisions.len()), (vec![], 1, 0));
    }

    #[test]
    fn what_lost_its_label_by_hand_gets_it_back() {
        let mut desired = object(Kind::Service, "a", "1");
        desired.value["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "postern-operator".into();
        let mut json = desired.value.clone();
        json["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "hand".into();
        let live = [Child { managed: false, ..child_with(&desired, json) }];
        let desired = [desired];
        let plan = plan(OWNER, &live, &desired, &mut Compared::default());
        let drift = Why::Drift(vec!["metadata.labels[app.kubernetes.io/managed-by]".to_owned()]);
        assert_eq!((whys(&plan), plan.collisions.len()), (vec![("a".to_owned(), drift)], 0));
    }

    #[test]
    fn what_is_needed_no_more_goes_once() {
        let old = child(&object(Kind::Service, "old", "1"));
        let going = Child { terminating: true, ..child(&object(Kind::Service, "going", "1")) };
        let live = [old, going];
        let plan = plan(OWNER, &live, &[], &mut Compared::default());
        assert_eq!(plan.removals.iter().map(|child| child.key.name.as_str()).collect::<Vec<_>>(), ["old"]);
    }

    #[test]
    fn pods_are_replaced_by_what_changes_their_template() {
        let with = |spec: Value| {
            let mut object = object(Kind::Deployment, "edge-relay", "1");
            object.value["spec"] = spec;
            object
        };
        let live = child(&with(json!({"replicas": 2, "template": {"spec": {"nodeSelector": {"a": "b"}, "serviceAccountName": "x"}}})));
        let replaces = |spec: Value| {
            let object = with(spec);
            may_replace_pods(&Write { object: &object, live: Some(&live), why: Why::Changed })
        };
        assert!(!replaces(json!({"replicas": 4, "template": {"spec": {"nodeSelector": {"a": "b"}}}})), "they are more");
        assert!(replaces(json!({"replicas": 4, "template": {"spec": {"serviceAccountName": "y"}}})));
        assert!(replaces(json!({"replicas": 2, "template": {"spec": {"serviceAccountName": "x"}}})), "something may be gone");
        let object = with(json!({}));
        assert!(!may_replace_pods(&Write { object: &object, live: None, why: Why::Absent }), "there are none");
    }

    #[test]
    fn what_is_being_deleted_is_awaited() {
        let desired = [object(Kind::Service, "a", "1")];
        let live = [Child { terminating: true, ..child(&desired[0]) }];
        let plan = plan(OWNER, &live, &desired, &mut Compared::default());
        assert_eq!((whys(&plan), plan.leaving.len()), (vec![], 1));
    }
}
