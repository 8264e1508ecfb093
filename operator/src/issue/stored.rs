//! A CA as the data of a Secret, where the operator keeps it between runs.
//!
//! `ca-SECONDS.crt` and `ca-SECONDS.key` for each CA that is published, by the second (of the Unix epoch) since which it is valid.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::ByteString;

use super::Authority;
use crate::material::{CertifiedKey, MaterialError};

const PREFIX: &str = "ca-";
const CERTIFICATE: &str = ".crt";
const KEY: &str = ".key";

/// A CA in a Secret is not what was kept there.
///
/// Making another in its place would break all that trust it, so a person has to decide.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{entry}`: {source}; bring the Secret back from a copy, or delete it and let everyone trust the new CA that is made then")]
pub struct DamagedCa {
    /// The entries of the Secret, without `.crt` and `.key`.
    pub entry: String,
    /// What is wrong with it.
    pub source: MaterialError,
}

impl Authority {
    /// All published CAs with their keys, as the data of a Secret.
    #[must_use]
    pub fn data(&self) -> BTreeMap<String, ByteString> {
        let entries = self.published().iter().flat_map(|ca| {
            let stem = format!("{PREFIX}{}", ca.not_before().as_second());
            let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
            [(format!("{stem}{CERTIFICATE}"), bytes(ca.chain())), (format!("{stem}{KEY}"), bytes(ca.key().reveal()))]
        });
        entries.collect()
    }

    /// The CAs that [`Authority::data`] kept. Other entries are passed over, and don't outlive the next write.
    pub fn kept_in(data: &BTreeMap<String, ByteString>) -> Result<Vec<CertifiedKey>, DamagedCa> {
        let text = |entry: String| data.get(&entry).and_then(|bytes| std::str::from_utf8(&bytes.0).ok()).unwrap_or_default();
        let stem = |entry: &'_ String| {
            let entry = entry.strip_prefix(PREFIX)?;
            entry.strip_suffix(CERTIFICATE).or_else(|| entry.strip_suffix(KEY)).map(|second| format!("{PREFIX}{second}"))
        };
        let pair = |stem: String| {
            CertifiedKey::parse(text(format!("{stem}{CERTIFICATE}")), text(format!("{stem}{KEY}")))
                .map_err(|source| DamagedCa { entry: stem, source })
        };
        data.keys().filter_map(stem).collect::<BTreeSet<_>>().into_iter().map(pair).collect()
    }
}
