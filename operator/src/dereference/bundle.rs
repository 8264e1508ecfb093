//! CA certificates, in ConfigMaps or Secrets.

use k8s_openapi::api::core::v1::ConfigMap;

use super::{Context, Fault, ReferenceProblem, Target, TargetKind, certificate, grant::Referrer};
use crate::{
    inventory::Key,
    material::{Bundle, Sealed},
};

pub(super) fn lookup(
    context: Context<'_>,
    domain: Referrer<'_>,
    target: Target,
    key: &str,
    field: &str,
) -> Result<Sealed<Bundle>, ReferenceProblem> {
    let text = context.may_refer(domain, target.kind, &target.key).and_then(|()| match target.kind {
        TargetKind::Secret => in_secret(context, &target.key, key),
        TargetKind::ConfigMap | TargetKind::Service => in_config_map(context, &target.key, key),
    });
    let bundle = text.and_then(|text| text.try_map(|text| parse(text, key)));
    bundle.map_err(|fault| ReferenceProblem { field: field.to_owned(), target, fault })
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
