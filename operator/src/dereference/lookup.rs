//! Looks up what a resource refers to.

use std::collections::BTreeMap;

use ipnet::IpNet;
use k8s_openapi::api::core::v1::Secret;
use postern_config::RecipientList;
use postern_crds::{
    accepted_domain::{CaCertificateReference, NextHop, NextHopTls, Recipients},
    reference::LocalSecretReference,
};

use super::{Context, Fault, HopReferences, ReferenceProblem, Target, bundle, certificate, grant::Referrer, handle, hops, list, values};
use crate::{
    material::{Bundle, Sealed},
    references::target_of,
};

/// Looks up the references of one resource and collects what is wrong with them, so that all of it is reported at once.
pub(super) struct Lookup<'a> {
    pub(super) context: Context<'a>,
    pub(super) referrer: Referrer<'a>,
    /// The networks that mail may go to; none for anywhere.
    pub(super) networks: &'a [IpNet],
    pub(super) problems: &'a mut Vec<ReferenceProblem>,
}

impl Lookup<'_> {
    /// What servers and the links to them refer to; both fields are paths in the resource.
    pub(super) fn hops(&mut self, hops: &[NextHop], hops_field: &str, tls: &NextHopTls, tls_field: &str) -> HopReferences {
        let mut found = HopReferences { allowed_cidrs: self.networks.to_vec(), ..HopReferences::default() };
        for (index, hop) in hops.iter().enumerate() {
            let host = hops::lookup(self.context, self.referrer, hop, &format!("{hops_field}[{index}]"));
            found.hosts.extend(self.keep(host));
        }
        found.trust = self.trust(&tls.ca_certificate_refs, &format!("{tls_field}.caCertificateRefs"));
        if let Some(reference) = &tls.client_certificate_ref {
            let target = self.referrer.key.refer(&reference.namespace, &reference.name);
            let field = format!("{tls_field}.clientCertificateRef");
            let pair = certificate::lookup_current(self.context, self.referrer, &target, &field);
            found.client_certificate = self.keep(pair).map(|pair| (handle::of_secret(&target), pair));
        }
        found
    }

    /// CA certificates, by the names of their files.
    pub(super) fn trust(&mut self, references: &[CaCertificateReference], field: &str) -> BTreeMap<String, Sealed<Bundle>> {
        let mut trust = BTreeMap::new();
        for (index, reference) in references.iter().enumerate() {
            let (kind, key) = target_of(self.referrer.key, reference);
            let handle = handle::of_bundle(kind, &key, &reference.key);
            let bundle = bundle::lookup(self.context, self.referrer, Target { kind, key }, &reference.key, &format!("{field}[{index}]"));
            trust.extend(self.keep(bundle).map(|bundle| (handle, bundle)));
        }
        trust
    }

    /// What a Secret beside the resource holds, and the name of its file.
    pub(super) fn secret<T>(
        &mut self,
        reference: &LocalSecretReference,
        field: &str,
        read: impl FnOnce(&Secret) -> Result<T, Fault>,
    ) -> Option<(String, Sealed<T>)> {
        let target = self.referrer.key.sibling(&reference.name);
        let found = values::lookup(self.context, self.referrer, &target, field, read);
        self.keep(found).map(|found| (handle::of_secret(&target), found))
    }

    pub(super) fn recipients(&mut self, recipients: &Recipients) -> Option<(String, RecipientList)> {
        let reference = recipients.list_ref.as_ref()?;
        let target = self.referrer.key.refer(&reference.namespace, &reference.name);
        let list = list::lookup(self.context, self.referrer, &target, reference, "spec.recipients.listRef");
        self.keep(list).map(|list| (handle::of_list(&target, &reference.key), list))
    }

    pub(super) fn keep<T>(&mut self, found: Result<T, ReferenceProblem>) -> Option<T> {
        found.map_err(|problem| self.problems.push(problem)).ok()
    }
}
