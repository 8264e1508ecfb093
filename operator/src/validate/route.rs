//! Routes of outbound mail.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use postern_config::{DomainPattern, Mx, NextHopTlsMode, OutboundRoute, RouteMatch, RouteTarget, SenderPattern, TlsWaiver, Violation};
use postern_crds::smtp_relay as api;

use super::{
    Parts,
    links::{SMTP_PORT, mode, parse},
};
use crate::dereference::RouteReferences;

impl Parts {
    pub(super) fn routes(&mut self, routes: &[api::Route], references: Vec<RouteReferences>) -> Result<Vec<OutboundRoute>, Violation> {
        let routes = routes.iter().zip(references).enumerate();
        routes.map(|(index, (route, references))| self.route(route, references, &format!("spec.routes[{index}]"))).collect()
    }

    fn route(&mut self, route: &api::Route, references: RouteReferences, field: &str) -> Result<OutboundRoute, Violation> {
        Ok(OutboundRoute {
            name: route.name.clone(),
            matches: matches(&route.matches, &format!("{field}.match"))?,
            to: self.target(route, references, field)?,
            ehlo_name: route.ehlo_name.as_deref().map(|name| parse(name, &format!("{field}.ehloName"))).transpose()?,
        })
    }

    fn target(&mut self, route: &api::Route, references: RouteReferences, field: &str) -> Result<RouteTarget, Violation> {
        let RouteReferences { hops, credentials } = references;
        let tls_field = format!("{field}.tls");
        if let Some(mx) = &route.mx {
            let waivers = mx.waivers.iter().enumerate();
            let waivers = waivers.map(|(index, one)| waiver(one, &format!("{field}.mx.waivers[{index}]"))).collect::<Result<_, _>>()?;
            let tls = self.link(&route.tls, NextHopTlsMode::Encrypt, hops, &tls_field)?;
            return Ok(RouteTarget::Mx(Mx { tls, waivers, allow_cidrs: mx.allow_cidrs.clone(), port: SMTP_PORT }));
        }
        let next_hops = self.next_hops(&route.smart_hosts, &format!("{field}.smartHosts"), &route.tls, &tls_field, hops)?;
        let credentials = credentials.map(|(name, content)| {
            self.secrets.credentials.insert(name.clone(), content);
            name
        });
        Ok(RouteTarget::Hosts { next_hops, credentials })
    }
}

fn matches(matches: &api::RouteMatch, field: &str) -> Result<RouteMatch, Violation> {
    let domains = matches.recipient_domains.iter().enumerate();
    Ok(RouteMatch {
        senders: senders(&matches.senders, &format!("{field}.senders"))?,
        recipient_domains: domains
            .map(|(index, text)| pattern(text, &format!("{field}.recipientDomains[{index}]")))
            .collect::<Result<_, _>>()?,
        users: matches.users.clone(),
        listeners: matches.listeners.clone(),
    })
}

/// Senders as specifications write them.
pub(super) fn senders(senders: &[String], field: &str) -> Result<Vec<SenderPattern>, Violation> {
    let parse = |(index, text): (usize, &String)| {
        SenderPattern::parse(text).map_err(|error| Violation { field: format!("{field}[{index}]"), problem: error.to_string() })
    };
    senders.iter().enumerate().map(parse).collect()
}

fn pattern(text: &str, field: &str) -> Result<DomainPattern, Violation> {
    let bare = text.strip_prefix("*.");
    Ok(DomainPattern { domain: parse(bare.unwrap_or(text), field)?, include_subdomains: bare.is_some() })
}

fn waiver(waiver: &api::TlsWaiver, field: &str) -> Result<TlsWaiver, Violation> {
    Ok(TlsWaiver {
        domain: pattern(&waiver.domain, &format!("{field}.domain"))?,
        mode: mode(waiver.mode),
        until: waiver.until.as_deref().map(|day| begin(day, &format!("{field}.until"))).transpose()?,
    })
}

/// When a day begins, in UTC.
fn begin(day: &str, field: &str) -> Result<Timestamp, Violation> {
    let date: Option<Date> = day.parse().ok();
    let begin = date.and_then(|date| date.to_zoned(TimeZone::UTC).ok());
    begin.map(|begin| begin.timestamp()).ok_or_else(|| Violation {
        field: field.to_owned(),
        problem: format!("`{day}` is no day of the calendar; write one such as 2027-03-31"),
    })
}
