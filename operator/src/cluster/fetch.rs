//! Reads what resources refer to.

use std::{sync::Arc, time::Duration};

use kube::{Api, Client};
use tokio::{sync::Semaphore, time::timeout};

use super::{
    World,
    queue::{Outcome, Queue},
    world::{Target, TargetObject},
};
use crate::dereference::TargetKind;

/// Reads at once.
const READS: usize = 8;
/// For one read.
const ANSWER: Duration = Duration::from_secs(15);

/// Reads each target that is queued, and tells `world` what it found. For ever.
pub async fn fetch_targets(client: Client, world: Arc<World>, queue: Arc<Queue<Target>>) {
    let places = Arc::new(Semaphore::new(READS));
    // The semaphore is never closed.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let job = queue.next().await;
        let (client, world) = (client.clone(), Arc::clone(&world));
        tokio::spawn(async move {
            let target = job.key().clone();
            let outcome = if world.is_readable(&target) { fetch(client, &world, &target).await } else { Outcome::Settled };
            job.end(outcome);
            drop(place);
        });
    }
}

async fn fetch(client: Client, world: &World, target: &Target) -> Outcome {
    let (kind, key) = target;
    match timeout(ANSWER, get(client, target)).await {
        Ok(Ok(object)) => {
            world.read_target(target, object);
            Outcome::Settled
        }
        Ok(Err(error)) => {
            tracing::warn!(?kind, object = %key, %error, "can't read what a resource refers to");
            Outcome::Failed
        }
        Err(_) => {
            tracing::warn!(?kind, object = %key, "can't read what a resource refers to: the API server does not answer");
            Outcome::Failed
        }
    }
}

async fn get(client: Client, (kind, key): &Target) -> kube::Result<Option<TargetObject>> {
    let (namespace, name) = (&key.namespace, &key.name);
    Ok(match kind {
        TargetKind::Secret => Api::namespaced(client, namespace).get_opt(name).await?.map(TargetObject::Secret),
        TargetKind::ConfigMap => Api::namespaced(client, namespace).get_opt(name).await?.map(TargetObject::ConfigMap),
        TargetKind::Service => Api::namespaced(client, namespace).get_opt(name).await?.map(Box::new).map(TargetObject::Service),
    })
}
