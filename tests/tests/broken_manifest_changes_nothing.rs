//! A manifest that is wrong changes nothing, and is explained on standard output and in `.status` with its file and field. Meanwhile the
//! other manifests are followed, and open sessions go on.

use anyhow::{Context, Result, ensure};
use postern_tests::{poll, site::Site};

/// A file, what is wrong in it, and the place that the explanation must name.
struct Broken {
    file: &'static str,
    text: &'static str,
    place: &'static str,
}

const BROKEN: [Broken; 5] = [
    Broken { file: "example.org.yaml", text: "kind: AcceptedDomain\n  spec: {{{\n", place: "line 2" },
    Broken {
        file: "example.org.yaml",
        text: "apiVersion: postern.dev/v1alpha1
kind: AcceptedDomain
metadata: {name: example-org, namespace: mail}
spec:
  relayRefs: [{name: edge}]
  domain: example.org
  type: Whatever
  nextHops: [{host: localhost, port: 2525}]
",
        place: "spec.type",
    },
    Broken {
        file: "example.org.yaml",
        text: "apiVersion: postern.dev/v1alpha1
kind: AcceptedDomain
metadata: {name: example-org, namespace: mail}
spec:
  relayRefs: [{name: edge}]
  domain: example.org
  type: Authoritative
  nextHops: [{host: localhost, port: 2525}]
  nextHop: localhost
",
        place: "spec.nextHop",
    },
    Broken {
        file: "suffix.yaml",
        text: "apiVersion: postern.dev/v1alpha1
kind: AcceptedDomain
metadata: {name: suffix, namespace: mail}
spec:
  relayRefs: [{name: edge}]
  domain: co.uk
  includeSubdomains: true
  type: Authoritative
  nextHops: [{host: localhost, port: 2525}]
",
        place: "spec.domain",
    },
    Broken {
        file: "relay.yaml",
        text: "apiVersion: postern.dev/v1alpha1
kind: SmtpRelay
metadata: {name: edge, namespace: mail}
spec:
  hostname: mx1.example.com
  listeners: []
",
        place: "spec.listeners",
    },
];

/// Waits until `text` is in `.status`, or gone from it.
async fn status_holds(site: &Site, text: &str, expected: bool) -> Result<()> {
    let what = format!("{text:?} {} .status", if expected { "in" } else { "to leave" });
    let holds = async || site.gate.manifests.status().ok().filter(|status| status.contains(text) == expected).map(|_| ());
    poll::until(&what, holds).await
}

#[tokio::test]
async fn a_broken_manifest_is_explained_and_the_last_good_one_stays() -> Result<()> {
    let mut site = Site::open().await?;
    let mut old = site.gate.client().await?;
    for (number, broken) in BROKEN.iter().enumerate() {
        let good = site.gate.manifests.get(broken.file).ok();
        let seen = site.gate.process.log().len();
        site.gate.manifests.put(broken.file, broken.text)?;
        // What was mended before may be told only now.
        let said = site.gate.process.line_after(seen, &format!("problem: {}", broken.file)).await?;
        ensure!(said.contains(broken.place), "{} is not named: {said}", broken.place);
        status_holds(&site, broken.place, true).await?;

        // Another manifest is followed all the same: its next hop is asked, who answers 554.
        let other = format!("other{number}.example.net");
        site.gate.manifests.domain(&other, site.port)?;
        site.gate.answers(&format!("alice@{other}"), 554).await?;
        for recipient in ["alice@example.com", "alice@example.org"] {
            let reply = old.mail("sender@client.test", recipient, "Subject: beside a broken manifest\r\n\r\n").await?;
            ensure!(reply.code == 250, "{recipient}: {reply}");
        }
        site.gate.answers("alice@example.org", 250).await?;
        site.gate.answers("alice@co.uk", 550).await?;

        match good {
            Some(good) => site.gate.manifests.put(broken.file, &good)?,
            None => site.gate.manifests.remove(broken.file)?,
        }
        status_holds(&site, broken.place, false).await.with_context(|| broken.place)?;
    }
    site.close().await
}
