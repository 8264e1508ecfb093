//! On a real node: the chart is installed, the quick start applied, mail comes from the Internet, and whatever happens to the relay meanwhile
//! loses none of it.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use postern_tests::{
    chart::repository,
    client::{Client, Trust},
    cluster::mail::{authority, certificate, verified_domain},
    node::{
        CLIENT, Node,
        mailserver::Mailserver,
        relay::Relay,
        release::{self, NAMESPACE},
        say,
        traffic::{Ledger, Route, Traffic},
    },
    pki::Authority,
    poll,
};
use rustls::pki_types::CertificateDer;
use tokio::net::TcpStream;

/// The relay's name, as the quick start has it.
const HOSTNAME: &str = "mx1.example.com";
/// Messages that are to pass before and after something happens.
const SOME: u64 = 30;

#[tokio::test(flavor = "multi_thread")]
async fn a_release_runs_relays_and_no_mail_is_lost_whatever_happens_to_them() -> Result<()> {
    let Some((_folder, node)) = Node::start_if_possible()? else { return Ok(()) };
    release::make_namespace(&node).await?;
    let mailserver = Mailserver::deploy(&node).await?;
    release::install(&node).await?;
    let before = Instant::now();
    apply_quick_start(&node, &mailserver).await?;
    let relay = Relay { node: &node, name: "edge" };
    let public = relay.address().await?;
    let gate = Gate { node: &node, relay, mailserver: &mailserver, address: SocketAddr::new(public, 25) };
    say(&format!("the quick start was ready at {public} after {:?}", before.elapsed()));

    gate.passes_mail_of_the_internet().await?;
    gate.takes_a_new_domain_without_a_restart().await?;
    gate.keeps_listeners_of_the_cluster_from_the_internet().await?;
    gate.helm_test_passes().await?;

    let authority = gate.shows_a_certificate_of_ones_own().await?;
    let trust = Trust::new(&authority, HOSTNAME)?;
    gate.renews_its_certificate_under_load(&authority).await?;
    gate.scales_under_load(&trust).await?;
    gate.rolls_to_another_image_under_load(&trust).await?;
    gate.outlives_a_pod_that_is_killed(&trust).await?;
    gate.passes_mail_while_the_operator_is_gone(&trust).await?;
    gate.outlives_the_release(&trust).await
}

/// Applies `deploy/quickstart`; its next hop is named for the mail server, as its comment says, and its CA is there.
async fn apply_quick_start(node: &Node, mailserver: &Mailserver<'_>) -> Result<()> {
    node.apply(NAMESPACE, &authority("internal-ca", &mailserver.authority)).await?;
    let folder = tempfile::tempdir()?;
    for file in files(&repository().join("deploy/quickstart"))? {
        let text = std::fs::read_to_string(&file)?;
        let text = text.replace("host: localhost ", &format!("host: {} ", Mailserver::HOST));
        let text = text.replace("host: localhost\n", &format!("host: {}\n", Mailserver::HOST));
        std::fs::write(folder.path().join(file.file_name().context("a file without a name")?), text)?;
    }
    let folder = folder.path().display().to_string();
    node.kubectl_says(&["apply", "--filename", &folder]).await?;
    for what in ["smtprelay/edge", "accepteddomain/example-com", "accepteddomain/example-org"] {
        node.kubectl_says(&["wait", "--namespace", NAMESPACE, "--for=condition=Ready", "--timeout=150s", what]).await?;
    }
    say(&node.kubectl_says(&["get", "--namespace", NAMESPACE, "srelay,adom"]).await?);
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

/// The relay of the quick start.
struct Gate<'a> {
    node: &'a Node,
    relay: Relay<'a>,
    mailserver: &'a Mailserver<'a>,
    /// Where the Internet finds it.
    address: SocketAddr,
}

impl Gate<'_> {
    /// Mail to an accepted domain arrives, from where it came, over TLS that is verified; all other mail is refused.
    async fn passes_mail_of_the_internet(&self) -> Result<()> {
        let (target, trust) = (self.address, self.published_trust().await?);
        let refused = self
            .node
            .internet()
            .run(move || async move {
                // The node is told of a pod that is ready, and then lets the load balancer's address lead there: a moment later.
                let mut client = poll::until("the first connection", async || Client::ready(target, &trust).await.ok()).await?;
                let reply =
                    client.mail("sender@client.test", "alice@example.com", "Subject: first\r\n\r\nfirst mail of the Internet\r\n").await?;
                ensure!(reply.code == 250, "the first mail was answered {reply}");
                client.ask("MAIL FROM:<sender@client.test>", 250).await?;
                client.ask("RCPT TO:<nobody@example.com>", 550).await?;
                client.ask("RCPT TO:<user@elsewhere.example>", 550).await
            })
            .await?;
        ensure!(refused.enhanced() == Some("5.7.1"), "a foreign recipient was answered {refused}");
        let mail = self.mailserver.mail("alice@example.com", "first mail of the Internet").await?;
        let [by_server, by_relay] = &received(&mail)[..] else { anyhow::bail!("not two Received fields in\n{mail}") };
        ensure!(by_relay.contains(CLIENT) && by_relay.contains("with ESMTPS"), "the relay did not tell the client: {by_relay}");
        ensure!(
            by_server.contains("with ESMTPS") || by_server.contains("using TLS"),
            "the mail server was not reached by TLS: {by_server}"
        );
        let preserved = self.relay.condition("ClientAddressPreserved").await?;
        ensure!(preserved == "True", "ClientAddressPreserved={preserved}");
        Ok(())
    }

    /// A client that trusts the CA that the operator publishes.
    async fn published_trust(&self) -> Result<Trust> {
        Trust::of_pem(&self.relay.kubectl(&["get", "configmap", "edge-ca", "--output", r"jsonpath={.data.ca\.crt}"]).await?, HOSTNAME)
    }

    /// From `kubectl apply` to the first RCPT that is taken, with the pods that there were.
    async fn takes_a_new_domain_without_a_restart(&self) -> Result<()> {
        let (target, trust) = (self.address, self.published_trust().await?);
        let pods = self.relay.pods().await?;
        let (opened, is_open) = tokio::sync::oneshot::channel();
        let session = self.node.internet().start(move || async move {
            let mut client = Client::ready(target, &trust).await?;
            client.ask("MAIL FROM:<sender@client.test>", 250).await?;
            client.ask("RCPT TO:<alice@example.net>", 550).await?;
            let _ = opened.send(());
            taken(target, &trust, "alice@example.net").await?;
            let at = Instant::now();
            // The session that was open all the time takes it too, from its next transaction on.
            client.ask("RSET", 250).await?;
            client.ask("MAIL FROM:<sender@client.test>", 250).await?;
            client.ask("RCPT TO:<alice@example.net>", 250).await?;
            Ok(at)
        });
        is_open.await.context("no session")?;
        let applied = Instant::now();
        self.node.apply(NAMESPACE, &verified_domain("example.net", Mailserver::HOST, Mailserver::PORT, "{name: internal-ca}")).await?;
        let taken = session.end().await?;
        say(&format!("from the start of kubectl apply of a domain to the first RCPT that is taken: {:?}", taken - applied));
        ensure!(self.relay.pods().await? == pods, "pods were replaced for a domain");
        Ok(())
    }

    /// A listener that is not for the Internet is reached in the cluster, and nowhere else.
    async fn keeps_listeners_of_the_cluster_from_the_internet(&self) -> Result<()> {
        let listener = r#"[{"op": "add", "path": "/spec/listeners/-", "value": {"name": "inside", "role": "Inbound", "port": 2525, "exposure": "Cluster"}}]"#;
        self.relay.patch("json", listener).await?;
        self.relay.is_rolled_out().await?;
        let banner = self.mailserver.shell("echo QUIT | busybox nc -w 30 edge-cluster.mail.svc.cluster.local 2525").await?;
        ensure!(banner.starts_with("220 mx1.example.com"), "the cluster heard {banner:?}");
        let (open, closed) = (self.address, SocketAddr::new(self.address.ip(), 2525));
        self.node
            .internet()
            .run(move || async move {
                Client::connect(open).await?.expect(220).await?;
                // Nobody may answer at all, so there is nothing to wait for but time.
                let reached = tokio::time::timeout(Duration::from_secs(3), TcpStream::connect(closed)).await;
                ensure!(!matches!(reached, Ok(Ok(_))), "the Internet reaches {closed}");
                Ok(())
            })
            .await?;
        let listeners = r#"[{"op": "remove", "path": "/spec/listeners/2"}]"#;
        self.relay.patch("json", listeners).await?;
        self.relay.is_rolled_out().await
    }

    async fn helm_test_passes(&self) -> Result<()> {
        let said = self.node.helm_says(&["test", "postern", "--namespace", NAMESPACE, "--timeout", "170s"]).await?;
        say(&said);
        let left = self.relay.kubectl(&["get", "srelay,adom", "--output", "name"]).await?;
        let left: BTreeSet<&str> = left.lines().collect();
        let expected =
            ["accepteddomain.postern.dev/example-com", "accepteddomain.postern.dev/example-net", "accepteddomain.postern.dev/example-org"];
        ensure!(left == expected.into_iter().chain(["smtprelay.postern.dev/edge"]).collect(), "helm test leaves {left:?}");
        Ok(())
    }

    /// Gives the relay a certificate from a Secret; who issued it.
    async fn shows_a_certificate_of_ones_own(&self) -> Result<Authority> {
        let authority = Authority::new("Edge CA")?;
        let pods = self.relay.pods().await?;
        let certificate = self.give_certificate(&authority).await?;
        self.relay.patch("merge", r#"{"spec": {"tls": {"certificate": {"secretRef": {"name": "mx-tls"}}}}}"#).await?;
        self.shows(&authority, &certificate).await?;
        ensure!(self.relay.pods().await? == pods, "pods were replaced for a certificate");
        Ok(authority)
    }

    async fn renews_its_certificate_under_load(&self, authority: &Authority) -> Result<()> {
        let pods = self.relay.pods().await?;
        self.under_load("renewal", &Trust::new(authority, HOSTNAME)?, async || {
            let certificate = self.give_certificate(authority).await?;
            self.shows(authority, &certificate).await
        })
        .await?
        .expect_no_interruption()?;
        ensure!(self.relay.pods().await? == pods, "pods were replaced for a renewal");
        Ok(())
    }

    async fn scales_under_load(&self, trust: &Trust) -> Result<()> {
        self.under_load("scale", trust, async || {
            self.relay.scale(4).await?;
            self.relay.scale(1).await?;
            self.relay.scale(2).await
        })
        .await?
        .expect_no_interruption()
    }

    async fn rolls_to_another_image_under_load(&self, trust: &Trust) -> Result<()> {
        let pods = self.relay.pods().await?;
        self.under_load("image", trust, async || {
            release::upgrade(self.node).await?;
            poll::now_and_then("other pods", async || self.relay.pods().await.ok().filter(|now| now.is_disjoint(&pods))).await?;
            self.relay.is_rolled_out().await
        })
        .await?
        .expect_no_interruption()
    }

    /// One pod is killed without a word, and another is deleted without grace.
    async fn outlives_a_pod_that_is_killed(&self, trust: &Trust) -> Result<()> {
        let ledger = self
            .under_load("kill", trust, async || {
                let killed = self.node.inside(["sh", "-c", "kill -9 $(pidof postern-relay | cut -d ' ' -f 1)"]).await?;
                ensure!(killed.success, "nothing was killed: {killed}");
                self.relay.is_rolled_out().await?;
                let pods = self.relay.pods().await?;
                let pod = pods.first().context("no pod")?;
                self.relay.kubectl(&["delete", pod, "--grace-period=0", "--force"]).await?;
                poll::now_and_then("another pod", async || self.relay.pods().await.ok().filter(|now| !now.contains(pod))).await?;
                self.relay.is_rolled_out().await
            })
            .await?;
        ensure!(!ledger.cut.is_empty(), "nobody noticed that pods were killed, so this shows nothing");
        Ok(())
    }

    /// Lost pods return, and a scale waits for the operator.
    async fn passes_mail_while_the_operator_is_gone(&self, trust: &Trust) -> Result<()> {
        let operator = "deployment/postern-operator";
        self.under_load("alone", trust, async || {
            self.relay.kubectl(&["scale", operator, "--replicas=0"]).await?;
            self.relay.kubectl(&["rollout", "status", operator, "--timeout=150s"]).await?;
            let pods = self.relay.pods().await?;
            let pod = pods.first().context("no pod")?;
            self.relay.kubectl(&["delete", pod]).await?;
            self.relay.kubectl(&["rollout", "status", "deployment/edge-relay", "--timeout=150s"]).await?;
            self.relay.kubectl(&["scale", "smtprelay/edge", "--replicas=3"]).await?;
            self.relay.kubectl(&["scale", operator, "--replicas=2"]).await?;
            self.relay.scale(3).await
        })
        .await?
        .expect_no_interruption()
    }

    /// `helm uninstall` leaves the definitions, the resources, the relays that run, and the operator's own CAs, as docs/install.md says.
    async fn outlives_the_release(&self, trust: &Trust) -> Result<()> {
        self.under_load("uninstalled", trust, async || release::uninstall(self.node).await).await?.expect_no_interruption()?;
        let left = self.objects_that_no_relay_owns().await?;
        say(&format!("helm uninstall leaves {left:?}"));
        let expected = ["lease.coordination.k8s.io/postern-operator", "secret/postern-ca", "secret/postern-identity"];
        ensure!(left.iter().map(String::as_str).eq(expected), "helm uninstall leaves {left:?}");
        self.relay.kubectl(&["delete", "srelay,adom", "--all"]).await?;
        poll::until("the relay's objects to go", async || self.relay.pods().await.ok()?.is_empty().then_some(())).await
    }

    /// What is in the namespace beside what its owner made, what the cluster puts into each, and what belongs to the relay.
    async fn objects_that_no_relay_owns(&self) -> Result<BTreeSet<String>> {
        let kinds = "deployments,replicasets,pods,services,configmaps,secrets,serviceaccounts,roles,rolebindings,leases,networkpolicies,poddisruptionbudgets";
        let selector = "app.kubernetes.io/name!=postern-relay";
        let names = self.relay.kubectl(&["get", kinds, "--selector", selector, "--output", "name"]).await?;
        let ours = ["configmap/internal-ca", "configmap/example-org-recipients", "secret/mx-tls"];
        let everywhere = ["configmap/kube-root-ca.crt", "serviceaccount/default"];
        let cluster = "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings";
        let of_cluster = self.node.kubectl_says(&["get", cluster, "--output", "name"]).await?;
        let of_cluster = of_cluster.lines().filter(|name| name.contains("postern"));
        let left = names.lines().chain(of_cluster).filter(|name| !ours.contains(name) && !everywhere.contains(name));
        Ok(left.map(str::to_owned).collect())
    }

    /// Does something while mail keeps coming; every mail that was taken must arrive.
    async fn under_load(&self, name: &str, trust: &Trust, work: impl AsyncFnOnce() -> Result<()>) -> Result<Ledger> {
        let traffic = Traffic::start(&self.node.internet(), name, Route::inbound(self.address), trust);
        traffic.flows(SOME).await?;
        work().await?;
        traffic.flows(SOME).await?;
        let ledger = traffic.stop().await?;
        let missing = self.mailserver.missing(&ledger.accepted).await?;
        say(&format!(
            "{name}: {} accepted, {} of them lost, {} put off, {} cut, {} connections not made",
            ledger.accepted.len(),
            missing.len(),
            ledger.put_off.len(),
            ledger.cut.len(),
            ledger.unreachable.len()
        ));
        ensure!(missing.is_empty(), "{name}: accepted and lost: {missing:?}");
        Ok(ledger)
    }

    /// A new certificate in the Secret `mx-tls`.
    async fn give_certificate(&self, authority: &Authority) -> Result<CertificateDer<'static>> {
        let issued = authority.server(&[HOSTNAME])?;
        self.node.apply(NAMESPACE, &certificate("mx-tls", issued.pem(), &issued.key_pem())).await?;
        Ok(issued.der().clone())
    }

    /// Waits until the Internet is shown `certificate` by as many connections in a row as reach every pod.
    async fn shows(&self, authority: &Authority, certificate: &CertificateDer<'static>) -> Result<()> {
        let (target, trust, certificate) = (self.address, Trust::new(authority, HOSTNAME)?, certificate.clone());
        self.node
            .internet()
            .run(move || async move {
                let mut in_a_row = 0;
                poll::until("the new certificate", async || {
                    let client = Client::ready(target, &trust).await;
                    let is_new = client.is_ok_and(|client| client.certificate() == Some(&certificate));
                    in_a_row = if is_new { in_a_row + 1 } else { 0 };
                    (in_a_row == 20).then_some(())
                })
                .await
            })
            .await
    }
}

/// The Received fields of a mail, unfolded, the latest first.
fn received(mail: &str) -> Vec<String> {
    let unfolded = mail.replace("\r\n", "\n").replace("\n\t", " ").replace("\n ", " ");
    let header = unfolded.split("\n\n").next().unwrap_or_default();
    header.lines().filter(|line| line.starts_with("Received:")).map(str::to_owned).collect()
}

/// Waits until a recipient is taken, in a new session each time: one can't ask for ever.
async fn taken(target: SocketAddr, trust: &Trust, recipient: &str) -> Result<()> {
    poll::until("the recipient to be taken", async || {
        let mut client = Client::ready(target, trust).await.ok()?;
        client.ask("MAIL FROM:<sender@client.test>", 250).await.ok()?;
        client.ask(&format!("RCPT TO:<{recipient}>"), 250).await.ok().map(drop)
    })
    .await
}
