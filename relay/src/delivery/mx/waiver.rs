//! Domains for which less, or more, TLS is asked than of others.

use std::sync::Arc;

use jiff::Timestamp;
use postern_config::DomainPattern;

use crate::delivery::tls::Material;

/// What TLS must give for the mail of one domain, until a day.
#[derive(Debug)]
pub(in crate::delivery) struct Waiver {
    pub(in crate::delivery) domain: DomainPattern,
    /// From then on it counts no more.
    pub(in crate::delivery) until: Option<Timestamp>,
    /// What counts in its place.
    pub(in crate::delivery) material: Arc<Material>,
}

impl Waiver {
    /// Whether it counts for the mail of `domain`, a lower-case A-label.
    pub(super) fn covers(&self, domain: &str, now: Timestamp) -> bool {
        self.domain.covers(domain) && self.until.is_none_or(|until| now < until)
    }
}
