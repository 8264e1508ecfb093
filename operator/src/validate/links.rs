//! Servers that mail goes to, and what the links to them must give.

use postern_config::{DomainName, NextHop, NextHopTls, NextHopTlsMode, NextHops, Violation, validate::is_host};
use postern_crds::accepted_domain as api;

use super::{Parts, root::fit};
use crate::dereference::HopReferences;

/// The port of exchangers (RFC 5321 section 4.5.4.2).
pub(crate) const SMTP_PORT: u16 = 25;

impl Parts {
    /// Servers that are named. The fields are paths in the resource.
    pub(super) fn next_hops(
        &mut self,
        hops: &[api::NextHop],
        hops_field: &str,
        tls: &api::NextHopTls,
        tls_field: &str,
        mut references: HopReferences,
    ) -> Result<NextHops, Violation> {
        // The schema holds that there is one; a resource that could be read in part alone has none.
        if hops.is_empty() {
            return Err(Violation { field: hops_field.to_owned(), problem: "names no server that could be read".to_owned() });
        }
        let hosts = std::mem::take(&mut references.hosts);
        let hops = hops.iter().zip(hosts).map(|(hop, host)| next_hop(hop, host, hops_field)).collect::<Result<_, _>>()?;
        let allowed_cidrs = std::mem::take(&mut references.allowed_cidrs);
        let tls = self.link(tls, NextHopTlsMode::Verify, references, tls_field)?;
        Ok(NextHops { hops, tls, allowed_cidrs })
    }

    /// What a link must give; `usual` is how much TLS is asked where nobody says.
    pub(super) fn link(
        &mut self,
        tls: &api::NextHopTls,
        usual: NextHopTlsMode,
        references: HopReferences,
        field: &str,
    ) -> Result<NextHopTls, Violation> {
        let HopReferences { trust, client_certificate, .. } = references;
        let server_name = tls.server_name.as_deref().map(|text| parse(text, &format!("{field}.serverName"))).transpose()?;
        let names = trust.keys().cloned().collect();
        self.trust.extend(trust);
        let client_certificate = client_certificate.map(|(name, pair)| {
            self.client_certificates.insert(name.clone(), pair);
            name
        });
        Ok(NextHopTls { mode: tls.mode.map_or(usual, mode), server_name, trust: names, client_certificate })
    }
}

/// A whole domain name.
pub(super) fn parse(text: &str, field: &str) -> Result<DomainName, Violation> {
    DomainName::parse(text).map_err(|error| Violation { field: field.to_owned(), problem: error.to_string() })
}

pub(super) fn mode(mode: api::NextHopTlsMode) -> NextHopTlsMode {
    match mode {
        api::NextHopTlsMode::Verify => NextHopTlsMode::Verify,
        api::NextHopTlsMode::Encrypt => NextHopTlsMode::Encrypt,
        api::NextHopTlsMode::Opportunistic => NextHopTlsMode::Opportunistic,
    }
}

fn next_hop(hop: &api::NextHop, host: String, field: &str) -> Result<NextHop, Violation> {
    let field = |name: &str| format!("{field}[{host}].{name}");
    // Judged here as well as for the whole: one domain must not hold up a relay of many.
    if !is_host(&host) {
        return Err(Violation { field: field("host"), problem: "is neither a whole host name in lower case nor an IP address".to_owned() });
    }
    Ok(NextHop {
        port: fit(field("port"), hop.port)?,
        priority: fit(field("priority"), hop.priority)?,
        weight: fit(field("weight"), hop.weight)?,
        host,
    })
}
