//! Every reply that a session gives on its own account.

use super::settings::Offer;
use crate::reply::Reply;

pub(super) fn banner(offer: &Offer) -> Reply {
    Reply::bare(220, format!("{} ESMTP Postern", offer.hostname))
}

pub(super) fn helo(offer: &Offer) -> Reply {
    Reply::bare(250, offer.hostname.clone())
}

/// The extensions, each on its line (RFC 5321 section 4.1.1.1).
pub(super) fn ehlo(offer: &Offer, starttls: bool) -> Reply {
    let Offer { hostname, max_message_bytes, max_recipients, .. } = offer;
    let starttls = if starttls { "\nSTARTTLS" } else { "" };
    let one_domain = if offer.one_next_hop_per_transaction { " RCPTDOMAINMAX=1" } else { "" };
    Reply::bare(
        250,
        format!(
            "{hostname}\nPIPELINING\nSIZE {max_message_bytes}\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES\nCHUNKING{starttls}\n\
             LIMITS RCPTMAX={max_recipients}{one_domain}"
        ),
    )
}
