//! What the objects of a relay must hold, whatever the relay: pods within the `restricted` standard, one volume with exactly the files of the
//! contract, ports that fit, and pods that stay when domains come and go.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, PodSpec, VolumeProjection},
    },
    apimachinery::pkg::util::intstr::IntOrString,
};
use postern_config::{DomainName, folder::shard_of};
use postern_operator::{
    build::{BuildError, Objects, RunAs, Settings, Workload, build},
    files,
    inventory::{Inventory, Key},
    kind::Kind,
    material::Sealed,
};
use support::{config_map, domain, find, identity, inventory, issued, relay, secret};

fn built(inventory: &Inventory) -> Objects {
    build(find(inventory).relay.as_ref().unwrap(), &Sealed::Open(identity()), &settings()).unwrap()
}

fn settings() -> Settings {
    Settings::new("postern-system", "postern-relay:test")
}

/// A relay with everything that a domain can refer to.
fn whole() -> Inventory {
    let (pair, authority) = issued(Timestamp::now());
    let references = "  tls: {caCertificateRefs: [{name: ca}], clientCertificateRef: {name: client}}
  recipients: {validation: List, listRef: {name: list}}
";
    let manifests = [
        relay("edge", 25),
        domain("a", "example.com", references),
        domain("b", "example.org", ""),
        config_map("ca", &[("ca.crt", authority.bundle().as_str())]),
        secret("client", &[("tls.crt", pair.chain()), ("tls.key", pair.key().reveal())]),
        config_map("list", &[("recipients", "alice@example.com")]),
    ];
    inventory(&manifests.iter().map(String::as_str).collect::<Vec<_>>())
}

fn pod(objects: &Objects) -> &PodSpec {
    objects.workload.template().unwrap().spec.as_ref().unwrap()
}

fn deployment(objects: &Objects) -> &Deployment {
    match &objects.workload {
        Workload::Deployment(deployment) => deployment,
        Workload::StatefulSet(_) => panic!("no volumes were asked for"),
    }
}

#[test]
fn pods_meet_the_restricted_standard() {
    let objects = built(&whole());
    let pod = pod(&objects);
    let of_pod = pod.security_context.as_ref().unwrap();
    assert_eq!(of_pod.run_as_non_root, Some(true));
    assert_ne!(of_pod.run_as_user, Some(0));
    assert_eq!(of_pod.seccomp_profile.as_ref().unwrap().type_, "RuntimeDefault");
    assert!(pod.host_network.is_none() && pod.host_pid.is_none() && pod.host_ipc.is_none() && pod.init_containers.is_none());
    for volume in pod.volumes.iter().flatten() {
        assert!(volume.projected.is_some() || volume.empty_dir.is_some(), "{}", volume.name);
    }
    let [container] = &pod.containers[..] else { panic!("one container") };
    let of_container = container.security_context.as_ref().unwrap();
    assert_eq!(of_container.allow_privilege_escalation, Some(false));
    assert_eq!(of_container.read_only_root_filesystem, Some(true));
    let capabilities = of_container.capabilities.as_ref().unwrap();
    assert_eq!((capabilities.drop.as_deref(), &capabilities.add), (Some(&["ALL".to_owned()][..]), &None));
    assert!(of_container.privileged.is_none());
    assert!(container.ports.iter().flatten().all(|port| port.container_port >= 1024 && port.host_port.is_none()));
}

#[test]
fn the_cluster_says_whom_pods_run_as_where_it_wants_to() {
    let mut settings = settings();
    settings.relays.run_as_user = RunAs::Cluster;
    let objects = build(find(&whole()).relay.as_ref().unwrap(), &Sealed::Closed, &settings).unwrap();
    let of_pod = pod(&objects).security_context.as_ref().unwrap();
    assert_eq!((of_pod.run_as_user, of_pod.run_as_group, of_pod.fs_group), (None, None, None));
    assert_eq!(of_pod.run_as_non_root, Some(true));
}

#[test]
fn pods_get_no_token_and_no_secret_in_their_environment() {
    let objects = built(&whole());
    assert_eq!(pod(&objects).automount_service_account_token, Some(false));
    assert_eq!(objects.service_account.automount_service_account_token, Some(false));
    for container in &pod(&objects).containers {
        assert!(container.env_from.is_none());
        for variable in container.env.iter().flatten() {
            let source = variable.value_from.as_ref().unwrap();
            assert!(source.field_ref.is_some() && source.secret_key_ref.is_none() && source.config_map_key_ref.is_none());
        }
    }
    assert_eq!(pod(&objects).service_account_name, objects.service_account.metadata.name);
}

#[test]
fn everything_has_room_and_an_end() {
    let objects = built(&whole());
    let container = &pod(&objects).containers[0];
    let resources = container.resources.as_ref().unwrap();
    assert!(resources.requests.as_ref().unwrap().contains_key("memory") && resources.limits.as_ref().unwrap().contains_key("memory"));
    let scratch = pod(&objects).volumes.iter().flatten().find_map(|volume| volume.empty_dir.as_ref()).unwrap();
    assert!(scratch.size_limit.is_some());
    let budget = objects.disruption_budget.spec.as_ref().unwrap();
    assert_eq!(budget.max_unavailable, Some(IntOrString::Int(1)));
}

/// What a container finds below the mount of the volume: the kubelet's work.
fn mounted(objects: &Objects) -> BTreeMap<String, Vec<u8>> {
    let projected = pod(objects).volumes.iter().flatten().find_map(|volume| volume.projected.as_ref()).unwrap();
    projected.sources.iter().flatten().flat_map(|source| project(source, objects)).collect()
}

fn project(source: &VolumeProjection, objects: &Objects) -> Vec<(String, Vec<u8>)> {
    let (name, items, optional, data) = if let Some(source) = &source.config_map {
        let map = objects.config_maps.iter().find(|map| map.metadata.name.as_ref() == Some(&source.name));
        let data: Option<Vec<_>> =
            map.map(|map| map.data.iter().flatten().map(|(key, value)| (key.clone(), value.clone().into_bytes())).collect());
        (&source.name, &source.items, source.optional, data)
    } else {
        let source = source.secret.as_ref().unwrap();
        let secret = objects.secrets.iter().find(|secret| secret.metadata.name.as_ref() == Some(&source.name));
        let data = secret.map(|secret| secret.data.iter().flatten().map(|(key, value)| (key.clone(), value.0.clone())).collect());
        (&source.name, &source.items, source.optional, data)
    };
    assert!(items.is_none(), "{name}: a file more would change the pods");
    data.unwrap_or_else(|| {
        assert_eq!(optional, Some(true), "{name} is not there");
        Vec::new()
    })
}

#[test]
fn a_pod_reads_exactly_the_files_that_the_contract_names() {
    let inventory = whole();
    let findings = find(&inventory);
    let validated = findings.relay.as_ref().unwrap();
    let contract: BTreeMap<_, _> = files::of(validated).into_iter().map(|(path, file)| (path, file.content)).collect();
    let mut mounted = mounted(&build(validated, &Sealed::Open(identity()), &settings()).unwrap());
    for file in ["identity.crt", "identity.key", "identity-ca.pem"] {
        assert!(mounted.remove(file).is_some(), "{file}");
    }
    assert_eq!(mounted, contract);
    assert!(contract.keys().any(|path| path.starts_with("tls.")) && contract.keys().any(|path| path.starts_with("trust.")));
}

#[test]
fn a_domain_with_all_that_it_may_bring_changes_no_pod() {
    let few = inventory(&[&relay("edge", 25)]);
    let (before, after) = (built(&few), built(&whole()));
    assert_eq!(before.workload, after.workload);
    let names =
        |objects: &Objects| objects.in_order().unwrap().into_iter().map(|object| (object.kind, object.key.name)).collect::<BTreeSet<_>>();
    let new: Vec<_> = names(&after).difference(&names(&before)).map(|(_, name)| name.rsplit_once('-').unwrap().0.to_owned()).collect();
    assert_eq!(new.iter().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(["edge-domains", "edge-files", "edge-keys"]));
}

#[test]
fn no_object_is_empty() {
    let objects = built(&inventory(&[&relay("edge", 25)]));
    assert!(objects.config_maps.iter().all(|map| map.data.is_some()) && objects.secrets.iter().all(|secret| secret.data.is_some()));
    assert_eq!((objects.config_maps.len(), objects.secrets.len()), (2, 2), "the root, the CA; the certificate, the identity");
    assert!(objects.withheld.is_empty());
}

#[test]
fn the_root_is_applied_after_all_that_it_lists() {
    let objects = built(&whole());
    let last = objects.config_maps.last().unwrap();
    assert!(last.data.as_ref().unwrap().contains_key("relay.json"));
}

#[test]
fn a_pod_is_killed_after_all_that_it_may_take_to_end() {
    let relay = format!("{}  termination: {{drainDelaySeconds: 7, gracePeriodSeconds: 90}}\n", relay("edge", 25));
    let objects = built(&inventory(&[&relay]));
    let arguments = pod(&objects).containers[0].args.as_ref().unwrap();
    let seconds = |flag: &str| arguments.iter().find_map(|argument| argument.strip_prefix(flag)?.parse::<i64>().ok()).unwrap();
    assert_eq!((seconds("--drain-delay="), seconds("--grace=")), (7, 90));
    assert_eq!(pod(&objects).termination_grace_period_seconds, Some(7 + 90 + 30));
}

#[test]
fn a_new_pod_takes_connections_before_an_old_one_ends() {
    let objects = built(&whole());
    let strategy = deployment(&objects).spec.as_ref().unwrap().strategy.as_ref().unwrap();
    let rolling = strategy.rolling_update.as_ref().unwrap();
    assert_eq!((&rolling.max_surge, &rolling.max_unavailable), (&Some(IntOrString::Int(1)), &Some(IntOrString::Int(0))));
    assert_eq!(pod(&objects).containers[0].readiness_probe.as_ref().unwrap().http_get.as_ref().unwrap().path.as_deref(), Some("/readyz"));
}

#[test]
fn services_lead_to_the_ports_that_pods_open() {
    let listeners = "  listeners: [{name: mx, role: Inbound, port: 25}, {name: inside, role: Inbound, port: 2525, exposure: Cluster}]\n";
    let relay = relay("edge", 25).replace("  listeners: [{name: mx, role: Inbound, port: 25}]\n", listeners);
    let objects = built(&inventory(&[&relay]));
    let open: BTreeSet<_> = pod(&objects).containers[0].ports.iter().flatten().map(|port| port.container_port).collect();
    let mut leads = Vec::new();
    for service in &objects.services {
        let spec = service.spec.as_ref().unwrap();
        assert_eq!(spec.selector, deployment(&objects).spec.as_ref().unwrap().selector.match_labels);
        for port in spec.ports.iter().flatten() {
            let Some(IntOrString::Int(target)) = port.target_port else { panic!("a name") };
            assert!(open.contains(&target));
            leads.push((service.metadata.name.clone().unwrap(), spec.type_.clone().unwrap(), port.port, target));
        }
    }
    let expected = [("edge-public", "LoadBalancer", 25, 10025), ("edge-cluster", "ClusterIP", 2525, 2525)];
    assert_eq!(leads, expected.map(|(name, type_, port, target)| (name.to_owned(), type_.to_owned(), port, target)));
}

#[test]
fn the_longest_names_are_names() {
    let name = "r".repeat(40);
    let manifests = [relay(&name, 25), domain("a", "example.com", "")];
    let mut inventory = inventory(&[&manifests[0], &manifests[1]]);
    let key = inventory.relays.keys().next().unwrap().clone();
    let relay = inventory.relays.remove(&key).unwrap();
    inventory.relays.insert(Key::new("mail", "edge"), relay);
    let objects = built(&inventory);
    for object in objects.in_order().unwrap() {
        let name = &object.key.name;
        assert!(name.len() <= if object.kind == Kind::Service { 63 } else { 253 }, "{} {name}", object.kind);
        let labels = object.value["metadata"]["labels"].as_object().unwrap();
        assert!(labels.values().all(|value| value.as_str().unwrap().len() <= 63));
    }
}

#[test]
fn what_does_not_fit_into_one_object_is_said_with_its_mend() {
    let mailboxes = |domain: &str| {
        let local = "x".repeat(60);
        (0..256).map(|number| format!("{local}{number}@{domain}")).collect::<Vec<_>>().join(", ")
    };
    let in_one_shard = (0..2000).map(|number| format!("d{number}.{}.example.com", "y".repeat(50)));
    let in_one_shard = in_one_shard.filter(|name| shard_of(&DomainName::parse(name).unwrap()) == "domains-07.json");
    let domains: Vec<_> = in_one_shard
        .take(40)
        .enumerate()
        .map(|(number, name)| domain(&format!("d{number}"), &name, &format!("  recipients: {{blocked: [{}]}}\n", mailboxes(&name))))
        .collect();
    let relay = relay("edge", 25);
    let manifests: Vec<_> = [relay.as_str()].into_iter().chain(domains.iter().map(String::as_str)).collect();
    let inventory = inventory(&manifests);
    let error = build(find(&inventory).relay.as_ref().unwrap(), &Sealed::Closed, &settings()).unwrap_err();
    let BuildError::TooLarge { name, bytes } = &error else { panic!("{error}") };
    assert_eq!(name, "edge-domains-07");
    assert!(*bytes > 1 << 20);
    assert!(error.to_string().ends_with("use fewer domains, or shorter ones, on this relay"), "{error}");
}

#[test]
fn lists_that_find_no_room_anywhere_are_said_with_their_mend() {
    let relay = relay("edge", 25);
    let under = format!("{0}.{0}.example.com", "y".repeat(60));
    let domains = (0..17).map(|number| {
        let list = format!("  recipients: {{validation: List, listRef: {{name: list{number}}}}}\n");
        domain(&format!("d{number}"), &format!("d{number}.{under}"), &list)
    });
    let manifests: Vec<_> = [relay].into_iter().chain(domains).collect();
    let mut inventory = inventory(&manifests.iter().map(String::as_str).collect::<Vec<_>>());
    // 17 lists, each of which fills most of an object.
    for number in 0..17 {
        let list = (0..4000).map(|index| format!("{}{index}@d{number}.{under}", "x".repeat(60))).collect::<Vec<_>>().join("\n");
        let map = ConfigMap { data: Some([("recipients".to_owned(), list)].into()), ..ConfigMap::default() };
        inventory.config_maps.insert(Key::new("mail", &format!("list{number}")), map);
    }
    let error = build(find(&inventory).relay.as_ref().unwrap(), &Sealed::Closed, &settings()).unwrap_err();
    let BuildError::Full { objects, what, .. } = &error else { panic!("{error}") };
    assert!(objects == "edge-files" && what.starts_with("recipients-list"), "{error}");
    assert!(error.to_string().ends_with("use fewer or shorter recipient lists and CA bundles on this relay"), "{error}");
}

#[test]
fn a_pod_that_may_not_hold_what_its_limits_ask_is_refused() {
    let relay = format!("{}  podTemplate: {{resources: {{limits: {{memory: 100Mi}}}}}}\n", relay("edge", 25));
    let inventory = inventory(&[&relay]);
    let blockers = find(&inventory).relay.unwrap_err();
    assert!(blockers[0].to_string().starts_with("spec.podTemplate.resources.limits.memory: a pod needs 128Mi"), "{}", blockers[0]);
}
