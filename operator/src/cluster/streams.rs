//! Every watch of the operator.

use std::sync::Arc;

use k8s_openapi::api::{
    core::v1::{Namespace, Node, Pod},
    networking::v1::ServiceCIDR,
};
use kube::{
    Api, Client,
    core::{ApiResource, DynamicObject, PartialObjectMeta},
};
use postern_crds::{AcceptedDomain, SmtpRelay};
use tokio::task::JoinSet;

use super::{
    World,
    liveness::Liveness,
    watch::{Need, Watch, Wire},
    world::Source,
};
use crate::{
    dereference::TargetKind,
    inventory::Readable,
    kind::Kind,
    labels::{MANAGED_BY, OPERATOR, RELAY},
    reference_grant::ReferenceGrant,
};

/// Begins to watch all that the scope of `world` lets be read, and cert-manager's Certificates if `cert_manager` is to be used. The tasks end
/// only with `tasks`, or by a fault of the program.
pub fn watch_everything(client: &Client, world: &Arc<World>, cert_manager: bool, tasks: &mut JoinSet<()>) -> Liveness {
    let is_used = |kind: &Kind| match kind {
        Kind::Secret => false,
        Kind::Certificate => cert_manager,
        _ => true,
    };
    let mut streams = Streams { client, world, tasks, liveness: Liveness::default() };
    let scope = world.scope();
    let places = places(&scope.namespaces);
    for place in &places {
        streams.add::<DynamicObject>(Source::Relays, place.as_deref());
        streams.add::<DynamicObject>(Source::Domains, place.as_deref());
        streams.add::<DynamicObject>(Source::Pods, place.as_deref());
        streams.add::<DynamicObject>(Source::Grants, place.as_deref());
        streams.add::<PartialObjectMeta<DynamicObject>>(Source::Targets(TargetKind::ConfigMap), place.as_deref());
        streams.add::<PartialObjectMeta<DynamicObject>>(Source::Targets(TargetKind::Service), place.as_deref());
        for kind in Kind::ALL.into_iter().filter(is_used) {
            streams.add::<DynamicObject>(Source::Children(kind), place.as_deref());
        }
    }
    for place in self::places(&scope.secrets) {
        streams.add::<PartialObjectMeta<DynamicObject>>(Source::Targets(TargetKind::Secret), place.as_deref());
        streams.add::<DynamicObject>(Source::Children(Kind::Secret), place.as_deref());
    }
    // What belongs to no namespace is only read by an operator that may read all of them.
    if scope.namespaces == Readable::All {
        streams.add::<PartialObjectMeta<DynamicObject>>(Source::Namespaces, None);
        streams.add::<DynamicObject>(Source::Nodes, None);
        streams.add::<DynamicObject>(Source::ServiceRanges, None);
    }
    streams.liveness
}

/// One watch for the whole cluster, or one for each namespace.
fn places(readable: &Readable) -> Vec<Option<String>> {
    match readable {
        Readable::All => vec![None],
        Readable::Only(namespaces) => namespaces.iter().cloned().map(Some).collect(),
    }
}

struct Streams<'a> {
    client: &'a Client,
    world: &'a Arc<World>,
    tasks: &'a mut JoinSet<()>,
    liveness: Liveness,
}

impl Streams<'_> {
    fn add<K: Wire>(&mut self, source: Source, namespace: Option<&str>) {
        let resource = resource(source);
        let name = match namespace {
            Some(namespace) => format!("{} in {namespace}", name(source, &resource)),
            None => name(source, &resource),
        };
        let watch = Watch {
            api: api::<K>(self.client, &resource, namespace),
            source,
            namespace: namespace.map(str::to_owned),
            labels: selector(source),
            need: need(source),
            world: Arc::clone(self.world),
            progress: self.liveness.add(name),
            resource,
        };
        self.tasks.spawn(watch.follow());
    }
}

fn api<K: Wire>(client: &Client, resource: &ApiResource, namespace: Option<&str>) -> Api<K> {
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, resource),
        None => Api::all_with(client.clone(), resource),
    }
}

/// The labels of what is watched; none for all of the kind. Objects are told apart by their owner, who counts more than a label; pods have another.
fn selector(source: Source) -> Option<String> {
    match source {
        Source::Children(_) => Some(RELAY.to_owned()),
        Source::Pods => Some(format!("{RELAY},{MANAGED_BY}={OPERATOR}")),
        _ => None,
    }
}

fn resource(source: Source) -> ApiResource {
    match source {
        Source::Relays => ApiResource::erase::<SmtpRelay>(&()),
        Source::Domains => ApiResource::erase::<AcceptedDomain>(&()),
        Source::Children(kind) => kind.api_resource(),
        Source::Pods => ApiResource::erase::<Pod>(&()),
        Source::Targets(TargetKind::ConfigMap) => Kind::ConfigMap.api_resource(),
        Source::Targets(TargetKind::Secret) => Kind::Secret.api_resource(),
        Source::Targets(TargetKind::Service) => Kind::Service.api_resource(),
        Source::Grants => ApiResource::erase::<ReferenceGrant>(&()),
        Source::Namespaces => ApiResource::erase::<Namespace>(&()),
        Source::Nodes => ApiResource::erase::<Node>(&()),
        Source::ServiceRanges => ApiResource::erase::<ServiceCIDR>(&()),
    }
}

fn need(source: Source) -> Need {
    match source {
        Source::Grants => Need::IfServed,
        Source::Nodes | Source::ServiceRanges | Source::Children(Kind::Certificate) => Need::IfAllowed,
        _ => Need::Required,
    }
}

fn name(source: Source, resource: &ApiResource) -> String {
    let what = match source {
        Source::Targets(_) => "referenced",
        Source::Children(_) => "made",
        _ => return resource.kind.clone(),
    };
    format!("{} ({what})", resource.kind)
}
