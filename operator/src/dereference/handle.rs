//! Names of files in the relay's configuration, for what lies in objects.
//!
//! A handle is readable and depends on the reference alone, so that the same reference has the same file in every run, and two references
//! that differ never share one.

use std::fmt::Write as _;

use postern_crds::accepted_domain::{CaCertificateReference, ListReference};
use sha2::{Digest, Sha256};

/// How much of an object's name a handle shows.
const SHOWN_CHARS: usize = 40;

pub(super) fn of_bundle(reference: &CaCertificateReference) -> String {
    handle(&reference.name, &format!("{:?}/{}/{}", reference.kind, reference.name, reference.key))
}

pub(super) fn of_client_certificate(secret: &str) -> String {
    handle(secret, secret)
}

/// The file of a recipient list.
pub(super) fn of_list(reference: &ListReference) -> String {
    format!("recipients-{}.json", handle(&reference.name, &format!("{}/{}", reference.name, reference.key)))
}

fn handle(name: &str, identity: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(identity).into();
    let mut handle: String = name.chars().take(SHOWN_CHARS).collect();
    handle.push('-');
    for byte in &digest[..6] {
        // Writing to a String can't fail.
        let _ = write!(handle, "{byte:02x}");
    }
    handle
}
