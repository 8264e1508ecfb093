//! Manifests of mail, and mail to the pods of relays.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result};

use super::{kubelet::Kubelet, stage::Stage};
use crate::{
    client::{Client, Reply, Trust},
    config::HOSTNAME,
    pki::{Authority, Certificate},
    poll,
};

/// The pods' port of the listener that [`relay`] gives.
const POD_PORT: u16 = 10025;

/// A relay with one pod, STARTTLS on port 25 and the certificate of the Secret `mx-tls`; its pods end at once. `more` are further lines of its
/// spec, indented by two.
#[must_use]
pub fn relay(name: &str, more: &str) -> String {
    format!(
        "---
apiVersion: postern.dev/v1alpha1
kind: SmtpRelay
metadata: {{name: {name}}}
spec:
  hostname: {HOSTNAME}
  replicas: 1
  listeners: [{{name: mx, role: Inbound, port: 25, tls: {{mode: StartTls}}}}]
  tls: {{certificate: {{secretRef: {{name: mx-tls}}}}}}
  termination: {{drainDelaySeconds: 0, gracePeriodSeconds: 30}}
  logging: {{format: Text}}
{more}
"
    )
}

/// The domain `domain`, called like it with hyphens, of the relay `edge`, whose next hop is 127.0.0.1 on `next_hop`, with TLS where it is
/// offered.
#[must_use]
pub fn domain(domain: &str, next_hop: u16) -> String {
    domain_with(domain, "127.0.0.1", next_hop, "{mode: Opportunistic}")
}

/// The same, whose next hop is `host` and must show a certificate of the authority that the reference `ca` names.
#[must_use]
pub fn verified_domain(domain: &str, host: &str, next_hop: u16, ca: &str) -> String {
    domain_with(domain, host, next_hop, &format!("{{caCertificateRefs: [{ca}]}}"))
}

fn domain_with(domain: &str, host: &str, next_hop: u16, tls: &str) -> String {
    format!(
        "---
apiVersion: postern.dev/v1alpha1
kind: AcceptedDomain
metadata: {{name: {name}}}
spec:
  relayRefs: [{{name: edge}}]
  domain: {domain}
  type: Authoritative
  nextHops: [{{host: {host}, port: {next_hop}}}]
  tls: {tls}
",
        name = domain.replace('.', "-"),
    )
}

/// A ConfigMap with the certificate of an authority, for domains to refer to.
#[must_use]
pub fn authority(name: &str, authority: &Authority) -> String {
    let data = serde_json::json!({ "ca.crt": authority.pem() });
    format!("---\n{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}, data: {data}}}\n")
}

/// A Secret with a certificate and a key, PEM.
#[must_use]
pub fn certificate(name: &str, chain: &str, key: &str) -> String {
    let data = serde_json::json!({ "tls.crt": chain, "tls.key": key });
    format!("---\n{{apiVersion: v1, kind: Secret, metadata: {{name: {name}}}, type: kubernetes.io/tls, stringData: {data}}}\n")
}

/// The certificate of a relay, as clients meet it.
pub struct Shown {
    /// Who issued it.
    pub authority: Authority,
    certificate: Certificate,
}

impl Shown {
    /// A certificate for [`HOSTNAME`] of a new authority.
    pub fn new() -> Result<Self> {
        let authority = Authority::new("Edge CA")?;
        let certificate = authority.server(&[HOSTNAME])?;
        Ok(Self { authority, certificate })
    }

    /// The Secret `mx-tls` with it.
    #[must_use]
    pub fn secret(&self) -> String {
        certificate("mx-tls", self.certificate.pem(), &self.certificate.key_pem())
    }

    /// This Secret, the relay `edge` that shows it, and its domain example.com with 127.0.0.1 on `next_hop` behind it.
    #[must_use]
    pub fn edge(&self, next_hop: u16) -> String {
        [self.secret(), relay("edge", ""), domain("example.com", next_hop)].concat()
    }

    /// Asks the only pod of the stage's namespace for a recipient, in a new session each time, until the reply begins with `wanted`.
    pub async fn answers(&self, stage: &Stage, kubelet: &Kubelet, recipient: &str, wanted: &str) -> Result<()> {
        self.pod_answers(kubelet, &stage.namespace, recipient, wanted).await
    }

    /// The same of the first pod whose `NAMESPACE/NAME` begins with `pod`.
    pub async fn pod_answers(&self, kubelet: &Kubelet, pod: &str, recipient: &str, wanted: &str) -> Result<()> {
        let trust = Trust::new(&self.authority, HOSTNAME)?;
        let mut last = String::new();
        let answered = poll::until("", async || {
            last = match ask(kubelet, pod, &trust, recipient).await {
                Ok(reply) => reply.to_string(),
                Err(error) => format!("{error:#}"),
            };
            if last.starts_with(wanted) {
                return Some(());
            }
            // Not so often that limits of the relay come into it.
            tokio::time::sleep(Duration::from_millis(200)).await;
            None
        })
        .await;
        answered.with_context(|| format!("{recipient} to be answered {wanted}, not {last}"))
    }
}

/// What a pod says to a recipient.
async fn ask(kubelet: &Kubelet, pod: &str, trust: &Trust, recipient: &str) -> Result<Reply> {
    let addresses = kubelet.addresses();
    let (_, address) = addresses.iter().find(|(name, _)| name.starts_with(pod)).context("no pod runs")?;
    let mut client = Client::ready(SocketAddr::new(address.parse()?, POD_PORT), trust).await?;
    client.ask("MAIL FROM:<sender@client.test>", 250).await?;
    client.command(&format!("RCPT TO:<{recipient}>")).await
}
