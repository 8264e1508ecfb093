//! Where a queue lies decides what makes the pods, which volumes they have, and whom they may reach. Users and logins come to pods as files, and
//! none of them makes a new pod.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod support;

use std::{collections::BTreeSet, path::Path};

use k8s_openapi::{
    api::{apps::v1::StatefulSet, core::v1::PodSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};
use postern_crds::smtp_relay::{Address, AddressType};
use postern_operator::{
    build::{Objects, Settings, Workload, build},
    material::Sealed,
    status::{Applied, Pods, Queue, relay},
};
use support::{
    find, identity, inventory, secret,
    statuses::{condition, noon, running},
};

const EMPTY_DIR: &str = "{storage: EmptyDir, emptyDir: {sizeLimit: 1024Mi}}";
const VOLUME: &str = "{storage: PersistentVolume, persistentVolume: {size: 10240Mi, storageClassName: fast}}";
const POSTGRES: &str = "{storage: Postgres, postgres: {connectionRef: {name: queue}}}";
const DIRECT: &str = "{name: direct, mx: {}}";
const TOKEN: &str = "{name: m365, smartHosts: [{host: smtp.office365.com, port: 587}], credentialsRef: {name: login}}";

fn manifest(spool: &str, route: &str) -> String {
    format!(
        "apiVersion: postern.dev/v1alpha1
kind: SmtpRelay
metadata: {{name: edge, namespace: mail}}
spec:
  hostname: mx1.example.com
  replicas: 3
  listeners:
    - {{name: out, role: Submission, port: 587}}
    - {{name: in, role: Trusted, port: 2525, trusted: {{cidrs: [10.9.8.7/32], allowedSenders: ['@example.com']}}}}
  auth: {{users: {{secretRefs: [{{name: billing}}]}}}}
  routes: [{route}]
  spool: {spool}
"
    )
}

fn secrets(more: &[(&str, &str)]) -> Vec<String> {
    let hash = "$2y$12$abcdefghijklmnopqrstuuKf5Rl8ByzkNq5h1pjnMTO0wCKdhcHYa";
    let billing = [&[("username", "billing"), ("passwordHash", hash), ("allowedSenders", "@example.com")], more].concat();
    let token = [("username", "a@example.com"), ("tokenURL", "https://issuer.example:8443/t"), ("clientID", "me"), ("clientSecret", "x")];
    let queue = [("host", "db.databases.svc.cluster.local"), ("database", "q"), ("username", "r"), ("port", "6432"), ("tls", "Clear")];
    vec![secret("billing", &billing), secret("login", &token), secret("queue", &queue)]
}

fn built(spool: &str, route: &str, user: &[(&str, &str)]) -> Objects {
    let manifests = [vec![manifest(spool, route)], secrets(user)].concat();
    let inventory = inventory(&manifests.iter().map(String::as_str).collect::<Vec<_>>());
    let findings = find(&inventory);
    let validated = findings.relay.as_ref().unwrap_or_else(|blockers| panic!("{blockers:?}"));
    build(validated, &Sealed::Open(identity()), &Settings::new("postern-system", "postern-relay:test")).unwrap()
}

fn pod(objects: &Objects) -> &PodSpec {
    objects.workload.template().unwrap().spec.as_ref().unwrap()
}

fn stateful_set(objects: &Objects) -> &StatefulSet {
    match &objects.workload {
        Workload::StatefulSet(set) => set,
        Workload::Deployment(_) => panic!("a Deployment"),
    }
}

/// The ports that pods may reach anywhere.
fn ways_out(objects: &Objects) -> BTreeSet<i32> {
    let rules = objects.network_policy.spec.as_ref().unwrap().egress.iter().flatten().filter(|rule| rule.to.is_none());
    let ports = rules.flat_map(|rule| rule.ports.iter().flatten()).filter_map(|port| match port.port {
        Some(IntOrString::Int(number)) => Some(number),
        _ => None,
    });
    ports.filter(|port| ![53, 5353].contains(port)).collect()
}

fn mount_of_queue(objects: &Objects) -> Option<&str> {
    let mounts = pod(objects).containers[0].volume_mounts.iter().flatten();
    mounts.filter(|mount| mount.name == "queue").map(|mount| mount.mount_path.as_str()).next()
}

fn flag_of_queue(objects: &Objects) -> Option<&str> {
    pod(objects).containers[0].args.iter().flatten().find_map(|argument| argument.strip_prefix("--spool="))
}

#[test]
fn a_volume_for_each_pod_makes_a_stateful_set_that_leaves_its_volumes_behind() {
    let objects = built(VOLUME, DIRECT, &[]);
    let spec = stateful_set(&objects).spec.as_ref().unwrap();
    assert_eq!((spec.replicas, spec.pod_management_policy.as_deref()), (Some(3), Some("Parallel")));
    let retention = spec.persistent_volume_claim_retention_policy.as_ref().unwrap();
    assert_eq!((retention.when_deleted.as_deref(), retention.when_scaled.as_deref()), (Some("Retain"), Some("Retain")));
    let [claim] = &spec.volume_claim_templates.as_ref().unwrap()[..] else { panic!("one volume") };
    let claimed = claim.spec.as_ref().unwrap();
    assert_eq!(claimed.access_modes.as_ref().unwrap(), &["ReadWriteOnce"]);
    assert_eq!(claimed.storage_class_name.as_deref(), Some("fast"));
    assert_eq!(claimed.resources.as_ref().unwrap().requests.as_ref().unwrap()["storage"].0, "10Gi");
    assert!(claim.metadata.labels.as_ref().unwrap().contains_key("postern.dev/relay"), "it is found again by its label");
    let peers = objects.services.iter().find(|service| service.metadata.name == spec.service_name).unwrap();
    assert_eq!(peers.spec.as_ref().unwrap().cluster_ip.as_deref(), Some("None"));
    assert_eq!(pod(&objects).security_context.as_ref().unwrap().fs_group_change_policy.as_deref(), Some("OnRootMismatch"));
    assert_eq!((mount_of_queue(&objects), flag_of_queue(&objects)), (Some("/var/spool/postern/queue"), Some("/var/spool/postern/queue")));
    assert!(pod(&objects).volumes.iter().flatten().all(|volume| volume.name != "queue"), "the claim is the volume");
}

#[test]
fn a_queue_on_the_node_has_room_there_and_one_in_a_database_needs_none() {
    let on_node = built(EMPTY_DIR, DIRECT, &[]);
    assert!(matches!(on_node.workload, Workload::Deployment(_)));
    let room = pod(&on_node).volumes.iter().flatten().find(|volume| volume.name == "queue").unwrap().empty_dir.as_ref().unwrap();
    assert_eq!(room.size_limit.as_ref().unwrap().0, "1Gi");
    assert_eq!(flag_of_queue(&on_node), mount_of_queue(&on_node));
    let requests =
        |objects: &Objects| pod(objects).containers[0].resources.clone().unwrap().requests.unwrap()["ephemeral-storage"].0.clone();
    let shared = built(POSTGRES, DIRECT, &[]);
    assert!(matches!(shared.workload, Workload::Deployment(_)));
    assert_eq!((mount_of_queue(&shared), flag_of_queue(&shared)), (None, None));
    assert_eq!((requests(&on_node).as_str(), requests(&shared).as_str()), ("3584Mi", "2560Mi"));
    assert!(shared.services.iter().all(|service| service.metadata.name.as_deref() != Some("edge-peers")), "they meet in the database");
}

#[test]
fn pods_reach_what_their_routes_and_their_queue_need_and_no_more() {
    assert_eq!(ways_out(&built(EMPTY_DIR, DIRECT, &[])), BTreeSet::from([25]));
    assert_eq!(ways_out(&built(EMPTY_DIR, TOKEN, &[])), BTreeSet::from([587, 8443]));
    let shared = built(POSTGRES, DIRECT, &[]);
    assert_eq!(ways_out(&shared), BTreeSet::from([25, 6432]));
    let egress = serde_json::to_string(&shared.network_policy.spec.as_ref().unwrap().egress).unwrap();
    assert!(egress.contains("\"databases\""), "the pods of a Service may listen on another port: {egress}");
}

#[test]
fn what_trusts_an_address_is_for_the_cluster_unless_somebody_says_otherwise() {
    let objects = built(EMPTY_DIR, DIRECT, &[]);
    let service = |name: &str| objects.services.iter().find(|service| service.metadata.name.as_deref() == Some(name)).unwrap();
    let ports = |name: &str| service(name).spec.as_ref().unwrap().ports.iter().flatten().map(|port| port.port).collect::<Vec<_>>();
    assert_eq!((ports("edge-public"), ports("edge-cluster")), (vec![587], vec![2525]));
    assert_eq!(service("edge-cluster").spec.as_ref().unwrap().type_.as_deref(), Some("ClusterIP"));
}

#[test]
fn a_user_who_changes_changes_one_secret_and_no_pod() {
    let (before, after) = (built(VOLUME, TOKEN, &[]), built(VOLUME, TOKEN, &[("messagesPerMinute", "7")]));
    assert_eq!(before.workload, after.workload);
    assert_eq!(before.config_maps.last(), after.config_maps.last(), "the root lists no secrets");
    let changed = before.secrets.iter().zip(&after.secrets).filter(|(one, other)| one.data != other.data);
    let changed: Vec<_> = changed.filter_map(|(secret, _)| secret.metadata.name.as_deref()).collect();
    // This test issues the certificates anew.
    let [_, _, keys] = changed[..] else { panic!("{changed:?}") };
    assert!(changed.contains(&"edge-tls") && changed.contains(&"edge-identity") && keys.starts_with("edge-keys-"), "{changed:?}");
    let files: BTreeSet<_> = after.secrets.iter().flat_map(|secret| secret.data.iter().flatten().map(|(file, _)| file.clone())).collect();
    for stem in ["user.billing-", "credentials.login-"] {
        assert!(
            files.iter().any(|file| file.starts_with(stem) && Path::new(file).extension().is_some_and(|extension| extension == "json")),
            "{stem}: {files:?}"
        );
    }
}

#[test]
fn another_database_makes_new_pods() {
    let more = POSTGRES.replace("{name: queue}", "{name: queue}, maxConnections: 20");
    assert_ne!(built(POSTGRES, DIRECT, &[]).workload, built(&more, DIRECT, &[]).workload);
}

#[test]
fn a_relay_for_mail_out_alone_is_ready_without_a_domain() {
    let manifests = [vec![manifest(VOLUME, DIRECT)], secrets(&[])].concat();
    let inventory = inventory(&manifests.iter().map(String::as_str).collect::<Vec<_>>());
    let findings = find(&inventory);
    // Something must lead there.
    let address = Address { type_: AddressType::IPAddress, value: "192.0.2.1".to_owned() };
    let applied = Applied { addresses: vec![address], ..Applied::default() };
    let pods = Pods { count: 3, ready: 3, ..running(&findings) };
    let status = relay(inventory.relays.values().next().unwrap(), &findings, &pods, &applied, noon());
    assert_eq!(condition(&status.conditions, "Ready"), Some(("True", "Ready", "")));
}

#[test]
fn the_status_tells_what_survives_how_much_waits_and_which_links_are_relaxed() {
    let waiver = "{name: direct, mx: {waivers: [{domain: legacy.example.org, mode: Opportunistic, until: '2999-12-31'}]}}";
    let pods = Pods {
        queues: vec![Queue { messages: 123, oldest_seconds: Some(61) }, Queue { messages: 5, oldest_seconds: None }],
        ..Pods::default()
    };
    let expected = [
        (EMPTY_DIR, "False", 120, "mail to legacy.example.org until 2999-12-31 may go on in clear (waiver)"),
        (VOLUME, "True", 120, "mail to legacy.example.org until 2999-12-31 may go on in clear (waiver)"),
        (POSTGRES, "True", 120, "the database of the queue at db.databases.svc.cluster.local is reached in clear (Clear)"),
    ];
    for (spool, durable, messages, clear) in expected {
        let manifests = [vec![manifest(spool, waiver)], secrets(&[])].concat();
        let inventory = inventory(&manifests.iter().map(String::as_str).collect::<Vec<_>>());
        let findings = find(&inventory);
        let status = relay(inventory.relays.values().next().unwrap(), &findings, &pods, &Applied::default(), noon());
        assert_eq!(condition(&status.conditions, "SpoolDurable").unwrap().0, durable, "{spool}");
        let queue = status.spool.unwrap();
        assert_eq!((queue.messages, queue.oldest_seconds), (messages, 60), "{spool}");
        let (links, _, message) = condition(&status.conditions, "AllLinksEncrypted").unwrap();
        assert!(links == "False" && message.contains(clear), "{message}");
    }
}
