//! Manifests as a user keeps them in a folder: one relay, its domains, the authority of its next hops, its certificate.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{
    config::HOSTNAME,
    pki::{Authority, Certificate},
};

/// A folder of manifests. Every file is put in place by a rename, so that nobody reads half of it.
pub struct Manifests {
    folder: PathBuf,
}

impl Manifests {
    /// Makes `folder`, with nothing in it.
    pub fn new(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Writes `text` as the file `name`.
    pub fn put(&self, name: &str, text: &str) -> Result<()> {
        // Editors leave files like this one in the folder too; only `.yaml` counts.
        let temporary = self.folder.join(format!("{name}.new"));
        fs::write(&temporary, text).with_context(|| temporary.display().to_string())?;
        fs::rename(&temporary, self.folder.join(name)).with_context(|| name.to_owned())
    }

    /// The text of the file `name`.
    pub fn get(&self, name: &str) -> Result<String> {
        fs::read_to_string(self.folder.join(name)).with_context(|| name.to_owned())
    }

    /// What the operator says of the manifests: the file `.status`.
    pub fn status(&self) -> Result<String> {
        self.get(".status")
    }

    /// Removes the file `name`.
    pub fn remove(&self, name: &str) -> Result<()> {
        fs::remove_file(self.folder.join(name)).with_context(|| name.to_owned())
    }

    /// The relay `edge`, with STARTTLS on the port `starttls`, TLS from the first byte on `implicit`, and the certificate of
    /// [`certificate`](Self::certificate). Its limits per client are lifted: all clients of a test share one address.
    pub fn relay(&self, starttls: u16, implicit: u16) -> Result<()> {
        let text = format!(
            "apiVersion: postern.dev/v1alpha1
kind: SmtpRelay
metadata: {{name: edge, namespace: mail}}
spec:
  hostname: {HOSTNAME}
  listeners:
    - {{name: mx, role: Inbound, port: {starttls}, tls: {{mode: StartTls}}}}
    - {{name: mxs, role: Inbound, port: {implicit}, tls: {{mode: Implicit}}}}
  tls: {{certificate: {{secretRef: {{name: mx-tls}}}}}}
  limits: {{connectionsPerClient: 5000, messagesPerClientPerMinute: 1000000}}
  logging: {{format: Text}}
"
        );
        self.put("relay.yaml", &text)
    }

    /// A domain of the relay `edge` whose next hop is `localhost` on `next_hop`, verified with the authority of [`trust`](Self::trust).
    pub fn domain(&self, domain: &str, next_hop: u16) -> Result<()> {
        self.domain_of("edge", domain, next_hop)
    }

    /// The same of the relay `relay`.
    pub fn domain_of(&self, relay: &str, domain: &str, next_hop: u16) -> Result<()> {
        let text = format!(
            "apiVersion: postern.dev/v1alpha1
kind: AcceptedDomain
metadata: {{name: {name}, namespace: mail}}
spec:
  relayRefs: [{{name: {relay}}}]
  domain: {domain}
  type: Authoritative
  nextHops: [{{host: localhost, port: {next_hop}}}]
  tls: {{caCertificateRefs: [{{name: internal-ca}}]}}
",
            name = domain.replace('.', "-"),
        );
        self.put(&format!("{domain}.yaml"), &text)
    }

    /// The ConfigMap with the authority of the next hops.
    pub fn trust(&self, authority: &Authority) -> Result<()> {
        let data = block(&authority.pem());
        self.put(
            "internal-ca.yaml",
            &format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: internal-ca, namespace: mail}}\ndata:\n  ca.crt: |\n{data}"),
        )
    }

    /// The Secret with the certificate that the relay shows.
    pub fn certificate(&self, certificate: &Certificate) -> Result<()> {
        self.certificate_and_key(certificate.pem(), &certificate.key_pem())
    }

    /// The same with any certificate and any key, PEM.
    pub fn certificate_and_key(&self, certificate: &str, key: &str) -> Result<()> {
        let (chain, key) = (block(certificate), block(key));
        let head = "apiVersion: v1\nkind: Secret\nmetadata: {name: mx-tls, namespace: mail}\ntype: kubernetes.io/tls\nstringData:\n";
        self.put("mx-tls.yaml", &format!("{head}  tls.crt: |\n{chain}  tls.key: |\n{key}"))
    }
}

/// Lines, indented as YAML wants them below `  key: |`.
fn block(text: &str) -> String {
    format!("    {}\n", text.trim_end().replace('\n', "\n    "))
}
