//! The folder that a relay reads, file by file.

use std::collections::BTreeMap;

use postern_config::folder::{TLS_FOLDER, TRUST_FOLDER};

use crate::{
    material::{CertifiedKey, Sealed},
    validate::{SERVER_FOLDER, Validated},
};

/// A file of a relay's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// What it holds.
    pub content: Vec<u8>,
    /// Whether only the relay may read it.
    pub is_key: bool,
}

/// Every file of the relay's folder by its path below it, but for what was not read: the paths are those of the contract.
#[must_use]
pub fn of(validated: &Validated<'_>) -> BTreeMap<String, File> {
    let mut files: BTreeMap<_, _> =
        validated.configuration.files().into_iter().map(|(path, content)| (path, File { content, is_key: false })).collect();
    let server = validated.certificate.pair().map(|pair| (SERVER_FOLDER, pair));
    let clients = validated.client_certificates.iter().filter_map(|(folder, pair)| Some((folder.as_str(), pair.open()?)));
    for (folder, pair) in server.into_iter().chain(clients) {
        files.extend(pair_files(folder, pair));
    }
    for (name, bundle) in &validated.trust {
        if let Sealed::Open(bundle) = bundle {
            files.insert(format!("{TRUST_FOLDER}/{name}.pem"), File { content: bundle.as_str().into(), is_key: false });
        }
    }
    files
}

fn pair_files(folder: &str, pair: &CertifiedKey) -> [(String, File); 2] {
    [
        (format!("{TLS_FOLDER}/{folder}/tls.crt"), File { content: pair.chain().into(), is_key: false }),
        (format!("{TLS_FOLDER}/{folder}/tls.key"), File { content: pair.key().reveal().into(), is_key: true }),
    ]
}
