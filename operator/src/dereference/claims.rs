//! Who gets a domain that several claim.

use std::collections::{BTreeMap, HashMap};

use postern_crds::AcceptedDomain;

use super::Refusal;
use crate::inventory::Key;

/// The claims that are lost among `claims`, the domains that a relay lets in, and to whom. In whatever order they come, the oldest claim of a
/// name wins, and of those that are equally old the first by namespace and name; a claim without a creation time is the youngest. A name below
/// one that an older claim of another namespace holds with all its sub-domains is lost too.
#[must_use]
pub fn lost<'a>(claims: impl IntoIterator<Item = &'a AcceptedDomain>) -> BTreeMap<Key, Refusal> {
    let mut claims: Vec<_> = claims.into_iter().collect();
    claims.sort_by_cached_key(|claim| by_age(claim));
    let (mut held, mut lost) = (HashMap::<&str, Holder>::with_capacity(claims.len()), BTreeMap::new());
    for claim in claims {
        let (key, name) = (Key::of(&claim.metadata), claim.spec.domain.as_str());
        let refusal = match held.get(name) {
            Some(holder) => Some(Refusal::Conflict { winner: holder.key.clone(), covers: None }),
            None => covered(name, &key, &held),
        };
        match refusal {
            Some(refusal) => drop(lost.insert(key, refusal)),
            None => drop(held.insert(name, Holder { key, with_subdomains: claim.spec.include_subdomains })),
        }
    }
    lost
}

/// Who holds a name.
struct Holder {
    key: Key,
    with_subdomains: bool,
}

/// The conflict with another namespace that holds a name above with all below it.
fn covered(name: &str, key: &Key, held: &HashMap<&str, Holder>) -> Option<Refusal> {
    let above = name.match_indices('.').map(|(dot, _)| &name[dot + 1..]);
    above.into_iter().find_map(|above| {
        let holder = held.get(above).filter(|holder| holder.with_subdomains && holder.key.namespace != key.namespace)?;
        Some(Refusal::Conflict { winner: holder.key.clone(), covers: Some(above.to_owned()) })
    })
}

/// Orders the old before the young.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    Since(jiff::Timestamp),
    Unknown,
}

/// Orders claims as [`lost`] does: the oldest first.
pub(super) fn by_age(claim: &AcceptedDomain) -> impl Ord + use<> {
    let age = claim.metadata.creation_timestamp.as_ref().map_or(Age::Unknown, |time| Age::Since(time.0));
    (age, Key::of(&claim.metadata))
}
