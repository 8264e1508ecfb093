//! On two real nodes: relays with a queue on each storage, made from the samples, deliver to the exchangers of the Internet; and whatever happens to
//! their pods, what was taken arrives, as docs/storage.md promises for each.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use futures::future::try_join_all;
use postern_tests::{
    chart::repository,
    client::{Client, Trust},
    cluster::mail::certificate,
    node::{
        Node, SECOND,
        relay::Relay,
        release, say,
        traffic::{Login, Route, Traffic},
        world::{self, Arrivals, World},
    },
    pki::Authority,
    poll,
};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// The name of the relays, as the samples have it.
const HOSTNAME: &str = "out.example.com";
/// The user of the samples, and its password.
const USER: (&str, &str) = ("billing", "correct horse battery staple");
/// Whom it may send as.
const SENDER: &str = "billing@example.com";
/// The port of the pods for their listener on 587.
const POD_PORT: u16 = 10_587;
/// Messages that are to be taken before and after something happens.
const SOME: u64 = 15;
/// The pods of each relay, when nothing else is asked for.
const REPLICAS: usize = 2;

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

/// Where a relay has its queue, and what it therefore promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Storage {
    /// Gone with the pod, unless it ends in peace beside another.
    EmptyDir,
    /// Of each pod.
    PersistentVolume,
    /// Shared.
    Postgres,
}

impl Storage {
    fn outlives_pods(self) -> bool {
        self != Self::EmptyDir
    }
}

/// A relay with a queue.
struct Queue<'a> {
    relay: Relay<'a>,
    storage: Storage,
    /// What it is made from.
    manifest: String,
    trust: Trust,
    /// Message-Ids of what it has answered 250.
    accepted: Mutex<BTreeSet<String>>,
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
        let outbound = sample("outbound.yaml")?;
        let brief = replaced(&outbound, "{name: out, ", "{name: brief, ")?;
        let brief =
            replaced(&brief, "storage: PersistentVolume\n    persistentVolume: {size: 20Gi}", "storage: EmptyDir\n    emptyDir: {}")?;
        // This one does not ask by way of the cluster.
        let dns = format!("\n  dns: {{servers: [{{address: {}}}]}}\n  spool:\n", world::NAME_SERVER);
        let brief = replaced(&brief, "\n  spool:\n", &dns)?;
        // The user of all of them is in this one.
        node.apply(release::NAMESPACE, &outbound).await?;
        let shared = shared(world.database().await)?;
        let queue = |name, storage, manifest| {
            let relay = Relay { node, name };
            Queue::apply(relay, storage, manifest, &authority)
        };
        let queues = tokio::try_join!(
            queue("out", Storage::PersistentVolume, outbound),
            queue("brief", Storage::EmptyDir, brief),
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

impl<'a> Queue<'a> {
    async fn apply(relay: Relay<'a>, storage: Storage, manifest: String, authority: &Authority) -> Result<Self> {
        let trust = Trust::new(authority, HOSTNAME)?;
        let queue = Self { relay, storage, manifest, trust, accepted: Mutex::default() };
        queue.make().await?;
        Ok(queue)
    }

    /// Applies its manifest, and lets its user send as much as it likes.
    async fn make(&self) -> Result<()> {
        self.relay.node.apply(release::NAMESPACE, &self.manifest).await?;
        let rate = json!({ "stringData": { "messagesPerMinute": "100000" } }).to_string();
        self.relay.kubectl(&["patch", "secret", "billing-app", "--type=merge", "--patch", &rate]).await?;
        self.relay.is_rolled_out().await
    }

    /// Deletes it, and waits until its pods are gone.
    async fn end(&self) -> Result<()> {
        self.relay.kubectl(&["delete", "smtprelay", self.relay.name]).await?;
        poll::now_and_then("the pods to go", async || self.relay.pods().await.ok()?.is_empty().then_some(())).await
    }

    /// Puts a mail into an empty queue whose exchanger is never there.
    async fn queue_what_can_not_leave(&self) -> Result<()> {
        let reply = self.submit(world::UNREACHABLE, "never to arrive").await?;
        ensure!(reply.starts_with("250 "), "answered {reply}");
        ensure!(self.queued().await? == 1, "the mail is not in the queue");
        Ok(())
    }

    /// Where the Internet finds it.
    async fn address(&self) -> Result<SocketAddr> {
        Ok(SocketAddr::new(self.relay.address().await?, 587))
    }

    /// Submits a mail from the Internet as the user; the reply that ended it.
    async fn submit(&self, recipient: &'static str, subject: &str) -> Result<String> {
        let (address, trust, content) = (self.address().await?, self.trust.clone(), format!("Subject: {subject}\r\n\r\n{subject}\r\n"));
        let internet = self.relay.node.internet();
        let reply = internet.run(move || async move {
            // The node is told of a pod that is ready, and then lets the load balancer's address lead there: a moment later.
            let mut client = poll::until("the first connection", async || Client::ready(address, &trust).await.ok()).await?;
            client.log_in(USER.0, USER.1).await?;
            client.mail(SENDER, recipient, &content).await
        });
        Ok(reply.await?.to_string())
    }

    /// Does something while users keep submitting, and enters what they were told.
    async fn under_load(&self, name: &str, work: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
        let traffic = self.load(name).await?;
        traffic.flows(SOME).await?;
        work().await?;
        traffic.flows(SOME).await?;
        self.enter(name, traffic).await
    }

    /// Ends the users, and enters what they were told.
    async fn enter(&self, name: &str, traffic: Traffic) -> Result<()> {
        let ledger = traffic.stop().await?;
        let put_off: BTreeSet<&str> = ledger.put_off.iter().map(String::as_str).collect();
        say(&format!(
            "{:?}, {name}: {} accepted, {} put off {put_off:?}, {} cut, {} connections not made",
            self.storage,
            ledger.accepted.len(),
            ledger.put_off.len(),
            ledger.cut.len(),
            ledger.unreachable.len()
        ));
        self.accepted.lock().await.extend(ledger.accepted);
        Ok(())
    }

    /// Users whose mail goes to an exchanger that is there, and to one that is not, in turn.
    async fn load(&self, name: &str) -> Result<Traffic> {
        let login = Login { user: USER.0.to_owned(), password: USER.1.to_owned() };
        let route = Route {
            target: self.address().await?,
            login: Some(login),
            from: SENDER.to_owned(),
            to: [world::REACHED, world::WAITING].map(str::to_owned).to_vec(),
            senders: 2,
            pause: Duration::from_millis(200),
            // Nobody ends a connection to a node that is gone.
            patience: Duration::from_secs(20),
        };
        Ok(Traffic::start(&self.relay.node.internet(), &format!("{}-{}", self.relay.name, name.replace(' ', "-")), route, &self.trust))
    }

    /// Waits until a mail is taken.
    async fn takes_mail(&self) -> Result<()> {
        poll::now_and_then("mail to be taken", async || self.submit(world::REACHED, "again").await.ok()?.starts_with("250 ").then_some(()))
            .await
    }

    /// Fails when any mail that was taken is neither in an exchanger's mailbox nor in the queue of a pod.
    async fn has_what_has_not_arrived(&self, world: &World) -> Result<()> {
        let accepted = self.accepted.lock().await;
        let (mut arrivals, mut last) = (Arrivals::default(), String::new());
        let complete = poll::now_and_then("what is not delivered to be in the queue", async || {
            let queued = self.queued().await.ok()?;
            world.look(&mut arrivals).ok()?;
            let waiting = accepted.iter().filter(|id| !arrivals.counts.contains_key(*id)).count();
            last = format!("{} accepted, {waiting} not arrived, {queued} queued", accepted.len());
            // One that is being delivered may be counted in both places.
            (waiting > 0 && queued == waiting).then_some(())
        });
        complete.await.with_context(|| last.clone())?;
        say(&format!("{:?}, {} pod: {last}", self.storage, self.relay.pods().await?.len()));
        Ok(())
    }

    /// Messages in the queues of all pods.
    async fn queued(&self) -> Result<usize> {
        let mut queued = 0;
        for pod in self.relay.pods().await? {
            let here = self.queued_in(&pod).await?;
            // A shared queue is the same for each pod.
            queued = if self.storage == Storage::Postgres { here } else { queued + here };
        }
        Ok(queued)
    }

    async fn queued_in(&self, pod: &str) -> Result<usize> {
        let stats: Value = serde_json::from_str(&self.tool(pod, &["stats", "--output", "json"]).await?)?;
        Ok(usize::try_from(stats["messages"].as_u64().context("no messages")?)?)
    }

    /// Makes everything due.
    async fn retry_all(&self) -> Result<()> {
        for pod in self.relay.pods().await? {
            self.tool(&pod, &["retry", "--all", "--yes"]).await?;
        }
        Ok(())
    }

    /// `postern-relay queue` in a pod; what it said.
    async fn tool(&self, pod: &str, words: &[&str]) -> Result<String> {
        self.relay.kubectl(&[&["exec", pod, "--", "postern-relay", "queue"], words].concat()).await
    }

    async fn uids(&self) -> Result<BTreeSet<String>> {
        let uids = self.relay.pods_as("jsonpath={.items[*].metadata.uid}").await?;
        Ok(uids.split_whitespace().map(str::to_owned).collect())
    }

    /// Its pods on a node that nobody has told to end.
    async fn pods_on(&self, node: &str) -> Result<Vec<String>> {
        let pods: Value = serde_json::from_str(&self.relay.pods_as("json").await?)?;
        let items = pods["items"].as_array().context("no list")?.iter();
        let there = items.filter(|pod| pod["spec"]["nodeName"] == node && pod["metadata"]["deletionTimestamp"].is_null());
        Ok(there.filter_map(|pod| Some(format!("pod/{}", pod["metadata"]["name"].as_str()?))).collect())
    }

    /// Waits until the cluster has told all of its pods on a node to end.
    async fn is_given_up_on(&self, node: &str) -> Result<()> {
        poll::now_and_then("the node's pods to be given up", async || self.pods_on(node).await.ok()?.is_empty().then_some(())).await
    }

    /// Deletes its pods on a node, which hand over what they have.
    async fn moves_from(&self, node: &str) -> Result<()> {
        for pod in self.pods_on(node).await? {
            self.relay.kubectl(&["delete", &pod]).await?;
        }
        self.relay.is_rolled_out().await
    }

    /// Submits mail, for which no exchanger is there, to one pod of it; the Message-Ids.
    async fn submit_to_pod_on(&self, node: &str, when: &str) -> Result<BTreeSet<String>> {
        let pod = self.pods_on(node).await?.pop().context("no pod")?;
        let address = self.relay.kubectl(&["get", &pod, "--output", "jsonpath={.status.podIP}"]).await?;
        let (address, trust) = (SocketAddr::new(address.parse()?, POD_PORT), self.trust.clone());
        let name = format!("{}-{}", self.relay.name, when.replace(' ', "-"));
        let network = self.relay.node.network_of(self.relay.node.names[0]);
        let submitted = network.run(move || async move {
            let mut client = Client::ready(address, &trust).await?;
            client.log_in(USER.0, USER.1).await?;
            let mut ids = BTreeSet::new();
            for number in 0..10 {
                let id = format!("{name}.{number}@node.test");
                let reply = client.mail(SENDER, world::WAITING, &format!("Message-Id: <{id}>\r\n\r\nof one pod\r\n")).await?;
                ensure!(reply.code == 250, "answered {reply}");
                ids.insert(id);
            }
            Ok(ids)
        });
        submitted.await
    }

    /// Kills the process of any pod, and waits until the kubelet has started it again.
    async fn crash_any(&self) -> Result<()> {
        for node in self.relay.node.names {
            let Some(pod) = self.pods_on(node).await?.pop() else { continue };
            let count = "jsonpath={.status.containerStatuses[0].restartCount}";
            let restarts = async || self.relay.kubectl(&["get", &pod, "--output", count]).await;
            let before = restarts().await?;
            self.kill(&pod, node).await?;
            return poll::now_and_then("a restart", async || (restarts().await.ok()? != before).then_some(())).await;
        }
        bail!("no pod")
    }

    /// Kills the process of a pod, without a word.
    async fn kill(&self, pod: &str, node: &str) -> Result<()> {
        let pod = pod.strip_prefix("pod/").context("no pod")?;
        let script = format!(
            "for id in $(pidof postern-relay); do
                tr '\\0' '\\n' < /proc/$id/environ | grep -qx HOSTNAME={pod} && kill -9 $id && killed=1
            done; test \"$killed\""
        );
        let killed = self.relay.node.inside_of(node, ["sh", "-c", &script]).await?;
        ensure!(killed.success, "nothing was killed in {pod}: {killed}");
        Ok(())
    }

    async fn delete_a_pod_without_grace(&self) -> Result<()> {
        let before = self.uids().await?;
        let pod = self.relay.pods().await?.pop_first().context("no pod")?;
        self.relay.kubectl(&["delete", &pod, "--grace-period=0", "--force"]).await?;
        let replaced = async || self.uids().await.ok().filter(|now| now.len() == REPLICAS && *now != before);
        poll::now_and_then("another pod", replaced).await.map(drop)
    }

    /// An event says which volumes stay, and they do.
    async fn tells_what_volumes_stay(&self) -> Result<()> {
        poll::now_and_then("an event on the volumes", async || {
            let events =
                self.relay.kubectl(&["get", "events", "--field-selector", "reason=VolumeRetained", "--output", "name"]).await.ok()?;
            (!events.trim().is_empty()).then_some(())
        })
        .await?;
        let claims = self.relay.kubectl(&["get", "pvc", "--output", "name"]).await?;
        ensure!(claims.lines().count() >= REPLICAS, "volumes are gone: {claims}");
        Ok(())
    }
}

/// The sample of a shared queue, in the database of the world.
fn shared(database: SocketAddr) -> Result<String> {
    let text = sample("shared-queue.yaml")?;
    let certificate = "  tls: {certificate: {secretRef: {name: submission-tls}}}\n";
    let changes = [
        ("{name: out, ", "{name: shared, "),
        ("  replicas: 4\n", &format!("  replicas: {REPLICAS}\n{certificate}")),
        ("host: postgres.databases.svc.cluster.local", &format!("host: {}", database.ip())),
        ("port: \"5432\"", &format!("port: \"{}\"", database.port())),
        ("change-me", world::DATABASE_PASSWORD),
    ];
    changes.iter().try_fold(text, |text, (from, to)| replaced(&text, from, to))
}

/// A sample whose exchangers may be in the network that plays the Internet, and which takes all mail that comes from one client; its pods take less
/// time to end.
fn sample(name: &str) -> Result<String> {
    let path = repository().join("deploy/samples").join(name);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let more = "
  termination: {drainDelaySeconds: 3, gracePeriodSeconds: 30}
  limits: {messagesPerClientPerMinute: 100000}
  spool:
";
    let allowed = format!("allowCIDRs: [{}]", world::NETWORK);
    let text = replaced(&text, "\n  spool:\n", more)?;
    if text.contains("mx: {}") {
        replaced(&text, "mx: {}", &format!("mx: {{{allowed}}}"))
    } else {
        replaced(&text, "      mx:\n", &format!("      mx:\n        {allowed}\n"))
    }
}

/// A text with something in the place of something that it has.
fn replaced(text: &str, from: &str, to: &str) -> Result<String> {
    ensure!(text.contains(from), "no {from:?} in the sample");
    Ok(text.replace(from, to))
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
