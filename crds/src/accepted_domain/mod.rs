//! `AcceptedDomain`: a domain that relays take mail for.

mod ca_certificate;
mod list_reference;
mod mx;
mod next_hop;
mod next_hop_tls;
mod recipients;
mod relay_reference;
mod status;
mod unknown_recipients;

pub use ca_certificate::{CaCertificateKind, CaCertificateReference};
pub use list_reference::{ListKind, ListReference};
pub use mx::DomainMx;
pub(crate) use mx::tls_of_exchangers;
pub use next_hop::NextHop;
pub(crate) use next_hop::{DISTINCT, NOT_DISTINCT};
pub use next_hop_tls::{NextHopTls, NextHopTlsMode};
pub use recipients::{RecipientValidation, Recipients};
pub use relay_reference::RelayReference;
pub use status::{AcceptedDomainStatus, AttachmentStatus};
pub use unknown_recipients::UnknownRecipients;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::{as_a_whole, keyed_by, rule};

/// A domain that relays take mail for, and the servers that its mail goes to.
#[allow(clippy::duplicated_attributes, reason = "columns of the same type repeat it")]
#[derive(CustomResource, JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "postern.dev",
    version = "v1alpha1",
    kind = "AcceptedDomain",
    namespaced,
    status = "AcceptedDomainStatus",
    derive = "PartialEq",
    doc = "A domain that relays take mail for, and the servers that its mail goes to.",
    shortname = "adom",
    category = "postern",
    printcolumn(name = "Domain", type_ = "string", json_path = ".spec.domain"),
    printcolumn(name = "Relay", type_ = "string", json_path = ".spec.relayRefs[0].name"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type", priority = 1),
    printcolumn(name = "Next hop", type_ = "string", json_path = ".spec.nextHops[0].host", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[schemars(transform = rule(
    ".unknownRecipients",
    "self.type != 'InternalRelay' || has(self.unknownRecipients)",
    "an InternalRelay domain shares its recipients with other servers; set unknownRecipients.nextHops to them, or make the type Authoritative",
))]
#[schemars(transform = rule(
    ".unknownRecipients",
    "self.type == 'InternalRelay' || !has(self.unknownRecipients)",
    "nobody but the servers of this domain is asked for its recipients; remove unknownRecipients, or make the type InternalRelay",
))]
#[schemars(transform = rule(
    ".nextHops",
    "self.type == 'ExternalRelay' || has(self.nextHops)",
    "mail of this domain goes to servers of your own; set nextHops to them",
))]
#[schemars(transform = rule(
    ".mx",
    "self.type == 'ExternalRelay' || !has(self.mx)",
    "mail of an accepted domain that goes by MX comes back to this relay; remove mx, or make the type ExternalRelay",
))]
#[schemars(transform = rule(
    "",
    "self.type != 'ExternalRelay' || has(self.nextHops) != has(self.mx)",
    "mail goes to servers that you name or to those that DNS names; set one of nextHops and mx, and not both",
))]
#[schemars(transform = rule(
    ".recipients.validation",
    "self.type != 'ExternalRelay' || !has(self.recipients.validation)",
    "nobody knows the recipients of an ExternalRelay domain; remove validation, or make the type Authoritative",
))]
#[schemars(transform = tls_of_exchangers)]
#[schemars(transform = rule(
    ".recipients.blocked",
    "!has(self.recipients.blocked) || self.recipients.blocked.all(m, m.endsWith('@' + self.domain) || (self.includeSubdomains && m.endsWith('.' + self.domain)))",
    "a blocked mailbox is in another domain; block it in the AcceptedDomain of that domain",
))]
#[serde(rename_all = "camelCase")]
pub struct AcceptedDomainSpec {
    /// The relays that take mail for the domain. 1 to 8.
    ///
    /// A relay that took mail for the domain and is taken out of this list answers 451 4.3.5 for its `detachGraceSeconds`, so that no mail
    /// bounces by mistake; deleting the AcceptedDomain ends it at once.
    #[schemars(length(min = 1, max = 8))]
    #[schemars(transform = keyed_by(&["name", "namespace"]))]
    pub relay_refs: Vec<RelayReference>,
    /// The domain. It can't be changed: make another AcceptedDomain.
    ///
    /// A lower-case A-label of at least two labels, up to 253 characters: `example.com`, `xn--bcher-kva.example`. Public suffixes, such as
    /// `co.uk`, are refused. When two `AcceptedDomain`s of a relay name the same domain, the oldest wins; so it does
    /// when one names a domain below that of another namespace with `includeSubdomains`.
    #[schemars(schema_with = "crate::schema::domain_name")]
    #[schemars(transform = rule(
        "",
        "self == oldSelf",
        "a domain can't be changed; make an AcceptedDomain for the new one, and delete this",
    ))]
    pub domain: String,
    /// Whether every name below the domain is accepted too. A longer AcceptedDomain goes before a shorter one. Default false.
    #[serde(default)]
    pub include_subdomains: bool,
    /// Who knows the recipients of the domain; the names are Exchange's.
    ///
    /// `Authoritative`: the next hops know all of them. `InternalRelay`: the next hops know some; mail to those that they don't know goes to
    /// `unknownRecipients.nextHops`. `ExternalRelay`: servers outside have the mailboxes, and nobody is asked whether a recipient exists; refused
    /// on a relay that takes mail of strangers into its queue, since it would have to send back what it can't deliver.
    #[serde(rename = "type")]
    pub type_: DomainType,
    /// The servers that the mail goes to. Required, but with the type `ExternalRelay`, which may have `mx` in its place. 1 to 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 16))]
    #[schemars(transform = as_a_whole)]
    #[schemars(transform = rule("", DISTINCT, NOT_DISTINCT))]
    pub next_hops: Vec<NextHop>,
    /// The mail goes to the exchangers of the recipient's domain, which DNS names. With the type `ExternalRelay` alone, in
    /// place of `nextHops`; it has 0 fields: write `mx: {}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DomainMx")]
    pub mx: Option<DomainMx>,
    /// What TLS to the next hops must give. Default: TLS with a certificate that a public CA signed for the next hop's host; to exchangers TLS
    /// with any certificate.
    #[serde(default)]
    pub tls: NextHopTls,
    /// Which recipients exist. Default: those that the next hop says.
    #[serde(default)]
    pub recipients: Recipients,
    /// Where the mail to recipients goes that the next hops don't know. Required with the type `InternalRelay`, refused with others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_recipients: Option<UnknownRecipients>,
}

/// Who knows the recipients of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DomainType {
    /// The next hops know every recipient.
    Authoritative,
    /// The next hops know some recipients; others are asked for the rest.
    InternalRelay,
    /// Servers outside have the mailboxes, and nobody is asked for recipients.
    ExternalRelay,
}
