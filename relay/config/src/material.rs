//! Where keys, certificates and CAs lie: flat beside the configuration, so that a fixed set of volumes can carry any number of them.

/// The certificate that the relay shows on its control port, and to its peers. Optional, as the other two are.
pub const IDENTITY_CERTIFICATE: &str = "identity.crt";
/// The key of [`IDENTITY_CERTIFICATE`].
pub const IDENTITY_KEY: &str = "identity.key";
/// The CA that issues the identities of relays and of the operator, and nothing else.
pub const IDENTITY_CA: &str = "identity-ca.pem";

/// The name in the operator's own identity, with which it asks relays on their control port.
pub const OPERATOR_NAME: &str = "operator.postern.internal";

/// The file of the certificate chain called `name`, the end entity's certificate first, PEM.
#[must_use]
pub fn certificate_file(name: &str) -> String {
    format!("tls.{name}.crt")
}

/// The file of the key of the certificate called `name`, PEM.
#[must_use]
pub fn key_file(name: &str) -> String {
    format!("tls.{name}.key")
}

/// The file of the CA certificates called `name`, PEM.
#[must_use]
pub fn trust_file(name: &str) -> String {
    format!("trust.{name}.pem")
}
