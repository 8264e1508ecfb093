//! What is left of a domain that does not have the form of its kind: enough to keep its mail waiting, and not to refuse it.

use postern_crds::AcceptedDomain;
use serde_json::{Value, json};

/// The domain with its name, its relays and its status alone, and no next hop, so that no relay can serve it. Nothing when not even these can be
/// read.
#[must_use]
pub fn salvage(resource: &Value) -> Option<AcceptedDomain> {
    let spec = &resource["spec"];
    let mut left = json!({
        "apiVersion": resource["apiVersion"],
        "kind": resource["kind"],
        "metadata": resource["metadata"],
        "spec": {
            "relayRefs": spec["relayRefs"],
            "domain": spec["domain"],
            "includeSubdomains": spec["includeSubdomains"].as_bool().unwrap_or_default(),
            "type": "Authoritative",
            "nextHops": [],
        },
    });
    let bare = serde_json::from_value(left.clone()).ok();
    left["status"] = resource["status"].clone();
    serde_json::from_value(left).ok().or(bare)
}
