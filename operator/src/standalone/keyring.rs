//! The operator's CA and the certificates that it issued, kept in the data folder between runs.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::folder::private_folder;
use crate::{
    inventory::Key,
    issue::{Authority, IssueError, Issued, is_current, issue_leaf},
    material::{CertifiedKey, MaterialError},
};

/// How the key begins that follows the certificate in a file: keys that are made here are PKCS#8 (RFC 7468 section 10).
const KEY_BEGINS: &str = "-----BEGIN PRIVATE KEY-----";

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
        match name.split_once('.') {
            Some(("ca", _)) => self.authorities.push(pair),
            Some((namespace, relay)) => drop(self.leaves.insert(Key::new(namespace, relay), pair)),
            None => {}
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
        let authorities = self.authorities.iter().map(|ca| (format!("ca.{}.pem", ca.not_before().as_second()), ca));
        let leaves = self.leaves.iter().map(|(relay, leaf)| (format!("{}.{}.pem", relay.namespace, relay.name), leaf));
        for (name, pair) in authorities.chain(leaves) {
            let path = self.folder.join(name);
            let text = format!("{}{}", pair.chain(), pair.key().reveal());
            if fs::read_to_string(&path).is_ok_and(|kept| kept == text) {
                continue;
            }
            replace(&path, &text).map_err(|source| KeyringError::Io { path, source })?;
        }
        Ok(())
    }
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(temporary, path)
}
