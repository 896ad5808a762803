//! In which order families are asked that may be too many: at random, and where curves are read off them, evenly over the
//! curves.

use std::collections::BTreeMap;

use super::order_in;
use crate::Probe;

/// A random order of families, the same for the same seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyOrder {
    seed: u64,
    /// The families that belong to a curve.
    standings: BTreeMap<String, Standing>,
}

/// Where a family stands among those of its curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its place among them, from 0, in the random order.
    pub rank: u64,
    /// How many they are.
    pub of: u64,
}

impl FamilyOrder {
    /// The order of [`order_in`] alone.
    #[must_use]
    pub fn random(seed: u64) -> Self {
        Self { seed, standings: BTreeMap::new() }
    }

    /// The families of each curve (one axis, knob and chance of probes that are graded) spread evenly, so that of the first part of
    /// the order every curve has about that part; in their own random order, and at random among the others.
    ///
    /// The place of a family of n that is the r-th of its curve is (r + u)/n, u being what stands for its hash in [0, 1); that of
    /// a family without a curve is u. So every place is as likely for every family.
    #[must_use]
    pub fn spread(seed: u64, probes: &[Probe]) -> Self {
        let mut curves: Vec<(&Probe, BTreeMap<[u8; 32], &str>)> = Vec::new();
        let mut placed: BTreeMap<&str, ()> = BTreeMap::new();
        for probe in probes.iter().filter(|probe| probe.is_graded()) {
            if placed.insert(&probe.family, ()).is_some() {
                continue;
            }
            let place = match curves.iter().position(|(first, _)| first.is_of_one_curve_with(probe)) {
                Some(place) => place,
                None => {
                    curves.push((probe, BTreeMap::new()));
                    curves.len() - 1
                }
            };
            curves[place].1.insert(order_in(seed, &probe.family), &probe.family);
        }
        let mut standings = BTreeMap::new();
        for (_, families) in curves {
            let of = families.len() as u64;
            let ranked = families.into_values().zip(0..);
            standings.extend(ranked.map(|(family, rank)| (family.to_owned(), Standing { rank, of })));
        }
        Self { seed, standings }
    }

    /// Where a family stands among those of its curve; `None` where it belongs to none.
    #[must_use]
    pub fn standing(&self, family: &str) -> Option<Standing> {
        self.standings.get(family).copied()
    }

    /// Its place: families are asked by rising places.
    #[must_use]
    pub fn place(&self, family: &str) -> [u8; 32] {
        let mut place = order_in(self.seed, family);
        if let Some(Standing { rank, of }) = self.standing(family) {
            let mut first = [0; 8];
            first.copy_from_slice(&place[..8]);
            let spread = ((u128::from(rank) << 64) + u128::from(u64::from_be_bytes(first))) / u128::from(of);
            // Below 2⁶⁴, as the rank is below the number.
            place[..8].copy_from_slice(&(spread as u64).to_be_bytes());
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::small_world;

    #[test]
    fn of_every_part_each_curve_has_its_share_and_others_are_where_they_were() {
        let probes = small_world(40, 3);
        let order = FamilyOrder::spread(7, &probes);
        let mut families: Vec<&str> = probes.iter().map(|probe| probe.family.as_str()).collect();
        families.sort_by_cached_key(|family| order.place(family));
        families.dedup();
        assert_eq!(families.len(), 120);
        let curve = |family: &str| family.rsplit_once('/').map(|(curve, _)| curve.to_owned());
        for first in (12..=120).step_by(12) {
            let mut counts: BTreeMap<_, i64> = BTreeMap::new();
            families[..first].iter().for_each(|family| *counts.entry(curve(family)).or_default() += 1);
            let off = |count: &i64| (count - first as i64 / 3).abs();
            assert!(counts.len() == 3 && counts.values().all(|count| off(count) <= 2), "{first}: {counts:?}");
        }
        // Not in one turn: which curve begins a stretch is chance.
        let begins: BTreeMap<_, usize> = families.chunks(3).fold(BTreeMap::new(), |mut begins, three| {
            *begins.entry(curve(three[0])).or_default() += 1;
            begins
        });
        assert!(begins.len() == 3 && begins.values().all(|count| (5..30).contains(count)), "{begins:?}");
        // Within a curve the order is that of the hash.
        let of_one: Vec<&str> = families.iter().copied().filter(|family| curve(family) == curve(families[0])).collect();
        assert!(of_one.is_sorted_by_key(|family| order_in(7, family)));
        assert_eq!(order.standing(of_one[5]), Some(Standing { rank: 5, of: 40 }));
        let other = "a text/00001";
        assert_eq!((order.place(other), order.standing(other)), (order_in(7, other), None));
        assert_eq!(FamilyOrder::random(7).place(families[0]), order_in(7, families[0]));
    }

    #[test]
    fn probes_without_a_truth_belong_to_no_curve() {
        let mut probes = small_world(2, 3);
        for probe in &mut probes {
            if let crate::Ask::Prompt(prompt) = &mut probe.ask {
                prompt.check = None;
            }
        }
        assert_eq!(FamilyOrder::spread(7, &probes), FamilyOrder::random(7));
    }
}
