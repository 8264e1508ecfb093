//! A real Postfix on the node: the mail server that a relay stands in front of.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use super::{MAILSERVER_IMAGE, Node};
use crate::{cluster::mail::certificate, pki::Authority, poll};

const NAMESPACE: &str = "internal";

/// The server. It takes mail for alice, bob, postmaster and load of example.com and example.org, over TLS alone.
pub struct Mailserver<'a> {
    node: &'a Node,
    /// Who issued its certificate.
    pub authority: Authority,
}

impl<'a> Mailserver<'a> {
    /// Its name for relays.
    pub const HOST: &'static str = "mailserver.internal.svc.cluster.local";
    /// The port of its Service.
    pub const PORT: u16 = 2525;

    /// Starts it in a namespace of its own, and waits until it is ready.
    pub async fn deploy(node: &'a Node) -> Result<Self> {
        let authority = Authority::new("Internal CA")?;
        let shown = authority.server(&[Self::HOST])?;
        node.kubectl_says(&["create", "namespace", NAMESPACE]).await?;
        node.apply(NAMESPACE, &(workload() + &certificate("mailserver-tls", shown.pem(), &shown.key_pem()))).await?;
        node.kubectl_says(&["rollout", "status", "deployment/mailserver", "--namespace", NAMESPACE, "--timeout=150s"]).await?;
        Ok(Self { node, authority })
    }

    /// Waits for the first mail that holds `text` in a mailbox, such as `alice@example.com`; all of it.
    pub async fn mail(&self, mailbox: &str, text: &str) -> Result<String> {
        let script = format!("for mail in $(grep -rlF '{text}' /mail/{mailbox}); do cat $mail; exit; done");
        poll::until(&format!("a mail with {text:?} to {mailbox}"), async || {
            self.shell(&script).await.ok().filter(|mail| mail.contains(text))
        })
        .await
    }

    /// Waits until everything that was taken with 250 is in the mailboxes: the Message-Ids of `expected` that are not, when it is not so.
    pub async fn missing(&self, expected: &BTreeSet<String>) -> Result<BTreeSet<String>> {
        let mut missing = expected.clone();
        let found = poll::until("every mail to arrive", async || {
            let ids = self.message_ids().await.ok()?;
            missing.retain(|id| !ids.contains(id));
            missing.is_empty().then_some(())
        });
        // What is missing says more than that time is up.
        let _ = found.await;
        Ok(missing)
    }

    /// The Message-Ids of all mail, without their brackets.
    async fn message_ids(&self) -> Result<BTreeSet<String>> {
        let lines = self.shell("grep -rhi '^message-id:' /mail").await?;
        Ok(lines.lines().filter_map(|line| Some(line.split_once('<')?.1.trim_end_matches('>').to_owned())).collect())
    }

    /// Runs a script of its shell, busybox; what it said.
    pub async fn shell(&self, script: &str) -> Result<String> {
        let command = ["exec", "--namespace", NAMESPACE, "deployment/mailserver", "--", "sh", "-c", script];
        self.node.kubectl_says(&command).await.context("in the mail server")
    }
}

fn workload() -> String {
    format!(
        "---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: mailserver}}
spec:
  selector: {{matchLabels: {{app: mailserver}}}}
  template:
    metadata: {{labels: {{app: mailserver}}}}
    spec:
      containers:
        - name: postfix
          image: {MAILSERVER_IMAGE}
          imagePullPolicy: Never
          readinessProbe: {{tcpSocket: {{port: 25}}, periodSeconds: 1}}
          volumeMounts: [{{name: tls, mountPath: /tls}}, {{name: mail, mountPath: /mail}}]
      volumes:
        - {{name: tls, secret: {{secretName: mailserver-tls}}}}
        - {{name: mail, emptyDir: {{}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: mailserver}}
spec:
  selector: {{app: mailserver}}
  ports: [{{port: {port}, targetPort: 25}}]
",
        port = Mailserver::PORT,
    )
}
