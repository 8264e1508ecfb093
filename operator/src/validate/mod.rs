//! Second step: turns a relay and what it refers to into the configuration that its pods run, or says why that can't be.

mod domain;
mod links;
mod listener;
mod postmaster;
mod resources;
mod root;
mod route;
mod secrets;
mod spool;
mod state;

use std::{collections::BTreeMap, mem};

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use postern_config::{Configuration, RecipientList, RelayConfig, RouteTarget, Spool, Storage, TlsWaiver, Violation};
use postern_crds::{AcceptedDomain, SmtpRelay};

use domain::Grace;
pub(crate) use links::SMTP_PORT;
use listener::queueing_for_strangers;
pub use resources::PodResources;
pub use secrets::Secrets;
pub use state::{Cause, DomainState};

use crate::{
    dereference::{Dereferenced, ReferenceProblem, RelayReferences},
    issue::{IssueError, Issued},
    material::{Bundle, CertifiedKey, Sealed},
};

/// The name of the certificate that clients are shown.
pub const SERVER_CERTIFICATE: &str = "server";

/// What a relay shall run.
#[derive(Clone, Debug)]
pub struct Validated<'a> {
    /// The relay.
    pub relay: &'a SmtpRelay,
    /// What it runs.
    pub configuration: Configuration,
    /// The certificate that clients are shown.
    pub certificate: ServerCertificate,
    /// Certificates for next hops, by name.
    pub client_certificates: BTreeMap<String, Sealed<CertifiedKey>>,
    /// CA certificates, by name.
    pub trust: BTreeMap<String, Sealed<Bundle>>,
    /// Who may log in, and what the relay logs in with elsewhere.
    pub secrets: Secrets,
    /// What each pod gets.
    pub resources: PodResources,
}

impl Validated<'_> {
    /// Whether each pod has a queue of its own.
    #[must_use]
    pub fn keeps_own_queue(&self) -> bool {
        matches!(self.configuration.root.spool, Some(Spool { storage: Storage::Directory { .. }, .. }))
    }
}

/// The certificate that clients are shown, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerCertificate {
    /// A Secret that the relay names.
    Named(Sealed<CertifiedKey>),
    /// The operator's own CA.
    Issued(Sealed<Issued>),
}

impl ServerCertificate {
    /// The certificate and its key, as far as they were read.
    #[must_use]
    pub fn pair(&self) -> Option<&CertifiedKey> {
        match self {
            Self::Named(pair) => pair.open(),
            Self::Issued(issued) => issued.open().map(|issued| &issued.pair),
        }
    }
}

/// What became of a domain at a relay.
#[derive(Clone, Debug)]
pub struct DomainOutcome<'a> {
    /// The domain.
    pub domain: &'a AcceptedDomain,
    /// What became of it.
    pub state: DomainState,
}

/// Why a relay can't run as its resource says. What ran before goes on.
#[derive(Debug, thiserror::Error)]
pub enum Blocker {
    /// The certificate that it names can't be used.
    #[error(transparent)]
    Certificate(ReferenceProblem),
    /// Something else that it names can't be used.
    #[error(transparent)]
    Reference(ReferenceProblem),
    /// A field is wrong in a way that the schema can't tell.
    #[error("{0}")]
    Field(Violation),
    /// No certificate could be issued.
    #[error("no certificate can be issued: {0}")]
    Issue(#[from] IssueError),
    /// The operator may not keep Secrets where the relay is.
    #[error(
        "metadata.namespace: the operator may not keep Secrets in namespace {0}, so no pod could have a certificate; add it to the chart's value `secretNamespaces`"
    )]
    Keyless(String),
}

/// Something of a relay that does not hold, while the rest of it runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// Mail to `<Postmaster>` has no mailbox.
    #[error(
        "spec.postmaster: no accepted domain of this relay holds {0}, so mail to <Postmaster> is answered 451; add the domain, or name another mailbox"
    )]
    Postmaster(String),
    /// Nobody can tell which namespaces are meant.
    #[error(
        "spec.allowedDomains[{0}].namespaces.from: an operator that watches some namespaces can't judge `All` and `Selector`, so this lets nobody in; write `Same`, or empty the chart's value `watchNamespaces`"
    )]
    Unjudged(usize),
    /// A user can't log in.
    #[error("{0}; until then the user can't log in")]
    LockedOut(ReferenceProblem),
}

/// What the step found: of each domain, and of the relay.
#[derive(Debug)]
pub struct Findings<'a> {
    /// Every domain that names the relay, or that the relay was told of until now, the oldest first.
    pub domains: Vec<DomainOutcome<'a>>,
    /// What does not hold while the rest runs.
    pub warnings: Vec<Warning>,
    /// What the relay shall run, or why it can't.
    pub relay: Result<Validated<'a>, Vec<Blocker>>,
}

impl Findings<'_> {
    /// When time alone will change what was found at `now`, if nothing else does: a domain's grace is over, or a certificate gets old.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let graces = self.domains.iter().filter_map(|outcome| match outcome.state {
            DomainState::Detached { until, .. } => Some(until),
            DomainState::Served | DomainState::Refused { .. } => None,
        });
        let certificates = self.relay.iter().flat_map(|validated| {
            let clients = validated.client_certificates.values().filter_map(Sealed::open);
            validated.certificate.pair().into_iter().chain(clients).flat_map(|pair| [expires_soon(pair), pair.not_after()])
        });
        let waivers = self.relay.iter().flat_map(|validated| waivers(&validated.configuration)).filter_map(|waiver| waiver.until);
        graces.chain(certificates).chain(waivers).filter(|time| *time > now).min()
    }
}

/// What exchangers of some domains must give beyond what their route says, or less.
pub(crate) fn waivers(configuration: &Configuration) -> impl Iterator<Item = &TlsWaiver> {
    configuration.root.routes.iter().flat_map(|route| match &route.to {
        RouteTarget::Mx(mx) => mx.waivers.as_slice(),
        RouteTarget::Hosts { .. } => &[],
    })
}

/// From when on a certificate should have been renewed: with a fifth of its life left.
#[must_use]
pub fn expires_soon(pair: &CertifiedKey) -> Timestamp {
    let life = pair.not_before().duration_until(pair.not_after());
    // A fifth of a certificate's life is never out of a timestamp's range.
    pair.not_after().checked_sub(life / 5).unwrap_or(pair.not_after())
}

/// Checks what was dereferenced, and makes the relay's configuration of it. `issue` is asked for a certificate when the relay names none.
pub fn validate(dereferenced: Dereferenced<'_>, issue: impl FnOnce(&SmtpRelay) -> Result<Sealed<Issued>, IssueError>) -> Findings<'_> {
    let Dereferenced { relay, certificate, mut references, keyless_namespace, unjudged, attachments, cluster_cidrs, now } = dereferenced;
    let queues_for_strangers = queueing_for_strangers(&relay.spec.listeners).map(|listener| listener.name.clone());
    let mut parts = Parts { cluster_cidrs, queues_for_strangers, ..Parts::default() };
    let grace = Grace { period: SignedDuration::from_secs(relay.spec.detach_grace_seconds.into()), now };
    let domains = parts.take_all(attachments, grace);
    let (postmaster, mut warnings) = postmaster::find(relay, &domains, &parts.domains);
    warnings.extend(unjudged.into_iter().map(Warning::Unjudged));
    warnings.extend(mem::take(&mut references.locked_out).into_iter().map(Warning::LockedOut));
    let mut blockers: Vec<_> = mem::take(&mut references.problems).into_iter().map(Blocker::Reference).collect();
    let certificate = match (keyless_namespace, certificate) {
        (Some(namespace), _) => Err(Blocker::Keyless(namespace)),
        (None, Some(named)) => named.map(ServerCertificate::Named).map_err(Blocker::Certificate),
        (None, None) => issue(relay).map(ServerCertificate::Issued).map_err(Blocker::Issue),
    };
    let relay = match certificate {
        Ok(certificate) if blockers.is_empty() => parts
            .assemble(relay, postmaster, certificate, references)
            .map_err(|violations| violations.into_iter().map(Blocker::Field).collect()),
        Ok(_) => Err(blockers),
        Err(blocker) => {
            blockers.insert(0, blocker);
            Err(blockers)
        }
    };
    Findings { domains, warnings, relay }
}

/// The parts of a configuration that come from elsewhere than the relay.
#[derive(Default)]
struct Parts {
    cluster_cidrs: Vec<IpNet>,
    /// The listener that takes mail of strangers into the queue, if there is one.
    queues_for_strangers: Option<String>,
    domains: Vec<postern_config::Domain>,
    recipients: BTreeMap<String, RecipientList>,
    client_certificates: BTreeMap<String, Sealed<CertifiedKey>>,
    trust: BTreeMap<String, Sealed<Bundle>>,
    secrets: Secrets,
}

impl Parts {
    fn assemble(
        mut self,
        relay: &SmtpRelay,
        postmaster: Option<String>,
        certificate: ServerCertificate,
        references: RelayReferences,
    ) -> Result<Validated<'_>, Vec<Violation>> {
        let root = self.root(relay, postmaster, references).map_err(|violation| vec![violation])?;
        let resources = PodResources::of(&relay.spec)?;
        let configuration = Configuration::assemble(root, self.domains, self.recipients);
        let violations = postern_config::validate::validate(&configuration);
        if violations.is_empty() {
            let Self { client_certificates, trust, secrets, .. } = self;
            Ok(Validated { relay, configuration, certificate, client_certificates, trust, secrets, resources })
        } else {
            Err(violations)
        }
    }

    fn root(&mut self, relay: &SmtpRelay, postmaster: Option<String>, mut references: RelayReferences) -> Result<RelayConfig, Violation> {
        let spec = &relay.spec;
        let mut root = root::compile(relay, postmaster, &self.cluster_cidrs)?;
        root.listeners = self.listeners(&spec.listeners, &mut references)?;
        root.routes = self.routes(&spec.routes, references.routes)?;
        root.spool = self.spool(spec.spool.as_ref(), references.database)?;
        root.users = references.users.keys().cloned().collect();
        self.secrets.users = references.users;
        Ok(root)
    }
}
