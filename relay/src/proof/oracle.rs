//! Reads a configuration in its own, simpler way: no index, no compiled form, only the text of names.

use postern_config::{Configuration, Domain, DomainType, RouteTarget};

use super::{probes::Probe, recorder::Recorded};

/// Knows which next hops a mailbox may reach.
pub(super) struct Oracle<'a> {
    domains: &'a [Domain],
    postmaster: Option<&'a str>,
}

/// What the oracle thinks of a recipient that reached a next hop.
pub(super) enum Verdict {
    /// It is the probe's own, its domain is accepted, and the next hops are that domain's.
    Right,
    /// No domain covers it.
    Foreign,
    /// The next hops are not those of its domain, or it is not what the client wrote.
    Astray,
}

impl<'a> Oracle<'a> {
    pub(super) fn new(configuration: &'a Configuration) -> Self {
        Self { domains: &configuration.domains, postmaster: configuration.root.postmaster.as_deref() }
    }

    pub(super) fn judge(&self, probe: &Probe, recorded: &Recorded) -> Verdict {
        let Some(domain) = recorded.recipient.rsplit_once('@').and_then(|(_, name)| self.covering(name)) else {
            return Verdict::Foreign;
        };
        let as_written = probe.path.contains(&recorded.recipient) || self.postmaster == Some(recorded.recipient.as_str());
        let named = leads_to(domain, &recorded.to);
        if as_written && named { Verdict::Right } else { Verdict::Astray }
    }

    /// The domain whose mail this is: of all that cover the name, the longest.
    fn covering(&self, name: &str) -> Option<&'a Domain> {
        let name = name.to_ascii_lowercase();
        let covers =
            |domain: &&Domain| name == domain.name.as_str() || (domain.include_subdomains && name.ends_with(&format!(".{}", domain.name)));
        self.domains.iter().filter(covers).max_by_key(|domain| domain.name.as_str().len())
    }
}

fn leads_to(domain: &Domain, target: &RouteTarget) -> bool {
    match (&domain.kind, target) {
        (DomainType::ExternalRelay { to }, target) => to == target,
        (_, RouteTarget::Hosts { next_hops, credentials: None }) => domain.next_hops().any(|named| named == next_hops),
        _ => false,
    }
}
