use serde_json::{Value, json};

use super::*;
use crate::{inventory::Readable, labels::RELAY};

struct Fixture {
    world: World,
    queues: Queues,
    version: u64,
}

/// Keys that were woken since the last look, by kind.
#[derive(Debug, Default, PartialEq, Eq)]
struct Woken {
    relays: Vec<String>,
    domains: Vec<String>,
    targets: Vec<String>,
}

impl Fixture {
    fn new() -> Self {
        Self::with(Scope::default())
    }

    fn with(scope: Scope) -> Self {
        let queues = Queues::default();
        Self { world: World::new(scope, queues.clone()), queues, version: 0 }
    }

    fn object(&mut self, mut value: Value) -> DynamicObject {
        self.version += 1;
        value["metadata"]["resourceVersion"] = self.version.to_string().into();
        serde_json::from_value(value).unwrap()
    }

    fn put(&mut self, source: Source, value: Value) {
        let object = self.object(value);
        self.world.observe(source, object, Urgency::Change);
    }

    /// Everything that was woken, which comes to rest by it.
    async fn woken(&mut self) -> Woken {
        Woken {
            relays: drain(&self.queues.relays, ToString::to_string).await,
            domains: drain(&self.queues.domains, ToString::to_string).await,
            targets: drain(&self.queues.targets, |(kind, key)| format!("{kind:?} {key}")).await,
        }
    }

    fn read(&mut self, kind: TargetKind, name: &str, value: Option<Value>) {
        let object = value.map(|value| {
            let object = self.object(value);
            TargetObject::ConfigMap(object.try_parse().unwrap())
        });
        self.world.read_target(&(kind, Key::new("mail", name)), object);
    }
}

async fn drain<K: Ord + Clone>(queue: &Arc<Queue<K>>, show: impl Fn(&K) -> String) -> Vec<String> {
    let mut keys = Vec::new();
    while let Ok(job) = tokio::time::timeout(std::time::Duration::from_mins(5), queue.next()).await {
        keys.push(show(job.key()));
        job.end(crate::cluster::queue::Outcome::Settled);
    }
    keys.sort();
    keys
}

fn woken(relays: &[&str], domains: &[&str], targets: &[&str]) -> Woken {
    let [relays, domains, targets] = [relays, domains, targets].map(|keys| keys.iter().map(ToString::to_string).collect());
    Woken { relays, domains, targets }
}

fn relay(name: &str) -> Value {
    json!({
        "apiVersion": "postern.dev/v1alpha1", "kind": "SmtpRelay",
        "metadata": {"name": name, "namespace": "mail", "uid": format!("uid-{name}"), "generation": 1},
        "spec": {"hostname": "mx.example.com", "listeners": [{"name": "mx", "role": "Inbound", "port": 25, "tls": {"mode": "StartTls"}}]}
    })
}

fn domain(name: &str, relays: &[&str], bundles: &[&str]) -> Value {
    let relays: Vec<_> = relays.iter().map(|name| json!({"name": name})).collect();
    let bundles: Vec<_> = bundles.iter().map(|name| json!({"name": name})).collect();
    json!({
        "apiVersion": "postern.dev/v1alpha1", "kind": "AcceptedDomain",
        "metadata": {"name": name, "namespace": "mail", "uid": format!("uid-{name}"), "generation": 1},
        "spec": {
            "relayRefs": relays, "domain": "example.com", "type": "Authoritative",
            "nextHops": [{"host": "mail.example.com", "port": 25}], "tls": {"caCertificateRefs": bundles}
        }
    })
}

fn generation(mut value: Value, generation: i64) -> Value {
    value["metadata"]["generation"] = generation.into();
    value
}

fn config_map(name: &str, text: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "mail"}, "data": {"ca.crt": text}})
}

fn deployment(relay: &str, replicas: i64) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": format!("{relay}-relay"), "namespace": "mail", "uid": "1", "generation": 3,
            "labels": {RELAY: relay, "app.kubernetes.io/managed-by": "postern-operator"},
            "managedFields": [{"manager": "postern-operator"}],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
            "ownerReferences": [{"apiVersion": "postern.dev/v1alpha1", "kind": "SmtpRelay", "name": relay, "uid": "uid-edge", "controller": true}]
        },
        "spec": {"replicas": replicas}, "status": {"readyReplicas": 1}
    })
}

#[tokio::test(start_paused = true)]
async fn a_domain_wakes_the_relays_that_it_named_and_those_that_it_names() {
    let mut fixture = Fixture::new();
    fixture.put(Source::Relays, relay("edge"));
    fixture.put(Source::Relays, relay("other"));
    fixture.woken().await;
    fixture.put(Source::Domains, domain("d", &["edge"], &[]));
    assert_eq!(fixture.woken().await, woken(&["mail/edge"], &["mail/d"], &[]));
    fixture.put(Source::Domains, generation(domain("d", &["other"], &[]), 2));
    assert_eq!(fixture.woken().await, woken(&["mail/edge", "mail/other"], &["mail/d"], &[]));
    assert_eq!(fixture.world.inventory_for(&Key::new("mail", "edge")).unwrap().domains.len(), 0);
    assert_eq!(fixture.world.inventory_for(&Key::new("mail", "other")).unwrap().domains.len(), 1);
    fixture.version += 1;
    let version = fixture.version.to_string();
    fixture.world.forget(Source::Domains, &Key::new("mail", "d"), Some(&version));
    assert_eq!(fixture.woken().await, woken(&["mail/other"], &["mail/d"], &[]));
}

#[tokio::test(start_paused = true)]
async fn a_status_concerns_nobody_else() {
    let mut fixture = Fixture::new();
    fixture.put(Source::Relays, relay("edge"));
    fixture.put(Source::Domains, domain("d", &["edge"], &[]));
    fixture.woken().await;
    let mut told = domain("d", &["edge"], &[]);
    told["status"] = json!({"observedGeneration": 1});
    fixture.put(Source::Domains, told);
    assert_eq!(fixture.woken().await, woken(&[], &["mail/d"], &[]));
}

#[tokio::test(start_paused = true)]
async fn a_reference_is_read_once_and_its_changes_wake_those_who_refer() {
    let mut fixture = Fixture::new();
    let edge = Key::new("mail", "edge");
    fixture.put(Source::Relays, relay("edge"));
    fixture.put(Source::Targets(TargetKind::ConfigMap), config_map("ca", "1"));
    fixture.woken().await;
    fixture.put(Source::Domains, domain("d", &["edge"], &["ca"]));
    fixture.put(Source::Domains, domain("e", &["edge"], &["ca"]));
    assert_eq!(fixture.woken().await.targets, ["ConfigMap mail/ca"]);
    assert!(!fixture.world.is_whole(&edge), "nobody knows yet what it holds");
    fixture.read(TargetKind::ConfigMap, "ca", Some(config_map("ca", "1")));
    assert!(fixture.world.is_whole(&edge));
    assert_eq!(fixture.woken().await, woken(&["mail/edge"], &[], &[]));
    let held = |fixture: &Fixture| {
        let inventory = fixture.world.inventory_for(&edge).unwrap();
        inventory.config_maps.values().flat_map(|map| map.data.clone().unwrap()).map(|(_, text)| text).collect::<Vec<_>>()
    };
    assert_eq!(held(&fixture), ["1"]);
    // It changes: it is read again, and what was held holds until then.
    fixture.put(Source::Targets(TargetKind::ConfigMap), config_map("ca", ""));
    assert_eq!(fixture.woken().await, woken(&[], &[], &["ConfigMap mail/ca"]));
    assert!(fixture.world.is_whole(&edge));
    fixture.read(TargetKind::ConfigMap, "ca", Some(config_map("ca", "2")));
    assert_eq!((held(&fixture), fixture.woken().await), (vec!["2".to_owned()], woken(&["mail/edge"], &[], &[])));
    // It goes.
    fixture.version += 1;
    let version = fixture.version.to_string();
    fixture.world.forget(Source::Targets(TargetKind::ConfigMap), &Key::new("mail", "ca"), Some(&version));
    assert_eq!((held(&fixture), fixture.woken().await), (Vec::new(), woken(&["mail/edge"], &[], &[])));
    // Nobody refers to it any more.
    fixture.put(Source::Domains, generation(domain("d", &["edge"], &[]), 2));
    fixture.put(Source::Domains, generation(domain("e", &["edge"], &[]), 2));
    fixture.woken().await;
    fixture.put(Source::Targets(TargetKind::ConfigMap), config_map("ca", "3"));
    assert_eq!(fixture.woken().await, Woken::default());
}

#[tokio::test(start_paused = true)]
async fn what_was_read_before_a_deletion_does_not_come_back() {
    let mut fixture = Fixture::new();
    fixture.put(Source::Relays, relay("edge"));
    fixture.put(Source::Domains, domain("d", &["edge"], &["ca"]));
    fixture.woken().await;
    let old = fixture.object(config_map("ca", "1"));
    fixture.version += 1;
    let version = fixture.version.to_string();
    let key = Key::new("mail", "ca");
    fixture.world.forget(Source::Targets(TargetKind::ConfigMap), &key, Some(&version));
    fixture.world.read_target(&(TargetKind::ConfigMap, key), Some(TargetObject::ConfigMap(old.try_parse().unwrap())));
    let edge = Key::new("mail", "edge");
    assert!(fixture.world.is_whole(&edge));
    assert!(fixture.world.inventory_for(&edge).unwrap().config_maps.is_empty());
}

#[tokio::test(start_paused = true)]
async fn secrets_that_may_not_be_read_are_waited_for_by_nobody() {
    let secrets = Readable::Only(["elsewhere".to_owned()].into());
    let mut fixture = Fixture::with(Scope { secrets, ..Scope::default() });
    let mut edge = relay("edge");
    edge["spec"]["tls"] = json!({"certificate": {"secretRef": {"name": "mx"}}});
    fixture.put(Source::Relays, edge);
    assert!(fixture.world.is_whole(&Key::new("mail", "edge")));
}

#[tokio::test(start_paused = true)]
async fn a_child_is_small_and_its_drift_wakes_the_relay() {
    let mut fixture = Fixture::new();
    let edge = Key::new("mail", "edge");
    fixture.put(Source::Children(Kind::Deployment), deployment("edge", 2));
    assert_eq!(fixture.woken().await, woken(&["mail/edge"], &[], &[]));
    let [child] = fixture.world.children_of(&edge).try_into().unwrap();
    let json = String::from_utf8(child.json.to_vec()).unwrap();
    assert!(!json.contains("managedFields") && !json.contains("readyReplicas") && !json.contains("last-applied"), "{json}");
    assert!(json.contains(r#""apiVersion":"apps/v1""#) && json.contains(r#""replicas":2"#), "{json}");
    assert_eq!(child.status.as_deref(), Some(br#"{"readyReplicas":1}"#.as_slice()));
    assert_eq!((child.owner_uid.as_deref(), child.managed, child.generation), (Some("uid-edge"), true, Some(3)));
    // The same again is no news, nor is what is older.
    fixture.put(Source::Children(Kind::Deployment), deployment("edge", 2));
    assert_eq!(fixture.woken().await, Woken::default());
    let drifted = fixture.object(deployment("edge", 5));
    let mended = fixture.object(deployment("edge", 2));
    fixture.world.wrote_child(Kind::Deployment, mended);
    assert_eq!(fixture.woken().await, Woken::default(), "its own write");
    fixture.world.observe(Source::Children(Kind::Deployment), drifted, Urgency::Change);
    assert_eq!(fixture.woken().await, Woken::default(), "what was before its own write");
    fixture.put(Source::Children(Kind::Deployment), deployment("edge", 7));
    assert_eq!(fixture.woken().await, woken(&["mail/edge"], &[], &[]));
    // Given to another relay by its label.
    fixture.put(Source::Children(Kind::Deployment), {
        let mut stolen = deployment("edge", 7);
        stolen["metadata"]["labels"][RELAY] = "other".into();
        stolen
    });
    assert_eq!(fixture.woken().await, woken(&["mail/edge", "mail/other"], &[], &[]));
    assert!(fixture.world.children_of(&edge).is_empty());
    assert_eq!(fixture.world.children_of(&Key::new("mail", "other")).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_removes_what_it_lacks_but_not_what_is_newer() {
    let mut fixture = Fixture::new();
    let source = Source::Children(Kind::Deployment);
    fixture.put(source, deployment("a", 1));
    fixture.put(source, deployment("b", 1));
    let listed_at = fixture.version.to_string();
    let written = fixture.object(deployment("c", 1));
    fixture.world.wrote_child(Kind::Deployment, written);
    fixture.woken().await;
    fixture.world.sweep(source, None, &[Key::new("mail", "a-relay")].into(), Some(&listed_at));
    assert_eq!(fixture.woken().await, woken(&["mail/b"], &[], &[]));
    assert_eq!(fixture.world.children_of(&Key::new("mail", "c")).len(), 1);
    fixture.world.sweep(source, Some("elsewhere"), &BTreeSet::new(), Some("999"));
    assert_eq!(fixture.world.children_of(&Key::new("mail", "a")).len(), 1, "the list of another namespace says nothing");
}

#[tokio::test(start_paused = true)]
async fn a_resource_past_its_schema_stops_nothing_and_is_told() {
    let mut fixture = Fixture::new();
    let mut broken = relay("edge");
    broken["spec"]["listeners"] = json!("none");
    broken["status"] = json!({"observedGeneration": 1});
    fixture.put(Source::Relays, broken);
    fixture.put(Source::Relays, relay("other"));
    assert_eq!(fixture.woken().await.relays, ["mail/edge", "mail/other"]);
    let edge = Key::new("mail", "edge");
    assert!(fixture.world.inventory_for(&edge).is_none());
    let unreadable = fixture.world.unreadable_relay(&edge).unwrap();
    assert_eq!(unreadable.metadata.uid.as_deref(), Some("uid-edge"));
    assert_eq!(unreadable.status, json!({"observedGeneration": 1}), "what it shows is known, and not asked for again");
    assert!(unreadable.error.contains("listeners") || unreadable.error.contains("sequence"), "{}", unreadable.error);
    fixture.put(Source::Relays, generation(relay("edge"), 2));
    assert!(fixture.world.inventory_for(&edge).is_some() && fixture.world.unreadable_relay(&edge).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_domain_past_its_schema_is_still_known_to_its_relay() {
    let mut fixture = Fixture::new();
    fixture.put(Source::Relays, relay("edge"));
    fixture.put(Source::Domains, domain("a", &["edge"], &[]));
    fixture.woken().await;
    let mut broken = generation(domain("a", &["edge"], &[]), 2);
    broken["spec"]["type"] = json!("Foreign");
    fixture.put(Source::Domains, broken);
    assert_eq!(fixture.woken().await, woken(&["mail/edge"], &["mail/a"], &[]));
    let (edge, a) = (Key::new("mail", "edge"), Key::new("mail", "a"));
    let held = fixture.world.inventory_for(&edge).unwrap().domains;
    assert!(held[&a].spec.next_hops.is_empty(), "it can't be served");
    assert!(fixture.world.domain_inventory(&a).is_none() && fixture.world.unreadable_domain(&a).is_some());
    fixture.put(Source::Domains, generation(domain("a", &["edge"], &[]), 3));
    assert!(!fixture.world.inventory_for(&edge).unwrap().domains[&a].spec.next_hops.is_empty());
    fixture.woken().await;
    fixture.world.forget(Source::Domains, &a, None);
    assert_eq!(fixture.woken().await, woken(&["mail/edge"], &["mail/a"], &[]));
    assert!(fixture.world.inventory_for(&edge).unwrap().domains.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_status_write_that_brings_a_change_wakes() {
    let mut fixture = Fixture::new();
    fixture.put(Source::Relays, relay("edge"));
    fixture.woken().await;
    let mut told = relay("edge");
    told["status"] = json!({"observedGeneration": 1});
    let answer = fixture.object(told.clone()).try_parse().unwrap();
    fixture.world.wrote_relay(&answer);
    assert_eq!(fixture.woken().await, Woken::default());
    let answer = fixture.object(generation(told, 2)).try_parse().unwrap();
    fixture.world.wrote_relay(&answer);
    assert_eq!(fixture.woken().await.relays, ["mail/edge"]);
}

#[tokio::test(start_paused = true)]
async fn labels_of_a_namespace_wake_the_relays_that_its_domains_name() {
    let mut fixture = Fixture::new();
    fixture.put(Source::Relays, relay("edge"));
    fixture.put(Source::Relays, relay("other"));
    fixture.put(Source::Domains, domain("d", &["edge"], &[]));
    fixture.woken().await;
    let namespace = |team: &str| json!({"metadata": {"name": "mail", "labels": {"team": team}}});
    fixture.put(Source::Namespaces, namespace("a"));
    assert_eq!(fixture.woken().await, woken(&["mail/edge"], &[], &[]));
    fixture.put(Source::Namespaces, namespace("a"));
    assert_eq!(fixture.woken().await, Woken::default());
    let labels = fixture.world.inventory_for(&Key::new("mail", "edge")).unwrap().namespaces;
    assert_eq!(labels["mail"]["team"], "a");
    // A domain that can't be read is kept waiting by its relay as long as it is let in.
    let mut broken = generation(domain("d", &["edge"], &[]), 2);
    broken["spec"]["type"] = json!("Foreign");
    fixture.put(Source::Domains, broken);
    fixture.woken().await;
    fixture.put(Source::Namespaces, namespace("b"));
    assert_eq!(fixture.woken().await, woken(&["mail/edge"], &[], &[]));
}

#[tokio::test(start_paused = true)]
async fn nodes_tell_the_ranges_of_the_cluster() {
    let mut fixture = Fixture::new();
    fixture.put(Source::Relays, relay("edge"));
    fixture.woken().await;
    let node = json!({
        "metadata": {"name": "n"}, "spec": {"podCIDRs": ["10.1.0.0/24", "fd00::/64"]},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}, {"type": "Hostname", "address": "n"}]}
    });
    fixture.put(Source::Nodes, node.clone());
    assert_eq!(fixture.woken().await, woken(&["mail/edge"], &[], &[]));
    let ranges: Vec<_> = fixture.world.cluster_ranges().iter().map(ToString::to_string).collect();
    assert_eq!(ranges, ["10.1.0.0/24", "192.0.2.1/32", "fd00::/64"]);
    // A heartbeat.
    fixture.put(Source::Nodes, node);
    assert_eq!(fixture.woken().await, Woken::default());
}

#[tokio::test(start_paused = true)]
async fn a_pod_wakes_its_relay_when_something_that_counts_changed() {
    let mut fixture = Fixture::new();
    let pod = |ready: &str| {
        json!({
            "metadata": {
                "name": "p", "namespace": "mail", "uid": "u",
                "labels": {RELAY: "edge", "app.kubernetes.io/managed-by": "postern-operator"}
            },
            "spec": {"containers": [{"name": "relay", "image": "postern:1"}]},
            "status": {"podIP": "10.0.0.9", "hostIPs": [{"ip": "192.0.2.1"}], "conditions": [{"type": "Ready", "status": ready}]}
        })
    };
    fixture.put(Source::Pods, pod("False"));
    assert_eq!(fixture.woken().await.relays, ["mail/edge"]);
    fixture.put(Source::Pods, pod("False"));
    assert_eq!(fixture.woken().await, Woken::default());
    fixture.put(Source::Pods, pod("True"));
    assert_eq!(fixture.woken().await.relays, ["mail/edge"]);
    let [facts] = fixture.world.pods_of(&Key::new("mail", "edge")).try_into().unwrap();
    assert!(facts.ready && facts.ip.as_deref() == Some("10.0.0.9"));
    fixture.world.forget(Source::Pods, &Key::new("mail", "p"), None);
    assert!(fixture.world.pods_of(&Key::new("mail", "edge")).is_empty());
    assert_eq!(fixture.woken().await.relays, ["mail/edge"]);
}

#[tokio::test(start_paused = true)]
async fn a_relay_waits_for_what_may_not_be_read_in_its_namespace() {
    let mut fixture = Fixture::new();
    fixture.put(Source::Relays, relay("edge"));
    fixture.woken().await;
    let edge = Key::new("mail", "edge");
    fixture.world.lacks(Source::Domains, "gone");
    assert!(fixture.world.is_whole(&edge));
    fixture.world.lacks(Source::Domains, "mail");
    assert!(!fixture.world.is_whole(&edge));
    fixture.world.sees(Source::Domains, "mail");
    assert!(fixture.world.is_whole(&edge));
    assert_eq!(fixture.woken().await, woken(&["mail/edge"], &[], &[]));
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_can_not_be_read_is_there_for_its_domains() {
    let mut fixture = Fixture::new();
    fixture.put(Source::Domains, domain("d", &["edge", "nowhere"], &[]));
    fixture.put(Source::Relays, relay("edge"));
    fixture.woken().await;
    let mut broken = generation(relay("edge"), 2);
    broken["spec"]["listeners"] = json!("none");
    fixture.put(Source::Relays, broken);
    assert_eq!(fixture.woken().await, woken(&["mail/edge"], &[], &[]), "nothing changes for its domains");
    let inventory = fixture.world.domain_inventory(&Key::new("mail", "d")).unwrap();
    assert_eq!((inventory.relays.len(), inventory.unreadable), (0, [Key::new("mail", "edge")].into()));
    fixture.world.lacks(Source::Relays, "mail");
    assert_eq!(fixture.world.domain_inventory(&Key::new("mail", "d")).unwrap().unreadable.len(), 2, "nobody knows");
}

#[tokio::test(start_paused = true)]
async fn a_pod_of_somebody_else_is_none_of_the_relay_whatever_it_says() {
    let mut fixture = Fixture::new();
    let pod = json!({"metadata": {"name": "p", "namespace": "mail", "uid": "u", "labels": {RELAY: "edge"}}});
    fixture.put(Source::Pods, pod);
    assert_eq!(fixture.woken().await, Woken::default());
    assert!(fixture.world.pods_of(&Key::new("mail", "edge")).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_brings_nothing_back() {
    let mut fixture = Fixture::new();
    let pod = json!({
        "metadata": {"name": "p", "namespace": "mail", "uid": "u", "labels": {RELAY: "edge", "app.kubernetes.io/managed-by": "postern-operator"}}
    });
    fixture.put(Source::Relays, relay("edge"));
    fixture.put(Source::Domains, domain("d", &["edge"], &[]));
    fixture.put(Source::Pods, pod.clone());
    let [of_relay, of_domain, of_pod] = [relay("edge"), domain("d", &["edge"], &[]), pod].map(|answer| fixture.object(answer));
    let of_child = fixture.object(deployment("edge", 2));
    fixture.version += 1;
    let version = fixture.version.to_string();
    let gone = [(Source::Relays, "edge"), (Source::Domains, "d"), (Source::Pods, "p"), (Source::Children(Kind::Deployment), "edge-relay")];
    for (source, name) in gone {
        fixture.world.forget(source, &Key::new("mail", name), Some(&version));
    }
    fixture.world.wrote_relay(&of_relay.try_parse().unwrap());
    fixture.world.wrote_domain(&of_domain.try_parse().unwrap());
    fixture.world.wrote_pod(&of_pod.try_parse().unwrap());
    fixture.world.wrote_child(Kind::Deployment, of_child);
    let edge = Key::new("mail", "edge");
    assert!(fixture.world.inventory_for(&edge).is_none() && fixture.world.domain_inventory(&Key::new("mail", "d")).is_none());
    assert!(fixture.world.pods_of(&edge).is_empty() && fixture.world.children_of(&edge).is_empty());
    // What is made anew is told by its answer first.
    let anew = fixture.object(deployment("edge", 2));
    fixture.world.wrote_child(Kind::Deployment, anew);
    assert_eq!(fixture.world.children_of(&edge).len(), 1);
}
