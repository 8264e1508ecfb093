//! TLS as a server: certificates, their choice by SNI, handshakes.

mod certificate;
mod clients;
mod facts;
mod identity;
mod metrics;
mod server;
mod sni;

pub use certificate::{CertificateInfo, TlsError};
pub use facts::Facts;
pub(crate) use identity::{Identity, is_for};
pub use metrics::Metrics;
pub use server::{Acceptor, HANDSHAKE_DEADLINE, HandshakeError};
