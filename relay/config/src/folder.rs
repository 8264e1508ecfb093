//! The folder in which a configuration travels: who is in which file, and whether a set of files is whole.

use std::{collections::BTreeMap, fs, io, path::Path};

use sha2::{Digest, Sha256};

use crate::{
    Domain, DomainName, DomainShard, OLDEST, RecipientList, RelayConfig, VERSION,
    version::{Reading, encode},
};

/// Name of the root file.
pub const ROOT_FILE: &str = "relay.json";
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
    hash: String,
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
    /// A file of our own version has a field that the contract does not know.
    #[error("{file}: `{field}` is not known in version {VERSION}")]
    UnknownField {
        /// The file, relative to the folder.
        file: String,
        /// Path of the field.
        field: String,
    },
    /// The root is of a version that can't be read.
    #[error(
        "relay.json: version {version} asks for a relay that knows version {min_reader}; this one reads versions {OLDEST} to {VERSION}, \
         and later ones that say so"
    )]
    Version {
        /// The version that it has.
        version: u64,
        /// The version that its reader must know.
        min_reader: u64,
    },
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
        let hash = digest(&encode(&root));
        Self { root, domains, recipients, hash }
    }

    /// Every file of the configuration by name, the root included. The same configuration gives the same bytes.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let shards = shards(&self.domains).into_iter().map(|(name, shard)| (name, encode(&shard)));
        let lists = self.recipients.iter().map(|(name, list)| (name.clone(), encode(list)));
        shards.chain(lists).chain([(ROOT_FILE.to_owned(), encode(&self.root))]).collect()
    }

    /// The configuration's hash: that of the root file as it was assembled or read, which holds all others. Lower-case hexadecimal SHA-256.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Reads the folder. Only a complete set that matches the root is returned.
    pub fn read(folder: &Path) -> Result<Self, LoadError> {
        let bytes = read_file(folder, ROOT_FILE)?;
        let reading = Reading::of(ROOT_FILE, &bytes)?;
        let root: RelayConfig = reading.decode(ROOT_FILE, &bytes)?;
        let hash = digest(&bytes);
        let mut domains = Vec::new();
        let mut recipients = BTreeMap::new();
        for (name, expected) in &root.files {
            let is_shard = name.starts_with("domains-");
            if !is_shard && !name.starts_with("recipients-") {
                if reading == Reading::Lenient {
                    continue;
                }
                return Err(LoadError::UnknownFile(name.clone()));
            }
            let bytes = read_file(folder, name)?;
            if digest(&bytes) != *expected {
                return Err(LoadError::Torn(name.clone()));
            }
            if is_shard {
                domains.extend(reading.decode::<DomainShard>(name, &bytes)?.domains);
            } else {
                recipients.insert(name.clone(), reading.decode(name, &bytes)?);
            }
        }
        domains.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { root, domains, recipients, hash })
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
