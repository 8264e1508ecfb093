//! Load for the benchmarks: a client that sends as fast as its mail is taken, and a sink that counts what arrives.
//!
//! Postfix's `smtp-source` and `smtp-sink` do the same in clear text; these two speak TLS as well, hold idle connections, and prove that
//! every body arrived whole. Each runs on one thread, as `smtp-source` and `smtp-sink` do, so as to leave the machine to the relay.

pub mod message;
pub mod sender;
pub mod sink;
pub mod stream;
pub mod tally;
pub mod tls;
