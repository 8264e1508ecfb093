//! Where a relay is reached, as its Services tell.

use postern_crds::smtp_relay::{Address, AddressType};
use serde_json::Value;

use crate::{cluster::Child, kind::Kind};

/// How many addresses a status holds.
const MOST: usize = 16;

/// The addresses at which a relay is reached from outside: those that load balancers gave its Services, in the order of the Services' names. When
/// there is none, the addresses of its Services inside the cluster. The addresses of nodes, which a Service of type `NodePort` is reached at, are
/// not among them: the cluster knows them, and they change.
#[must_use]
pub fn addresses(children: &[Child]) -> Vec<Address> {
    let services = || children.iter().filter(|child| child.kind == Kind::Service && !child.terminating);
    let mut found: Vec<_> = services().flat_map(outside).collect();
    if found.is_empty() {
        found = services().flat_map(inside).collect();
    }
    let mut addresses: Vec<Address> = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses.truncate(MOST);
    addresses
}

fn outside(service: &Child) -> Vec<Address> {
    let status: Value = service.status.as_deref().and_then(|status| serde_json::from_slice(status).ok()).unwrap_or_default();
    let ingress = status.pointer("/loadBalancer/ingress").and_then(Value::as_array).cloned().unwrap_or_default();
    ingress
        .iter()
        .filter_map(|point| of(point, "ip", AddressType::IPAddress).or_else(|| of(point, "hostname", AddressType::Hostname)))
        .collect()
}

fn of(point: &Value, field: &str, type_: AddressType) -> Option<Address> {
    Some(Address { type_, value: point.get(field)?.as_str()?.to_owned() })
}

fn inside(service: &Child) -> Vec<Address> {
    let json: Value = serde_json::from_slice(&service.json).unwrap_or_default();
    let addresses = json.pointer("/spec/clusterIPs").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_address = |address: &&str| *address != "None";
    let address = |address: &str| Address { type_: AddressType::IPAddress, value: address.to_owned() };
    addresses.iter().filter_map(Value::as_str).filter(is_address).map(address).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::inventory::Key;

    fn service(name: &str, cluster_ips: &[&str], ingress: &Value) -> Child {
        Child {
            kind: Kind::Service,
            key: Key::new("mail", name),
            uid: String::new(),
            generation: None,
            resource_version: String::new(),
            owner_uid: None,
            managed: true,
            terminating: false,
            json: serde_json::to_vec(&json!({"spec": {"clusterIPs": cluster_ips}})).unwrap().into(),
            status: Some(serde_json::to_vec(&json!({"loadBalancer": {"ingress": ingress}})).unwrap().into()),
        }
    }

    fn shown(services: &[Child]) -> Vec<String> {
        addresses(services).into_iter().map(|address| format!("{:?} {}", address.type_, address.value)).collect()
    }

    #[test]
    fn what_load_balancers_gave_comes_before_all_else() {
        let public =
            service("edge-public", &["10.0.0.1"], &json!([{"ip": "192.0.2.1"}, {"hostname": "lb.example.net"}, {"ip": "192.0.2.1"}]));
        let cluster = service("edge-cluster", &["10.0.0.2", "fd00::2"], &json!(null));
        assert_eq!(shown(&[cluster.clone(), public]), ["IPAddress 192.0.2.1", "Hostname lb.example.net"]);
        assert_eq!(shown(&[cluster]), ["IPAddress 10.0.0.2", "IPAddress fd00::2"]);
    }

    #[test]
    fn a_relay_that_waits_for_its_address_is_reached_inside() {
        assert_eq!(shown(&[service("edge-public", &["10.0.0.1"], &json!([]))]), ["IPAddress 10.0.0.1"]);
        assert_eq!(shown(&[service("edge-public", &["None"], &json!([]))]), Vec::<String>::new());
    }
}
