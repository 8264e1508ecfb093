//! What can go wrong with a next hop, and what the client hears of it.
//!
//! [`Failure::verdict`] is the one place that decides. `docs/next-hop-faults.md` is the same as a table, and the tests read that table.

use std::{borrow::Cow, fmt, io, net::IpAddr};

use postern_proto::{
    client::{CommandError, Extension, SessionError},
    reply::{EnhancedCode, Reply},
};

use super::auth::TokenError;

/// How far a transaction with a next hop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Step {
    /// Looking up its addresses.
    Resolve,
    /// Connecting.
    Connect,
    /// Waiting for its banner.
    Banner,
    /// EHLO.
    Ehlo,
    /// STARTTLS.
    StartTls,
    /// The TLS handshake.
    Handshake,
    /// AUTH.
    Auth,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// Sending the content, up to its end.
    Content,
    /// Waiting for the reply to the end of data.
    EndOfData,
    /// RSET, between transactions.
    Reset,
}

/// Something that went wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The name does not exist, or has no address.
    #[error("the name has no address")]
    NoAddress,
    /// None of its addresses lies in the networks that its domain may send to.
    #[error("none of its addresses is in the networks that are allowed: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    NotAllowed(Vec<IpAddr>),
    /// What stands after the `@` is no name that DNS can hold.
    #[error("the domain is no name")]
    NoName,
    /// The domain does not exist.
    #[error("the domain does not exist")]
    NoSuchDomain,
    /// The domain says that it takes no mail (RFC 7505).
    #[error("the domain takes no mail")]
    TakesNoMail,
    /// The best exchanger of the domain is this relay.
    #[error("the domain's mail exchanger is this relay itself")]
    Loops,
    /// The domain exists, and none of its exchangers has an address that mail may go to.
    #[error("the domain has no mail exchanger that mail may go to")]
    NoExchanger,
    /// DNS did not answer.
    #[error("DNS: {0}")]
    Dns(String),
    /// The deadline of the step passed.
    #[error("no answer in time")]
    TimedOut,
    /// The connection was refused, closed or broken.
    #[error("{0}")]
    Lost(#[from] io::Error),
    /// What came is no reply, or does not fit the order of a session.
    #[error("{0}")]
    Nonsense(#[from] SessionError),
    /// A reply of 4xx or 5xx.
    #[error("refused: {0}")]
    Refused(Reply),
    /// TLS is required, and STARTTLS is not offered.
    #[error("STARTTLS is not offered")]
    NoStartTls,
    /// TLS is required, and the handshake failed: the certificate is not what it should be, or there is nothing that both sides can do.
    #[error("TLS: {0}")]
    NoTls(rustls::Error),
    /// None of the mechanisms is offered that our credentials are for.
    #[error("no mechanism of AUTH is offered that our credentials are for")]
    NoMechanism,
    /// There is no token to authenticate with.
    #[error("{0}")]
    NoToken(TokenError),
    /// The mail needs an extension that the next hop does not offer.
    #[error("{0:?} is not offered")]
    Lacks(Extension),
    /// The mail is larger than the next hop takes.
    #[error("larger than the SIZE that is offered")]
    TooLarge,
    /// The content that we hold can't be read.
    #[error("the content can't be read: {0}")]
    Unreadable(io::Error),
    /// The command can't be said here.
    #[error("{0}")]
    Unspeakable(#[from] CommandError),
}

/// Something that went wrong at a step.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) step: Step,
    pub(super) fault: Fault,
}

/// What a failure comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// What the client hears.
    pub(super) reply: Reply,
    pub(super) then: Then,
}

/// What becomes of the connection and of the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The connection is in order, and the transaction may go on.
    Stay,
    /// The connection is closed. Another host may be asked, for no recipient is answered yet.
    AskAnother,
    /// The connection is closed, and the transaction with it.
    GiveUp,
    /// As [`Then::GiveUp`], and the next hop may have taken the message: when the client sends it again, it is there twice.
    MaybeDelivered,
}

impl Failure {
    /// The one reply and the one way to go on that a failure has.
    pub(super) fn verdict(&self) -> Verdict {
        let reply = match &self.fault {
            Fault::Refused(_) if self.refuses_credentials() => {
                Reply::new(451, (7, 8), "The next hop does not take our credentials, try again later")
            }
            Fault::Refused(reply) => self.refusal(reply),
            fault => fault.reply(self.step),
        };
        Verdict { reply, then: self.then() }
    }

    /// Whose word a refusal is: that of the next hop on this mail, or a fault of our link to it.
    fn refusal(&self, reply: &Reply) -> Reply {
        let is_about_the_mail = match self.step {
            Step::Rcpt | Step::EndOfData => true,
            Step::Mail | Step::Data | Step::Content => reply.is_transient() || (550..560).contains(&reply.code),
            _ => false,
        };
        if self.step == Step::Auth && reply.code != 421 {
            return Reply::new(451, (7, 0), "We can't authenticate with the next hop now, try again later");
        }
        if is_about_the_mail && reply.code != 421 { passed_on(reply.clone(), (0, 0)) } else { link_fault(self.step) }
    }

    /// Whether it is the word of a server on our credentials: ours to mend, so mail waits.
    pub(super) fn refuses_credentials(&self) -> bool {
        self.step == Step::Auth && matches!(&self.fault, Fault::Refused(reply) if !reply.is_transient())
    }

    fn then(&self) -> Then {
        match (&self.fault, self.step) {
            (Fault::Refused(reply), Step::Mail | Step::Rcpt | Step::Data | Step::EndOfData) if reply.code != 421 => Then::Stay,
            (Fault::Lacks(_) | Fault::TooLarge, _) | (Fault::Unreadable(_), Step::Data) => Then::Stay,
            (_, step) if step <= Step::Rcpt => Then::AskAnother,
            (Fault::TimedOut | Fault::Lost(_) | Fault::Nonsense(_), Step::EndOfData) => Then::MaybeDelivered,
            _ => Then::GiveUp,
        }
    }
}

impl Fault {
    /// What a handshake failed for: TLS itself, or the connection below it.
    pub(super) fn of_handshake(error: io::Error) -> Self {
        match error.downcast::<rustls::Error>() {
            Ok(error) => Self::NoTls(error),
            Err(error) => Self::Lost(error),
        }
    }

    /// What the client hears of a fault that is no refusal. It names nothing of our network.
    fn reply(&self, step: Step) -> Reply {
        match self {
            Self::NoAddress => Reply::new(451, (4, 4), "The next hop has no address, try again later"),
            Self::NotAllowed(_) => Reply::new(451, (4, 4), "The next hop has no address that mail may go to, try again later"),
            Self::NoName => Reply::new(550, (1, 3), "The domain of the address is not a name that can be looked up"),
            Self::NoSuchDomain => Reply::new(550, (1, 2), "The domain of the address does not exist"),
            Self::TakesNoMail => Reply::new(556, (1, 10), "The domain of the address takes no mail"),
            Self::Loops => Reply::new(554, (4, 6), "The mail exchanger of the domain is this relay itself"),
            Self::NoExchanger => Reply::new(550, (4, 4), "The domain of the address has no mail exchanger that mail may go to"),
            Self::Dns(_) => Reply::new(451, (4, 3), "The next hop's address can't be looked up, try again later"),
            Self::NoStartTls => Reply::new(451, (7, 10), "The next hop does not offer the encryption that is required, try again later"),
            Self::NoTls(_) => Reply::new(451, (7, 5), "The next hop does not show the encryption that is required, try again later"),
            Self::NoMechanism => Reply::new(451, (7, 4), "The next hop offers no authentication that we know, try again later"),
            Self::NoToken(_) => Reply::new(451, (7, 0), "We can't authenticate with the next hop now, try again later"),
            Self::Lacks(Extension::SmtpUtf8) => Reply::new(550, (6, 7), "The next hop does not take internationalised mail"),
            Self::Lacks(_) => Reply::new(554, (6, 3), "The next hop does not take 8-bit content"),
            Self::TooLarge => Reply::new(552, (3, 4), "The message is larger than the next hop takes"),
            Self::Unreadable(_) => Reply::new(451, (3, 0), "Local error in processing, try again later"),
            _ if step == Step::Resolve => Reply::new(451, (4, 3), "The next hop's address can't be looked up, try again later"),
            _ => link_fault(step),
        }
    }
}

fn link_fault(step: Step) -> Reply {
    if step <= Step::Banner {
        Reply::new(451, (4, 1), "The next hop does not answer, try again later")
    } else {
        Reply::new(451, (4, 2), "The connection to the next hop failed, try again later")
    }
}

/// A reply of the next hop as the client gets it: with an enhanced code in any case, since we offer ENHANCEDSTATUSCODES (RFC 2034).
pub(super) fn passed_on(mut reply: Reply, (subject, detail): (u16, u16)) -> Reply {
    if reply.is_positive() && reply.code != 251 {
        reply.code = 250;
    }
    if reply.enhanced.is_none() {
        let class = if reply.is_positive() {
            2
        } else if reply.is_transient() {
            4
        } else {
            5
        };
        reply.enhanced = Some(EnhancedCode { class, subject, detail });
    }
    if reply.text.trim().is_empty() {
        reply.text = Cow::Borrowed(if reply.is_positive() { "Ok" } else { "Refused by the next hop" });
    }
    reply
}

impl Step {
    /// The step as metrics, logs and `docs/next-hop-faults.md` call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Banner => "banner",
            Self::Ehlo => "ehlo",
            Self::StartTls => "starttls",
            Self::Handshake => "handshake",
            Self::Auth => "auth",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Content => "content",
            Self::EndOfData => "end_of_data",
            Self::Reset => "reset",
        }
    }

    /// Makes a failure of what went wrong at this step.
    pub(super) fn failed(self, fault: impl Into<Fault>) -> Failure {
        Failure { step: self, fault: fault.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step.name(), self.fault)
    }
}
