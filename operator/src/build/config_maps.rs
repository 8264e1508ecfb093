//! The configuration: its root, its shards, CA certificates.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use postern_config::folder;
use postern_crds::SmtpRelay;
use sha2::{Digest, Sha256};

use super::{TooLarge, check_size, metadata::child, metadata::child_name};
use crate::{
    issue::Issued,
    material::Sealed,
    validate::{ServerCertificate, Validated},
};

/// Over how many ConfigMaps recipient lists are spread. All of them stand in the pod's volume, so that a new list changes no pod.
const RECIPIENT_SHARDS: u8 = 16;

/// The ConfigMap with the root.
pub(super) const ROOT: &str = "config";
/// The ConfigMap with CA certificates for next hops.
pub(super) const TRUST: &str = "trust";
/// The ConfigMap with the operator's own CA.
const AUTHORITY: &str = "ca";

/// The name of every ConfigMap that may hold a shard, whether it is there or not.
pub(super) fn shard_names(relay: &SmtpRelay) -> impl Iterator<Item = String> {
    let domains = (0..folder::SHARDS).map(|shard| format!("domains-{shard:02}"));
    let recipients = (0..RECIPIENT_SHARDS).map(|shard| format!("recipients-{shard:02}"));
    domains.chain(recipients).map(|suffix| child_name(relay, &suffix))
}

/// The root.
pub(super) fn root(relay: &Validated<'_>) -> Result<ConfigMap, TooLarge> {
    let files = relay.configuration.files().into_iter().filter(|(name, _)| name == folder::ROOT_FILE);
    config_map(relay.relay, ROOT, files.map(text).collect(), "spread its domains over several relays")
}

/// Domains and recipient lists: everything that the root lists.
pub(super) fn shards(relay: &Validated<'_>) -> Result<Vec<ConfigMap>, TooLarge> {
    let mut shards = BTreeMap::<String, BTreeMap<String, String>>::new();
    for (name, bytes) in relay.configuration.files() {
        if name != folder::ROOT_FILE {
            shards.entry(shard(&name)).or_default().extend([text((name, bytes))]);
        }
    }
    let mend = "spread its domains over several relays, or let next hops say which recipients exist";
    shards.into_iter().map(|(suffix, files)| config_map(relay.relay, &suffix, files, mend)).collect()
}

/// The ConfigMap that holds a file: a shard of domains has its own, recipient lists share by the hash of their names.
fn shard(file: &str) -> String {
    if let Some(domains) = file.strip_suffix(".json").filter(|file| file.starts_with("domains-")) {
        return domains.to_owned();
    }
    let digest: [u8; 32] = Sha256::digest(file).into();
    format!("recipients-{:02}", digest[0] % RECIPIENT_SHARDS)
}

/// CA certificates for next hops.
pub(super) fn trust(relay: &Validated<'_>) -> Result<Option<ConfigMap>, TooLarge> {
    if relay.trust.is_empty() {
        return Ok(None);
    }
    let known = relay.trust.iter().filter_map(|(name, bundle)| Some((trust_key(name), bundle.open()?.as_str().to_owned())));
    let mend = "name single CAs in caCertificateRefs rather than whole collections";
    config_map(relay.relay, TRUST, known.collect(), mend).map(Some)
}

/// The key of a CA bundle in the ConfigMap.
pub(super) fn trust_key(name: &str) -> String {
    format!("{name}.pem")
}

/// The operator's own CA, for those who send to the relay.
pub(super) fn authority(relay: &Validated<'_>) -> Option<ConfigMap> {
    let ServerCertificate::Issued(issued) = &relay.certificate else { return None };
    let data = match issued {
        Sealed::Open(Issued { authority, .. }) => Some([("ca.crt".to_owned(), authority.as_str().to_owned())].into()),
        Sealed::Closed => None,
    };
    Some(ConfigMap { metadata: child(relay.relay, AUTHORITY), data, ..ConfigMap::default() })
}

fn config_map(relay: &SmtpRelay, suffix: &str, data: BTreeMap<String, String>, mend: &'static str) -> Result<ConfigMap, TooLarge> {
    let bytes = data.iter().map(|(key, value)| key.len() + value.len()).sum();
    check_size(|| format!("the ConfigMap {}", child_name(relay, suffix)), bytes, mend)?;
    Ok(ConfigMap { metadata: child(relay, suffix), data: Some(data), ..ConfigMap::default() })
}

/// A file as a ConfigMap holds it. The configuration is JSON, so it is always UTF-8.
fn text((name, bytes): (String, Vec<u8>)) -> (String, String) {
    (name, String::from_utf8_lossy(&bytes).into_owned())
}
