//! The folder that a relay reads, file by file.

use std::collections::BTreeMap;

use postern_config::material::{certificate_file, key_file, trust_file};

use crate::{
    material::{CertifiedKey, Sealed},
    validate::{SERVER_CERTIFICATE, Validated},
};

/// A file of a relay's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// What it holds.
    pub content: Vec<u8>,
    /// Whether only the relay may read it.
    pub is_key: bool,
}

/// Every file of the relay's folder by its name, but for what was not read: the names are those of the contract.
#[must_use]
pub fn of(validated: &Validated<'_>) -> BTreeMap<String, File> {
    let mut files: BTreeMap<_, _> =
        validated.configuration.files().into_iter().map(|(name, content)| (name, File { content, is_key: false })).collect();
    let server = validated.certificate.pair().map(|pair| (SERVER_CERTIFICATE, pair));
    let clients = validated.client_certificates.iter().filter_map(|(name, pair)| Some((name.as_str(), pair.open()?)));
    for (name, pair) in server.into_iter().chain(clients) {
        files.extend(pair_files(name, pair));
    }
    let secrets = validated.secrets.files().into_iter().filter_map(|(name, content)| Some((name, content?)));
    files.extend(secrets.map(|(name, content)| (name, File { content: content.into_bytes(), is_key: true })));
    for (name, bundle) in &validated.trust {
        if let Sealed::Open(bundle) = bundle {
            files.insert(trust_file(name), File { content: bundle.as_str().into(), is_key: false });
        }
    }
    files
}

fn pair_files(name: &str, pair: &CertifiedKey) -> [(String, File); 2] {
    [
        (certificate_file(name), File { content: pair.chain().into(), is_key: false }),
        (key_file(name), File { content: pair.key().reveal().into(), is_key: true }),
    ]
}
