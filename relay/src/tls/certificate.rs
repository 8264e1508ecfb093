//! A certificate chain with its key, as it lies in `tls.NAME.crt` and `tls.NAME.key`.

use std::{fs, io, path::Path};

use jiff::Timestamp;
use postern_config::material::{certificate_file, key_file};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

/// Largest PEM file that is read, in bytes: a Kubernetes Secret holds 1 MiB.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Why a certificate can't be used. Every variant names the file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read.
    #[error("{file}: {source}")]
    Io {
        /// The file, relative to the configuration's folder.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file is larger than a Secret could be.
    #[error("{0}: larger than 1 MiB")]
    TooLarge(String),
    /// A file is not PEM, or what is inside is not a certificate or a key that can be used.
    #[error("{file}: {problem}")]
    Malformed {
        /// The file, relative to the configuration's folder.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A file of certificates without one.
    #[error("{0}: holds no certificate")]
    NoCertificate(String),
    /// A file of a key without one.
    #[error("{0}: holds no private key")]
    NoKey(String),
    /// The key belongs to another certificate; during a renewal, the other file may still be on its way.
    #[error("{0}: does not belong to the certificate beside it")]
    KeyMismatch(String),
}

/// What people want to know of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateInfo {
    /// Name of the certificate in the configuration.
    pub name: String,
    /// Names of the certificate (subjectAltName, RFC 6125 section 6.4): DNS names in lower case, wildcards included, and addresses.
    pub names: Vec<String>,
    /// When it expires.
    pub not_after: Timestamp,
}

/// A certificate chain and its key, as read from PEM.
#[derive(Debug)]
pub(super) struct KeyPair {
    /// The chain, the end entity's certificate first; never empty.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// The key; whether it belongs to the chain is not yet known.
    pub(super) key: PrivateKeyDer<'static>,
    /// What the end entity's certificate says.
    pub(super) info: CertificateInfo,
}

impl KeyPair {
    /// Reads the certificate `name` and its key below `folder`. Blocks.
    pub(super) fn read(folder: &Path, name: &str) -> Result<Self, TlsError> {
        let (certificate_file, key_file) = (certificate_file(name), key_file(name));
        let chain = chain(&read(folder, &certificate_file)?, &certificate_file)?;
        let key = key(&read(folder, &key_file)?, key_file)?;
        let info = info(name, &chain[0], &certificate_file)?;
        Ok(Self { chain, key, info })
    }
}

/// Reads `file` below `folder`. Blocks.
pub(super) fn read(folder: &Path, file: &str) -> Result<Vec<u8>, TlsError> {
    let io_error = |source| TlsError::Io { file: file.to_owned(), source };
    let path = folder.join(file);
    if fs::metadata(&path).map_err(io_error)?.len() > MAX_FILE_BYTES {
        return Err(TlsError::TooLarge(file.to_owned()));
    }
    fs::read(&path).map_err(io_error)
}

/// The certificates in `pem`, the content of `file`; never none.
pub(super) fn chain(pem: &[u8], file: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| TlsError::Malformed { file: file.to_owned(), problem: error.to_string() })?;
    if chain.is_empty() { Err(TlsError::NoCertificate(file.to_owned())) } else { Ok(chain) }
}

/// Trusts the certificates in `pem`, the content of `file`.
pub(super) fn trust(roots: &mut RootCertStore, pem: &[u8], file: &str) -> Result<(), TlsError> {
    for root in chain(pem, file)? {
        roots.add(root).map_err(|error| TlsError::Malformed { file: file.to_owned(), problem: error.to_string() })?;
    }
    Ok(())
}

/// The private key in `pem`, the content of `file`.
pub(super) fn key(pem: &[u8], file: String) -> Result<PrivateKeyDer<'static>, TlsError> {
    use rustls::pki_types::pem::Error;
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        Error::NoItemsFound => TlsError::NoKey(file),
        other => TlsError::Malformed { file, problem: other.to_string() },
    })
}

fn info(name: &str, der: &CertificateDer<'_>, file: &str) -> Result<CertificateInfo, TlsError> {
    let malformed = |problem: String| TlsError::Malformed { file: file.to_owned(), problem };
    let (_, certificate) = X509Certificate::from_der(der).map_err(|error| malformed(error.to_string()))?;
    let not_after = Timestamp::from_second(certificate.validity().not_after.timestamp()).map_err(|error| malformed(error.to_string()))?;
    Ok(CertificateInfo { name: name.to_owned(), names: server_names(&certificate), not_after })
}

/// The names that a server's certificate gives it; none when it can't be read.
pub(super) fn names(der: &CertificateDer<'_>) -> Vec<String> {
    X509Certificate::from_der(der).map(|(_, certificate)| server_names(&certificate)).unwrap_or_default()
}

/// The DNS names and e-mail addresses of a client's certificate in lower case; none when it can't be read. Whether the certificate is to be
/// trusted is for the caller to know.
pub(super) fn client_names(der: &CertificateDer<'_>) -> Vec<String> {
    let named = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    };
    X509Certificate::from_der(der).map(|(_, certificate)| alternative_names(&certificate, named)).unwrap_or_default()
}

fn server_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    alternative_names(certificate, |name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(octets) => address(octets),
        _ => None,
    })
}

/// What `named` makes of each name in subjectAltName (RFC 5280 section 4.2.1.6). The subject's common name is no name.
fn alternative_names(certificate: &X509Certificate<'_>, named: impl Fn(&GeneralName<'_>) -> Option<String>) -> Vec<String> {
    let extension = certificate.subject_alternative_name().ok().flatten();
    extension.iter().flat_map(|extension| &extension.value.general_names).filter_map(named).collect()
}

fn address(octets: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(octets).map(|octets| std::net::Ipv4Addr::from(octets).to_string());
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(|octets| std::net::Ipv6Addr::from(octets).to_string())).ok()
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    #[test]
    fn dns_names_and_mailboxes_count_and_nothing_else_does() {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "common.example");
        params.subject_alt_names = vec![
            SanType::DnsName("App.Example".try_into().unwrap()),
            SanType::Rfc822Name("Alice@Example.com".try_into().unwrap()),
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            SanType::URI("spiffe://cluster/app".try_into().unwrap()),
        ];
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        assert_eq!(client_names(certificate.der()), ["app.example", "alice@example.com"]);
        assert!(client_names(&CertificateDer::from_slice(b"no certificate")).is_empty());
    }
}
