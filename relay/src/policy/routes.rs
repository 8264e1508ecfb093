//! Where mail goes that is for none of the accepted domains.

use std::collections::HashSet;

use postern_config::{DomainPattern, OutboundRoute, RouteMatch};
use postern_proto::address::ReversePath;

use super::Senders;

/// The routes of a relay, in their order.
#[derive(Debug)]
pub struct Routes<D>(Vec<Route<D>>);

#[derive(Debug)]
struct Route<D> {
    /// Empty for all senders.
    senders: Senders,
    /// Empty for all domains.
    recipient_domains: Vec<DomainPattern>,
    /// Empty for all users.
    users: HashSet<String>,
    /// Empty for all listeners.
    listeners: HashSet<String>,
    to: D,
}

/// Mail that looks for its route.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mail<'a> {
    pub(super) listener: &'a str,
    /// The name of the identity, if it has one.
    pub(super) user: Option<&'a str>,
    pub(super) sender: &'a ReversePath,
    /// A lower-case A-label.
    pub(super) recipient_domain: &'a str,
}

impl<D> Routes<D> {
    pub(super) fn compile<E>(routes: &[OutboundRoute], mut load: impl FnMut(&OutboundRoute) -> Result<D, E>) -> Result<Self, E> {
        routes.iter().map(|route| Ok(Route::new(&route.matches, load(route)?))).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn destinations(&self) -> impl Iterator<Item = &D> {
        self.0.iter().map(|route| &route.to)
    }

    /// Where the first route leads that `mail` matches.
    pub(super) fn find(&self, mail: &Mail<'_>) -> Option<&D> {
        self.0.iter().find(|route| route.matches(mail)).map(|route| &route.to)
    }
}

impl<D> Route<D> {
    fn new(matches: &RouteMatch, to: D) -> Self {
        Self {
            senders: matches.senders.iter().collect(),
            recipient_domains: matches.recipient_domains.clone(),
            users: matches.users.iter().cloned().collect(),
            listeners: matches.listeners.iter().cloned().collect(),
            to,
        }
    }

    fn matches(&self, mail: &Mail<'_>) -> bool {
        (self.senders.is_empty() || self.senders.contain(mail.sender))
            && (self.recipient_domains.is_empty() || self.recipient_domains.iter().any(|pattern| pattern.covers(mail.recipient_domain)))
            && (self.users.is_empty() || mail.user.is_some_and(|user| self.users.contains(user)))
            && (self.listeners.is_empty() || self.listeners.contains(mail.listener))
    }
}
