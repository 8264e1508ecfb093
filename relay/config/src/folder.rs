//! The folder in which a configuration travels: who is in which file, and whether a set of files is whole.

use std::{collections::BTreeMap, fs, io, path::Path};

use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{Domain, DomainName, DomainShard, RecipientList, RelayConfig, VERSION};

/// Name of the root file.
pub const ROOT_FILE: &str = "relay.json";
/// Folder of certificates and keys.
pub const TLS_FOLDER: &str = "tls";
/// Folder of CA bundles.
pub const TRUST_FOLDER: &str = "trust";
/// Over how many files the domains are spread. Part of the contract's version: another number moves nearly every domain.
pub const SHARDS: u8 = 16;
/// Largest file that is read: a Kubernetes ConfigMap holds 1 MiB.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// A whole configuration but for keys and certificates: the root and all that it lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// The root, with the hashes of all other files.
    pub root: RelayConfig,
    /// Every domain, sorted by name.
    pub domains: Vec<Domain>,
    /// Every recipient list, by file name.
    pub recipients: BTreeMap<String, RecipientList>,
}

/// Why a folder does not hold a configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file can't be read.
    #[error("{file}: {source}")]
    Io {
        /// The file, relative to the folder.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file is larger than a ConfigMap could be.
    #[error("{0}: larger than 1 MiB")]
    TooLarge(String),
    /// A file is not what the contract says.
    #[error("{file}: {source}")]
    Malformed {
        /// The file, relative to the folder.
        file: String,
        /// Where and what.
        source: serde_json::Error,
    },
    /// The root speaks another version.
    #[error("relay.json: version {0} is not known here (this relay reads version {VERSION})")]
    Version(u64),
    /// A file is not the one that the root means: the set is torn, and the rest may still be on its way.
    #[error("{0}: not the file that relay.json lists (the set is not complete yet)")]
    Torn(String),
    /// The root lists a file whose name says nothing.
    #[error("relay.json: `{0}` is neither a `domains-*.json` nor a `recipients-*.json`")]
    UnknownFile(String),
}

impl Configuration {
    /// Spreads `domains` over shards and lists every file in the root; `root.files` is overwritten.
    #[must_use]
    pub fn assemble(mut root: RelayConfig, mut domains: Vec<Domain>, recipients: BTreeMap<String, RecipientList>) -> Self {
        domains.sort_by(|a, b| a.name.cmp(&b.name));
        root.files = shards(&domains)
            .iter()
            .map(|(name, shard)| (name.clone(), digest(&encode(shard))))
            .chain(recipients.iter().map(|(name, list)| (name.clone(), digest(&encode(list)))))
            .collect();
        Self { root, domains, recipients }
    }

    /// Every file of the configuration by name, the root included. The same configuration gives the same bytes.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let shards = shards(&self.domains).into_iter().map(|(name, shard)| (name, encode(&shard)));
        let lists = self.recipients.iter().map(|(name, list)| (name.clone(), encode(list)));
        shards.chain(lists).chain([(ROOT_FILE.to_owned(), encode(&self.root))]).collect()
    }

    /// The configuration's hash: that of the root, which holds all others. Lower-case hexadecimal SHA-256.
    #[must_use]
    pub fn hash(&self) -> String {
        digest(&encode(&self.root))
    }

    /// Reads the folder. Only a complete set that matches the root is returned.
    pub fn read(folder: &Path) -> Result<Self, LoadError> {
        let root = read_root(folder)?;
        let mut domains = Vec::new();
        let mut recipients = BTreeMap::new();
        for (name, expected) in &root.files {
            let bytes = read_file(folder, name)?;
            if digest(&bytes) != *expected {
                return Err(LoadError::Torn(name.clone()));
            }
            if name.starts_with("domains-") {
                domains.extend(decode::<DomainShard>(name, &bytes)?.domains);
            } else if name.starts_with("recipients-") {
                recipients.insert(name.clone(), decode(name, &bytes)?);
            } else {
                return Err(LoadError::UnknownFile(name.clone()));
            }
        }
        domains.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { root, domains, recipients })
    }
}

/// The file that holds a domain.
#[must_use]
pub fn shard_of(name: &DomainName) -> String {
    let hash: [u8; 32] = Sha256::digest(name.as_str()).into();
    format!("domains-{:02}.json", hash[0] % SHARDS)
}

fn shards(domains: &[Domain]) -> BTreeMap<String, DomainShard> {
    let mut shards = BTreeMap::<String, DomainShard>::new();
    for domain in domains {
        let shard = shards.entry(shard_of(&domain.name)).or_insert_with(|| DomainShard { domains: Vec::new() });
        shard.domains.push(domain.clone());
    }
    shards
}

fn read_root(folder: &Path) -> Result<RelayConfig, LoadError> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        version: u64,
    }
    let bytes = read_file(folder, ROOT_FILE)?;
    let Versioned { version } = decode(ROOT_FILE, &bytes)?;
    if version != u64::from(VERSION) {
        return Err(LoadError::Version(version));
    }
    decode(ROOT_FILE, &bytes)
}

fn read_file(folder: &Path, name: &str) -> Result<Vec<u8>, LoadError> {
    let io_error = |source| LoadError::Io { file: name.to_owned(), source };
    if name.contains('/') || name.starts_with('.') {
        return Err(LoadError::UnknownFile(name.to_owned()));
    }
    let path = folder.join(name);
    if fs::metadata(&path).map_err(io_error)?.len() > MAX_FILE_BYTES {
        return Err(LoadError::TooLarge(name.to_owned()));
    }
    fs::read(&path).map_err(io_error)
}

fn decode<T: DeserializeOwned>(file: &str, bytes: &[u8]) -> Result<T, LoadError> {
    serde_json::from_slice(bytes).map_err(|source| LoadError::Malformed { file: file.to_owned(), source })
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    // The model holds no map with other keys than strings and no float, so encoding it can't fail.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Hash of the root file as it lies in the folder: which configuration was meant, even if it is a bad one. `None` when it can't be read.
#[must_use]
pub fn root_hash(folder: &Path) -> Option<String> {
    read_file(folder, ROOT_FILE).ok().map(|bytes| digest(&bytes))
}

/// Lower-case hexadecimal SHA-256: how files and configurations are named.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
