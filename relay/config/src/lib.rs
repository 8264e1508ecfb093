//! The contract between Postern's operator and its relay.
//!
//! The operator writes a folder, the relay reads it. The folder holds one root file ([`folder::ROOT_FILE`]), which names every other
//! configuration file with its SHA-256, so that a half-written set is never taken for a whole one, and the certificates and keys that the
//! root refers to by name. Neither side knows more of the other than what stands here.
//!
//! | path below the folder | what it is | hashed in the root |
//! |---|---|---|
//! | `relay.json` | [`RelayConfig`], the root, written last | – |
//! | `domains-NN.json` | [`DomainShard`], a stable share of the accepted domains | yes |
//! | `recipients-ID.json` | [`RecipientList`], the mailboxes of a domain that validates by list | yes |
//! | `tls.NAME.crt`, `tls.NAME.key` | a certificate chain and its key, PEM | no: they are renewed on their own |
//! | `trust.NAME.pem` | CA certificates, PEM | no |
//! | `user.NAME.json` | [`User`], who may authenticate | no |
//! | `credentials.NAME.json` | [`Credentials`], shown to smart hosts | no |
//! | `database.NAME.json` | [`Database`], where the queue lies that all pods share | no |
//! | `identity.crt`, `identity.key`, `identity-ca.pem` | who the relay is among relays and to the operator, PEM; optional | no |
//!
//! Nothing lies in a folder below, so that each file may come from any volume. [`version`] says what becomes of files of other versions.

pub mod credentials;
pub mod domain;
pub mod folder;
pub mod limits;
pub mod listener;
pub mod material;
pub mod name;
pub mod next_hop;
pub mod relay;
pub mod route;
pub mod sender;
pub mod spool;
pub mod user;
pub mod validate;
pub mod version;

pub use credentials::{Credentials, Grant};
pub use domain::{Domain, DomainShard, DomainType, RecipientList, RecipientValidation};
pub use folder::{Configuration, LoadError};
pub use limits::{Limits, Timeouts};
pub use listener::{Delivery, Listener, ListenerTls, ProxyProtocol, Role, Tenant, TrustRequirement, Trusted};
pub use name::{DomainName, NameError};
pub use next_hop::{NextHop, NextHopTls, NextHopTlsMode, NextHops};
pub use relay::{RelayConfig, ServerTls, TlsVersion};
pub use route::{DomainPattern, Mx, OutboundRoute, RouteMatch, RouteTarget, TlsWaiver};
pub use sender::{SenderPattern, SenderPatternError};
pub use spool::{Database, DatabaseTls, RetryTimes, Spool, Storage};
pub use user::User;
pub use validate::Violation;
pub use version::{MIN_READER, OLDEST, VERSION};
