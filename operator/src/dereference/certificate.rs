//! Certificates with keys, in Secrets of the type `kubernetes.io/tls`.

use k8s_openapi::api::core::v1::Secret;

use super::{Context, Fault, ReferenceProblem, Target, TargetKind, grant::Referrer, values};
use crate::{
    inventory::Key,
    material::{CertifiedKey, MaterialError, Sealed},
};

/// The key of the chain in such a Secret.
const CHAIN: &str = "tls.crt";
/// The key of the private key in such a Secret.
const PRIVATE_KEY: &str = "tls.key";

/// The certificate and key of a Secret, however old.
pub(super) fn lookup(
    context: Context<'_>,
    referrer: Referrer<'_>,
    target: &Key,
    field: &str,
) -> Result<Sealed<CertifiedKey>, ReferenceProblem> {
    values::lookup(context, referrer, target, field, read)
}

/// The certificate and key of a Secret, unless it has ended.
pub(super) fn lookup_current(
    context: Context<'_>,
    referrer: Referrer<'_>,
    target: &Key,
    field: &str,
) -> Result<Sealed<CertifiedKey>, ReferenceProblem> {
    match lookup(context, referrer, target, field)? {
        Sealed::Open(pair) if pair.not_after() <= context.now => {
            let target = Target { kind: TargetKind::Secret, key: target.clone() };
            Err(ReferenceProblem { field: field.to_owned(), target, fault: Fault::Expired(pair.not_after()) })
        }
        found => Ok(found),
    }
}

fn read(secret: &Secret) -> Result<CertifiedKey, Fault> {
    let pair_of = |fault| match fault {
        Fault::NoKey(key) => Fault::NoPair(key),
        other => other,
    };
    let (chain, key) = (text(secret, CHAIN).map_err(pair_of)?, text(secret, PRIVATE_KEY).map_err(pair_of)?);
    CertifiedKey::parse(chain, key).map_err(|source| {
        let key = match source {
            MaterialError::NoCertificate | MaterialError::BadCertificate(_) => CHAIN,
            MaterialError::NoKey | MaterialError::UnsupportedKey | MaterialError::Mismatch => PRIVATE_KEY,
        };
        Fault::Material { key: key.to_owned(), source }
    })
}

/// The value of `key` in a Secret.
pub(super) fn text<'a>(secret: &'a Secret, key: &str) -> Result<&'a str, Fault> {
    let value = secret.data.as_ref().and_then(|data| data.get(key)).ok_or_else(|| Fault::NoKey(key.to_owned()))?;
    std::str::from_utf8(&value.0).map_err(|_| Fault::NotText(key.to_owned()))
}
