//! The names that a client's certificate gives it.

use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

/// The DNS names and e-mail addresses of a certificate (subjectAltName, RFC 5280 section 4.2.1.6) in lower case; none when it can't be read.
/// The subject's common name is no name. Whether the certificate is to be trusted is for the caller to know.
#[must_use]
pub fn certificate_names(der: &[u8]) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return Vec::new() };
    let extension = certificate.subject_alternative_name().ok().flatten();
    let names = extension.iter().flat_map(|extension| &extension.value.general_names);
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) | GeneralName::RFC822Name(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
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
        assert_eq!(certificate_names(certificate.der()), ["app.example", "alice@example.com"]);
        assert!(certificate_names(b"no certificate").is_empty());
    }
}
