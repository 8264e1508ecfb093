//! Certificates and keys: checked once, when they are taken from outside, and never shown.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use x509_parser::{
    extensions::{GeneralName, ParsedExtension},
    prelude::{FromDer, X509Certificate},
};

/// A private key, PEM. It can be written where it belongs, and nowhere by accident: `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKeyPem(String);

impl PrivateKeyPem {
    /// The key's text, for the Secret or file that holds it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrivateKeyPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKeyPem(hidden)")
    }
}

/// A certificate chain and the key that fits its first certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertifiedKey {
    chain: String,
    key: PrivateKeyPem,
    facts: Facts,
}

/// What is read from the first certificate of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Facts {
    not_before: Timestamp,
    not_after: Timestamp,
    dns_names: Vec<String>,
    subject_key_id: Option<Vec<u8>>,
    authority_key_id: Option<Vec<u8>>,
}

/// Why a text is not a certificate, a key, or a pair of both.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MaterialError {
    /// No certificate in it.
    #[error("holds no PEM block `CERTIFICATE`; put the certificates there in PEM")]
    NoCertificate,
    /// A certificate that can't be read.
    #[error("holds a certificate (number {0}) that is not valid X.509; take it again from whoever issued it")]
    BadCertificate(usize),
    /// No key in it, or one that is encrypted.
    #[error("holds no PEM block with an unencrypted private key (PKCS#8, PKCS#1 or SEC1); put the key there without a passphrase")]
    NoKey,
    /// A key of a kind that TLS does not use.
    #[error("holds a private key of a kind that TLS does not use; use ECDSA (P-256, P-384), RSA (2048 bits or more) or Ed25519")]
    UnsupportedKey,
    /// Certificate and key are not a pair.
    #[error("does not belong to the first certificate of the chain; put in the key that the certificate was made for")]
    Mismatch,
}

impl CertifiedKey {
    /// Takes a chain (the server's own certificate first) and its key, both PEM.
    pub fn parse(chain: &str, key: &str) -> Result<Self, MaterialError> {
        let certificates = certificates(chain)?;
        let facts = Facts::read(&certificates[0]).ok_or(MaterialError::BadCertificate(1))?;
        let chain = pem(&certificates);
        let key_der = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| MaterialError::NoKey)?;
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        match rustls::sign::CertifiedKey::from_der(certificates, key_der, &provider) {
            Ok(_) => Ok(Self { chain, key: PrivateKeyPem(key.to_owned()), facts }),
            Err(rustls::Error::InconsistentKeys(_)) => Err(MaterialError::Mismatch),
            Err(_) => Err(MaterialError::UnsupportedKey),
        }
    }

    /// The chain, PEM.
    #[must_use]
    pub fn chain(&self) -> &str {
        &self.chain
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &PrivateKeyPem {
        &self.key
    }

    /// When the first certificate begins to be valid.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        self.facts.not_before
    }

    /// When the first certificate ends to be valid.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.facts.not_after
    }

    /// The DNS names of the first certificate.
    #[must_use]
    pub fn dns_names(&self) -> &[String] {
        &self.facts.dns_names
    }

    /// Whether `issuer`'s key signed the first certificate, by their key identifiers (RFC 5280 section 4.2.1.1).
    #[must_use]
    pub fn is_issued_by(&self, issuer: &Self) -> bool {
        self.facts.authority_key_id.is_some() && self.facts.authority_key_id == issuer.facts.subject_key_id
    }
}

/// CA certificates, and nothing else: whatever stood between them is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle(String);

impl Bundle {
    /// Takes every certificate in `text`, which must be PEM and hold one at least.
    pub fn parse(text: &str) -> Result<Self, MaterialError> {
        let certificates = certificates(text)?;
        for (index, certificate) in certificates.iter().enumerate() {
            X509Certificate::from_der(certificate).map_err(|_| MaterialError::BadCertificate(index + 1))?;
        }
        Ok(Self(pem(&certificates)))
    }

    /// The certificates of `pairs`.
    #[must_use]
    pub fn of<'a>(pairs: impl IntoIterator<Item = &'a CertifiedKey>) -> Self {
        Self(pairs.into_iter().map(CertifiedKey::chain).collect())
    }

    /// The certificates, PEM.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What lies in a Secret, or will: read, or only known to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sealed<T> {
    /// It was read.
    Open(T),
    /// It was not, and may not even be made yet.
    Closed,
}

impl<T> Sealed<T> {
    /// The content as far as it was read.
    #[must_use]
    pub fn open(&self) -> Option<&T> {
        match self {
            Self::Open(content) => Some(content),
            Self::Closed => None,
        }
    }

    /// Takes what was read further; what was not stays closed.
    pub(crate) fn try_map<U, E>(self, open: impl FnOnce(T) -> Result<U, E>) -> Result<Sealed<U>, E> {
        match self {
            Self::Open(content) => open(content).map(Sealed::Open),
            Self::Closed => Ok(Sealed::Closed),
        }
    }
}

/// `certificates` as PEM (RFC 7468): lines of 64 characters.
fn pem(certificates: &[CertificateDer<'_>]) -> String {
    let mut text = String::new();
    for certificate in certificates {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        for (index, char) in STANDARD.encode(certificate).chars().enumerate() {
            if index > 0 && index % 64 == 0 {
                text.push('\n');
            }
            text.push(char);
        }
        text.push_str("\n-----END CERTIFICATE-----\n");
    }
    text
}

/// One or more certificates.
fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, MaterialError> {
    let mut found = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        found.push(certificate.map_err(|_| MaterialError::BadCertificate(found.len() + 1))?);
    }
    if found.is_empty() { Err(MaterialError::NoCertificate) } else { Ok(found) }
}

impl Facts {
    fn read(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, x509) = X509Certificate::from_der(certificate).ok()?;
        let mut facts = Self {
            not_before: Timestamp::from_second(x509.validity().not_before.timestamp()).ok()?,
            not_after: Timestamp::from_second(x509.validity().not_after.timestamp()).ok()?,
            dns_names: Vec::new(),
            subject_key_id: None,
            authority_key_id: None,
        };
        for extension in x509.extensions() {
            facts.take(extension.parsed_extension());
        }
        Some(facts)
    }

    fn take(&mut self, extension: &ParsedExtension<'_>) {
        match extension {
            ParsedExtension::SubjectAlternativeName(names) => {
                self.dns_names.extend(names.general_names.iter().filter_map(|name| match name {
                    GeneralName::DNSName(name) => Some((*name).to_owned()),
                    _ => None,
                }));
            }
            ParsedExtension::SubjectKeyIdentifier(id) => self.subject_key_id = Some(id.0.to_vec()),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                self.authority_key_id = id.key_identifier.as_ref().map(|id| id.0.to_vec());
            }
            _ => {}
        }
    }
}
