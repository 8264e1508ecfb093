//! On two real nodes: relays with a queue on each storage, made from the samples, deliver to the exchangers of the Internet; and whatever happens to
//! their pods, what was taken arrives, as docs/storage.md promises for each.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use futures::future::try_join_all;
use postern_tests::{
    cluster::mail::certificate,
    node::{
        Node, SECOND,
        queue::{HOSTNAME, Queue, REPLICAS, SOME, Storage},
        relay::Relay,
        release, samples, say,
        world::{self, Arrivals, World},
    },
    pki::Authority,
    poll,
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_arrives_whatever_happens_to_the_pods() -> Result<()> {
    let Some((_folder, node)) = Node::start_two_if_possible()? else { return Ok(()) };
    let outcome = whatever_happens(&node).await;
    if outcome.is_err() {
        release::say_what_pods_say(&node).await;
    }
    outcome
}

async fn whatever_happens(node: &Node) -> Result<()> {
    let mut world = World::start(node.internet()).await?;
    release::make_namespace(node).await?;
    release::install(node).await?;
    let stage = Stage::set(node, &world).await?;

    stage.delivers_to_the_exchanger(&world).await?;
    stage.tells_at_once_what_does_not_exist().await?;
    stage.scales_under_load(&world).await?;
    stage.rolls_to_another_image_under_load().await?;
    stage.outlives_crashes(&world).await?;
    stage.outlives_a_kubelet_that_hangs().await?;
    stage.rests_without_pods().await?;
    stage.goes_on_after_it_was_deleted().await?;
    let doomed = stage.outlives_a_node().await?;
    world.open_late_exchanger().await?;
    stage.delivers_all(&world, &doomed).await?;
    stage.loses_what_an_empty_dir_promises_to_nobody().await
}

/// One relay for each storage.
struct Stage<'a> {
    node: &'a Node,
    queues: [Queue<'a>; 3],
}

impl<'a> Stage<'a> {
    /// Applies the samples, with what they ask to be filled in, and waits until all is ready.
    async fn set(node: &'a Node, world: &World) -> Result<Self> {
        make_volumes(node).await?;
        let authority = Authority::new("Out CA")?;
        let shown = authority.server(&[HOSTNAME])?;
        node.apply(release::NAMESPACE, &certificate("submission-tls", shown.pem(), &shown.key_pem())).await?;
        let outbound = samples::outbound()?;
        // The user of all of them is in this one.
        node.apply(release::NAMESPACE, &outbound).await?;
        let shared = samples::shared(world.database().await)?;
        let queue = |name, storage, manifest| {
            let relay = Relay { node, name };
            Queue::apply(relay, storage, manifest, &authority)
        };
        let queues = tokio::try_join!(
            queue("out", Storage::PersistentVolume, outbound),
            queue("brief", Storage::EmptyDir, samples::brief()?),
            queue("shared", Storage::Postgres, shared),
        )?;
        say(&node.kubectl_says(&["get", "--namespace", release::NAMESPACE, "srelay,statefulsets,deployments,pvc"]).await?);
        Ok(Self { node, queues: queues.into() })
    }

    /// Does the same with each relay at once.
    async fn each(&self, work: impl AsyncFn(&Queue<'a>) -> Result<()>) -> Result<()> {
        try_join_all(self.queues.iter().map(|queue| async { work(queue).await.with_context(|| format!("{:?}", queue.storage)) }))
            .await
            .map(drop)
    }

    /// The same with those whose queue outlives all pods.
    async fn each_durable(&self, work: impl AsyncFn(&Queue<'a>) -> Result<()>) -> Result<()> {
        self.each(async |queue| if queue.storage.outlives_pods() { work(queue).await } else { Ok(()) }).await
    }

    async fn delivers_to_the_exchanger(&self, world: &World) -> Result<()> {
        self.each(async |queue| {
            let subject = format!("first of {:?}", queue.storage);
            let reply = queue.submit(world::REACHED, &subject).await?;
            ensure!(reply.starts_with("250 2.0.0 Queued as "), "answered {reply}");
            let mail = world.mail(&subject).await?;
            ensure!(mail.contains("with ESMTPSA id "), "not submitted: {mail}");
            ensure!(mail.contains("using TLSv1.3"), "the exchanger was not reached by TLS: {mail}");
            let durable = queue.relay.condition("SpoolDurable").await?;
            ensure!((durable == "True") == queue.storage.outlives_pods(), "SpoolDurable={durable}");
            Ok(())
        })
        .await
    }

    async fn tells_at_once_what_does_not_exist(&self) -> Result<()> {
        self.each(async |queue| {
            let reply = queue.submit(world::NOWHERE, "to nowhere").await?;
            ensure!(reply.starts_with("550 5.1.2 "), "answered {reply}");
            Ok(())
        })
        .await
    }

    /// Pods come and go; each that goes hands over what waits, so that the last one has all of it.
    ///
    /// With two nodes the load balancer's address moves to where pods are, which cuts sessions; that nothing else does, `node_runs_the_gate` shows.
    async fn scales_under_load(&self, world: &World) -> Result<()> {
        self.each(async |queue| {
            let scale = async || {
                queue.relay.scale(4).await?;
                queue.relay.scale(1).await
            };
            queue.under_load("scale", scale).await
        })
        .await?;
        self.each(async |queue| queue.has_what_has_not_arrived(world).await).await?;
        self.each(async |queue| queue.relay.scale(REPLICAS).await).await
    }

    async fn rolls_to_another_image_under_load(&self) -> Result<()> {
        let before = self.uids().await?;
        let rolled = release::upgrade(self.node);
        let loads = self.each(async |queue| {
            let roll = async || {
                let others = async || queue.uids().await.ok().filter(|now| now.len() == REPLICAS && now.is_disjoint(&before));
                poll::now_and_then("other pods", others).await?;
                queue.relay.is_rolled_out().await
            };
            queue.under_load("image", roll).await
        });
        tokio::try_join!(rolled, loads).map(drop)
    }

    /// Containers are killed, pods deleted without grace, and the database stopped and killed.
    async fn outlives_crashes(&self, world: &World) -> Result<()> {
        self.each(async |queue| {
            let crash = async || {
                queue.crash_any().await?;
                if queue.storage.outlives_pods() {
                    queue.delete_a_pod_without_grace().await?;
                }
                if queue.storage == Storage::Postgres {
                    world.restart_database().await?;
                    queue.takes_mail().await?;
                    world.crash_database().await?;
                    queue.takes_mail().await?;
                }
                queue.relay.is_rolled_out().await
            };
            queue.under_load("crash", crash).await
        })
        .await
    }

    /// A kubelet does nothing for so long that the cluster gives its pods up. Their processes go on until it comes to itself and ends them; where
    /// the queue outlives a pod, they crash meanwhile.
    async fn outlives_a_kubelet_that_hangs(&self) -> Result<()> {
        let ([volume, brief, shared], first) = (&self.queues, self.node.names[0]);
        let scale = async || tokio::try_join!(brief.relay.scale(4), shared.relay.scale(4)).map(drop);
        self.cordoned(first, scale).await?;
        volume.relay.scale(4).await?;
        self.each(async |queue| {
            let submitted = queue.submit_to_pod_on(SECOND, "before the kubelet hangs").await?;
            queue.accepted.lock().await.extend(submitted);
            Ok(())
        })
        .await?;
        self.signal_kubelet("STOP").await?;
        self.each_durable(async |queue| queue.kill(queue.pods_on(SECOND).await?.first().context("no pod")?, SECOND).await).await?;
        self.second_is("Unknown").await?;
        self.each(async |queue| queue.is_given_up_on(SECOND).await).await?;
        self.signal_kubelet("CONT").await?;
        self.second_is("True").await?;
        self.each(async |queue| queue.relay.is_rolled_out().await).await
    }

    /// Without pods the queue waits: where each pod has a volume, until as many are back; then those that go hand over.
    async fn rests_without_pods(&self) -> Result<()> {
        self.each_durable(async |queue| {
            queue.relay.wants(0).await?;
            queue.relay.scale(4).await?;
            queue.relay.scale(REPLICAS).await
        })
        .await
    }

    /// A relay that is made again under its name has the queue that the deleted one left.
    async fn goes_on_after_it_was_deleted(&self) -> Result<()> {
        self.each_durable(async |queue| {
            queue.end().await?;
            if queue.storage == Storage::PersistentVolume {
                queue.tells_what_volumes_stay().await?;
            }
            queue.make().await
        })
        .await
    }

    /// The power of a node fails, for good as far as the cluster knows; later it boots again. What was on it and nowhere else is on its volume, or
    /// lost: those are given.
    async fn outlives_a_node(&self) -> Result<BTreeSet<String>> {
        let [volume, brief, shared] = &self.queues;
        let [first, second] = self.node.names else { bail!("not two nodes") };
        // What the short-lived queue has so far is to stay, so that a loss is no accident.
        brief.relay.scale(1).await?;
        self.cordoned(second, async || brief.moves_from(second).await).await?;
        self.cordoned(first, async || brief.relay.scale(2).await).await?;
        let doomed = brief.submit_to_pod_on(second, "before the node is lost").await?;
        volume.accepted.lock().await.extend(volume.submit_to_pod_on(second, "before the node is lost").await?);
        let loads = [volume.load("node").await?, shared.load("node").await?];
        for load in &loads {
            load.flows(SOME).await?;
        }
        self.node.lose_second().await?;
        self.second_is("Unknown").await?;
        // The cluster gives the node's pods up, and those that have nothing there start elsewhere.
        self.each(async |queue| queue.is_given_up_on(second).await).await?;
        let elsewhere = async || (shared.pods_on(first).await.ok()?.len() == REPLICAS).then_some(());
        poll::now_and_then("pods on the other node", elsewhere).await?;
        for load in &loads {
            load.flows(SOME).await?;
        }
        self.node.revive_second().await?;
        self.each(async |queue| queue.relay.is_rolled_out().await).await?;
        for (queue, load) in [volume, shared].into_iter().zip(loads) {
            load.flows(SOME).await?;
            queue.enter("a node lost", load).await?;
        }
        Ok(doomed)
    }

    /// Does something while no new pod comes to a node.
    async fn cordoned(&self, node: &str, work: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
        self.node.kubectl_says(&["cordon", node]).await?;
        work().await?;
        self.node.kubectl_says(&["uncordon", node]).await.map(drop)
    }

    /// Once the exchanger is there for which so much has waited, everything arrives, but for what a storage had promised to nobody.
    async fn delivers_all(&self, world: &World, doomed: &BTreeSet<String>) -> Result<()> {
        let mut arrivals = Arrivals::default();
        let mut lost = Vec::new();
        for queue in &self.queues {
            let accepted = queue.accepted.lock().await;
            let missing =
                |arrivals: &Arrivals| accepted.iter().filter(|id| !arrivals.counts.contains_key(*id)).cloned().collect::<Vec<_>>();
            let all = poll::now_and_then("all mail to arrive", async || {
                // It may go on waiting for its time: an administrator does not.
                queue.retry_all().await.ok()?;
                world.look(&mut arrivals).ok()?;
                missing(&arrivals).is_empty().then_some(())
            });
            // What is missing says more than that time is up.
            let _ = all.await;
            let missing = missing(&arrivals);
            say(&format!("{:?}: {} accepted, {} of them lost", queue.storage, accepted.len(), missing.len()));
            lost.extend(missing);
        }
        let came = doomed.iter().filter(|id| arrivals.counts.contains_key(*id)).count();
        say(&format!("all storages: {} arrived, {} duplicates", arrivals.counts.len(), arrivals.duplicates()));
        say(&format!("EmptyDir, on the node that was lost: {} accepted, {} lost", doomed.len(), doomed.len() - came));
        ensure!(lost.is_empty(), "accepted and lost: {lost:?}");
        ensure!(came == 0, "docs/storage.md says that mail of an EmptyDir is lost with its node");
        Ok(())
    }

    /// docs/storage.md says so, and this is no less than it says: the last pod has nobody to hand over to.
    async fn loses_what_an_empty_dir_promises_to_nobody(&self) -> Result<()> {
        let [_, brief, _] = &self.queues;
        brief.relay.scale(1).await?;
        brief.queue_what_can_not_leave().await?;
        brief.relay.wants(0).await?;
        brief.relay.scale(1).await?;
        ensure!(brief.queued().await? == 0, "docs/storage.md says that this mail is lost");
        brief.queue_what_can_not_leave().await?;
        brief.end().await?;
        brief.make().await?;
        ensure!(brief.queued().await? == 0, "docs/storage.md says that this mail is lost");
        Ok(())
    }

    async fn uids(&self) -> Result<BTreeSet<String>> {
        Ok(try_join_all(self.queues.iter().map(Queue::uids)).await?.into_iter().flatten().collect())
    }

    async fn signal_kubelet(&self, signal: &str) -> Result<()> {
        let sent = self.node.inside_of(SECOND, ["pkill", &format!("-{signal}"), "-x", "kubelet"]).await?;
        ensure!(sent.success, "the kubelet got no SIG{signal}: {sent}");
        Ok(())
    }

    /// Waits until the cluster says so of the second node's being ready.
    async fn second_is(&self, ready: &str) -> Result<()> {
        let (condition, node) = (format!("--for=condition=Ready={ready}"), format!("node/{SECOND}"));
        self.node.kubectl_says(&["wait", &condition, "--timeout=150s", &node]).await.map(drop)
    }
}

/// Volumes of the nodes, in turn, for the pods of the relay `out`. They have no class, as claims without one want where the cluster has no default.
async fn make_volumes(node: &Node) -> Result<()> {
    for number in 0..4 {
        let (path, place) = (format!("/var/lib/volumes/{number}"), node.names[number % node.names.len()]);
        let made = node.inside_of(place, ["mkdir", "-p", &path]).await?;
        ensure!(made.success, "no folder for a volume: {made}");
        let terms = json!([{ "matchExpressions": [{ "key": "kubernetes.io/hostname", "operator": "In", "values": [place] }] }]);
        let volume = json!({
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": { "name": format!("volume-{number}") },
            "spec": {
                "capacity": { "storage": "20Gi" },
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Retain",
                "claimRef": { "namespace": release::NAMESPACE, "name": format!("queue-out-relay-{number}") },
                "local": { "path": path },
                "nodeAffinity": { "required": { "nodeSelectorTerms": terms } },
            },
        });
        node.apply(release::NAMESPACE, &volume.to_string()).await?;
    }
    Ok(())
}
