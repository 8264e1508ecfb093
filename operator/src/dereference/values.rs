//! Values of Secrets whose keys have fixed names.

use std::borrow::Cow;

use k8s_openapi::api::core::v1::Secret;

use super::{Context, Fault, ReferenceProblem, Target, TargetKind, grant::Referrer};
use crate::{inventory::Key, material::Sealed};

/// What a Secret holds, as `read` takes it.
pub(super) fn lookup<T>(
    context: Context<'_>,
    referrer: Referrer<'_>,
    target: &Key,
    field: &str,
    read: impl FnOnce(&Secret) -> Result<T, Fault>,
) -> Result<Sealed<T>, ReferenceProblem> {
    let secret = context.may_refer(referrer, TargetKind::Secret, target).and_then(|()| context.secret(target));
    let found = secret.and_then(|secret| secret.try_map(read));
    found.map_err(|fault| ReferenceProblem {
        field: field.to_owned(),
        target: Target { kind: TargetKind::Secret, key: target.clone() },
        fault,
    })
}

/// The value of `key`, if there is such a key. Line ends behind it are not part of it: files and editors leave them.
pub(super) fn optional<'a>(secret: &'a Secret, key: &'static str) -> Result<Option<&'a str>, Fault> {
    let Some(value) = secret.data.as_ref().and_then(|data| data.get(key)) else { return Ok(None) };
    let text = std::str::from_utf8(&value.0).map_err(|_| Fault::NotText(key.to_owned()))?;
    Ok(Some(text.trim_end_matches(['\r', '\n'])).filter(|text| !text.is_empty()))
}

/// The value of `key`; `what` says what it should be.
pub(super) fn required<'a>(secret: &'a Secret, key: &'static str, what: &str) -> Result<&'a str, Fault> {
    optional(secret, key)?.ok_or_else(|| wrong(key, format!("is missing; add it: {what}")))
}

/// The value of `key` line by line, with their numbers from 1; empty lines and those that begin with `#` are skipped.
pub(super) fn lines<'a>(secret: &'a Secret, key: &'static str) -> Result<Vec<(usize, &'a str)>, Fault> {
    let lines = optional(secret, key)?.unwrap_or_default().lines().enumerate();
    let lines = lines.map(|(index, line)| (index + 1, line.trim()));
    Ok(lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).collect())
}

/// A value that is not what it should be.
pub(super) fn wrong(key: &'static str, problem: impl Into<Cow<'static, str>>) -> Fault {
    Fault::Value { key, problem: problem.into() }
}
