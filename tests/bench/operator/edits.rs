//! How soon an edit of a domain is in the objects of its relay.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams, WatchEvent, WatchParams},
};
use postern_crds::AcceptedDomain;
use postern_tests::poll;
use serde_json::json;
use tokio::time::sleep;

use crate::stock::{Place, Stock};

/// From one edit to the next: as people and their tools do, one after the other.
const PACE: Duration = Duration::from_millis(200);

/// Makes `edits` of domains, one after the other and spread over all relays. How long each took, shortest first.
pub(crate) async fn time(stock: &Stock, edits: u32) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    let relays = stock.relays.len();
    let count = usize::try_from(edits)?;
    for edit in 0..count {
        let place = &stock.relays[edit * relays.div_ceil(count) % relays];
        latencies.push(one(stock, place, edit).await?);
        sleep(PACE).await;
    }
    latencies.sort();
    Ok(latencies)
}

/// From the moment at which the edit is sent to the moment at which the last object that it changes is seen to be written: the root of the
/// relay's configuration, after the ConfigMap with the domain.
async fn one(stock: &Stock, place: &Place, edit: usize) -> Result<Duration> {
    let maps: Api<ConfigMap> = Api::namespaced(stock.client.clone(), &place.namespace);
    let params = WatchParams::default().labels(&format!("postern.dev/relay={}", place.relay));
    // From any version: all that is there is told first.
    let mut events = maps.watch(&params, "0").await?.boxed();
    let domains: Api<AcceptedDomain> = Api::namespaced(stock.client.clone(), &place.namespace);
    let domain = &place.domains[edit % place.domains.len()];
    let (mark, root) = (format!("edit-{edit}.internal.example.com"), format!("{}-config", place.relay));
    let patch = json!({ "spec": { "nextHops": [{ "host": mark, "port": 25 }] } });
    let began = Instant::now();
    domains.patch(domain, &PatchParams::default(), &Patch::Merge(&patch)).await?;
    let mut is_marked = false;
    loop {
        let event = poll::within("an edit to be applied", events.next()).await?.context("the watch ended")??;
        match event {
            WatchEvent::Added(map) | WatchEvent::Modified(map) => {
                is_marked |= map.data.iter().flatten().any(|(_, text)| text.contains(&mark));
                if is_marked && map.name_any() == root {
                    return Ok(began.elapsed());
                }
            }
            WatchEvent::Error(status) => bail!("the watch failed: {}", status.message),
            WatchEvent::Deleted(_) | WatchEvent::Bookmark(_) => {}
        }
    }
}
