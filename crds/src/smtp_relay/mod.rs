//! `SmtpRelay`: a gate in front of mail servers.

mod allowed_domains;
mod auth;
mod dns;
mod exposure;
mod limits;
mod listener;
mod listener_tls;
mod logging;
mod mx;
mod pod_template;
mod proxy_protocol;
mod resources;
mod route;
mod service;
mod spool;
mod status;
mod termination;
mod timeouts;
mod tls;
mod toleration;
mod topology;
mod trusted;

pub use allowed_domains::{AllowedDomains, LabelSelector, Namespaces, NamespacesFrom};
pub use auth::{Auth, Users};
pub use dns::{Dns, DnsServer};
pub use exposure::Exposure;
pub use limits::Limits;
pub use listener::{Delivery, Listener, Role};
pub use listener_tls::{ListenerTls, ListenerTlsMode};
pub use logging::{LogFormat, LogLevel, Logging};
pub use mx::{Mx, TlsWaiver};
pub use pod_template::PodTemplate;
pub use proxy_protocol::ProxyProtocol;
pub use resources::{ResourceAmounts, Resources};
pub use route::{Route, RouteMatch};
pub use service::{ExternalTrafficPolicy, IpFamilyPolicy, Service, ServiceType};
pub use spool::{EmptyDirStorage, PersistentVolumeStorage, PostgresStorage, Retry, Spool, StorageKind};
pub use status::{Address, AddressType, CertificateStatus, ListenerStatus, SmtpRelayStatus, SpoolStatus};
pub use termination::Termination;
pub use timeouts::Timeouts;
pub use tls::{Certificate, IssuerReference, RelayTls, TlsVersion};
pub use toleration::{Toleration, TolerationEffect, TolerationOperator};
pub use topology::{TopologySpreadConstraint, WhenUnsatisfiable};
pub use trusted::{Tenant, TrustRequirement, Trusted};

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::{as_a_whole, keyed_by, rule};

/// The port of the pods that probes and metrics are served on; no listener may take it.
pub const ADMIN_PORT: i32 = 9464;
/// The port of the pods that the operator asks for their status on; no listener may take it.
pub const CONTROL_PORT: i32 = 9465;

/// An SMTP relay: what it listens on, what it may spend, and how it runs.
///
/// It takes mail for the domains of the `AcceptedDomain`s that refer to it and refuses all other mail. It is never an open relay, whatever is
/// set here.
#[derive(CustomResource, JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "postern.dev",
    version = "v1alpha1",
    kind = "SmtpRelay",
    namespaced,
    status = "SmtpRelayStatus",
    derive = "PartialEq",
    doc = "An SMTP relay in front of mail servers: it takes mail for accepted domains, passes it on over TLS, and refuses all other mail.",
    shortname = "srelay",
    category = "postern",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "Hostname", type_ = "string", json_path = ".spec.hostname"),
    printcolumn(name = "Address", type_ = "string", json_path = ".status.addresses[0].value"),
    printcolumn(name = "Domains", type_ = "integer", json_path = ".status.attachedDomains"),
    printcolumn(name = "Desired", type_ = "integer", json_path = ".spec.replicas"),
    printcolumn(name = "Available", type_ = "integer", json_path = ".status.readyReplicas"),
    printcolumn(name = "Programmed", type_ = "string", json_path = ".status.conditions[?(@.type=='Programmed')].status"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')")
        .message("Services and pods are named for the relay; take a name of 1 to 40 lower-case letters, digits or hyphens that begins with a letter")
)]
#[schemars(transform = rule(
    ".listeners",
    "self.listeners.all(a, self.listeners.exists_one(b, b.port == a.port))",
    "two listeners have the same port; give each its own",
))]
#[schemars(transform = rule(
    ".listeners",
    "!self.listeners.exists(a, a.port < 1024 && self.listeners.exists(b, b.port == a.port + 10000))",
    "two listeners would share a port of the pod, which is the port plus 10000 below 1024; change one of them",
))]
#[schemars(transform = rule(
    ".services",
    "!has(self.services) || self.services.all(s, self.listeners.exists(l, (has(l.exposure) ? l.exposure : (l.role == 'Trusted' ? 'Cluster' : 'Public')) == s.exposure))",
    "no listener has the exposure of a service; remove the service, or expose a listener like that",
))]
#[schemars(transform = rule(
    ".auth",
    "!self.listeners.exists(l, l.role == 'Submission') || has(self.auth)",
    "nobody could log in on the Submission listener; set auth.users.secretRefs to the Secrets of its users",
))]
#[schemars(transform = rule(
    ".auth",
    "self.listeners.exists(l, l.role == 'Submission') || !has(self.auth)",
    "users log in on Submission listeners alone; add one, or remove auth",
))]
#[schemars(transform = rule(
    ".routes",
    "!has(self.routes) || self.listeners.exists(l, l.role != 'Inbound')",
    "an Inbound listener takes no mail for the world, so no route is ever taken; add a Submission or a Trusted listener, or remove routes",
))]
#[schemars(transform = rule(
    ".routes",
    "!has(self.routes) || self.routes.all(r, !has(r.match.listeners) || r.match.listeners.all(n, self.listeners.exists(l, l.name == n && l.role != 'Inbound')))",
    "a route matches a listener that is not there, or is Inbound; name a Submission or a Trusted listener",
))]
#[schemars(transform = rule(
    ".spool",
    "has(self.spool) || !self.listeners.exists(l, has(l.delivery) ? l.delivery == 'Spool' : l.role in ['Submission', 'Trusted'])",
    "a listener takes mail into the queue; say with spool.storage where that lies",
))]
#[schemars(transform = rule(
    ".spool",
    "!has(self.spool) || self.listeners.exists(l, has(l.delivery) ? l.delivery == 'Spool' : l.role != 'Inbound')",
    "no listener takes mail into the queue; remove spool, or add a Submission or a Trusted listener",
))]
#[schemars(transform = rule(
    ".spool",
    "!has(oldSelf.spool) || has(self.spool)",
    "mail may lie in the queue, so it can't be taken away; make another SmtpRelay without one, and delete this when its queue is empty",
))]
#[schemars(transform = rule(
    ".spool.storage",
    "has(oldSelf.spool) || !has(self.spool) || self.spool.storage != 'PersistentVolume'",
    "the pods of this relay have no volumes and can't get any; make another SmtpRelay with the storage PersistentVolume",
))]
#[serde(rename_all = "camelCase")]
pub struct SmtpRelaySpec {
    /// The name that the relay gives itself in its banner, in EHLO and in the Received header.
    ///
    /// It should be the name in the MX record and in the certificate. A fully qualified domain name in lower case, as an A-label when it is
    /// international; never the name of a pod.
    #[schemars(schema_with = "crate::schema::domain_name")]
    pub hostname: String,
    /// How many pods run. Limits count per pod.
    ///
    /// `kubectl scale` and a `HorizontalPodAutoscaler` set this field; leave it out of manifests that are applied under an autoscaler.
    /// Default 2; 0 to 100.
    #[serde(default = "default_replicas")]
    #[schemars(range(min = 0, max = 100))]
    pub replicas: i32,
    /// The mailbox that takes mail to `<Postmaster>` without a domain (RFC 5321 section 4.5.1).
    ///
    /// Its domain must be an accepted domain of this relay. Default: `postmaster` at the oldest Authoritative domain. A mailbox in lower
    /// case, up to 318 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::mailbox")]
    pub postmaster: Option<String>,
    /// What the relay listens on. 1 to 16 listeners with distinct names and ports.
    ///
    /// A pod binds the port itself, or the port plus 10000 when it is below 1024, so that it needs no privilege; the Service maps one to the
    /// other.
    #[schemars(length(min = 1, max = 16))]
    #[schemars(transform = keyed_by(&["name"]))]
    pub listeners: Vec<Listener>,
    /// How the relay shows itself in TLS, on all listeners. Default: TLS 1.2 and newer, with a certificate of the operator's own CA.
    #[serde(default)]
    pub tls: RelayTls,
    /// Who may log in on Submission listeners. Required where there is one, refused where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Auth")]
    pub auth: Option<Auth>,
    /// Where mail of users and trusted servers goes that is for none of the accepted domains: the first route that matches. Mail that none
    /// matches is refused with 550 5.4.4. Mail for an accepted domain goes to that domain's next hops, whoever sends it. Up to 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[schemars(transform = keyed_by(&["name"]))]
    pub routes: Vec<Route>,
    /// Whom the relay asks for the recipients' domains and their exchangers, where mail goes by MX. Names of next hops, smart hosts, databases
    /// and token issuers, which stand in manifests, are asked of the pod's own DNS, since the cluster alone may know them. Default: the pod's own
    /// DNS for all names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Dns")]
    pub dns: Option<Dns>,
    /// The queue of what is not yet delivered. Required where the delivery of a listener is `Spool`, refused where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Spool")]
    pub spool: Option<Spool>,
    /// Whose domains the relay takes mail for, and which: an AcceptedDomain is let in if one entry lets it in. 1 to 16. Default: every domain
    /// of the relay's own namespace.
    #[serde(default = "default_allowed_domains")]
    #[schemars(length(min = 1, max = 16))]
    #[schemars(transform = as_a_whole)]
    pub allowed_domains: Vec<AllowedDomains>,
    /// How long, in seconds, the relay answers 451 4.3.5 for a domain that it took mail for and has lost, by a label, a grant, a conflict or a
    /// reference that fails; then 550 5.7.1. A domain whose AcceptedDomain is deleted is refused at once. Default 86400; 0 to 604800.
    #[serde(default = "default_detach_grace_seconds")]
    #[schemars(range(min = 0, max = 604_800))]
    pub detach_grace_seconds: i32,
    /// What a stranger can make each pod spend.
    #[serde(default)]
    pub limits: Limits,
    /// How long the relay waits, for clients and for next hops.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// How a pod ends.
    #[serde(default)]
    pub termination: Termination,
    /// What the pods log, on standard output.
    #[serde(default)]
    pub logging: Logging,
    /// How listeners are reached: one Service for each exposure that a listener has. An exposure without an entry gets the
    /// defaults of one. Up to 3.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3))]
    #[schemars(transform = keyed_by(&["exposure"]))]
    pub services: Vec<Service>,
    /// What the pods get beyond what the operator sets. Their security context can't be changed: they always meet the `restricted` Pod
    /// Security Standard.
    #[serde(default)]
    pub pod_template: PodTemplate,
}

fn default_replicas() -> i32 {
    2
}

fn default_allowed_domains() -> Vec<AllowedDomains> {
    vec![AllowedDomains::default()]
}

fn default_detach_grace_seconds() -> i32 {
    86_400
}

impl SmtpRelaySpec {
    /// The Service of an exposure: the entry in `services`, or the defaults of one.
    #[must_use]
    pub fn service(&self, exposure: Exposure) -> Service {
        self.services.iter().find(|service| service.exposure == exposure).cloned().unwrap_or_else(|| Service::new(exposure))
    }
}
