//! The operator is killed after each single write that it makes on the way from nothing to a relay that runs, and started again: what comes out
//! is what comes out without a kill.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{Api, api::DeleteParams};
use postern_tests::{
    cluster::{
        Cluster,
        kstatus::{self, Status},
        kubelet::Kubelet,
        mail::{Shown, domain},
        manifest,
        operator::Operator,
        release::Release,
        snapshot,
        toll::Toll,
    },
    poll,
};
use serde_json::{Value, json};

/// At least so many objects does a relay consist of; a run with fewer writes has not been cut where it matters.
const LEAST_WRITES: usize = 8;

struct Scene {
    cluster: Cluster,
    release: Release,
    toll: Toll,
    manifests: String,
}

#[tokio::test]
async fn wherever_it_is_cut_the_end_is_the_same() -> Result<()> {
    let Some(cluster) = Cluster::start().await? else { return Ok(()) };
    cluster.run_controllers().await?;
    let release = Release::install(&cluster, "postern-system", &json!({ "secretNamespaces": ["*"] })).await?;
    let toll = Toll::open(cluster.url(), &cluster.authority()).await?;
    let manifests = [Shown::new()?.edge(2525), domain("example.org", 2526)].concat();
    let scene = Scene { cluster, release, toll, manifests };

    let (undisturbed, was_cut) = scene.play(None).await?;
    ensure!(!was_cut);
    let mut cuts = 0;
    loop {
        let (end, was_cut) = scene.play(Some(cuts + 1)).await.with_context(|| format!("cut after write {}", cuts + 1))?;
        let differences = snapshot::differences(&undisturbed, &end);
        ensure!(differences.is_empty(), "cut after write {}, it ends otherwise:\n{}", cuts + 1, differences.join("\n"));
        if !was_cut {
            break;
        }
        cuts += 1;
    }
    println!("{cuts} writes, cut after each");
    ensure!(cuts >= LEAST_WRITES, "only {cuts} writes");
    Ok(())
}

impl Scene {
    /// Goes from an empty namespace, and no CA of the operator's, to a relay that runs; the operator is killed after `writes` writes. What there is
    /// in the end, and whether it came to so many writes.
    async fn play(&self, writes: Option<usize>) -> Result<(BTreeMap<String, Value>, bool)> {
        let client = self.cluster.client()?;
        let own: Api<Secret> = Api::namespaced(client.clone(), &self.release.namespace);
        for name in ["postern-ca", "postern-identity"] {
            // There is none before the first run.
            let _ = own.delete(name, &DeleteParams::default()).await;
        }
        let namespace = self.cluster.namespace("mail").await?;
        let _kubelet = Kubelet::start(&self.cluster, &[&namespace])?;
        manifest::apply_yaml(&client, &namespace, &self.manifests).await?;
        self.toll.budget(writes);
        let doomed = self.operator(&namespace).await?;
        let was_cut = tokio::select! {
            () = self.toll.spent() => true,
            settled = self.settled(&namespace) => { settled?; false }
        };
        drop(doomed);
        self.toll.budget(None);
        let _operator = self.operator(&namespace).await?;
        self.settled(&namespace).await?;
        let end = snapshot::of(&client, &namespace).await?;
        Api::<Namespace>::all(client).delete(&namespace, &DeleteParams::default()).await?;
        Ok((end, was_cut))
    }

    async fn operator(&self, namespace: &str) -> Result<Operator> {
        let within = [format!("--watch-namespaces={namespace}"), format!("--secret-namespaces={namespace}")];
        let arguments: Vec<&str> = within.iter().map(String::as_str).chain(["--leader-elect=false"]).collect();
        Operator::start_at(&self.cluster, &self.release, self.toll.url(), &arguments).await
    }

    /// Waits until all that was applied is current, and the operator has come to rest.
    async fn settled(&self, namespace: &str) -> Result<()> {
        let client = self.cluster.client()?;
        let mut last = BTreeMap::new();
        poll::until("relay and domains to be current", async || {
            let now = snapshot::of(&client, namespace).await.ok()?;
            let of_ours = |name: &str| name.starts_with("SmtpRelay ") || name.starts_with("AcceptedDomain ");
            let is_current = now.iter().filter(|(name, _)| of_ours(name)).all(|(_, object)| is_ready(object));
            let is_at_rest = now == std::mem::replace(&mut last, now.clone());
            if is_current && is_at_rest {
                return Some(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            None
        })
        .await
    }
}

fn is_ready(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    kstatus::of(object) == Status::Current && conditions.into_iter().any(|condition| condition["type"] == "Ready")
}
