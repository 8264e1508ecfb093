//! What a listener says and allows; made once, shared by all its sessions.

use super::{mechanism::Mechanisms, replies};

/// What a server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The name in the banner and in the replies to EHLO and HELO: a fully qualified domain name.
    pub hostname: String,
    /// Largest message, in bytes after dot-unstuffing: SIZE (RFC 1870).
    pub max_message_bytes: u64,
    /// Recipients of one transaction; more get 452 4.5.3. RCPTMAX (RFC 9422).
    pub max_recipients: u32,
    /// When TLS starts, and whether it must.
    pub tls: TlsOffer,
    /// Whether the recipients of one transaction must share a next hop: RCPTDOMAINMAX=1 (RFC 9422).
    pub one_next_hop_per_transaction: bool,
    /// Who has to authenticate.
    pub auth: AuthOffer,
    /// Whether a sender may say which reports it wants: DSN (RFC 3461).
    pub dsn: bool,
}

/// Whether clients authenticate (RFC 4954).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthOffer {
    /// Nobody does: AUTH is not implemented.
    Never,
    /// Everybody must: MAIL before it is answered 530 5.7.0. It is offered over TLS alone, with the mechanisms that the driver sets
    /// ([`offer_mechanisms`](super::Session::offer_mechanisms)).
    Required,
}

/// When TLS starts in a session, and whether it must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsOffer {
    /// STARTTLS is offered, and mail before it is answered 530 5.7.0 (RFC 3207 section 4).
    Required,
    /// STARTTLS is offered; mail in clear is taken too.
    Optional,
    /// TLS is up already: STARTTLS is not offered.
    Active,
}

/// An [`Offer`] with the replies that depend on nothing else, ready to send.
#[derive(Debug)]
pub struct Settings {
    pub(super) offer: Offer,
    pub(super) banner: Box<[u8]>,
    pub(super) helo: Box<[u8]>,
    pub(super) ehlo_in_clear: Box<[u8]>,
    pub(super) ehlo_over_tls: Box<[u8]>,
}

impl Settings {
    /// Prepares the replies.
    #[must_use]
    pub fn new(offer: Offer) -> Self {
        Self {
            banner: wire(&replies::banner(&offer)),
            helo: wire(&replies::helo(&offer)),
            ehlo_in_clear: wire(&replies::ehlo(&offer, true, Mechanisms::default())),
            ehlo_over_tls: wire(&replies::ehlo(&offer, false, Mechanisms::default())),
            offer,
        }
    }
}

fn wire(reply: &crate::reply::Reply) -> Box<[u8]> {
    let mut bytes = Vec::new();
    reply.write_to(&mut bytes);
    bytes.into()
}
