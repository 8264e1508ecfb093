//! The harness of the tests that cross crates: real peers, certificates, processes and a raw SMTP client.
//!
//! Nothing here knows the relay's or the operator's code; both are met as their users meet them, through files, ports and processes.
//! Everything returns [`anyhow::Result`], so that a test reads as a row of `?` and a failure says what was waited for.

pub mod binaries;
pub mod chart;
pub mod client;
pub mod cluster;
pub mod config;
pub mod exim;
pub mod footprint;
pub mod gate;
pub mod http;
pub mod ledger;
pub mod load;
pub mod mail_server;
pub mod manifests;
pub mod name_server;
pub mod next_hop;
pub mod node;
pub mod opensmtpd;
pub mod outbound;
pub mod packaged;
pub mod pki;
pub mod poll;
pub mod port;
pub mod postfix;
pub mod postgres;
pub mod process;
pub mod queue_tool;
pub mod relay;
pub mod restricted;
pub mod sink;
pub mod site;
pub mod tool;
pub mod zone;
