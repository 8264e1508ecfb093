//! Which certificate a client is shown.

use std::{collections::HashMap, sync::Arc};

use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

/// Certificates by the names that they hold. A name that none holds, and no name at all, get the first one.
#[derive(Debug)]
pub(super) struct ByServerName {
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// By the name below the `*.`: the wildcard stands for exactly one label (RFC 6125 section 6.4.3).
    wildcard: HashMap<String, Arc<CertifiedKey>>,
    default: Arc<CertifiedKey>,
}

impl ByServerName {
    pub(super) fn new(default: Arc<CertifiedKey>) -> Self {
        Self { exact: HashMap::new(), wildcard: HashMap::new(), default }
    }

    /// Adds a name of a certificate; the first certificate that holds a name keeps it.
    pub(super) fn add(&mut self, name: &str, certificate: &Arc<CertifiedKey>) {
        let (names, name) = match name.strip_prefix("*.") {
            Some(below) => (&mut self.wildcard, below),
            None => (&mut self.exact, name),
        };
        names.entry(name.to_owned()).or_insert_with(|| Arc::clone(certificate));
    }

    fn choose(&self, server_name: Option<&str>) -> &Arc<CertifiedKey> {
        server_name.and_then(|name| self.find(&name.to_ascii_lowercase())).unwrap_or(&self.default)
    }

    fn find(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let by_wildcard = || name.split_once('.').and_then(|(_, below)| self.wildcard.get(below));
        self.exact.get(name).or_else(by_wildcard)
    }
}

impl ResolvesServerCert for ByServerName {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(self.choose(client_hello.server_name())))
    }
}

#[cfg(test)]
mod tests {
    use rustls::{crypto::aws_lc_rs, pki_types::PrivatePkcs8KeyDer};

    use super::*;

    fn certificate(names: &[&str]) -> Arc<CertifiedKey> {
        let names = names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into();
        Arc::new(CertifiedKey::from_der(vec![cert.der().clone()], key, &aws_lc_rs::default_provider()).unwrap())
    }

    #[test]
    fn an_exact_name_comes_before_a_wildcard_and_a_wildcard_is_one_label() {
        let [first, wild, exact] = [&["mx.example"][..], &["*.wild.example"], &["one.wild.example"]].map(certificate);
        let mut certificates = ByServerName::new(Arc::clone(&first));
        certificates.add("mx.example", &first);
        certificates.add("*.wild.example", &wild);
        certificates.add("one.wild.example", &exact);
        certificates.add("one.wild.example", &first);
        let expected = [
            (Some("mx.example"), &first),
            (Some("one.wild.example"), &exact),
            (Some("ONE.wild.example"), &exact),
            (Some("two.wild.example"), &wild),
            (Some("two.labels.wild.example"), &first),
            (Some("wild.example"), &first),
            (Some("example.net"), &first),
            (None, &first),
        ];
        for (name, expected) in expected {
            assert!(Arc::ptr_eq(certificates.choose(name), expected), "{name:?}");
        }
    }
}
