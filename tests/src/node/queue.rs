//! A relay with a queue on a node, its users, and an account of what they were told.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{
    relay::Relay,
    release, say,
    traffic::{Login, Route, Traffic},
    world::{self, Arrivals, World},
};
use crate::{
    client::{Client, Trust},
    pki::Authority,
    poll,
};

/// The name of the relays, as the samples have it.
pub const HOSTNAME: &str = "out.example.com";
/// The user of the samples, and its password.
const USER: (&str, &str) = ("billing", "correct horse battery staple");
/// Whom it may send as.
const SENDER: &str = "billing@example.com";
/// The port of the pods for their listener on 587.
const POD_PORT: u16 = 10_587;
/// Messages that are to be taken before and after something happens.
pub const SOME: u64 = 15;
/// The pods of each relay, when nothing else is asked for.
pub const REPLICAS: usize = 2;

/// Where a relay has its queue, and what it therefore promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Gone with the pod, unless it ends in peace beside another.
    EmptyDir,
    /// Of each pod.
    PersistentVolume,
    /// Shared.
    Postgres,
}

impl Storage {
    /// Whether a queue is there when its pod is gone.
    #[must_use]
    pub fn outlives_pods(self) -> bool {
        self != Self::EmptyDir
    }
}

/// A relay with a queue.
pub struct Queue<'a> {
    /// The relay.
    pub relay: Relay<'a>,
    /// Where its queue is.
    pub storage: Storage,
    /// What it is made from.
    manifest: String,
    trust: Trust,
    /// Message-Ids of what it has answered 250.
    pub accepted: Mutex<BTreeSet<String>>,
}

impl<'a> Queue<'a> {
    /// Applies a manifest that shows a certificate of `authority`, and waits until all of it is as it should be.
    pub async fn apply(relay: Relay<'a>, storage: Storage, manifest: String, authority: &Authority) -> Result<Self> {
        let trust = Trust::new(authority, HOSTNAME)?;
        let queue = Self { relay, storage, manifest, trust, accepted: Mutex::default() };
        queue.make().await?;
        Ok(queue)
    }

    /// Applies its manifest, and lets its user send as much as it likes.
    pub async fn make(&self) -> Result<()> {
        self.relay.node.apply(release::NAMESPACE, &self.manifest).await?;
        let rate = json!({ "stringData": { "messagesPerMinute": "100000" } }).to_string();
        self.relay.kubectl(&["patch", "secret", "billing-app", "--type=merge", "--patch", &rate]).await?;
        self.relay.is_rolled_out().await
    }

    /// Deletes it, and waits until its pods are gone.
    pub async fn end(&self) -> Result<()> {
        self.relay.kubectl(&["delete", "smtprelay", self.relay.name]).await?;
        poll::now_and_then("the pods to go", async || self.relay.pods().await.ok()?.is_empty().then_some(())).await
    }

    /// Puts a mail into an empty queue whose exchanger is never there.
    pub async fn queue_what_can_not_leave(&self) -> Result<()> {
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
    pub async fn submit(&self, recipient: &'static str, subject: &str) -> Result<String> {
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
    pub async fn under_load(&self, name: &str, work: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
        let traffic = self.load(name).await?;
        traffic.flows(SOME).await?;
        work().await?;
        traffic.flows(SOME).await?;
        self.enter(name, traffic).await
    }

    /// Ends the users, and enters what they were told.
    pub async fn enter(&self, name: &str, traffic: Traffic) -> Result<()> {
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
    pub async fn load(&self, name: &str) -> Result<Traffic> {
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
    pub async fn takes_mail(&self) -> Result<()> {
        poll::now_and_then("mail to be taken", async || self.submit(world::REACHED, "again").await.ok()?.starts_with("250 ").then_some(()))
            .await
    }

    /// Fails when any mail that was taken is neither in an exchanger's mailbox nor in the queue of a pod.
    pub async fn has_what_has_not_arrived(&self, world: &World) -> Result<()> {
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
    pub async fn queued(&self) -> Result<usize> {
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
    pub async fn retry_all(&self) -> Result<()> {
        for pod in self.relay.pods().await? {
            self.tool(&pod, &["retry", "--all", "--yes"]).await?;
        }
        Ok(())
    }

    /// `postern-relay queue` in a pod; what it said.
    async fn tool(&self, pod: &str, words: &[&str]) -> Result<String> {
        self.relay.kubectl(&[&["exec", pod, "--", "postern-relay", "queue"], words].concat()).await
    }

    /// The UIDs of its pods.
    pub async fn uids(&self) -> Result<BTreeSet<String>> {
        let uids = self.relay.pods_as("jsonpath={.items[*].metadata.uid}").await?;
        Ok(uids.split_whitespace().map(str::to_owned).collect())
    }

    /// Its pods on a node that nobody has told to end.
    pub async fn pods_on(&self, node: &str) -> Result<Vec<String>> {
        let pods: Value = serde_json::from_str(&self.relay.pods_as("json").await?)?;
        let items = pods["items"].as_array().context("no list")?.iter();
        let there = items.filter(|pod| pod["spec"]["nodeName"] == node && pod["metadata"]["deletionTimestamp"].is_null());
        Ok(there.filter_map(|pod| Some(format!("pod/{}", pod["metadata"]["name"].as_str()?))).collect())
    }

    /// Waits until the cluster has told all of its pods on a node to end.
    pub async fn is_given_up_on(&self, node: &str) -> Result<()> {
        poll::now_and_then("the node's pods to be given up", async || self.pods_on(node).await.ok()?.is_empty().then_some(())).await
    }

    /// Deletes its pods on a node, which hand over what they have.
    pub async fn moves_from(&self, node: &str) -> Result<()> {
        for pod in self.pods_on(node).await? {
            self.relay.kubectl(&["delete", &pod]).await?;
        }
        self.relay.is_rolled_out().await
    }

    /// Submits mail, for which no exchanger is there, to one pod of it; the Message-Ids.
    pub async fn submit_to_pod_on(&self, node: &str, when: &str) -> Result<BTreeSet<String>> {
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
    pub async fn crash_any(&self) -> Result<()> {
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
    pub async fn kill(&self, pod: &str, node: &str) -> Result<()> {
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

    /// Deletes a pod at once, and waits until another is there.
    pub async fn delete_a_pod_without_grace(&self) -> Result<()> {
        let before = self.uids().await?;
        let pod = self.relay.pods().await?.pop_first().context("no pod")?;
        self.relay.kubectl(&["delete", &pod, "--grace-period=0", "--force"]).await?;
        let replaced = async || self.uids().await.ok().filter(|now| now.len() == REPLICAS && *now != before);
        poll::now_and_then("another pod", replaced).await.map(drop)
    }

    /// An event says which volumes stay, and they do.
    pub async fn tells_what_volumes_stay(&self) -> Result<()> {
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
