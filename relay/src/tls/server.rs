//! The server's side of TLS as one configuration wants it.

use std::{io, path::Path, sync::Arc, time::Duration};

use postern_config::{ServerTls, TlsVersion, material::key_file};
use rustls::{
    ALL_VERSIONS, ConfigBuilder, InconsistentKeys, ServerConfig, SupportedProtocolVersion, WantsVerifier,
    crypto::{CryptoProvider, aws_lc_rs},
    server::NoServerSessionStorage,
    sign::CertifiedKey,
    version::TLS13,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{CertificateInfo, Facts, Metrics, TlsError, certificate::KeyPair, clients::Clients, sni::ByServerName};

/// How long a client may take for the whole handshake.
pub const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(30);

/// Makes handshakes with the certificates of one configuration. Session tickets are void with the next one.
#[derive(Clone)]
pub struct Acceptor {
    inner: TlsAcceptor,
    certificates: Arc<[CertificateInfo]>,
    oldest: TlsVersion,
}

/// Why a handshake gave no session.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The client took longer than [`HANDSHAKE_DEADLINE`].
    #[error("the TLS handshake took longer than {} s", HANDSHAKE_DEADLINE.as_secs())]
    Timeout,
    /// The two sides did not agree, or the connection broke.
    #[error("the TLS handshake failed: {0}")]
    Failed(io::Error),
}

impl Acceptor {
    /// Reads the certificates that `tls` names below `folder`. Blocks. An expired certificate is used: refusing it would stop mail
    /// that most senders would still have sent.
    pub fn load(folder: &Path, tls: &ServerTls) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut resolver: Option<ByServerName> = None;
        let mut certificates = Vec::with_capacity(tls.certificates.len());
        for name in &tls.certificates {
            let (certificate, info) = certify(KeyPair::read(folder, name)?, &provider)?;
            let resolver = resolver.get_or_insert_with(|| ByServerName::new(Arc::clone(&certificate)));
            info.names.iter().for_each(|name| resolver.add(name, &certificate));
            certificates.push(info);
        }
        let resolver = resolver.ok_or_else(|| TlsError::NoCertificate("tls.certificates".to_owned()))?;
        let mut config = versions(&provider, tls.min_version)?.with_no_client_auth().with_cert_resolver(Arc::new(resolver));
        // Tickets keep the state of a session at its client: nothing to hold here, and no way to fill it.
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(|error| cannot(&error))?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Self { inner: TlsAcceptor::from(Arc::new(config)), certificates: certificates.into(), oldest: tls.min_version })
    }

    /// The same, asking clients for a certificate of the CAs in `bundles` below `folder`, if there are any. Blocks.
    pub fn asking(&self, folder: &Path, bundles: &[String]) -> Result<Self, TlsError> {
        if bundles.is_empty() {
            return Ok(self.clone());
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let clients = Clients::load(folder, bundles, &provider)?;
        let resolver = Arc::clone(&self.inner.config().cert_resolver);
        let mut config = versions(&provider, self.oldest)?.with_client_cert_verifier(Arc::new(clients)).with_cert_resolver(resolver);
        // No session is resumed: every handshake looks at the certificate.
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Self { inner: TlsAcceptor::from(Arc::new(config)), ..self.clone() })
    }

    /// The certificates in use; the first is the default.
    #[must_use]
    pub fn certificates(&self) -> &[CertificateInfo] {
        &self.certificates
    }

    /// Makes the handshake on `stream`, within [`HANDSHAKE_DEADLINE`], and counts how it ended.
    pub async fn accept<IO>(&self, stream: IO, metrics: &Metrics) -> Result<(TlsStream<IO>, Facts), HandshakeError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let outcome = match timeout(HANDSHAKE_DEADLINE, self.inner.accept(stream)).await {
            Ok(outcome) => outcome.map_err(HandshakeError::Failed),
            Err(_) => Err(HandshakeError::Timeout),
        };
        let stream = outcome.inspect_err(|error| metrics.failed(error))?;
        let facts = Facts::of(stream.get_ref().1);
        metrics.succeeded(&facts);
        Ok((stream, facts))
    }
}

fn certify(pair: KeyPair, provider: &CryptoProvider) -> Result<(Arc<CertifiedKey>, CertificateInfo), TlsError> {
    let KeyPair { chain, key, info } = pair;
    let certificate = CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::KeyMismatch(key_file(&info.name)),
        other => TlsError::Malformed { file: key_file(&info.name), problem: other.to_string() },
    })?;
    Ok((Arc::new(certificate), info))
}

fn versions(provider: &Arc<CryptoProvider>, oldest: TlsVersion) -> Result<ConfigBuilder<ServerConfig, WantsVerifier>, TlsError> {
    static SINCE_1_3: &[&SupportedProtocolVersion] = &[&TLS13];
    let versions = match oldest {
        TlsVersion::V1_2 => ALL_VERSIONS,
        TlsVersion::V1_3 => SINCE_1_3,
    };
    ServerConfig::builder_with_provider(Arc::clone(provider)).with_protocol_versions(versions).map_err(|error| cannot(&error))
}

fn cannot(error: &rustls::Error) -> TlsError {
    TlsError::Malformed { file: "tls".to_owned(), problem: error.to_string() }
}
