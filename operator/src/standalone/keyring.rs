//! The operator's CA and the certificates that it issued, kept in the data folder between runs.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::folder::{private_folder, replace};
use crate::{
    inventory::Key,
    issue::{Authority, IssueError, Issued, is_current, issue_leaf},
    material::{CertifiedKey, MaterialError},
};

/// How the key begins that follows the certificate in a file: keys that are made here are PKCS#8 (RFC 7468 section 10).
const KEY_BEGINS: &str = "-----BEGIN PRIVATE KEY-----";

/// How the names of CAs' files begin.
const AUTHORITY_PREFIX: &str = "ca.";
/// How the names of certificates' files begin.
const LEAF_PREFIX: &str = "leaf.";

/// Certificates and keys, and where they are kept.
#[derive(Debug)]
pub(super) struct Keyring {
    folder: PathBuf,
    authorities: Vec<CertifiedKey>,
    leaves: BTreeMap<Key, CertifiedKey>,
}

/// Why the keyring can't be read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyringError {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path}: {source}; remove it, and trust the new CA that is made then")]
    Damaged { path: PathBuf, source: MaterialError },
}

impl Keyring {
    /// Reads what earlier runs kept in `folder`.
    pub(super) fn open(folder: PathBuf) -> Result<Self, KeyringError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| KeyringError::Io { path, source }
        };
        private_folder(&folder).map_err(at(&folder))?;
        let mut keyring = Self { folder, authorities: Vec::new(), leaves: BTreeMap::new() };
        for entry in fs::read_dir(&keyring.folder).map_err(at(&keyring.folder))? {
            let path = entry.map_err(at(&keyring.folder))?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if path.extension().is_some_and(|extension| extension == "pem") {
                let text = fs::read_to_string(&path).map_err(at(&path))?;
                let (chain, key) = text.split_at(text.find(KEY_BEGINS).unwrap_or(text.len()));
                let pair = CertifiedKey::parse(chain, key).map_err(|source| KeyringError::Damaged { path, source })?;
                keyring.add(&name, pair);
            }
        }
        Ok(keyring)
    }

    fn add(&mut self, name: &str, pair: CertifiedKey) {
        if name.starts_with(AUTHORITY_PREFIX) {
            self.authorities.push(pair);
        } else if let Some((namespace, relay)) = name.strip_prefix(LEAF_PREFIX).and_then(|key| key.split_once('.')) {
            self.leaves.insert(Key::new(namespace, relay), pair);
        }
    }

    /// The certificate for a relay: the one that it has, or a new one when that is due.
    pub(super) fn certificate(&mut self, relay: &Key, hostname: &str, now: Timestamp) -> Result<Issued, IssueError> {
        let authority = Authority::at(now, self.authorities.clone())?;
        let leaf = match self.leaves.get(relay).filter(|leaf| is_current(leaf, hostname, &authority, now)) {
            Some(leaf) => leaf.clone(),
            None => issue_leaf(hostname, &authority, now)?,
        };
        let authority = authority.without_retired(now, &[&leaf]);
        self.authorities = authority.published().to_vec();
        self.leaves.insert(relay.clone(), leaf.clone());
        Ok(Issued { pair: leaf, authority: authority.bundle() })
    }

    /// Keeps everything for the next run, before anything of it is used.
    pub(super) fn save(&self) -> Result<(), KeyringError> {
        for (name, pair) in self.files() {
            let path = self.folder.join(name);
            let text = format!("{}{}", pair.chain(), pair.key().reveal());
            replace(&path, text.as_bytes()).map_err(|source| KeyringError::Io { path, source })?;
        }
        self.forget_retired().map_err(|source| KeyringError::Io { path: self.folder.clone(), source })
    }

    fn files(&self) -> BTreeMap<String, &CertifiedKey> {
        let authorities = self.authorities.iter().map(|ca| (format!("{AUTHORITY_PREFIX}{}.pem", ca.not_before().as_second()), ca));
        let leaves = self.leaves.iter().map(|(relay, leaf)| (format!("{LEAF_PREFIX}{}.{}.pem", relay.namespace, relay.name), leaf));
        authorities.chain(leaves).collect()
    }

    /// Removes the keys of CAs that are published no more.
    fn forget_retired(&self) -> io::Result<()> {
        let kept = self.files();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(AUTHORITY_PREFIX) && !kept.contains_key(&name) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}
