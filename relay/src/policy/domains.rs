//! The accepted domains of a relay, ready to be looked up.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use postern_config::{Configuration, Domain, DomainName, DomainType, RecipientValidation, RouteTarget};
use postern_proto::address::{Domain as AddressDomain, ForwardPath, Mailbox};

use super::Routes;

/// The accepted domains of a relay, and its routes. `D` is where mail goes: a loaded destination in the relay, a mere name in tests.
#[derive(Debug)]
pub struct Policy<D> {
    domains: HashMap<Box<str>, AcceptedDomain<D>>,
    routes: Routes<D>,
    postmaster: Option<ForwardPath>,
}

/// A way out, to be compiled into a destination.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// Whose it is.
    pub label: Label<'a>,
    /// Where it leads.
    pub target: &'a RouteTarget,
    /// What its servers hear in EHLO; the relay's own name when `None`.
    pub ehlo_name: Option<&'a DomainName>,
}

/// Whose a way out is.
#[derive(Clone, Copy, Debug)]
pub enum Label<'a> {
    /// An accepted domain's.
    Domain(&'a DomainName),
    /// A route's, with its name.
    Route(&'a str),
}

impl fmt::Display for Label<'_> {
    /// As logs call it: the domain, or the name of the route.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(name) => write!(f, "{name}"),
            Self::Route(name) => f.write_str(name),
        }
    }
}

/// What is done for one domain, and for the names below it when it says so.
#[derive(Debug)]
pub struct AcceptedDomain<D> {
    /// Whether the names below it are accepted too.
    pub include_subdomains: bool,
    /// What is done with its mail.
    pub handling: Handling<D>,
}

/// What is done with the mail of a domain.
#[derive(Debug)]
pub enum Handling<D> {
    /// It is relayed.
    Relay {
        /// Where it goes.
        to: D,
        /// Where the mail of recipients goes that the first does not know; `None` when it knows all.
        unknown_to: Option<D>,
        /// All recipients, when a list is to say who exists; each as [`comparable`] gives it.
        listed: Option<Arc<HashSet<String>>>,
        /// Recipients that are refused, likewise.
        blocked: HashSet<String>,
    },
    /// It is put off: the domain can't be served now.
    Detached,
}

impl<D: Clone> Policy<D> {
    /// Compiles the domains and routes of a configuration. `load` makes a destination of a way out; it is asked once for equal ones.
    ///
    /// # Errors
    /// The first that `load` gives.
    pub fn compile<E>(configuration: &Configuration, mut load: impl FnMut(&Way) -> Result<D, E>) -> Result<Self, E> {
        let mut loaded = HashMap::<(RouteTarget, Option<DomainName>), D>::new();
        let mut destination = |way: &Way| {
            let key = (way.target.clone(), way.ehlo_name.cloned());
            match loaded.get(&key) {
                Some(known) => Ok(known.clone()),
                None => load(way).inspect(|new| drop(loaded.insert(key, new.clone()))),
            }
        };
        let lists = recipient_lists(configuration);
        let mut domains = HashMap::with_capacity(configuration.domains.len());
        for domain in &configuration.domains {
            let handling = handling(domain, &lists, &mut destination)?;
            let accepted = AcceptedDomain { include_subdomains: domain.include_subdomains, handling };
            domains.insert(domain.name.as_str().into(), accepted);
        }
        let routes = Routes::compile(&configuration.root.routes, |route| {
            destination(&Way { label: Label::Route(&route.name), target: &route.to, ehlo_name: route.ehlo_name.as_ref() })
        })?;
        let postmaster = configuration.root.postmaster.as_deref().and_then(mailbox).map(ForwardPath::Mailbox);
        Ok(Self { domains, routes, postmaster })
    }
}

impl<D> Policy<D> {
    /// Whether nothing is accepted at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.domains.is_empty()
    }

    /// Where mail for other domains goes.
    pub(super) fn routes(&self) -> &Routes<D> {
        &self.routes
    }

    /// Who takes `<Postmaster>`.
    pub(super) fn postmaster(&self) -> Option<&ForwardPath> {
        self.postmaster.as_ref()
    }

    /// The entry for `name` (a lower-case A-label): its own, or that of the nearest name above it that includes its sub-domains.
    pub(super) fn covering(&self, name: &str) -> Option<&AcceptedDomain<D>> {
        self.domains
            .get(name)
            .or_else(|| parents(name).find_map(|parent| self.domains.get(parent).filter(|domain| domain.include_subdomains)))
    }

    /// Whether mail for this recipient is an accepted domain's, and not a route's.
    #[must_use]
    pub fn is_accepted(&self, recipient: &ForwardPath) -> bool {
        match recipient {
            ForwardPath::Mailbox(mailbox) => mailbox.domain.to_a_label().is_some_and(|name| self.covering(&name).is_some()),
            ForwardPath::Postmaster => false,
        }
    }

    /// Every destination, each as often as a domain or route names it.
    pub fn destinations(&self) -> impl Iterator<Item = &D> {
        self.domain_destinations().chain(self.routes.destinations())
    }

    /// Every destination of accepted domains, each as often as one names it.
    pub fn domain_destinations(&self) -> impl Iterator<Item = &D> {
        self.domains
            .values()
            .flat_map(|domain| match &domain.handling {
                Handling::Relay { to, unknown_to, .. } => [Some(to), unknown_to.as_ref()],
                Handling::Detached => [None, None],
            })
            .flatten()
    }
}

fn handling<D, E>(
    domain: &Domain,
    lists: &HashMap<&str, Arc<HashSet<String>>>,
    destination: &mut impl FnMut(&Way<'_>) -> Result<D, E>,
) -> Result<Handling<D>, E> {
    let (target, recipients, unknown) = match &domain.kind {
        DomainType::Authoritative { next_hops, recipients } => (next_hops.clone().into(), recipients, None),
        DomainType::InternalRelay { next_hops, recipients, unknown_recipients } => {
            (next_hops.clone().into(), recipients, Some(unknown_recipients.clone().into()))
        }
        DomainType::ExternalRelay { to } => (to.clone(), &RecipientValidation::NextHop, None),
        DomainType::Detached => return Ok(Handling::Detached),
    };
    let mut load = |target: &RouteTarget| destination(&Way { label: Label::Domain(&domain.name), target, ehlo_name: None });
    Ok(Handling::Relay {
        to: load(&target)?,
        unknown_to: unknown.map(|target: RouteTarget| load(&target)).transpose()?,
        listed: match recipients {
            RecipientValidation::NextHop => None,
            // A list that is not there is an empty one: nobody is known until it comes.
            RecipientValidation::List { list } => Some(lists.get(list.as_str()).cloned().unwrap_or_default()),
        },
        blocked: comparable_all(&domain.blocked),
    })
}

fn recipient_lists(configuration: &Configuration) -> HashMap<&str, Arc<HashSet<String>>> {
    configuration.recipients.iter().map(|(name, list)| (name.as_str(), Arc::new(comparable_all(&list.mailboxes)))).collect()
}

fn comparable_all(mailboxes: &[String]) -> HashSet<String> {
    mailboxes.iter().filter_map(|text| mailbox(text)).filter_map(|mailbox| comparable(&mailbox)).collect()
}

/// A mailbox as configurations write it: the domain is what stands after the last `@`.
fn mailbox(text: &str) -> Option<Mailbox> {
    let (local, domain) = text.rsplit_once('@')?;
    Some(Mailbox { local: local.to_owned(), domain: AddressDomain::Name(domain.to_owned()) })
}

/// A mailbox in the form in which recipients are compared with lists: lower case, the domain an A-label, the local part without quotes,
/// since `"user"@d` and `user@d` name one mailbox (RFC 5321 section 4.1.2). `None` for what no list can name.
pub(super) fn comparable(mailbox: &Mailbox) -> Option<String> {
    let domain = mailbox.domain.to_a_label()?;
    let local = match mailbox.local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => unescape(quoted),
        None => mailbox.local.clone(),
    };
    Some(format!("{}@{domain}", local.to_lowercase()))
}

fn unescape(quoted: &str) -> String {
    let mut escaped = false;
    quoted
        .chars()
        .filter(|&c| {
            escaped = c == '\\' && !escaped;
            !escaped
        })
        .collect()
}

fn parents(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, parent)| parent)).skip(1)
}
