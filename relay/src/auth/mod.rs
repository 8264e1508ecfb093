//! Who a client is: SASL (RFC 4422) on the server's side, and the users that it is held against.
//!
//! An [`Authenticator`] begins an [`Exchange`] for each AUTH; its steps take and give the bytes of SASL, without the framing of SMTP. Passwords
//! are hashed by a bounded pool beside the threads of sessions, whoever fails is slowed, and nobody learns whether a name or a password was
//! wrong, neither by the answer nor by the time that it takes.

mod account;
mod authenticator;
mod cache;
mod client;
mod exchange;
mod hash;
mod metrics;
mod name;
mod plain;
mod pool;
mod queue;
mod rates;
mod scram;
mod slowness;
mod stand_in;
mod users;

pub use account::Account;
pub use authenticator::Authenticator;
pub use client::Client;
pub use exchange::{Exchange, Progress};
pub use hash::HashError;
pub use metrics::Metrics;
pub use postern_proto::server::Mechanism;
pub use rates::Rates;
pub use users::{Problem, Users, UsersError};
