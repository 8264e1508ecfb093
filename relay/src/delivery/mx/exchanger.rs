//! Which exchangers of a domain are asked. Pure.

use std::collections::HashSet;

use hickory_resolver::proto::rr::{Name, rdata::MX};
use rand::{Rng, seq::SliceRandom as _};

use crate::delivery::fault::Fault;

/// Most exchangers of one domain that are asked.
pub(super) const MAX_EXCHANGERS: usize = 16;

/// A server that takes the mail of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exchanger {
    /// Absolute.
    pub(super) name: Name,
    /// Lower is asked first.
    pub(super) preference: u16,
}

/// The exchangers that the MX records of `domain` name, those that are asked first at the front, among equals at random. Without a record
/// it is the domain itself (RFC 5321 section 5.1). A single exchanger that is the root says that the domain takes no mail (RFC 7505); among
/// others it says nothing.
pub(super) fn named_by(records: &[MX], domain: &Name, rng: &mut impl Rng) -> Result<Vec<Exchanger>, Fault> {
    if records.is_empty() {
        return Ok(vec![Exchanger { name: domain.clone(), preference: 0 }]);
    }
    let servers = records.iter().filter(|record| !record.exchange.is_root());
    let mut exchangers: Vec<_> =
        servers.map(|record| Exchanger { name: record.exchange.to_lowercase(), preference: record.preference }).collect();
    if exchangers.is_empty() {
        return Err(Fault::TakesNoMail);
    }
    exchangers.shuffle(rng);
    exchangers.sort_by_key(|exchanger| exchanger.preference);
    Ok(exchangers)
}

/// What is left without those that are this relay, and without those that are no better than one that is: mail goes towards the best, and
/// never in a circle (RFC 5321 section 5.1).
pub(super) fn before_us<T>(mut all: Vec<T>, preference: impl Fn(&T) -> u16, is_us: impl Fn(&T) -> bool) -> Result<Vec<T>, Fault> {
    if let Some(ours) = all.iter().filter(|one| is_us(one)).map(&preference).min() {
        all.retain(|one| preference(one) < ours);
    }
    if all.is_empty() { Err(Fault::Loops) } else { Ok(all) }
}

/// [`before_us`] by name, and no more than are asked.
pub(super) fn candidates(exchangers: Vec<Exchanger>, own_names: &HashSet<Name>) -> Result<Vec<Exchanger>, Fault> {
    let mut left = before_us(exchangers, |one| one.preference, |one| own_names.contains(&one.name))?;
    left.truncate(MAX_EXCHANGERS);
    Ok(left)
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn named(records: &[(u16, &str)]) -> Result<Vec<Exchanger>, Fault> {
        let records: Vec<_> = records.iter().map(|(preference, exchange)| MX::new(*preference, name(exchange))).collect();
        named_by(&records, &name("example.org."), &mut StdRng::seed_from_u64(1))
    }

    /// What is asked of these records by a relay that is called `us.example.` and `we.example.`, in order.
    fn asked(records: &[(u16, &str)]) -> Result<Vec<String>, Fault> {
        let own = HashSet::from(["us.example.", "we.example."].map(name));
        Ok(candidates(named(records)?, &own)?.iter().map(|exchanger| exchanger.name.to_ascii()).collect())
    }

    #[test]
    fn a_lower_preference_comes_first() {
        assert_eq!(asked(&[(30, "c."), (10, "a."), (20, "b.")]).unwrap(), ["a.", "b.", "c."]);
    }

    #[test]
    fn among_equals_any_may_come_first() {
        let records = [MX::new(10, name("a.")), MX::new(10, name("b."))];
        let mut rng = StdRng::seed_from_u64(1);
        let firsts = (0..1000).filter(|_| named_by(&records, &name("x."), &mut rng).unwrap()[0].name == name("a.")).count();
        assert!((400..600).contains(&firsts), "{firsts}");
    }

    #[test]
    fn a_domain_without_records_is_its_own_exchanger() {
        assert_eq!(asked(&[]).unwrap(), ["example.org."]);
    }

    #[test]
    fn the_root_alone_takes_no_mail_and_among_others_is_nobody() {
        assert!(matches!(asked(&[(0, ".")]), Err(Fault::TakesNoMail)));
        assert!(matches!(asked(&[(10, "."), (0, ".")]), Err(Fault::TakesNoMail)));
        assert_eq!(asked(&[(0, "."), (10, "a.")]).unwrap(), ["a."]);
    }

    #[test]
    fn those_no_better_than_ourselves_are_not_asked() {
        assert_eq!(asked(&[(10, "a."), (20, "us.example."), (20, "b."), (30, "c.")]).unwrap(), ["a."]);
        assert_eq!(asked(&[(10, "a."), (20, "b."), (30, "WE.Example."), (40, "us.example.")]).unwrap(), ["a.", "b."]);
        assert!(matches!(asked(&[(10, "us.example."), (20, "a.")]), Err(Fault::Loops)));
    }

    #[test]
    fn no_more_are_asked_than_the_bound_and_those_are_the_best() {
        let records: Vec<_> = (0..40).rev().map(|n| (n, format!("mx{n}."))).collect();
        let records: Vec<_> = records.iter().map(|(preference, exchange)| (*preference, exchange.as_str())).collect();
        let expected: Vec<_> = (0..16).map(|n| format!("mx{n}.")).collect();
        assert_eq!(asked(&records).unwrap(), expected);
    }

    #[test]
    fn ourselves_beyond_the_bound_are_seen_all_the_same() {
        let mut records: Vec<_> = (0..20).map(|n| (10, format!("mx{n}."))).collect();
        records.push((10, "us.example.".to_owned()));
        let records: Vec<_> = records.iter().map(|(preference, exchange)| (*preference, exchange.as_str())).collect();
        assert!(matches!(asked(&records), Err(Fault::Loops)));
    }
}
