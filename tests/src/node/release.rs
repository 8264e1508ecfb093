//! The chart, installed on a node as a user does.

use anyhow::{Result, ensure};

use super::{IMAGE, Node, say};
use crate::chart::repository;

/// Where the release and its relays are.
pub const NAMESPACE: &str = "mail";
/// Of Postern, on the node.
const REPOSITORY: &str = "localhost/postern";

/// Makes the namespace, in which Kubernetes lets pods do what its `restricted` standard allows and no more.
pub async fn make_namespace(node: &Node) -> Result<()> {
    node.kubectl_says(&["create", "namespace", NAMESPACE]).await?;
    node.kubectl_says(&["label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted"]).await.map(drop)
}

/// Installs the chart, and waits until it is ready.
pub async fn install(node: &Node) -> Result<()> {
    let image = format!("image.repository={REPOSITORY},image.tag=test");
    node.helm_says(&["install", "postern", &chart(), "--namespace", NAMESPACE, "--set", &image, "--wait", "--timeout", "150s"]).await?;
    Ok(())
}

/// Upgrades the release to an image of another name, which every pod is replaced for.
pub async fn upgrade(node: &Node) -> Result<()> {
    let other = format!("{REPOSITORY}:next");
    for name in node.names {
        let tagged = node.inside_of(name, ["ctr", "--namespace", "k8s.io", "image", "tag", IMAGE, &other]).await?;
        ensure!(tagged.success, "no second image: {tagged}");
    }
    let chart = chart();
    node.helm_says(&["upgrade", "postern", &chart, "--namespace", NAMESPACE, "--reuse-values", "--set", "image.tag=next", "--wait"])
        .await?;
    Ok(())
}

/// Says aloud which pods there are, and what they logged last: for a test that fails.
pub async fn say_what_pods_say(node: &Node) {
    let show = async |arguments: &[&str]| match node.kubectl(arguments).await {
        Ok(outcome) => outcome.text,
        Err(error) => format!("{error:#}"),
    };
    say(&show(&["get", "pods", "--namespace", NAMESPACE, "--output", "wide"]).await);
    let names = show(&["get", "pods", "--namespace", NAMESPACE, "--output", "name"]).await;
    for pod in names.lines() {
        say(&format!("{pod}: {}", show(&["logs", "--namespace", NAMESPACE, pod, "--tail=30"]).await));
    }
}

/// Uninstalls it.
pub async fn uninstall(node: &Node) -> Result<()> {
    node.helm_says(&["uninstall", "postern", "--namespace", NAMESPACE, "--wait", "--timeout", "150s"]).await.map(drop)
}

/// The chart, as helm takes it.
fn chart() -> String {
    repository().join("charts/postern").display().to_string()
}
