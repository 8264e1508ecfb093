//! Which recipients of a message go where now: they are grouped into transactions. Pure.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use jiff::Timestamp;
use postern_config::RouteTarget;
use postern_proto::{address::ForwardPath, reply::Reply};
use postern_spool::{Entry, Envelope, Origin, Status};

use super::metrics::Class;
use crate::{
    delivery::Destination,
    policy::{self, Decision, Policy, Queued, Route, route_queued},
};

/// Most recipients of one transaction: what every server must take (RFC 5321 section 4.5.3.1.8).
const MAX_RECIPIENTS: usize = 100;

/// Servers that fail together, and that share a bound on deliveries: those of a route, or the exchangers of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct SiteKey {
    /// A hash of what the way out was compiled from, so that it stays the same when the configuration is loaded again.
    target: u64,
    /// The recipients' domain, where it decides which servers are asked.
    domain: Option<Box<str>>,
}

/// A recipient on its way.
#[derive(Clone, Debug)]
pub(super) struct Addressee {
    /// Its place in the envelope.
    pub(super) place: usize,
    /// As the next hop is to hear it.
    pub(super) path: ForwardPath,
    /// Where it goes when the first destination does not know it.
    pub(super) unknown_to: Option<Arc<Destination>>,
}

/// Recipients that share a transaction.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) site: SiteKey,
    pub(super) to: Arc<Destination>,
    pub(super) class: Class,
    pub(super) addressees: Vec<Addressee>,
}

/// What is to be done for a message now.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) groups: Vec<Group>,
    /// Recipients that may not go anywhere, by their place in the envelope, and why.
    pub(super) refused: Vec<(usize, Reply)>,
}

/// Which of a message's recipients are tried.
#[derive(Clone, Copy, Debug)]
pub(super) enum Who {
    /// Those that are due by then.
    Due(Timestamp),
    /// All that are pending.
    Pending,
}

impl Who {
    /// Of a message that was claimed at `now`. When nothing is due and nobody is owed a report, somebody wants it tried all the same.
    pub(super) fn of(entry: &Entry, now: Timestamp) -> Self {
        let is_time = |status: &Status| status.is_owed_report() || status.due().is_some_and(|due| due <= now);
        if entry.statuses().iter().any(is_time) { Self::Due(now) } else { Self::Pending }
    }

    fn has(self, status: &Status) -> bool {
        match self {
            Self::Due(now) => status.due().is_some_and(|due| due <= now),
            Self::Pending => status.due().is_some(),
        }
    }
}

impl Plan {
    /// What is to be done for the recipients of `entry`.
    pub(super) fn new(policy: &Policy<Arc<Destination>>, entry: &Entry, who: Who) -> Self {
        let mut plan = Self::default();
        for (place, (recipient, _)) in entry.recipients().enumerate().filter(|(_, (_, status))| who.has(status)) {
            match route_queued(policy, &queued(entry.envelope(), &recipient.path)) {
                Decision::Refuse(refusal) => plan.refused.push((place, refusal.reply())),
                Decision::Relay(Route { to, unknown_to, recipient, .. }) => {
                    let addressee = Addressee { place, path: recipient.clone(), unknown_to: unknown_to.cloned() };
                    let class = Class::of(to.target(), policy.is_accepted(recipient));
                    join(&mut plan.groups, to, class, addressee);
                }
            }
        }
        plan
    }
}

/// Adds a recipient to the group that goes to the same place, if there is room in one.
pub(super) fn join(groups: &mut Vec<Group>, to: &Arc<Destination>, class: Class, addressee: Addressee) {
    let site = SiteKey::new(to, &addressee.path);
    let fits = |group: &&mut Group| group.addressees.len() < MAX_RECIPIENTS && Arc::ptr_eq(&group.to, to) && group.site == site;
    match groups.iter_mut().rev().find(fits) {
        Some(group) => group.addressees.push(addressee),
        None => groups.push(Group { site, to: Arc::clone(to), class, addressees: vec![addressee] }),
    }
}

fn queued<'a, 'm>(envelope: &'m Envelope, recipient: &'a ForwardPath) -> Queued<'a, 'm> {
    let origin = match &envelope.origin {
        Origin::Anyone => policy::Origin::Anyone,
        Origin::Identity(name) => policy::Origin::Identity(name),
        Origin::Relay => policy::Origin::Relay,
    };
    Queued { listener: &envelope.listener, origin, sender: &envelope.reverse_path, recipient }
}

impl SiteKey {
    fn new(to: &Destination, recipient: &ForwardPath) -> Self {
        let mut hasher = DefaultHasher::new();
        to.target().hash(&mut hasher);
        let domain = match (to.target(), recipient) {
            (RouteTarget::Mx(_), ForwardPath::Mailbox(mailbox)) => mailbox.domain.to_a_label().map(Box::from),
            _ => None,
        };
        Self { target: hasher.finish(), domain }
    }

    /// A site of its own for tests.
    #[cfg(test)]
    pub(super) fn numbered(target: u64) -> Self {
        Self { target, domain: None }
    }
}

#[cfg(test)]
mod tests;
