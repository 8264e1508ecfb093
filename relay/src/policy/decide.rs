//! The decision: relay, or refuse.

use std::collections::HashSet;

use postern_config::Role;
use postern_proto::address::{ForwardPath, Mailbox};

use super::{Handling, Policy, Refusal, domains::comparable};

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Role of the listener that the client came to.
    pub role: Role,
    /// Who is to have the message.
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
    /// The recipient as the next hop is to hear it: what the client wrote, or the mailbox that stands for `<Postmaster>`.
    pub recipient: &'a ForwardPath,
}

/// Whether `request` may be relayed, and where to. Only this function says yes.
#[must_use]
pub fn decide<'a, D>(policy: &'a Policy<D>, request: &Request<'a>) -> Decision<'a, D> {
    match request.role {
        Role::Inbound => inbound(policy, request.recipient),
    }
}

fn inbound<'a, D>(policy: &'a Policy<D>, recipient: &'a ForwardPath) -> Decision<'a, D> {
    if policy.is_empty() {
        return Decision::Refuse(Refusal::NoDomains);
    }
    match recipient {
        ForwardPath::Mailbox(mailbox) => accepted(policy, recipient, mailbox),
        ForwardPath::Postmaster => match policy.postmaster() {
            Some(recipient @ ForwardPath::Mailbox(mailbox)) => accepted(policy, recipient, mailbox),
            _ => Decision::Refuse(Refusal::NoPostmaster),
        },
    }
}

/// Relayed only when the domain, as it stands after the last `@`, is accepted. What the local part may mean elsewhere (`u%x`, `x!u`,
/// `"u@x"`) is the next hop's to know: it goes there unchanged, and nowhere else.
fn accepted<'a, D>(policy: &'a Policy<D>, recipient: &'a ForwardPath, mailbox: &Mailbox) -> Decision<'a, D> {
    let Some(name) = mailbox.domain.to_a_label() else {
        return Decision::Refuse(Refusal::NotAccepted);
    };
    let Some(domain) = policy.covering(&name) else {
        return Decision::Refuse(Refusal::NotAccepted);
    };
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
            Some(unknown_to) => Decision::Relay(Route { to: unknown_to, unknown_to: None, recipient }),
            None => Decision::Refuse(Refusal::Unknown),
        },
        _ => Decision::Relay(Route { to, unknown_to: unknown_to.as_ref(), recipient }),
    }
}
