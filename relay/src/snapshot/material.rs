//! Keys, certificates and CAs are renewed on their own, so no hash in the root tells of them.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use postern_config::{
    Configuration, Domain,
    material::{certificate_file, key_file, trust_file},
};
use sha2::{Digest as _, Sha256};

/// How much of a file counts, in bytes. Whoever uses a longer one refuses it.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Hash of every file of keys, certificates and CAs that a configuration names.
pub(super) type Digest = [u8; 32];

/// Reads and hashes the files that `configuration` names. One that can't be read counts as empty: whoever uses it will say so.
pub(super) fn digest(folder: &Path, configuration: &Configuration) -> Digest {
    let mut hash = Sha256::new();
    for file in files(configuration) {
        let content = read(&folder.join(&file)).unwrap_or_default();
        hash.update(Sha256::digest(file));
        hash.update(Sha256::digest(content));
    }
    hash.finalize().into()
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES).read_to_end(&mut content)?;
    Ok(content)
}

fn files(configuration: &Configuration) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    let mut pair = |name: &str| files.extend([certificate_file(name), key_file(name)]);
    configuration.root.tls.certificates.iter().for_each(|name| pair(name));
    let next_hops = || configuration.domains.iter().flat_map(Domain::next_hops);
    next_hops().filter_map(|hops| hops.tls.client_certificate.as_deref()).for_each(pair);
    files.extend(next_hops().flat_map(|hops| &hops.tls.trust).map(|name| trust_file(name)));
    files
}
