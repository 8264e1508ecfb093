//! Keys, certificates and CAs are renewed on their own, so no hash in the root tells of them.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use postern_config::{Configuration, material};

/// How much of a file counts, in bytes. Whoever uses a longer one refuses it.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Reads and hashes the files that `configuration` names ([`material::hash`]). One that can't be read counts as empty: whoever uses it will say so.
pub(super) fn hash(folder: &Path, configuration: &Configuration) -> String {
    material::hash(configuration, |file| read(&folder.join(file)).ok())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES).read_to_end(&mut content)?;
    Ok(content)
}
