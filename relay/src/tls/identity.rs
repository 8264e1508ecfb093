//! Who the relay is to the operator and to its peers, and who may ask it: certificates of a CA that issues nothing else.

use std::{path::Path, sync::Arc};

use postern_config::material::{IDENTITY_CA, IDENTITY_CERTIFICATE, IDENTITY_KEY};
use rustls::{
    ClientConfig, InconsistentKeys, RootCertStore, ServerConfig,
    client::Resumption,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName},
    server::{NoServerSessionStorage, WebPkiClientVerifier},
    version::TLS13,
};
use sha2::{Digest as _, Sha256};

use super::{
    TlsError,
    certificate::{chain, key, names, read, trust},
};

/// The relay's identity as it lies in the configuration's folder.
pub(crate) struct Identity {
    /// Shows the relay's certificate, and takes clients alone whose certificate the same CA issued. TLS 1.3, no resumption: every handshake
    /// looks at the certificate.
    pub(crate) server: Arc<ServerConfig>,
    /// Shows it as a client, and takes servers alone whose certificate the same CA issued. TLS 1.3.
    pub(crate) client: Arc<ClientConfig>,
    /// The name that all pods of the relay bear; `None` when the certificate has none.
    pub(crate) name: Option<ServerName<'static>>,
    /// Hash of the files that it was made of.
    pub(crate) digest: [u8; 32],
}

impl Identity {
    /// Reads it from `folder`. Blocks.
    pub(crate) fn read(folder: &Path) -> Result<Self, TlsError> {
        let [certificate, private, authority] = [IDENTITY_CERTIFICATE, IDENTITY_KEY, IDENTITY_CA].map(|file| read(folder, file));
        let (certificate, private, authority) = (certificate?, private?, authority?);
        let mut roots = RootCertStore::empty();
        trust(&mut roots, &authority, IDENTITY_CA)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let (roots, shown) = (Arc::new(roots), chain(&certificate, IDENTITY_CERTIFICATE)?);
        let name = names(&shown[0]).into_iter().next().and_then(|name| ServerName::try_from(name).ok());
        let key = || key(&private, IDENTITY_KEY.to_owned());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
            .build()
            .map_err(|error| TlsError::Malformed { file: IDENTITY_CA.to_owned(), problem: error.to_string() })?;
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(unusable)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(shown.clone(), key()?)
            .map_err(unusable)?;
        server.send_tls13_tickets = 0;
        server.session_storage = Arc::new(NoServerSessionStorage {});
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(unusable)?
            .with_root_certificates(roots)
            .with_client_auth_cert(shown, key()?)
            .map_err(unusable)?;
        client.resumption = Resumption::disabled();
        let digest = [certificate, private, authority].iter().fold(Sha256::new(), |hash, file| hash.chain_update(Sha256::digest(file)));
        Ok(Self { server: Arc::new(server), client: Arc::new(client), name, digest: digest.finalize().into() })
    }

    /// Whether a certificate that was verified is that of a pod of the same relay.
    pub(crate) fn is_peer(&self, certificate: &CertificateDer<'_>) -> bool {
        self.name.as_ref().is_some_and(|name| is_for(certificate, &name.to_str()))
    }
}

fn unusable(error: rustls::Error) -> TlsError {
    match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::KeyMismatch(IDENTITY_KEY.to_owned()),
        other => TlsError::Malformed { file: IDENTITY_CERTIFICATE.to_owned(), problem: other.to_string() },
    }
}

/// Whether a certificate that was verified is for `name`.
pub(crate) fn is_for(certificate: &CertificateDer<'_>, name: &str) -> bool {
    names(certificate).iter().any(|held| held == name)
}
