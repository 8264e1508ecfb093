//! In which order the servers of a destination are asked. Pure.

use rand::{Rng, RngExt as _};

/// What decides a server's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rank {
    /// It failed lately: asked after all that did not.
    pub(super) is_suspect: bool,
    /// Lower is asked first.
    pub(super) priority: u16,
    /// Share among those of the same priority; those with 0 are asked after the others.
    pub(super) weight: u16,
}

/// The servers' places in `ranks` in the order in which they are asked. Among equals a server comes first as often as its weight says, and
/// second as often as it says among those that are left, and so on.
pub(super) fn order(ranks: &[Rank], rng: &mut impl Rng) -> Vec<usize> {
    let mut drawn: Vec<_> = ranks.iter().enumerate().map(|(place, rank)| (place, *rank, draw(rank.weight, rng))).collect();
    drawn.sort_by(|(_, a, a_drawn), (_, b, b_drawn)| {
        let class = |rank: &Rank| (rank.is_suspect, rank.priority, rank.weight == 0);
        class(a).cmp(&class(b)).then(a_drawn.total_cmp(b_drawn))
    });
    drawn.into_iter().map(|(place, ..)| place).collect()
}

/// Draws from an exponential distribution with the weight as its rate: the smallest of several such draws is each one's in proportion to
/// its weight.
fn draw(weight: u16, rng: &mut impl Rng) -> f64 {
    let uniform = 1.0 - rng.random::<f64>();
    -uniform.ln() / f64::from(weight.max(1))
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    fn rank(is_suspect: bool, priority: u16, weight: u16) -> Rank {
        Rank { is_suspect, priority, weight }
    }

    /// How often each server comes first in 10,000 draws.
    fn firsts(ranks: &[Rank]) -> Vec<u32> {
        let mut rng = StdRng::seed_from_u64(7);
        let mut firsts = vec![0; ranks.len()];
        for _ in 0..10_000 {
            firsts[order(ranks, &mut rng)[0]] += 1;
        }
        firsts
    }

    #[test]
    fn every_server_has_a_place() {
        let ranks: Vec<_> = (0..16).map(|n| rank(n % 3 == 0, n / 4, n % 2)).collect();
        let mut places = order(&ranks, &mut StdRng::seed_from_u64(1));
        places.sort_unstable();
        assert_eq!(places, (0..16).collect::<Vec<_>>());
    }

    #[test]
    fn a_lower_priority_comes_first_whatever_the_weights() {
        assert_eq!(firsts(&[rank(false, 20, 65535), rank(false, 10, 0), rank(false, 30, 100)]), [0, 10_000, 0]);
    }

    #[test]
    fn a_server_comes_first_as_often_as_its_weight_says() {
        let firsts = firsts(&[rank(false, 10, 1), rank(false, 10, 3)]);
        assert!((2_350..2_650).contains(&firsts[0]), "{firsts:?}");
    }

    #[test]
    fn those_that_are_left_share_by_weight_too() {
        let ranks = [rank(false, 10, 8), rank(false, 10, 1), rank(false, 10, 1)];
        let mut rng = StdRng::seed_from_u64(7);
        let seconds = (0..10_000).map(|_| order(&ranks, &mut rng)).filter(|order| order[0] == 0);
        let (ones, all) = seconds.fold((0, 0), |(ones, all), order| (ones + u32::from(order[1] == 1), all + 1));
        assert!((all * 46 / 100..all * 54 / 100).contains(&ones), "{ones} of {all}");
    }

    #[test]
    fn weight_zero_comes_after_all_other_weights() {
        assert_eq!(firsts(&[rank(false, 10, 0), rank(false, 10, 1)]), [0, 10_000]);
    }

    #[test]
    fn servers_of_weight_zero_share_evenly_when_no_other_is_there() {
        let firsts = firsts(&[rank(false, 10, 0), rank(false, 10, 0)]);
        assert!((4_800..5_200).contains(&firsts[0]), "{firsts:?}");
    }

    #[test]
    fn a_suspect_comes_after_all_others_and_is_still_asked() {
        let ranks = [rank(true, 10, 100), rank(false, 20, 1)];
        assert_eq!(firsts(&ranks), [0, 10_000]);
        assert_eq!(order(&ranks, &mut StdRng::seed_from_u64(1)), [1, 0]);
    }
}
