//! First step: finds what a relay and its domains refer to, and says of each reference whether it can be used.
//!
//! A domain whose reference fails is not left out: it stays attached, and later steps answer for it with "try again" for a while.

mod allowed;
mod bundle;
mod certificate;
mod claims;
mod credentials;
mod database;
mod grant;
mod handle;
mod hops;
mod list;
mod lookup;
mod password_hash;
mod problem;
mod refusal;
mod relay;
mod standing;
mod user;
mod values;

use std::collections::BTreeMap;

use ipnet::IpNet;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use postern_config::RecipientList;
use postern_crds::{AcceptedDomain, SmtpRelay, smtp_relay::Certificate};

pub use claims::lost;
pub(crate) use credentials::token_port;
pub use problem::{Fault, ReferenceProblem, Target, TargetKind};
pub use refusal::Refusal;
pub use relay::{RelayReferences, RouteReferences};
pub use standing::Standing;

use crate::{
    inventory::{Inventory, Key},
    material::{Bundle, CertifiedKey, Sealed},
    references::{issued_secret, relays_of, secret_of},
};
use grant::Referrer;
use lookup::Lookup;

/// The DNS domain of most clusters.
pub const CLUSTER_DOMAIN: &str = "cluster.local";

/// What references are looked up in.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The resources.
    pub inventory: &'a Inventory,
    /// The time, for certificates that end.
    pub now: Timestamp,
    /// What it means that something is not in the inventory.
    pub absent: Absent,
    /// The DNS domain of the cluster, below which Services are.
    pub cluster_domain: &'a str,
    /// The addresses of nodes, pods and Services, as far as they are known: clients that come from them are not the Internet's.
    pub cluster_cidrs: &'a [IpNet],
}

/// What it means that a Secret, a Service, or a ConfigMap with CA certificates, is not in the inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// It does not exist.
    Missing,
    /// It exists where the objects will be applied: nobody keeps keys beside manifests, and CA certificates often come from elsewhere too.
    Elsewhere,
}

impl<'a> Context<'a> {
    fn secret(self, key: &Key) -> Result<Sealed<&'a Secret>, Fault> {
        self.sealed(self.inventory.secrets.get(key))
    }

    fn config_map(self, key: &Key) -> Result<Sealed<&'a ConfigMap>, Fault> {
        self.sealed(self.inventory.config_maps.get(key))
    }

    fn service(self, key: &Key) -> Result<Sealed<&'a Service>, Fault> {
        self.sealed(self.inventory.services.get(key))
    }

    fn sealed<T>(self, found: Option<T>) -> Result<Sealed<T>, Fault> {
        match (found, self.absent) {
            (Some(object), _) => Ok(Sealed::Open(object)),
            (None, Absent::Elsewhere) => Ok(Sealed::Closed),
            (None, Absent::Missing) => Err(Fault::NotFound),
        }
    }
}

/// A relay and what it refers to.
#[derive(Clone, Debug)]
pub struct Dereferenced<'a> {
    /// The relay.
    pub relay: &'a SmtpRelay,
    /// The certificate that it names for its listeners; `None` when it names none and one is to be issued.
    pub certificate: Option<Result<Sealed<CertifiedKey>, ReferenceProblem>>,
    /// What else it refers to.
    pub references: RelayReferences,
    /// The relay's namespace, when the operator may not keep Secrets there, so that no pod could have a certificate.
    pub keyless_namespace: Option<String>,
    /// Which of its `allowedDomains` can't be judged, by index.
    pub unjudged: Vec<usize>,
    /// The domains that concern the relay, the oldest first.
    pub attachments: Vec<Attachment<'a>>,
    /// The addresses of nodes, pods and Services, as far as they are known.
    pub cluster_cidrs: Vec<IpNet>,
    /// The time at which all that holds.
    pub now: Timestamp,
}

/// A domain that names the relay, or named it until now.
#[derive(Clone, Debug)]
pub struct Attachment<'a> {
    /// The domain.
    pub domain: &'a AcceptedDomain,
    /// What the relay did with it until now.
    pub standing: Standing,
    /// What became of its claim.
    pub claim: Claim,
}

/// What became of a domain's claim of its name.
#[derive(Clone, Debug)]
pub enum Claim {
    /// The relay does not take it.
    Refused(Refusal),
    /// The domain holds its name, but can't be served.
    Broken(Vec<ReferenceProblem>),
    /// The domain holds its name, and everything that it refers to is there.
    Held(Box<DomainReferences>),
}

/// Everything that a domain refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainReferences {
    /// For the next hops.
    pub next_hops: HopReferences,
    /// For the servers that know the other recipients, where there are such.
    pub unknown_recipients: Option<HopReferences>,
    /// The mailboxes that exist, where a list says so.
    pub recipients: Option<(String, RecipientList)>,
}

/// What next hops refer to, by the names that the files have in the relay's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HopReferences {
    /// The host of each next hop.
    pub hosts: Vec<String>,
    /// CA certificates.
    pub trust: BTreeMap<String, Sealed<Bundle>>,
    /// The certificate that is shown to the next hop.
    pub client_certificate: Option<(String, Sealed<CertifiedKey>)>,
    /// The networks that the relay's owner lets mail go to; none for anywhere.
    pub allowed_cidrs: Vec<IpNet>,
}

/// Looks up everything that `relay` and the domains that name it refer to.
#[must_use]
pub fn dereference<'a>(relay: &'a SmtpRelay, context: Context<'a>) -> Dereferenced<'a> {
    let key = Key::of(&relay.metadata);
    let certificate = relay.spec.tls.certificate.as_ref().and_then(|certificate| relay_certificate(relay, certificate, context));
    let is_keyless = !context.inventory.scope.secrets.holds(&key.namespace);
    Dereferenced {
        relay,
        certificate,
        references: relay::references(relay, &key, context),
        keyless_namespace: is_keyless.then(|| key.namespace.clone()),
        unjudged: allowed::unreadable(relay, context.inventory),
        attachments: attachments(relay, &key, context),
        cluster_cidrs: IpNet::aggregate(&context.cluster_cidrs.to_vec()),
        now: context.now,
    }
}

fn relay_certificate(
    relay: &SmtpRelay,
    certificate: &Certificate,
    context: Context<'_>,
) -> Option<Result<Sealed<CertifiedKey>, ReferenceProblem>> {
    let (key, secret) = (Key::of(&relay.metadata), secret_of(relay, certificate)?);
    let field = if certificate.secret_ref.is_some() { "spec.tls.certificate.secretRef" } else { "spec.tls.certificate.issuerRef" };
    let found = certificate::lookup(context, Referrer { kind: "SmtpRelay", key: &key }, &secret, field);
    Some(found.map_err(|mut problem| {
        if certificate.issuer_ref.is_some() && problem.fault == Fault::NotFound {
            problem.fault = Fault::NotIssued(issued_secret(&key.name));
        }
        problem
    }))
}

fn attachments<'a>(relay: &SmtpRelay, key: &Key, context: Context<'a>) -> Vec<Attachment<'a>> {
    let mut domains: Vec<_> = context.inventory.domains.values().filter(|domain| relays_of(domain).contains(key)).collect();
    domains.sort_by_cached_key(|domain| claims::by_age(domain));
    let admitted: Vec<_> = domains.into_iter().map(|domain| (domain, admit(relay, key, domain, context))).collect();
    let mut lost = lost(admitted.iter().filter(|(_, admitted)| admitted.is_ok()).map(|(domain, _)| *domain));
    let attachment = |(domain, admitted): (&'a AcceptedDomain, Result<Vec<IpNet>, Refusal>)| {
        let domain_key = Key::of(&domain.metadata);
        let claim = match (admitted, lost.remove(&domain_key)) {
            (Err(refusal), _) | (Ok(_), Some(refusal)) => Claim::Refused(refusal),
            (Ok(networks), None) => domain_references(&domain_key, domain, &networks, context),
        };
        Attachment { domain, standing: Standing::of(domain, key), claim }
    };
    admitted.into_iter().map(attachment).collect()
}

fn admit(relay: &SmtpRelay, key: &Key, domain: &AcceptedDomain, context: Context<'_>) -> Result<Vec<IpNet>, Refusal> {
    let own = Key::of(&domain.metadata);
    let is_named = domain.spec.relay_refs.iter().any(|reference| own.refer(&reference.namespace, &reference.name) == *key);
    if is_named { allowed::admit(relay, domain, context) } else { Err(Refusal::NotNamed(key.clone())) }
}

fn domain_references(key: &Key, domain: &AcceptedDomain, networks: &[IpNet], context: Context<'_>) -> Claim {
    let spec = &domain.spec;
    let mut problems = Vec::new();
    let referrer = Referrer { kind: "AcceptedDomain", key };
    let mut lookup = Lookup { context, referrer, networks, problems: &mut problems };
    let next_hops = lookup.hops(&spec.next_hops, "spec.nextHops", &spec.tls, "spec.tls");
    let others = spec.unknown_recipients.as_ref();
    let unknown_recipients =
        others.map(|others| lookup.hops(&others.next_hops, "spec.unknownRecipients.nextHops", &others.tls, "spec.unknownRecipients.tls"));
    let recipients = lookup.recipients(&spec.recipients);
    if problems.is_empty() {
        Claim::Held(Box::new(DomainReferences { next_hops, unknown_recipients, recipients }))
    } else {
        Claim::Broken(problems)
    }
}
