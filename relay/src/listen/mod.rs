//! Accepts connections: ports, PROXY protocol, TLS, limits.
//!
//! A connection passes, in this order: the pod's bound of connections, the PROXY header where one is required, the client's own bound, and
//! implicit TLS where the listener wants it. What is left is a session for [`Serve`].

mod accept;
mod admission;
mod client;
mod connection;
mod drain;
mod metrics;
mod origin;
mod ports;
mod proxy;
mod socket;

pub use accept::Gate;
pub use admission::{Admission, Permit, Refused, Slot};
pub use client::{Client, ClientKey};
pub use connection::{Connection, Serve};
pub use drain::{Drain, Drained, Signals};
pub use metrics::Metrics;
pub use origin::{Clients, Origin, Surroundings};
pub use ports::{BindError, Ports, Prepared};
pub use proxy::ProxyError;
pub(crate) use socket::listen;
