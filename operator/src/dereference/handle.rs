//! Names of files in the relay's configuration, for what lies in objects.
//!
//! A handle is readable and depends on the object and its key alone, so that the same reference has the same file in every run, and two
//! references that differ never share one.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::TargetKind;
use crate::inventory::Key;

/// How much of an object's name a handle shows.
const SHOWN_CHARS: usize = 40;

/// The file of CA certificates in the value of `key`.
pub(super) fn of_bundle(kind: TargetKind, object: &Key, key: &str) -> String {
    handle(object, &format!("{kind}/{object}/{key}"))
}

/// The files of what a Secret holds as a whole: a certificate, a user, credentials.
pub(super) fn of_secret(secret: &Key) -> String {
    handle(secret, &secret.to_string())
}

/// The file of a recipient list in the value of `key`.
pub(super) fn of_list(object: &Key, key: &str) -> String {
    format!("recipients-{}.json", handle(object, &format!("{object}/{key}")))
}

fn handle(object: &Key, identity: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(identity).into();
    let mut handle: String = object.name.chars().take(SHOWN_CHARS).collect();
    handle.push('-');
    for byte in &digest[..6] {
        // Writing to a String can't fail.
        let _ = write!(handle, "{byte:02x}");
    }
    handle
}
