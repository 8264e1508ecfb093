//! A Secret that is missing, empty, with a key that does not match, or with a certificate that has ended: the relay's status says which, and what
//! mends it; nothing is served with it but the last. A relay that runs keeps what it has.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Pod, Secret},
};
use kube::{
    ResourceExt as _,
    api::{DeleteParams, ListParams},
};
use postern_tests::{
    cluster::{
        kstatus::Status,
        mail::{Shown, certificate, domain, relay},
        stage::Stage,
    },
    config::HOSTNAME,
    next_hop::Script,
    pki::Authority,
    poll,
};

/// A Secret that a relay can't use.
struct Bad {
    /// What is wrong with it.
    what: &'static str,
    /// Its manifest; none when it is missing.
    secret: Option<String>,
    /// The reason that is given.
    reason: &'static str,
    /// What the message must name.
    names: &'static str,
    /// What those see who wait for the relay, while no pod is there.
    waiters: Status,
}

fn cases() -> Result<[Bad; 4]> {
    let authority = Authority::new("Edge CA")?;
    let (one, other, ended) = (authority.server(&[HOSTNAME])?, authority.server(&[HOSTNAME])?, authority.expired_server(&[HOSTNAME])?);
    let of = |chain: &str, key: &str| Some(certificate("mx-tls", chain, key));
    Ok([
        Bad { what: "missing", secret: None, reason: "RefNotFound", names: "mx-tls", waiters: Status::Failed },
        Bad { what: "empty", secret: of("", ""), reason: "InvalidReference", names: "tls.crt", waiters: Status::Failed },
        Bad {
            what: "with another's key",
            secret: of(one.pem(), &other.key_pem()),
            reason: "InvalidReference",
            names: "mx-tls",
            waiters: Status::Failed,
        },
        // It is shown all the same, since most senders don't look.
        Bad {
            what: "ended",
            secret: of(ended.pem(), &ended.key_pem()),
            reason: "CertificateExpired",
            names: "mx-tls",
            waiters: Status::InProgress,
        },
    ])
}

#[tokio::test]
async fn each_kind_of_bad_secret_is_told_and_mended() -> Result<()> {
    let Some(stage) = Stage::set("secret").await? else { return Ok(()) };
    let _operator = stage.operator().await?;
    for Bad { what, secret, reason, names, waiters } in cases()? {
        stage.apply(&secret.unwrap_or_default()).await?;
        stage.apply(&[relay("edge", ""), domain("example.com", 2525)].concat()).await?;
        let message = stage.relay_is("edge", "ResolvedRefs", "False", reason).await?;
        println!("a Secret that is {what}: {reason}: {message}");
        ensure!(message.contains(names), "a Secret that is {what}: {message}");
        stage.waiters_say("SmtpRelay", "edge", waiters).await?;
        stage.domain_is("example-com", "Ready", "False", "").await?;

        // The mend is seen without any touch of the relay.
        stage.apply(&Shown::new()?.secret()).await?;
        stage.relay_is("edge", "ResolvedRefs", "True", "").await?;
        stage.waiters_say("SmtpRelay", "edge", Status::InProgress).await?;
        stage.api::<postern_crds::SmtpRelay>().delete("edge", &DeleteParams::default()).await?;
        stage.api::<Secret>().delete("mx-tls", &DeleteParams::default()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_relay_that_runs_keeps_its_certificate() -> Result<()> {
    let Some(stage) = Stage::set("kept").await? else { return Ok(()) };
    let next_hop = Script::good().start().await?;
    let shown = Shown::new()?;
    stage.apply(&shown.edge(next_hop.address().port())).await?;
    let _operator = stage.operator().await?;
    let kubelet = stage.kubelet()?;
    stage.relay_is("edge", "Ready", "True", "").await?;
    for Bad { what, secret, reason, .. } in cases()? {
        match secret {
            Some(secret) => stage.apply(&secret).await?,
            None => drop(stage.api::<Secret>().delete("mx-tls", &DeleteParams::default()).await?),
        }
        stage.relay_is("edge", "ResolvedRefs", "False", reason).await?;
        // With the certificate of before: the client trusts no other.
        shown.answers(&stage, &kubelet, "user@example.com", "250").await?;
        ensure!(stage.api::<Deployment>().get_opt("edge-relay").await?.is_some(), "the workload is gone with a Secret that is {what}");
    }
    stage.apply(&shown.secret()).await?;
    stage.relay_is("edge", "Ready", "True", "").await.map(drop)
}

/// By the annotation that has the kubelet look at once; without it a pod would get them when the kubelet next comes by.
#[tokio::test]
async fn a_renewed_certificate_is_told_to_the_pods() -> Result<()> {
    let Some(stage) = Stage::set("renewed").await? else { return Ok(()) };
    stage.apply(&Shown::new()?.edge(2525)).await?;
    let _operator = stage.operator().await?;
    let kubelet = stage.kubelet()?;
    stage.relay_is("edge", "Programmed", "True", "").await?;
    let told = async || {
        let pods = stage.api::<Pod>().list(&ListParams::default().labels("postern.dev/relay=edge")).await.ok()?;
        Some(pods.items.first()?.annotations().get("postern.dev/config-hash").cloned())
    };
    let before = told().await.context("no pod")?;

    let renewed = Shown::new()?;
    stage.apply(&renewed.secret()).await?;
    poll::until("the pod to be told", async || (told().await? != before).then_some(())).await?;
    renewed.answers(&stage, &kubelet, "b@example.com", "4").await?;
    stage.relay_is("edge", "Programmed", "True", "").await.map(drop)
}
