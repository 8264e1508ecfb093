//! Whether every link requires TLS. One whose other end nobody checks counts, as it never gets mail in clear; but it is named.

use jiff::Timestamp;
use postern_config::{Configuration, DatabaseTls, Domain, DomainType, NextHopTlsMode, TlsWaiver};
use postern_crds::{SmtpRelay, condition::types, smtp_relay::ListenerTlsMode};

use super::{Conditions, Reason};
use crate::validate::{Validated, waivers};

/// Sets the condition.
pub(super) fn encrypted(conditions: &mut Conditions<'_>, relay: &SmtpRelay, validated: Option<&Validated<'_>>, now: Timestamp) {
    let listeners = relay.spec.listeners.iter().filter(|listener| listener.tls.mode == ListenerTlsMode::StartTlsOptional);
    let mut clear: Vec<_> =
        listeners.map(|listener| format!("listener {} takes mail in clear (StartTlsOptional)", listener.name)).collect();
    let mut unverified = Vec::new();
    if let Some(validated) = validated {
        let configuration = &validated.configuration;
        clear.extend(
            domains(configuration, NextHopTlsMode::Opportunistic).map(|name| format!("mail of {name} may go on in clear (Opportunistic)")),
        );
        clear.extend(
            routes(configuration, NextHopTlsMode::Opportunistic)
                .map(|name| format!("mail of route {name} may go on in clear (Opportunistic)")),
        );
        clear.extend(
            in_force(configuration, NextHopTlsMode::Opportunistic, now)
                .map(|waiver| format!("mail to {} may go on in clear (waiver)", whom(waiver))),
        );
        clear.extend(clear_database(validated).map(|host| format!("the database of the queue at {host} is reached in clear (Clear)")));
        unverified
            .extend(domains(configuration, NextHopTlsMode::Encrypt).map(|name| format!("next hops of {name} are not verified (Encrypt)")));
        unverified.extend(
            routes(configuration, NextHopTlsMode::Encrypt).map(|name| format!("servers of route {name} are not verified (Encrypt)")),
        );
        unverified.extend(
            in_force(configuration, NextHopTlsMode::Encrypt, now)
                .map(|waiver| format!("exchangers of {} are not verified (waiver)", whom(waiver))),
        );
    }
    if clear.is_empty() {
        conditions.set(types::ALL_LINKS_ENCRYPTED, true, Reason::Required, unverified.join("; "));
    } else {
        conditions.set(types::ALL_LINKS_ENCRYPTED, false, Reason::LinksInClear, clear.join("; "));
    }
}

/// The domains some of whose servers have the mode.
fn domains(configuration: &Configuration, mode: NextHopTlsMode) -> impl Iterator<Item = &postern_config::DomainName> {
    let to_exchangers = move |domain: &Domain| matches!(&domain.kind, DomainType::ExternalRelay { to } if to.tls().mode == mode);
    let has_mode = move |domain: &&Domain| domain.next_hops().any(|hops| hops.tls.mode == mode) || to_exchangers(domain);
    configuration.domains.iter().filter(has_mode).map(|domain| &domain.name)
}

/// The routes whose servers have the mode.
fn routes(configuration: &Configuration, mode: NextHopTlsMode) -> impl Iterator<Item = &str> {
    configuration.root.routes.iter().filter(move |route| route.to.tls().mode == mode).map(|route| route.name.as_str())
}

/// The waivers of the mode that count now.
fn in_force(configuration: &Configuration, mode: NextHopTlsMode, now: Timestamp) -> impl Iterator<Item = &TlsWaiver> {
    waivers(configuration).filter(move |waiver| waiver.mode == mode && waiver.until.is_none_or(|until| now < until))
}

fn whom(waiver: &TlsWaiver) -> String {
    let below = if waiver.domain.include_subdomains { "*." } else { "" };
    let until = waiver.until.map(|until| format!(" until {}", until.strftime("%Y-%m-%d"))).unwrap_or_default();
    format!("{below}{}{until}", waiver.domain.domain)
}

fn clear_database<'a>(validated: &'a Validated<'_>) -> impl Iterator<Item = &'a str> {
    let database = validated.secrets.database.iter().filter_map(|(_, database)| database.open());
    database.filter(|database| database.tls == DatabaseTls::Clear).map(|database| database.host.as_str())
}
