//! A certificate authority for tests, and the certificates that it issues.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context, Result};
use postern_config::material::{certificate_file, key_file};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SerialNumber,
    date_time_ymd,
};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};

/// A certificate authority with a key of its own. Two authorities never trust each other, whatever their names.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate that an [`Authority`] issued, with its key.
pub struct Certificate {
    chain: CertificateDer<'static>,
    chain_pem: String,
    key: KeyPair,
}

impl Authority {
    /// Makes a new authority; `name` is its common name.
    pub fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { issuer })
    }

    /// The authority's certificate.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Writes the authority's certificate to `path`, with the folders above it.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_file(path, &self.pem())
    }

    /// A certificate for a server; `names` are DNS names or IP addresses.
    pub fn server(&self, names: &[&str]) -> Result<Certificate> {
        self.issue(names, vec![ExtendedKeyUsagePurpose::ServerAuth], |_| {})
    }

    /// A certificate for a server that expired in the year 2001.
    pub fn expired_server(&self, names: &[&str]) -> Result<Certificate> {
        self.issue(names, vec![ExtendedKeyUsagePurpose::ServerAuth], expired)
    }

    /// A certificate for a client called `name`.
    pub fn client(&self, name: &str) -> Result<Certificate> {
        self.issue(&[name], vec![ExtendedKeyUsagePurpose::ClientAuth], |_| {})
    }

    /// A certificate for a client called `name` that expired in the year 2001.
    pub fn expired_client(&self, name: &str) -> Result<Certificate> {
        self.issue(&[name], vec![ExtendedKeyUsagePurpose::ClientAuth], expired)
    }

    /// A certificate called `name` both to serve and to call, as relays and the operator have among themselves.
    pub fn identity(&self, name: &str) -> Result<Certificate> {
        self.issue(&[name], vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth], |_| {})
    }

    /// A client's TLS configuration that trusts this authority alone.
    pub fn client_config(&self) -> Result<Arc<ClientConfig>> {
        trusting(self.roots()?)
    }

    /// A client's TLS configuration that trusts this authority alone and shows `certificate`.
    pub fn client_config_showing(&self, certificate: &Certificate) -> Result<Arc<ClientConfig>> {
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        let builder = builder.with_root_certificates(self.roots()?);
        Ok(Arc::new(builder.with_client_auth_cert(vec![certificate.chain.clone()], certificate.key_der())?))
    }

    fn issue(
        &self,
        names: &[&str],
        usages: Vec<ExtendedKeyUsagePurpose>,
        adjust: impl FnOnce(&mut CertificateParams),
    ) -> Result<Certificate> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names.clone())?;
        if let Some(first) = names.into_iter().next() {
            params.distinguished_name.push(DnType::CommonName, first);
        }
        params.serial_number = Some(random_serial()?);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = usages;
        adjust(&mut params);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Certificate { chain: certificate.der().clone(), chain_pem: certificate.pem(), key })
    }

    fn roots(&self) -> Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone())?;
        Ok(roots)
    }
}

impl Certificate {
    /// Writes `tls.crt` and `tls.key` into `folder`, which is made when it is missing.
    pub fn write(&self, folder: &Path) -> Result<()> {
        write_file(&folder.join("tls.crt"), &self.chain_pem)?;
        write_file(&folder.join("tls.key"), &self.key_pem())
    }

    /// Writes the certificate and its key into a relay's configuration `folder`, under `name`.
    pub fn write_as(&self, folder: &Path, name: &str) -> Result<()> {
        write_file(&folder.join(certificate_file(name)), &self.chain_pem)?;
        write_file(&folder.join(key_file(name)), &self.key_pem())
    }

    /// The certificate, PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.chain_pem
    }

    /// The private key, PKCS #8 in PEM.
    #[must_use]
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// The certificate, DER.
    #[must_use]
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.chain
    }

    /// A server's TLS configuration that shows this certificate and asks for none.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>> {
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        Ok(Arc::new(builder.with_no_client_auth().with_single_cert(vec![self.chain.clone()], self.key_der())?))
    }

    /// A server's TLS configuration that shows this certificate and requires one that `clients` issued.
    pub fn server_config_requiring(&self, clients: &Authority) -> Result<Arc<ServerConfig>> {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(clients.roots()?), provider()).build()?;
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        Ok(Arc::new(builder.with_client_cert_verifier(verifier).with_single_cert(vec![self.chain.clone()], self.key_der())?))
    }

    fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }
}

/// A client's TLS configuration that trusts the authorities in `pem` alone.
pub fn client_config_of_pem(pem: &str) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate?)?;
    }
    trusting(roots)
}

fn trusting(roots: RootCertStore) -> Result<Arc<ClientConfig>> {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn expired(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2001, 1, 1);
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Two certificates for one name must differ in their serial numbers, or some peers take them for the same.
fn random_serial() -> Result<SerialNumber> {
    let mut bytes = [0; 16];
    aws_lc_rs::default_provider().secure_random.fill(&mut bytes).map_err(|_| anyhow::anyhow!("no random numbers"))?;
    bytes[0] &= 0x7f;
    Ok(SerialNumber::from_slice(&bytes))
}

fn write_file(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    fs::write(path, text).with_context(|| path.display().to_string())
}
