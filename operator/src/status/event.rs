//! What is told of a resource when its status changes: events of a fixed set of reasons. Pure: two statuses in, events out.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use postern_crds::{
    AcceptedDomainStatus, SmtpRelayStatus, accepted_domain::AttachmentStatus, condition::types, smtp_relay::CertificateStatus,
};

use super::{Reason, conditions::holds};

/// Longest note, in bytes; the API allows 1,024.
const MAX_NOTE: usize = 1000;

/// Something that happened to a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whether somebody should look.
    pub severity: Severity,
    /// What happened, in one word.
    pub reason: EventReason,
    /// What happened, for people. At most 1,024 bytes.
    pub note: String,
}

/// Whether somebody should look at an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It is as it should be.
    Normal,
    /// Somebody should look.
    Warning,
}

impl Severity {
    /// As the API writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// Makes the enum of reasons: each with its severity.
macro_rules! event_reasons {
    ($($(#[doc = $meaning:literal])+ $severity:ident $name:ident,)+) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventReason {
            $($(#[doc = $meaning])+ $name,)+
        }

        impl EventReason {
            /// Every reason that there is.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// As events write it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// Whether somebody should look.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$name => Severity::$severity,)+
                }
            }

            /// What it means.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($meaning,)+).trim_ascii(),)+
                }
            }
        }
    };
}

event_reasons! {
    /// Every ready pod of a relay runs its configuration.
    Normal Programmed,
    /// Pods of a relay are replaced; the note says why.
    Normal PodsRolled,
    /// A relay has a new certificate.
    Normal CertificateRenewed,
    /// An object of a relay was changed by hand, and is as it was again.
    Normal Restored,
    /// Volumes of a relay that was deleted or scaled down stay, with whatever mail is in them.
    Normal VolumeRetained,
    /// What held a relay up is mended.
    Normal Recovered,
    /// A relay takes mail for a domain.
    Normal Attached,
    /// A relay takes mail again for a domain that it had lost.
    Normal Reattached,
    /// A certificate should have been renewed by now.
    Warning CertificateExpiresSoon,
    /// A certificate has ended.
    Warning CertificateExpired,
    /// A pod refused the configuration, and runs its last good one.
    Warning Refused,
    /// An object of the name of one of the relay's is somebody else's.
    Warning NameCollision,
    /// A relay is held up by something else, which the note names.
    Warning Stalled,
    /// No pod of a relay is ready any more.
    Warning NoReadyPods,
    /// Mail may pass in clear.
    Warning LinksInClear,
    /// Clients arrive with the addresses of nodes or pods.
    Warning ClientAddressLost,
    /// Another resource claimed the domain before.
    Warning DomainConflict,
    /// A relay does not take the domain.
    Warning NotAccepted,
    /// A relay can't serve a domain that is its own, and answers 451 for it.
    Warning Detached,
    /// A relay has forgotten a domain that it could not serve, and refuses its mail.
    Warning DetachGraceEnded,
    /// A resource does not have the form of its kind, and what ran of it goes on.
    Warning Unreadable,
}

impl Event {
    /// An event; a long note is cut.
    #[must_use]
    pub fn new(reason: EventReason, note: &str) -> Self {
        let mut end = note.len().min(MAX_NOTE);
        while !note.is_char_boundary(end) {
            end -= 1;
        }
        Self { severity: reason.severity(), reason, note: note[..end].to_owned() }
    }
}

/// What happened to a relay whose status changes from `old` to `new`. `rolled`: why its pods are replaced, if they are.
#[must_use]
pub fn of_relay(old: Option<&SmtpRelayStatus>, new: &SmtpRelayStatus, rolled: &[String]) -> Vec<Event> {
    let before = old.map(|status| status.conditions.as_slice()).unwrap_or_default();
    let change = Change { before, after: &new.conditions };
    let mut events = Vec::new();
    if !rolled.is_empty() {
        events.push(Event::new(EventReason::PodsRolled, &format!("pods are replaced: {}", rolled.join(", "))));
    }
    events.extend(change.to(types::PROGRAMMED, "True").map(|_| {
        let generation = new.observed_generation.unwrap_or_default();
        Event::new(EventReason::Programmed, &format!("every ready pod runs generation {generation}"))
    }));
    events.extend(stalled(&change));
    events.extend(change.turned(types::READY, "True", "False").map(|ready| Event::new(EventReason::NoReadyPods, &ready.message)));
    events.extend(change.to(types::ALL_LINKS_ENCRYPTED, "False").map(|links| Event::new(EventReason::LinksInClear, &links.message)));
    let lost = change.to(types::CLIENT_ADDRESS_PRESERVED, "False");
    events.extend(lost.map(|clients| Event::new(EventReason::ClientAddressLost, &clients.message)));
    events.extend(aged(&change));
    let had = old.map(|status| status.certificates.as_slice()).unwrap_or_default();
    events.extend(new.certificates.iter().filter_map(|certificate| renewed(had, certificate)));
    events
}

fn stalled(change: &Change<'_>) -> Option<Event> {
    let stalled = |conditions| find(conditions, types::STALLED);
    match (stalled(change.before), stalled(change.after)) {
        (Some(_), None) => Some(Event::new(EventReason::Recovered, "what held the relay up is mended")),
        (before, Some(after)) if before.is_none_or(|before| before.reason != after.reason) => {
            let reason = match after.reason.as_str() {
                reason if reason == Reason::Refused.as_str() => EventReason::Refused,
                reason if reason == Reason::NameCollision.as_str() => EventReason::NameCollision,
                _ => EventReason::Stalled,
            };
            Some(Event::new(reason, &format!("{}: {}", after.reason, after.message)))
        }
        _ => None,
    }
}

/// A certificate that got old since.
fn aged(change: &Change<'_>) -> Option<Event> {
    let after = find(change.after, types::RESOLVED_REFS)?;
    let is_news = find(change.before, types::RESOLVED_REFS).is_none_or(|before| before.reason != after.reason);
    let reason = match after.reason.as_str() {
        reason if reason == Reason::CertificateExpiresSoon.as_str() => EventReason::CertificateExpiresSoon,
        reason if reason == Reason::CertificateExpired.as_str() => EventReason::CertificateExpired,
        _ => return None,
    };
    is_news.then(|| Event::new(reason, &after.message))
}

fn renewed(had: &[CertificateStatus], certificate: &CertificateStatus) -> Option<Event> {
    let before = had.iter().find(|before| before.name == certificate.name)?;
    let end = certificate.not_after.0.strftime("%Y-%m-%d %H:%M UTC");
    let note = format!("the certificate of Secret {} is new, and ends on {end}", certificate.name);
    (before.not_after.0 < certificate.not_after.0).then(|| Event::new(EventReason::CertificateRenewed, &note))
}

/// What happened to a domain whose status changes from `old` to `new`.
#[must_use]
pub fn of_domain(old: Option<&AcceptedDomainStatus>, new: &AcceptedDomainStatus) -> Vec<Event> {
    let before =
        |attachment: &AttachmentStatus| old.and_then(|old| old.relays.iter().find(|before| before.relay_ref == attachment.relay_ref));
    new.relays.iter().filter_map(|attachment| at_relay(before(attachment), attachment)).collect()
}

fn at_relay(old: Option<&AttachmentStatus>, new: &AttachmentStatus) -> Option<Event> {
    let relay = format!("{}/{}", new.relay_ref.namespace, new.relay_ref.name);
    let before = old.map(|old| old.conditions.as_slice()).unwrap_or_default();
    let was_detached = old.is_some_and(|old| old.detached_since.is_some());
    let was_served = holds(before, types::ACCEPTED) && holds(before, types::RESOLVED_REFS) && !was_detached;
    let accepted = find(&new.conditions, types::ACCEPTED)?;
    let fault = new.conditions.iter().find(|condition| condition.status == "False" && condition.type_ != types::PROGRAMMED);
    match fault {
        None if accepted.status != "True" || was_served => None,
        None if find(&new.conditions, types::RESOLVED_REFS).is_none() => None,
        None if was_detached => Some(Event::new(EventReason::Reattached, &format!("SmtpRelay {relay} takes its mail again"))),
        None => Some(Event::new(EventReason::Attached, &format!("SmtpRelay {relay} takes its mail"))),
        Some(fault) => {
            let was = find(before, &fault.type_);
            let is_news = was.is_none_or(|was| (&was.status, &was.reason) != (&fault.status, &fault.reason));
            let reason = match fault.reason.as_str() {
                reason if reason == Reason::DetachGraceEnded.as_str() => EventReason::DetachGraceEnded,
                _ if new.detached_since.is_some() && !was_detached => EventReason::Detached,
                reason if reason == Reason::DomainConflict.as_str() => EventReason::DomainConflict,
                _ if new.detached_since.is_some() => EventReason::Detached,
                _ => EventReason::NotAccepted,
            };
            is_news.then(|| Event::new(reason, &format!("SmtpRelay {relay}: {}: {}", fault.reason, fault.message)))
        }
    }
}

/// The conditions of a resource, before and after.
struct Change<'a> {
    before: &'a [Condition],
    after: &'a [Condition],
}

impl<'a> Change<'a> {
    /// The condition, when it has just got this status.
    fn to(&self, type_: &str, status: &str) -> Option<&'a Condition> {
        let had = find(self.before, type_).is_some_and(|condition| condition.status == status);
        find(self.after, type_).filter(|condition| condition.status == status && !had)
    }

    /// The condition, when it has just gone from one status to another.
    fn turned(&self, type_: &str, from: &str, to: &str) -> Option<&'a Condition> {
        find(self.before, type_).filter(|condition| condition.status == from)?;
        self.to(type_, to)
    }
}

fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}
