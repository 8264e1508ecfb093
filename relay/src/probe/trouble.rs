//! What a probe has to say when mail does not pass.

use std::{io, time::Duration};

use postern_config::DomainName;
use postern_proto::{
    client::{CommandError, SessionError, To},
    reply::Reply,
};

use crate::{delivery::DestinationError, tls::TlsError};

/// Why a probe failed.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The mail server that the probe is can't listen.
    #[error("can't listen where the relay is to hand mail over: {0}")]
    Listen(io::Error),
    /// Nor can it show a certificate.
    #[error("the mail server behind the relay has no certificate: {0}")]
    Certificate(#[from] TlsError),
    /// The relay takes no mail, which might have passed.
    #[error("the relay does not take mail, {seconds} s on: {trouble}")]
    NotOpen {
        /// How long it had.
        seconds: u64,
        /// What kept it from it last.
        trouble: Trouble,
    },
    /// The talk with the relay went wrong.
    #[error(transparent)]
    Talk(#[from] Trouble),
    /// The relay takes what it must refuse for good.
    #[error("{what} must be refused for good, and was answered {reply}")]
    NotRefused {
        /// What should have been refused.
        what: String,
        /// What the relay said.
        reply: Reply,
    },
    /// The relay took a mail that nobody has.
    #[error("the relay took the mail and handed nothing over here: where else is the next hop of the recipient's domain?")]
    NotArrived,
    /// The mail was changed on its way, beyond what was put before it.
    #[error("the mail came out of the relay with another content than it went in with")]
    Changed,
    /// The relay did not say that it had the mail.
    #[error("the mail came out of the relay without a Received field that says `by {0}`")]
    NoTrace(DomainName),
}

/// What went wrong between the probe and the relay.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The CA of the relay's certificate can't be read.
    #[error("the CA of the relay's certificate can't be read (the operator publishes it when it makes the relay): {0}")]
    Trust(#[from] DestinationError),
    /// No certificate can hold this name.
    #[error("`{0}` is no name that a certificate can hold")]
    Hostname(String),
    /// Nothing answers at the relay's address.
    #[error("can't connect to {relay}: {error}")]
    Connect {
        /// Where the relay should be.
        relay: String,
        /// What the system said.
        error: io::Error,
    },
    /// The connection broke off.
    #[error("the connection to the relay broke: {0}")]
    Broken(#[from] io::Error),
    /// No answer in time.
    #[error("the relay did not answer {} within {} s", named(*.to), .patience.as_secs())]
    Silent {
        /// What it should have answered.
        to: To,
        /// How long it had.
        patience: Duration,
    },
    /// A negative answer.
    #[error("the relay answered {} with {reply}", named(*.to))]
    Refused {
        /// What it answered.
        to: To,
        /// What it said.
        reply: Reply,
    },
    /// An answer that is none.
    #[error("the relay does not speak SMTP: {0}")]
    Reply(#[from] SessionError),
    /// What was to be said has no place here.
    #[error("the relay does not offer what mail needs: {0}")]
    Command(#[from] CommandError),
    /// The TLS handshake failed.
    #[error("no TLS with the relay: {0}")]
    Handshake(io::Error),
}

impl Trouble {
    /// Whether it is what one sees of a relay that is being made.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Trust(_) | Self::Connect { .. } | Self::Broken(_) | Self::Silent { .. } | Self::Refused { .. } => true,
            Self::Hostname(_) | Self::Reply(_) | Self::Command(_) | Self::Handshake(_) => false,
        }
    }
}

fn named(to: To) -> &'static str {
    match to {
        To::Connect => "the connection",
        To::Ehlo => "EHLO",
        To::StartTls => "STARTTLS",
        To::Auth => "AUTH",
        To::Mail => "MAIL",
        To::Rcpt => "RCPT",
        To::Data => "DATA",
        To::EndOfData => "the end of data",
        To::Rset => "RSET",
        To::Quit => "QUIT",
    }
}
