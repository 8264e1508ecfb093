//! What is tried: the ways in which relays have been opened, each for some domain of every kind that the configuration holds.

use std::{collections::HashMap, fmt};

use postern_config::{Configuration, Domain, DomainType, RecipientValidation};

/// Stands in for all domains that are not ours (RFC 2606 section 2).
const FOREIGN: &str = "open-relay-matrix.invalid";

/// Domains of each kind that are tried; with thousands of domains, the others differ in nothing but their names.
const PER_KIND: usize = 2;

/// One transaction to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Probe {
    /// What stands after `MAIL FROM:`.
    pub(super) sender: String,
    /// What stands after `RCPT TO:`.
    pub(super) path: String,
    /// Whether a next hop must be asked.
    pub(super) must_arrive: bool,
}

/// Every probe for a configuration.
pub(super) fn of(configuration: &Configuration) -> Vec<Probe> {
    let foreign = [FOREIGN, "localhost", "[127.0.0.1]", "com"].map(|name| format!("<u@{name}>"));
    let mut probes: Vec<_> = foreign.into_iter().flat_map(|path| from_all_senders(None, path)).collect();
    for domain in sample(&configuration.domains) {
        let name = domain.name.as_str();
        probes.extend(steering(name).into_iter().flat_map(|path| from_all_senders(Some(name), path)));
        probes.extend(neighbours(name).into_iter().map(|path| Probe { sender: "<>".to_owned(), path, must_arrive: false }));
        probes.extend(own(domain, configuration));
    }
    probes
}

/// Addresses that some server, somewhere, reads as a mailbox of a foreign domain.
fn steering(d: &str) -> Vec<String> {
    let x = FOREIGN;
    vec![
        format!("<u%{x}@{d}>"),
        format!("<{x}!u@{d}>"),
        format!("<\"u@{x}\"@{d}>"),
        format!("<\"u%{x}\"@{d}>"),
        format!("<u@{x}@{d}>"),
        format!("<u@{d}@{x}>"),
        format!("<u%{d}@{x}>"),
        format!("<\"u@{d}\"@{x}>"),
        format!("<u@{d}@[127.0.0.1]>"),
        format!("<@{d}:u@{x}>"),
        format!("<@{x}:u@{x}>"),
        format!("<{x}!u>"),
        format!("<\"u@{x}\">"),
        format!("<\"u%{x}\">"),
        format!("u@{x}"),
        format!("<u@{x}.>"),
        format!("<u@{d}.{x}>"),
    ]
}

/// Names that a careless comparison takes for the domain.
fn neighbours(d: &str) -> Vec<String> {
    let mut names = vec![format!("open-relay-matrix{d}"), format!("open-relay-matrix.{d}"), d.to_ascii_uppercase()];
    names.extend(d.split_once('.').map(|(_, parent)| parent.to_owned()));
    names.extend(d.strip_prefix(|_: char| true).map(ToOwned::to_owned));
    names.into_iter().map(|name| format!("<u@{name}>")).collect()
}

/// What must arrive: a matrix that relays nothing would prove nothing.
fn own(domain: &Domain, configuration: &Configuration) -> Option<Probe> {
    let (recipients, has_other) = match &domain.kind {
        DomainType::Authoritative { recipients, .. } => (recipients, false),
        DomainType::InternalRelay { recipients, .. } => (recipients, true),
        DomainType::ExternalRelay { .. } => (&RecipientValidation::NextHop, false),
        DomainType::Detached => return None,
    };
    let mailbox = match recipients {
        RecipientValidation::List { list } if !has_other => {
            let mut listed = configuration.recipients.get(list)?.mailboxes.iter();
            listed.find(|mailbox| mailbox.ends_with(&format!("@{}", domain.name)) && !domain.blocked.contains(mailbox))?.clone()
        }
        _ => format!("open-relay-matrix@{}", domain.name),
    };
    Some(Probe { sender: "<>".to_owned(), path: format!("<{mailbox}>"), must_arrive: true })
}

fn from_all_senders(domain: Option<&str>, path: String) -> impl Iterator<Item = Probe> {
    let own = domain.map(|domain| format!("<u@{domain}>"));
    let others = ["<>", "<u@open-relay-matrix.invalid>", "<u@localhost>", "<u@[127.0.0.1]>"].map(str::to_owned);
    others.into_iter().chain(own).map(move |sender| Probe { sender, path: path.clone(), must_arrive: false })
}

fn sample(domains: &[Domain]) -> Vec<&Domain> {
    let mut seen = HashMap::<_, usize>::new();
    let is_wanted = |domain: &&Domain| {
        let count = seen.entry(kind(domain)).or_default();
        *count += 1;
        *count <= PER_KIND
    };
    domains.iter().filter(is_wanted).collect()
}

/// What makes two domains differ for the policy.
fn kind(domain: &Domain) -> impl Eq + std::hash::Hash + use<> {
    let by_list = |recipients: &RecipientValidation| matches!(recipients, RecipientValidation::List { .. });
    let handling = match &domain.kind {
        DomainType::Authoritative { recipients, .. } => ("Authoritative", by_list(recipients)),
        DomainType::InternalRelay { recipients, .. } => ("InternalRelay", by_list(recipients)),
        DomainType::ExternalRelay { .. } => ("ExternalRelay", false),
        DomainType::Detached => ("Detached", false),
    };
    (handling, domain.include_subdomains, domain.blocked.is_empty())
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MAIL FROM:{} RCPT TO:{}", self.sender, self.path)
    }
}
