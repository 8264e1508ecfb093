//! Who gets a domain that several claim.

use std::collections::BTreeMap;

use postern_crds::AcceptedDomain;

use crate::inventory::Key;

/// Whose claim of each domain name counts among `claims`, the domains that name one relay: the oldest, and of those that are equally old the
/// first by namespace and name. A claim without a creation time is the youngest.
#[must_use]
pub fn winners<'a>(claims: impl IntoIterator<Item = &'a AcceptedDomain>) -> BTreeMap<&'a str, Key> {
    let mut oldest = BTreeMap::<&str, (Age, Key)>::new();
    for claim in claims {
        let candidate = (age(claim), Key::of(&claim.metadata));
        let holder = oldest.entry(&claim.spec.domain).or_insert_with(|| candidate.clone());
        if candidate < *holder {
            *holder = candidate;
        }
    }
    oldest.into_iter().map(|(name, (_, key))| (name, key)).collect()
}

/// Orders the old before the young.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    Since(jiff::Timestamp),
    Unknown,
}

fn age(claim: &AcceptedDomain) -> Age {
    claim.metadata.creation_timestamp.as_ref().map_or(Age::Unknown, |time| Age::Since(time.0))
}

/// Orders claims as [`winners`] does: the oldest first.
pub(super) fn by_age(claim: &AcceptedDomain) -> impl Ord + use<> {
    (age(claim), Key::of(&claim.metadata))
}
