//! Whether a resource may refer to an object of another namespace.

use postern_crds::GROUP;

use super::{Absent, Context, Fault, TargetKind};
use crate::{
    inventory::Key,
    reference_grant::{GrantFrom, GrantTo, ReferenceGrant},
};

/// Who refers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Referrer<'a> {
    /// `SmtpRelay` or `AcceptedDomain`.
    pub(super) kind: &'static str,
    pub(super) key: &'a Key,
}

impl Context<'_> {
    /// Whether `referrer` may refer to an object, and the operator may read it.
    pub(super) fn may_refer(self, referrer: Referrer<'_>, kind: TargetKind, target: &Key) -> Result<(), Fault> {
        let is_own = referrer.key.namespace == target.namespace;
        // Where objects may be elsewhere, so may the consent be.
        let is_granted = || {
            let mut grants = self.inventory.grants.iter().filter(|(key, _)| key.namespace == target.namespace);
            self.absent == Absent::Elsewhere || grants.any(|(_, grant)| permits(grant, referrer, kind, target))
        };
        if !is_own && !is_granted() {
            return Err(Fault::NotPermitted { from: format!("kind {}, namespace {}", referrer.kind, referrer.key.namespace) });
        }
        let scope = &self.inventory.scope;
        match kind {
            TargetKind::Secret if !scope.secrets.holds(&target.namespace) => Err(Fault::SecretsNotReadable(target.namespace.clone())),
            TargetKind::ConfigMap | TargetKind::Service if !scope.namespaces.holds(&target.namespace) => {
                Err(Fault::NamespaceNotReadable(target.namespace.clone()))
            }
            _ => Ok(()),
        }
    }
}

fn permits(grant: &ReferenceGrant, referrer: Referrer<'_>, kind: TargetKind, target: &Key) -> bool {
    let from = |from: &GrantFrom| from.group == GROUP && from.kind == referrer.kind && from.namespace == referrer.key.namespace;
    let to = |to: &GrantTo| {
        to.group.is_empty() && to.kind == kind.to_string() && to.name.as_ref().is_none_or(|name| name.is_empty() || *name == target.name)
    };
    grant.spec.from.iter().any(from) && grant.spec.to.iter().any(to)
}
