//! CA certificates, in ConfigMaps or Secrets.

use k8s_openapi::api::core::v1::ConfigMap;
use postern_crds::accepted_domain::{CaCertificateKind, CaCertificateReference};

use super::{Context, Fault, ReferenceProblem, Target, TargetKind, certificate};
use crate::{
    inventory::Key,
    material::{Bundle, Sealed},
};

pub(super) fn lookup(
    context: Context<'_>,
    domain: &Key,
    reference: &CaCertificateReference,
    field: &str,
) -> Result<Sealed<Bundle>, ReferenceProblem> {
    let key = domain.sibling(&reference.name);
    let (kind, text) = match reference.kind {
        CaCertificateKind::ConfigMap => (TargetKind::ConfigMap, in_config_map(context, &key, &reference.key)),
        CaCertificateKind::Secret => (TargetKind::Secret, in_secret(context, &key, &reference.key)),
    };
    let bundle = text.and_then(|text| text.try_map(|text| parse(text, &reference.key)));
    bundle.map_err(|fault| ReferenceProblem { field: field.to_owned(), target: Target { kind, key }, fault })
}

fn parse(text: &str, key: &str) -> Result<Bundle, Fault> {
    Bundle::parse(text).map_err(|source| Fault::Material { key: key.to_owned(), source })
}

fn in_config_map<'a>(context: Context<'a>, target: &Key, key: &str) -> Result<Sealed<&'a str>, Fault> {
    context.config_map(target)?.try_map(|config_map| text(config_map, key))
}

fn in_secret<'a>(context: Context<'a>, target: &Key, key: &str) -> Result<Sealed<&'a str>, Fault> {
    context.secret(target)?.try_map(|secret| certificate::text(secret, key))
}

/// The value of `key` in a ConfigMap.
pub(super) fn text<'a>(config_map: &'a ConfigMap, key: &str) -> Result<&'a str, Fault> {
    let value = config_map.data.as_ref().and_then(|data| data.get(key));
    value.map(String::as_str).ok_or_else(|| Fault::NoKey(key.to_owned()))
}
