//! Certificates of the operator's own CAs: for relays that name none, and for relays and the operator among themselves ([`identity`]).
//!
//! The step runs before the build, so that building stays pure: what it needs from outside (the time, what was issued before) comes in as
//! arguments, and what it makes (keys, certificates) goes on as an input of the build.
//!
//! A leaf is renewed at two thirds of its life. A CA rolls over at two thirds of its own: its successor is published for
//! [`PUBLISHED_AHEAD`] before it signs, and it stays published itself until no leaf of it is in use.

mod authority;
pub mod identity;
mod leaf;
mod stored;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::CertificateParams;

pub use authority::Authority;
pub use leaf::{is_current, issue_identity, issue_leaf};
pub use stored::DamagedCa;

use crate::material::{Bundle, CertifiedKey, MaterialError};

/// Life of a CA: five years.
pub const AUTHORITY_LIFE: SignedDuration = SignedDuration::from_hours(5 * 365 * 24);
/// Life of a leaf: 90 days.
pub const LEAF_LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How long a new CA is published before it signs, so that those who trust it by a copy have taken the new copy: seven days.
pub const PUBLISHED_AHEAD: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How far certificates begin in the past, for peers whose clocks run late: one hour.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(1);
/// The last second of the year 9999, the last that a certificate can name (RFC 5280 section 4.1.2.5).
const LATEST_SECOND: u64 = 253_402_300_799;

/// Why a certificate can't be issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The certificate can't be made.
    #[error("a certificate can't be made: {0}")]
    Make(#[from] rcgen::Error),
    /// What was made, or was kept from before, is not a certificate with its key.
    #[error("the CA is damaged: {0}")]
    Damaged(#[from] MaterialError),
    /// The CA is out of reach.
    #[error("the operator's CA can't be used: {0}")]
    NoAuthority(String),
    /// The time is outside of what a certificate can hold.
    #[error("{0} can't stand in a certificate; is the clock right?")]
    Clock(Timestamp),
}

/// A certificate that was issued for a relay, and who vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The certificate and its key.
    pub pair: CertifiedKey,
    /// The CAs that are published: what its peers may trust.
    pub authority: Bundle,
}

/// Two thirds of the way from `not_before` to `not_after`: when a successor is due.
#[must_use]
pub fn renewal_due(pair: &CertifiedKey) -> Timestamp {
    let life = pair.not_before().duration_until(pair.not_after());
    // Two thirds of a certificate's life are never out of a timestamp's range.
    pair.not_before().checked_add(life / 3 * 2).unwrap_or(pair.not_after())
}

/// Makes `params` valid from `now` (less [`CLOCK_SKEW`]) for `life`.
fn set_validity(params: &mut CertificateParams, now: Timestamp, life: SignedDuration) -> Result<(), IssueError> {
    let since_epoch = |time: Result<Timestamp, jiff::Error>| {
        let seconds = time.ok().and_then(|time| u64::try_from(time.as_second()).ok());
        seconds.filter(|seconds| *seconds <= LATEST_SECOND).map(Duration::from_secs).ok_or(IssueError::Clock(now))
    };
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_epoch(now.checked_sub(CLOCK_SKEW))?;
    params.not_after = epoch + since_epoch(now.checked_add(life))?;
    Ok(())
}
