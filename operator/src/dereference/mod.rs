//! First step: finds what a relay and its domains refer to, and says of each reference whether it can be used.
//!
//! A domain whose reference fails is not left out: it stays attached, and later steps answer for it with "try again" until it is mended.

mod bundle;
mod certificate;
mod claims;
mod handle;
mod list;
mod problem;

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use postern_config::RecipientList;
use postern_crds::{
    AcceptedDomain, SmtpRelay,
    accepted_domain::{NextHopTls, Recipients},
};

pub use claims::winners;
pub use problem::{Fault, ReferenceProblem, Target, TargetKind};

use crate::{
    inventory::{Inventory, Key},
    material::{Bundle, CertifiedKey, Sealed},
};

/// What references are looked up in.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The resources.
    pub inventory: &'a Inventory,
    /// The time, for certificates that end.
    pub now: Timestamp,
    /// What it means that something is not in the inventory.
    pub absent: Absent,
}

/// What it means that a Secret, or a ConfigMap with CA certificates, is not in the inventory.
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
    /// The domains that name the relay, the oldest first.
    pub attachments: Vec<Attachment<'a>>,
}

/// A domain that names the relay.
#[derive(Clone, Debug)]
pub struct Attachment<'a> {
    /// The domain.
    pub domain: &'a AcceptedDomain,
    /// What became of its claim.
    pub claim: Claim,
}

/// What became of a domain's claim of its name.
#[derive(Clone, Debug)]
pub enum Claim {
    /// Another claim of the same name is older.
    Lost {
        /// The domain that holds the name.
        winner: Key,
    },
    /// The domain holds its name, but can't be served.
    Broken(Vec<ReferenceProblem>),
    /// The domain holds its name, and everything that it refers to is there.
    Held(Box<DomainReferences>),
}

/// Everything that a domain refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainReferences {
    /// For TLS to the next hops.
    pub tls: TlsReferences,
    /// For TLS to the servers that know the other recipients, where there are such.
    pub unknown_recipients: Option<TlsReferences>,
    /// The mailboxes that exist, where a list says so.
    pub recipients: Option<(String, RecipientList)>,
}

/// What TLS to next hops refers to, by the names that the files have in the relay's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsReferences {
    /// CA certificates.
    pub trust: BTreeMap<String, Sealed<Bundle>>,
    /// The certificate that is shown to the next hop.
    pub client_certificate: Option<(String, Sealed<CertifiedKey>)>,
}

/// Looks up everything that `relay` and the domains that name it refer to.
#[must_use]
pub fn dereference<'a>(relay: &'a SmtpRelay, context: Context<'a>) -> Dereferenced<'a> {
    let key = Key::of(&relay.metadata);
    let certificate = relay.spec.tls.certificate.as_ref().map(|certificate| {
        let field = "spec.tls.certificate.secretRef";
        certificate::lookup(context, &key.sibling(&certificate.secret_ref.name), field)
    });
    Dereferenced { relay, certificate, attachments: attachments(&key, context) }
}

fn attachments<'a>(relay: &Key, context: Context<'a>) -> Vec<Attachment<'a>> {
    let names_relay = |domain: &&AcceptedDomain| {
        Key::of(&domain.metadata).namespace == relay.namespace
            && domain.spec.relay_refs.iter().any(|reference| reference.name == relay.name)
    };
    let mut domains: Vec<_> = context.inventory.domains.values().filter(names_relay).collect();
    domains.sort_by_cached_key(|domain| claims::by_age(domain));
    let winners = winners(domains.iter().copied());
    domains.into_iter().map(|domain| Attachment { domain, claim: claim(domain, &winners, context) }).collect()
}

fn claim(domain: &AcceptedDomain, winners: &BTreeMap<&str, Key>, context: Context<'_>) -> Claim {
    let key = Key::of(&domain.metadata);
    match winners.get(domain.spec.domain.as_str()) {
        Some(winner) if *winner != key => Claim::Lost { winner: winner.clone() },
        _ => domain_references(&key, domain, context),
    }
}

fn domain_references(key: &Key, domain: &AcceptedDomain, context: Context<'_>) -> Claim {
    let mut problems = Vec::new();
    let mut lookup = Lookup { context, domain: key, problems: &mut problems };
    let tls = lookup.tls(&domain.spec.tls, "spec.tls");
    let unknown_recipients = domain.spec.unknown_recipients.as_ref().map(|other| lookup.tls(&other.tls, "spec.unknownRecipients.tls"));
    let recipients = lookup.recipients(&domain.spec.recipients);
    if problems.is_empty() {
        Claim::Held(Box::new(DomainReferences { tls, unknown_recipients, recipients }))
    } else {
        Claim::Broken(problems)
    }
}

/// Looks up the references of one domain and collects what is wrong with them, so that all of it is reported at once.
struct Lookup<'a> {
    context: Context<'a>,
    domain: &'a Key,
    problems: &'a mut Vec<ReferenceProblem>,
}

impl Lookup<'_> {
    fn tls(&mut self, tls: &NextHopTls, field: &str) -> TlsReferences {
        let mut found = TlsReferences::default();
        for (index, reference) in tls.ca_certificate_refs.iter().enumerate() {
            let bundle = bundle::lookup(self.context, self.domain, reference, &format!("{field}.caCertificateRefs[{index}]"));
            found.trust.extend(self.keep(bundle).map(|bundle| (handle::of_bundle(reference), bundle)));
        }
        if let Some(reference) = &tls.client_certificate_ref {
            let target = self.domain.sibling(&reference.name);
            let pair = certificate::lookup_current(self.context, &target, &format!("{field}.clientCertificateRef"));
            found.client_certificate = self.keep(pair).map(|pair| (handle::of_client_certificate(&reference.name), pair));
        }
        found
    }

    fn recipients(&mut self, recipients: &Recipients) -> Option<(String, RecipientList)> {
        let reference = recipients.list_ref.as_ref()?;
        let list = list::lookup(self.context, self.domain, reference, "spec.recipients.listRef");
        self.keep(list).map(|list| (handle::of_list(reference), list))
    }

    fn keep<T>(&mut self, found: Result<T, ReferenceProblem>) -> Option<T> {
        found.map_err(|problem| self.problems.push(problem)).ok()
    }
}
