//! TLS to next hops: what is asked of them, whom we trust, and what we show.

use std::{cell::OnceCell, fmt, fs, path::Path, sync::Arc};

use postern_config::{
    NextHopTls, NextHopTlsMode,
    material::{certificate_file, key_file, trust_file},
};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WantsClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, TrustAnchor, UnixTime, pem::PemObject},
};
use sha2::{Digest as _, Sha256};

use super::{
    auth::Authenticator,
    loader::{DestinationError, FileProblem},
};

/// How connections to one host are made. Equal fingerprints mean that a connection made for one link serves the other.
pub(super) struct Link {
    pub(super) mode: NextHopTlsMode,
    /// The name that SNI sends and that the certificate must hold.
    pub(super) server_name: ServerName<'static>,
    pub(super) config: Arc<ClientConfig>,
    /// What the next hop hears in EHLO.
    pub(super) ehlo_name: Arc<str>,
    /// Who we are to the next hop, where it wants to know.
    pub(super) authenticator: Option<Arc<Authenticator>>,
    pub(super) fingerprint: Fingerprint,
}

/// SHA-256 over everything that makes one link differ from another: TLS mode, CAs, client certificate, server name, EHLO name, credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint(pub(super) [u8; 32]);

/// What several links share: the TLS configuration, and the fingerprint of what went into it.
pub(super) struct Material {
    mode: NextHopTlsMode,
    config: Arc<ClientConfig>,
    fingerprint: Fingerprint,
}

/// The CAs that the system trusts, read when they are first needed.
#[derive(Default)]
pub(super) struct SystemRoots(OnceCell<Trust>);

/// Trusted CAs, with a fingerprint.
#[derive(Clone)]
struct Trust {
    roots: Arc<RootCertStore>,
    fingerprint: Fingerprint,
}

struct ClientCertificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    file: String,
}

impl Link {
    pub(super) fn new(material: &Material, server_name: ServerName<'static>, ehlo_name: &Arc<str>) -> Self {
        let fingerprint = Fingerprint::of([&material.fingerprint.0[..], server_name.to_str().as_bytes(), ehlo_name.as_bytes()]);
        Self {
            mode: material.mode,
            server_name,
            config: Arc::clone(&material.config),
            ehlo_name: Arc::clone(ehlo_name),
            authenticator: None,
            fingerprint,
        }
    }

    /// The same, where connections are of use only once the next hop knows who we are.
    pub(super) fn authenticated_by(self, authenticator: Option<Arc<Authenticator>>) -> Self {
        let fingerprint = match &authenticator {
            Some(authenticator) => Fingerprint::of([&self.fingerprint.0[..], &authenticator.fingerprint.0]),
            None => self.fingerprint,
        };
        Self { authenticator, fingerprint, ..self }
    }
}

impl Material {
    /// Reads what `tls` names below `folder`.
    pub(super) fn load(folder: &Path, tls: &NextHopTls, system: &SystemRoots) -> Result<Self, DestinationError> {
        let certificate = tls.client_certificate.as_deref().map(|name| ClientCertificate::load(folder, name)).transpose()?;
        let shown = certificate.as_ref().map_or(Fingerprint::of::<0>([]), |certificate| Fingerprint::of_certificates(&certificate.chain));
        let (builder, trusted) = match tls.mode {
            NextHopTlsMode::Verify => {
                let trust = if tls.trust.is_empty() { system.get() } else { Trust::load(folder, &tls.trust)? };
                (versions()?.with_root_certificates(trust.roots), trust.fingerprint)
            }
            NextHopTlsMode::Encrypt | NextHopTlsMode::Opportunistic => {
                (versions()?.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate::new())), Fingerprint::of::<0>([]))
            }
        };
        Ok(Self {
            mode: tls.mode,
            config: Arc::new(show(builder, certificate)?),
            fingerprint: Fingerprint::of([&[tls.mode as u8][..], &trusted.0, &shown.0]),
        })
    }
}

/// What a client needs that trusts nobody but the CAs in the bundle `trust` below `folder`. Blocks.
pub(crate) fn client_config(folder: &Path, trust: &str) -> Result<Arc<ClientConfig>, DestinationError> {
    let trust = Trust::load(folder, &[trust.to_owned()])?;
    Ok(Arc::new(versions()?.with_root_certificates(trust.roots).with_no_client_auth()))
}

fn versions() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, rustls::Error> {
    ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()
}

fn show(
    builder: rustls::ConfigBuilder<ClientConfig, WantsClientCert>,
    certificate: Option<ClientCertificate>,
) -> Result<ClientConfig, DestinationError> {
    match certificate {
        None => Ok(builder.with_no_client_auth()),
        Some(ClientCertificate { chain, key, file }) => {
            builder.with_client_auth_cert(chain, key).map_err(|error| DestinationError::File { file, problem: error.into() })
        }
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

impl Trust {
    fn load(folder: &Path, bundles: &[String]) -> Result<Self, DestinationError> {
        let mut certificates = Vec::new();
        let mut roots = RootCertStore::empty();
        for bundle in bundles {
            let file = trust_file(bundle);
            for certificate in read_certificates(folder, &file)? {
                roots.add(certificate.clone()).map_err(|error| DestinationError::File { file: file.clone(), problem: error.into() })?;
                certificates.push(certificate);
            }
        }
        Ok(Self { roots: Arc::new(roots), fingerprint: Fingerprint::of_certificates(&certificates) })
    }

    /// What the system trusts; Mozilla's list where the system has none, as in an image without files.
    fn of_the_system() -> Self {
        let mut roots = RootCertStore::empty();
        let certificates = rustls_native_certs::load_native_certs().certs;
        roots.add_parsable_certificates(certificates.iter().cloned());
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().map(TrustAnchor::to_owned));
        }
        Self { roots: Arc::new(roots), fingerprint: Fingerprint::of_certificates(&certificates) }
    }
}

impl SystemRoots {
    fn get(&self) -> Trust {
        self.0.get_or_init(Trust::of_the_system).clone()
    }

    /// What a client needs that trusts the CAs that the system does.
    pub(super) fn client_config(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        Ok(Arc::new(versions()?.with_root_certificates(self.get().roots).with_no_client_auth()))
    }
}

impl ClientCertificate {
    fn load(folder: &Path, name: &str) -> Result<Self, DestinationError> {
        let (file, key_file) = (certificate_file(name), key_file(name));
        let chain = read_certificates(folder, &file)?;
        let key = read(folder, &key_file, |bytes| Ok(PrivateKeyDer::from_pem_slice(bytes)?))?;
        Ok(Self { chain, key, file })
    }
}

fn read_certificates(folder: &Path, file: &str) -> Result<Vec<CertificateDer<'static>>, DestinationError> {
    read(folder, file, |bytes| {
        let certificates = CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>()?;
        if certificates.is_empty() { Err(FileProblem::Empty) } else { Ok(certificates) }
    })
}

fn read<T>(folder: &Path, file: &str, decode: impl FnOnce(&[u8]) -> Result<T, FileProblem>) -> Result<T, DestinationError> {
    let bytes = fs::read(folder.join(file)).map_err(FileProblem::from);
    bytes.and_then(|bytes| decode(&bytes)).map_err(|problem| DestinationError::File { file: file.to_owned(), problem })
}

impl Fingerprint {
    /// Each part goes in with its length, so that no two lists of parts look alike.
    pub(super) fn of<const N: usize>(parts: [&[u8]; N]) -> Self {
        Self::of_all(parts.into_iter())
    }

    fn of_certificates(certificates: &[CertificateDer<'_>]) -> Self {
        Self::of_all(certificates.iter().map(AsRef::as_ref))
    }

    fn of_all<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

/// Takes any certificate, but not any signature: the peer must hold the key of what it shows.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl AnyCertificate {
    fn new() -> Self {
        Self(aws_lc_rs::default_provider().signature_verification_algorithms)
    }
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.mode)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.mode, self.server_name.to_str())
    }
}
