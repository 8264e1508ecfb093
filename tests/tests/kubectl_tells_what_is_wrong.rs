//! Somebody new to it applies set-ups with a fault each. `kubectl get` shows in its columns that something is wrong, and `kubectl describe` says
//! what, with the field or the object, and what mends it, in conditions and in events. Nobody has to read the operator's log.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use postern_tests::{
    cluster::{
        Cluster,
        mail::{Shown, certificate, domain, relay},
        stage::Stage,
    },
    config::HOSTNAME,
    pki::Authority,
    poll,
    tool::Outcome,
};
use serde_json::json;

/// A resource that does not work.
struct Broken {
    /// What is wrong with it.
    what: &'static str,
    /// Whether it is in the namespace of the tenant, or in that of the relays.
    is_tenants: bool,
    /// Plural and group, and name, as `kubectl get` prints it.
    object: &'static str,
    /// What the column REASON says.
    reason: &'static str,
    /// The reason of the event.
    event: &'static str,
    /// What must be said: the field or the object, and the mend.
    says: &'static [&'static str],
}

const CASES: [Broken; 8] = [
    Broken {
        what: "the Secret of its certificate is missing",
        is_tenants: false,
        object: "smtprelay.postern.dev/no-secret",
        reason: "RefNotFound",
        event: "Stalled",
        says: &["spec.tls.certificate.secretRef", "Secret NAMESPACE/missing", "create it"],
    },
    Broken {
        what: "the key is another certificate's",
        is_tenants: false,
        object: "smtprelay.postern.dev/wrong-key",
        reason: "InvalidReference",
        event: "Stalled",
        says: &["spec.tls.certificate.secretRef", "Secret NAMESPACE/mixed", "`tls.key`", "put in the key"],
    },
    Broken {
        what: "somebody else's Service has the name of its own",
        is_tenants: false,
        object: "smtprelay.postern.dev/taken",
        reason: "NameCollision",
        event: "NameCollision",
        says: &["Service NAMESPACE/taken-public", "call it otherwise", "another name"],
    },
    Broken {
        what: "cert-manager is not installed",
        is_tenants: false,
        object: "smtprelay.postern.dev/unissued",
        reason: "ApiMissing",
        event: "Stalled",
        says: &["spec.tls.certificate.issuerRef", "install it", "certManager.enabled"],
    },
    Broken {
        what: "another claimed its name before",
        is_tenants: false,
        object: "accepteddomain.postern.dev/latecomer",
        reason: "DomainConflict",
        event: "DomainConflict",
        says: &["spec.domain", "AcceptedDomain NAMESPACE/example-com", "remove one of the two"],
    },
    Broken {
        what: "its relay is written wrong",
        is_tenants: false,
        object: "accepteddomain.postern.dev/example-net",
        reason: "RelayNotFound",
        event: "NotAccepted",
        says: &["spec.relayRefs", "SmtpRelay NAMESPACE/egde", "change relayRefs"],
    },
    Broken {
        what: "the relay's owner lets no domain of its namespace in",
        is_tenants: true,
        object: "accepteddomain.postern.dev/example-org",
        reason: "NotAllowedByRelay",
        event: "NotAccepted",
        says: &["spec.relayRefs", "SmtpRelay NAMESPACE/edge", "spec.allowedDomains"],
    },
    Broken {
        what: "the operator may read no Secrets of its namespace",
        is_tenants: true,
        object: "smtprelay.postern.dev/elsewhere",
        reason: "SecretsNotReadable",
        event: "Stalled",
        says: &["Secret", "secretNamespaces"],
    },
];

/// The cluster with all of it, and the namespace of the tenant.
async fn broken() -> Result<Option<(Stage, Stage)>> {
    let Some(cluster) = Cluster::start().await? else { return Ok(None) };
    let stage = Stage::set_for_all(Arc::new(cluster), "mail", json!({})).await?;
    let tenant = stage.beside("tenant", json!({})).await?;
    let authority = Authority::new("Edge CA")?;
    let (one, other) = (authority.server(&[HOSTNAME])?, authority.server(&[HOSTNAME])?);
    stage.apply(&Shown::new()?.edge(2525)).await?;
    stage.apply(&relay("no-secret", "").replace("mx-tls", "missing")).await?;
    stage.apply(&certificate("mixed", one.pem(), &other.key_pem())).await?;
    stage.apply(&relay("wrong-key", "").replace("mx-tls", "mixed")).await?;
    stage.apply("{apiVersion: v1, kind: Service, metadata: {name: taken-public}, spec: {ports: [{port: 25}]}}").await?;
    stage.apply(&relay("taken", "")).await?;
    stage.apply(&relay("unissued", "").replace("{secretRef: {name: mx-tls}}", "{issuerRef: {name: letsencrypt}}")).await?;
    // Ages are told apart by seconds.
    tokio::time::sleep(Duration::from_secs(2)).await;
    stage.apply(&domain("example.com", 2525).replace("name: example-com}", "name: latecomer}")).await?;
    stage.apply(&domain("example.net", 2525).replace("{name: edge}", "{name: egde}")).await?;
    let refers = format!("{{name: edge, namespace: {}}}", stage.namespace);
    tenant.apply(&domain("example.org", 2525).replace("{name: edge}", &refers)).await?;
    tenant.apply(&relay("elsewhere", "")).await?;
    Ok(Some((stage, tenant)))
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_mend() -> Result<()> {
    let Some((stage, tenant)) = broken().await? else { return Ok(()) };
    let _operator = stage.operator().await?;
    let _kubelet = stage.kubelet()?;
    stage.relay_is("edge", "Ready", "True", "").await?;
    stage.domain_is("example-com", "Ready", "True", "").await?;
    for case in &CASES {
        let within = if case.is_tenants { &tenant } else { &stage };
        case.is_in_the_table(within, &stage.namespace).await.with_context(|| case.what)?;
        case.is_described(within, &stage.namespace).await.with_context(|| case.what)?;
    }
    // In the same table, what works.
    let table = get(&stage, &[]).await?;
    println!("{table}");
    for works in ["smtprelay.postern.dev/edge", "accepteddomain.postern.dev/example-com"] {
        let row = row(&table, works)?;
        ensure!(row.contains("True") && row.contains("Ready"), "{row}");
    }
    println!("{}", get(&tenant, &[]).await?);
    Ok(())
}

impl Broken {
    /// By a glance, and by a second one at the widest columns.
    async fn is_in_the_table(&self, within: &Stage, namespace: &str) -> Result<()> {
        poll::until("its row", async || {
            let table = get(within, &[]).await.ok()?;
            let words: Vec<&str> = row(&table, self.object).ok()?.split_whitespace().collect();
            let ready = words.iter().position(|word| *word == self.reason)?.checked_sub(1)?;
            (words[ready] == "False").then_some(())
        })
        .await
        .with_context(|| format!("{} with False and {}", self.object, self.reason))?;
        let wide = get(within, &["-o", "wide"]).await?;
        let row = row(&wide, self.object)?;
        ensure!(self.is_said_in(row, namespace), "{row}");
        Ok(())
    }

    fn is_said_in(&self, text: &str, namespace: &str) -> bool {
        self.says.iter().all(|word| text.contains(&word.replace("NAMESPACE", namespace)))
    }

    async fn is_described(&self, within: &Stage, namespace: &str) -> Result<()> {
        let mut last = String::new();
        let told = poll::until("", async || {
            last = within.cluster.kubectl(&["-n", &within.namespace, "describe", self.object]).await.ok()?.text;
            let (conditions, events) = last.split_once("\nEvents:")?;
            let event = events.lines().find(|line| line.contains("Warning") && line.contains(self.event))?;
            (self.is_said_in(conditions, namespace) && self.is_said_in(event, namespace)).then(|| event.trim().to_owned())
        })
        .await;
        let event = told.with_context(|| format!("{:?} of {} and in an event {}, in\n{last}", self.says, self.object, self.event))?;
        println!("{}: {}\n    {event}\n", self.object, self.what);
        Ok(())
    }
}

/// What `kubectl get` prints of relays and domains.
async fn get(stage: &Stage, options: &[&str]) -> Result<Outcome> {
    let get = ["-n", &stage.namespace, "get", "srelay,adom"];
    stage.cluster.kubectl(&[&get, options].concat()).await
}

/// The line about an object.
fn row<'a>(table: &'a Outcome, object: &str) -> Result<&'a str> {
    let line = table.text.lines().find(|line| line.split_whitespace().next() == Some(object));
    line.with_context(|| format!("no line about {object} in\n{table}"))
}
