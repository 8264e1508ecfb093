//! The samples of mail out, as relays on a node are made from them.

use std::{fs, net::SocketAddr};

use anyhow::{Context, Result, ensure};

use super::{
    queue::REPLICAS,
    world::{DATABASE_PASSWORD, NAME_SERVER, NETWORK},
};
use crate::chart::repository;

/// The sample of a relay with a volume for each pod.
pub fn outbound() -> Result<String> {
    sample("outbound.yaml")
}

/// The same relay, called `brief`, with a queue that ends with its pod. It does not ask for exchangers by way of the cluster.
pub fn brief() -> Result<String> {
    let dns = format!("\n  dns: {{servers: [{{address: {NAME_SERVER}}}]}}\n  spool:\n");
    let changes = [
        ("{name: out, ", "{name: brief, "),
        ("storage: PersistentVolume\n    persistentVolume: {size: 20Gi}", "storage: EmptyDir\n    emptyDir: {}"),
        ("\n  spool:\n", &dns),
    ];
    changes.iter().try_fold(outbound()?, |text, (from, to)| replaced(&text, from, to))
}

/// The sample of a shared queue, in the database of the world.
pub fn shared(database: SocketAddr) -> Result<String> {
    let text = sample("shared-queue.yaml")?;
    let certificate = "  tls: {certificate: {secretRef: {name: submission-tls}}}\n";
    let changes = [
        ("{name: out, ", "{name: shared, "),
        ("  replicas: 4\n", &format!("  replicas: {REPLICAS}\n{certificate}")),
        ("host: postgres.databases.svc.cluster.local", &format!("host: {}", database.ip())),
        ("port: \"5432\"", &format!("port: \"{}\"", database.port())),
        ("change-me", DATABASE_PASSWORD),
    ];
    changes.iter().try_fold(text, |text, (from, to)| replaced(&text, from, to))
}

/// A sample whose exchangers may be in the network that plays the Internet, and which takes all mail that comes from one client; its pods take less
/// time to end.
fn sample(name: &str) -> Result<String> {
    let path = repository().join("deploy/samples").join(name);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let more = "
  termination: {drainDelaySeconds: 3, gracePeriodSeconds: 30}
  limits: {messagesPerClientPerMinute: 100000}
  spool:
";
    let allowed = format!("allowCIDRs: [{NETWORK}]");
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
