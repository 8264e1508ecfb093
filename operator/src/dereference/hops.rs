//! The hosts of next hops.

use k8s_openapi::api::core::v1::Service;
use postern_crds::accepted_domain::NextHop;

use super::{Context, Fault, ReferenceProblem, Target, TargetKind, grant::Referrer};

/// The host of a next hop: the one that it names, or that of the Service that it refers to.
pub(super) fn lookup(context: Context<'_>, domain: Referrer<'_>, hop: &NextHop, field: &str) -> Result<String, ReferenceProblem> {
    let Some(reference) = &hop.service_ref else {
        // The schema holds that one of the two is there.
        return Ok(hop.host.clone().unwrap_or_default());
    };
    let key = domain.key.refer(&reference.namespace, &reference.name);
    let host = format!("{}.{}.svc.{}", key.name, key.namespace, context.cluster_domain);
    let found = context.may_refer(domain, TargetKind::Service, &key).and_then(|()| context.service(&key));
    let checked = found.and_then(|service| service.try_map(|service| has_port(service, hop.port)));
    let field = format!("{field}.serviceRef");
    checked.map(|_| host).map_err(|fault| ReferenceProblem { field, target: Target { kind: TargetKind::Service, key }, fault })
}

fn has_port(service: &Service, port: i32) -> Result<(), Fault> {
    let spec = service.spec.as_ref();
    let ports: Vec<_> = spec.and_then(|spec| spec.ports.as_ref()).into_iter().flatten().map(|port| port.port).collect();
    // A Service that stands for a name elsewhere need not list ports.
    let is_alias = spec.and_then(|spec| spec.type_.as_deref()) == Some("ExternalName");
    if ports.contains(&port) || (is_alias && ports.is_empty()) { Ok(()) } else { Err(Fault::NoPort { port, ports }) }
}
