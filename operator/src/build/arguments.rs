//! The command line of `postern-relay`.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
};

use postern_crds::smtp_relay::{LogFormat, LogLevel, SmtpRelaySpec, Timeouts};

/// Where one process of a relay finds and keeps its things. What is the same for all of them comes from the resource.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a> {
    /// The folder of its configuration.
    pub config: &'a Path,
    /// What its listeners bind.
    pub bind: IpAddr,
    /// Health, metrics and status.
    pub admin: SocketAddr,
    /// Where it keeps messages that are too large for memory.
    pub scratch: &'a Path,
}

impl Arguments<'_> {
    /// The arguments, without the name of the program.
    #[must_use]
    pub fn of(&self, spec: &SmtpRelaySpec) -> Vec<String> {
        let mut arguments = vec![
            format!("--config={}", self.config.display()),
            format!("--bind={}", self.bind),
            format!("--admin={}", self.admin),
            format!("--scratch={}", self.scratch.display()),
            format!("--grace={}", grace_seconds(&spec.timeouts)),
            format!("--log-format={}", format(spec.logging.format)),
            format!("--log-level={}", level(spec.logging.level)),
        ];
        if spec.logging.redact_addresses {
            arguments.push("--redact-addresses".to_owned());
        }
        arguments
    }
}

/// How long a transaction may take to end after SIGTERM: one more piece of the client's message, and everything of the next hop.
#[must_use]
pub fn grace_seconds(timeouts: &Timeouts) -> i64 {
    i64::from(timeouts.client_data_seconds)
        + i64::from(timeouts.next_hop_command_seconds)
        + i64::from(timeouts.next_hop_final_reply_seconds)
}

fn format(format: LogFormat) -> &'static str {
    match format {
        LogFormat::Json => "json",
        LogFormat::Text => "text",
    }
}

fn level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    }
}
