//! The decision: relay, or refuse.

use std::collections::HashSet;

use postern_config::Role;
use postern_proto::address::{ForwardPath, Mailbox, ReversePath};

use super::{AcceptedDomain, Handling, Identity, Origin, Policy, Refusal, domains::comparable, routes::Mail};

/// What is asked of a client's recipient.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a, 'm> {
    /// Role of the listener that the client came to.
    pub role: Role,
    /// Name of that listener.
    pub listener: &'m str,
    /// Who the client was found to be.
    pub identity: Option<&'m Identity>,
    /// Who sends the message.
    pub sender: &'m ReversePath,
    /// Who is to have it.
    pub recipient: &'a ForwardPath,
}

/// What is asked of a recipient of a message that was taken before: the configuration may be another one now.
#[derive(Clone, Copy, Debug)]
pub struct Queued<'a, 'm> {
    /// Name of the listener that took it.
    pub listener: &'m str,
    /// On whose behalf it was taken.
    pub origin: Origin<'m>,
    /// Who sends it.
    pub sender: &'m ReversePath,
    /// Who is to have it.
    pub recipient: &'a ForwardPath,
}

/// What is answered.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision<'a, D> {
    /// The recipient may be asked of a next hop.
    Relay(Route<'a, D>),
    /// It may not.
    Refuse(Refusal),
}

/// Where a recipient goes.
#[derive(Debug, PartialEq, Eq)]
pub struct Route<'a, D> {
    /// Where its mail goes.
    pub to: &'a D,
    /// Where its mail goes when the first does not know it.
    pub unknown_to: Option<&'a D>,
    /// Whether a list says that the recipient exists.
    pub is_listed: bool,
    /// The recipient as the next hop is to hear it: what the client wrote, or the mailbox that stands for `<Postmaster>`.
    pub recipient: &'a ForwardPath,
}

/// Whether a client may send as `sender` at all. `None` when it may.
#[must_use]
pub fn may_send(role: Role, identity: Option<&Identity>, sender: &ReversePath) -> Option<Refusal> {
    match (role, identity) {
        (Role::Inbound, _) => None,
        (Role::Submission, None) => Some(Refusal::NotAuthenticated),
        (Role::Trusted, None) => Some(Refusal::NotTrusted),
        (Role::Submission | Role::Trusted, Some(identity)) => (!identity.senders.contain(sender)).then_some(Refusal::SenderNotAllowed),
    }
}

/// Whether `request` may be relayed, and where to. Only this function and [`route_queued`] say yes.
#[must_use]
pub fn decide<'a, D>(policy: &'a Policy<D>, request: &Request<'a, '_>) -> Decision<'a, D> {
    if let Some(refusal) = may_send(request.role, request.identity, request.sender) {
        return Decision::Refuse(refusal);
    }
    let origin = match (request.role, request.identity) {
        (Role::Submission | Role::Trusted, Some(identity)) => Origin::Identity(&identity.name),
        (Role::Inbound, _) | (_, None) => Origin::Anyone,
    };
    let &Request { listener, sender, recipient, .. } = request;
    route_queued(policy, &Queued { listener, origin, sender, recipient })
}

/// Where a recipient goes now whose message was taken before, or why it can't go anywhere any more.
#[must_use]
pub fn route_queued<'a, D>(policy: &'a Policy<D>, queued: &Queued<'a, '_>) -> Decision<'a, D> {
    if queued.origin == Origin::Anyone && policy.is_empty() {
        return Decision::Refuse(Refusal::NoDomains);
    }
    match queued.recipient {
        ForwardPath::Mailbox(mailbox) => to_mailbox(policy, queued, queued.recipient, mailbox),
        ForwardPath::Postmaster => match policy.postmaster() {
            Some(recipient @ ForwardPath::Mailbox(mailbox)) => to_mailbox(policy, queued, recipient, mailbox),
            _ => Decision::Refuse(Refusal::NoPostmaster),
        },
    }
}

/// Relayed when the domain, as it stands after the last `@`, is accepted, and then to that domain's next hops, whoever sends it. What the
/// local part may mean elsewhere (`u%x`, `x!u`, `"u@x"`) is the next hop's to know: it goes there unchanged, and nowhere else.
fn to_mailbox<'a, D>(policy: &'a Policy<D>, queued: &Queued<'a, '_>, recipient: &'a ForwardPath, mailbox: &Mailbox) -> Decision<'a, D> {
    let name = mailbox.domain.to_a_label();
    if let Some(domain) = name.as_deref().and_then(|name| policy.covering(name)) {
        return accepted(domain, recipient, mailbox);
    }
    let user = match queued.origin {
        Origin::Anyone => return Decision::Refuse(Refusal::NotAccepted),
        Origin::Identity(name) => Some(name),
        Origin::Relay => None,
    };
    // An address literal names a host, which no route is about.
    let Some(recipient_domain) = name.as_deref() else {
        return Decision::Refuse(Refusal::NoRoute);
    };
    let mail = Mail { listener: queued.listener, user, sender: queued.sender, recipient_domain };
    outbound(policy, recipient, &mail)
}

fn outbound<'a, D>(policy: &'a Policy<D>, recipient: &'a ForwardPath, mail: &Mail<'_>) -> Decision<'a, D> {
    match policy.routes().find(mail) {
        Some(to) => Decision::Relay(Route { to, unknown_to: None, is_listed: false, recipient }),
        None if policy.routes().is_empty() => Decision::Refuse(Refusal::NoRoutes),
        None => Decision::Refuse(Refusal::NoRoute),
    }
}

fn accepted<'a, D>(domain: &'a AcceptedDomain<D>, recipient: &'a ForwardPath, mailbox: &Mailbox) -> Decision<'a, D> {
    let Handling::Relay { to, unknown_to, listed, blocked } = &domain.handling else {
        return Decision::Refuse(Refusal::Detached);
    };
    let known_as = comparable(mailbox);
    let is_in = |set: &HashSet<String>| known_as.as_ref().is_some_and(|name| set.contains(name));
    if is_in(blocked) {
        return Decision::Refuse(Refusal::Blocked);
    }
    match listed {
        Some(listed) if !is_in(listed) => match unknown_to {
            // The list has spoken: the next hop that takes unknown recipients is the only one to ask.
            Some(unknown_to) => Decision::Relay(Route { to: unknown_to, unknown_to: None, is_listed: false, recipient }),
            None => Decision::Refuse(Refusal::Unknown),
        },
        _ => Decision::Relay(Route { to, unknown_to: unknown_to.as_ref(), is_listed: listed.is_some(), recipient }),
    }
}
