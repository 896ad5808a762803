//! Does one slice of the suite differ from the rest?

use std::collections::BTreeSet;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::families::FamilyTable;
use super::jackknife::Jackknife;

/// Fewest families on either side for which a p-value is given.
pub const MIN_FAMILIES: usize = 4;
/// Most permutations, and after how many as large as what was found there is nothing more to learn.
const PERMUTATIONS: u32 = 3999;
const ENOUGH: u32 = 20;
/// Seed of the permutations: part of the method.
const SEED: u64 = 0x0051_1ce5;

/// Two-sided p-value of "the families of the slice and of the rest are alike".
///
/// A permutation test: families change sides, and those with items on both exchange them. It is exact for alike
/// families however long their tails are, where Student's t finds a difference three times as often as it says between 4
/// log-normal families and 40. What is compared is studentised (Janssen, Statistics and Probability Letters 36, 1997;
/// Chung and Romano, Annals of Statistics 41, 2013): jackknife errors on both sides, covariance from families on both.
/// The number of permutations is that of Besag and Clifford (Biometrika 78, 1991). `None` with fewer than
/// [`MIN_FAMILIES`] families on either side, when the statistic is undefined on either side without one family, or when
/// nothing varies.
pub fn compare(slice: &FamilyTable, rest: &FamilyTable, statistic: impl Fn(&[f64]) -> Option<f64>) -> Option<f64> {
    if slice.len() < MIN_FAMILIES || rest.len() < MIN_FAMILIES {
        return None;
    }
    let mut sides = Sides::new(slice, rest);
    let found = sides.studentised(&statistic)?.abs();
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let (mut as_large, mut drawn) = (0, 0);
    while drawn < PERMUTATIONS && as_large < ENOUGH {
        sides.shuffle(&mut random);
        // What cannot be compared is no evidence of a difference.
        let exceeds = sides.studentised(&statistic).is_none_or(|other| other.abs() >= found * (1.0 - 1e-9));
        as_large += u32::from(exceeds);
        drawn += 1;
    }
    // The found one is a permutation, too, unless chance alone ended the search.
    let found_too = u32::from(as_large < ENOUGH);
    Some(f64::from(as_large + found_too) / f64::from(drawn + found_too))
}

/// The families' sums on either side. Those of families on both sides come first, in one order.
struct Sides<'t> {
    columns: usize,
    shared: usize,
    inside: Vec<&'t [f64]>,
    outside: Vec<&'t [f64]>,
}

impl<'t> Sides<'t> {
    fn new(slice: &'t FamilyTable, rest: &'t FamilyTable) -> Self {
        let both: Vec<_> =
            slice.rows().filter_map(|(family, sums, _)| Some((family, sums, rest.get(family)?))).collect();
        let names: BTreeSet<&str> = both.iter().map(|(family, ..)| *family).collect();
        let alone = |table: &'t FamilyTable| {
            let names = &names;
            table.rows().filter(move |(family, ..)| !names.contains(family)).map(|(_, sums, _)| sums)
        };
        let mut inside: Vec<_> = both.iter().map(|(_, sums, _)| *sums).collect();
        let mut outside: Vec<_> = both.iter().map(|(_, _, sums)| *sums).collect();
        inside.extend(alone(slice));
        outside.extend(alone(rest));
        Self { columns: slice.columns(), shared: both.len(), inside, outside }
    }

    fn shuffle(&mut self, random: &mut ChaCha8Rng) {
        for place in 0..self.shared {
            if random.random::<bool>() {
                std::mem::swap(&mut self.inside[place], &mut self.outside[place]);
            }
        }
        let single = self.inside.len() - self.shared;
        let mut all: Vec<_> = self.inside.drain(self.shared..).chain(self.outside.drain(self.shared..)).collect();
        all.shuffle(random);
        self.outside.extend(all.drain(single..));
        self.inside.extend(all);
    }

    /// The difference of both sides over its jackknife error.
    fn studentised(&self, statistic: &impl Fn(&[f64]) -> Option<f64>) -> Option<f64> {
        let inside = Jackknife::of(&self.inside, self.columns, statistic)?;
        let outside = Jackknife::of(&self.outside, self.columns, statistic)?;
        let scale = |jackknife: &Jackknife| {
            let families = jackknife.families() as f64;
            ((families - 1.0) / families).sqrt()
        };
        let pairs = inside.deviations().zip(outside.deviations()).take(self.shared);
        let covariance = pairs.map(|(a, b)| a * b).sum::<f64>() * scale(&inside) * scale(&outside);
        let variance = inside.variance()? + outside.variance()? - 2.0 * covariance;
        (variance > 0.0).then(|| (inside.value - outside.value) / variance.sqrt())
    }
}
