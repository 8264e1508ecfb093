//! Why a relay does not take a domain.

use ipnet::IpNet;

use crate::inventory::Key;

/// Why a relay does not take a domain that names it, and what would mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The domain names the relay no more.
    #[error("spec.relayRefs: SmtpRelay {0} is named no more; name it again, or delete the AcceptedDomain to end this at once")]
    NotNamed(Key),
    /// The relay lets nothing in from the domain's namespace.
    #[error(
        "spec.relayRefs: SmtpRelay {relay} takes no domain of namespace {namespace}; let its owner add the namespace to spec.allowedDomains, or name another relay"
    )]
    Namespace {
        /// The relay.
        relay: Key,
        /// The domain's namespace.
        namespace: String,
    },
    /// The relay lets other domains in from that namespace.
    #[error(
        "spec.domain: SmtpRelay {relay} takes no `{wanted}` of namespace {namespace}; let its owner add it to spec.allowedDomains, or name another relay"
    )]
    Name {
        /// The relay.
        relay: Key,
        /// The domain's namespace.
        namespace: String,
        /// The name, or the wildcard, that is not let in.
        wanted: String,
    },
    /// Nobody can tell whether the relay lets the domain in.
    #[error(
        "spec.relayRefs: SmtpRelay {0} lets namespaces in by `All` or `Selector`, which an operator that watches some namespaces can't judge; let its owner write `Same`, or empty the chart's value `watchNamespaces`"
    )]
    NamespacesNotReadable(Key),
    /// Mail may not go where the domain sends it.
    #[error("{field}: SmtpRelay {relay} lets mail of this domain go on to {} only; name a server there, or let its owner change spec.allowedDomains", list(.allowed))]
    NextHop {
        /// The field.
        field: String,
        /// The relay.
        relay: Key,
        /// The networks that mail may go to.
        allowed: Vec<IpNet>,
    },
    /// An older claim has the name.
    #[error("spec.domain: AcceptedDomain {winner} claimed {} before; remove one of the two", whole(.covers.as_deref()))]
    Conflict {
        /// The domain that holds the name.
        winner: Key,
        /// The domain above, when the name is below one of another namespace.
        covers: Option<String>,
    },
}

fn list(networks: &[IpNet]) -> String {
    networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn whole(covers: Option<&str>) -> String {
    covers.map_or_else(|| "this name".to_owned(), |above| format!("every name below {above}"))
}
