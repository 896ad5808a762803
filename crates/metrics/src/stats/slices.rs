//! Does one slice of the suite differ from the rest?

use std::collections::{BTreeMap, BTreeSet};

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::families::FamilyTable;
use super::jackknife::Jackknife;

/// Fewest families on either side for which a p-value is given.
pub const MIN_FAMILIES: usize = 4;
/// Most permutations, and after how many as large as what was found there is nothing more to learn.
const PERMUTATIONS: u32 = 9999;
const ENOUGH: u32 = 20;
/// Seed of the permutations: part of the method.
const SEED: u64 = 0x511c_e5;

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
    let found = studentised(slice, rest, &statistic)?.abs();
    let mut sides = Sides::new(slice, rest);
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let (mut as_large, mut drawn) = (0, 0);
    while drawn < PERMUTATIONS && as_large < ENOUGH {
        let (inside, outside) = sides.shuffled(&mut random);
        // What cannot be compared is no evidence of a difference.
        let exceeds =
            studentised(&inside, &outside, &statistic).is_none_or(|other| other.abs() >= found * (1.0 - 1e-9));
        as_large += u32::from(exceeds);
        drawn += 1;
    }
    let p = if as_large >= ENOUGH {
        f64::from(as_large) / f64::from(drawn)
    } else {
        f64::from(as_large + 1) / f64::from(drawn + 1)
    };
    Some(p)
}

/// Families that may change sides.
struct Sides<'t> {
    columns: usize,
    /// Families on one side only; the first `inside` of them stand in the slice.
    single: Vec<(&'t str, &'t [f64])>,
    inside: usize,
    /// Families on both sides, with both their sums.
    both: Vec<(&'t str, [&'t [f64]; 2])>,
}

impl<'t> Sides<'t> {
    fn new(slice: &'t FamilyTable, rest: &'t FamilyTable) -> Self {
        let shared: BTreeSet<&str> =
            slice.rows().map(|(family, ..)| family).filter(|family| rest.get(family).is_some()).collect();
        let alone = |table: &'t FamilyTable| {
            table
                .rows()
                .map(|(family, sums, _)| (family, sums))
                .filter(|(family, _)| !shared.contains(family))
                .collect()
        };
        let mut single: Vec<_> = alone(slice);
        let inside = single.len();
        let outside: Vec<_> = alone(rest);
        single.extend(outside);
        let both = slice.rows().filter_map(|(family, sums, _)| Some((family, [sums, rest.get(family)?]))).collect();
        Self { columns: slice.columns(), single, inside, both }
    }

    fn shuffled(&mut self, random: &mut ChaCha8Rng) -> (FamilyTable, FamilyTable) {
        self.single.shuffle(random);
        let (mut slice, mut rest) = (FamilyTable::new(self.columns), FamilyTable::new(self.columns));
        for (place, (family, sums)) in self.single.iter().enumerate() {
            let side = if place < self.inside { &mut slice } else { &mut rest };
            side.add(family, sums, 1);
        }
        for (family, sums) in &self.both {
            let first = usize::from(random.random::<bool>());
            slice.add(family, sums[first], 1);
            rest.add(family, sums[1 - first], 1);
        }
        (slice, rest)
    }
}

/// The difference of both sides over its jackknife error.
fn studentised(slice: &FamilyTable, rest: &FamilyTable, statistic: &impl Fn(&[f64]) -> Option<f64>) -> Option<f64> {
    let (inside, outside) = (Jackknife::new(slice, statistic)?, Jackknife::new(rest, statistic)?);
    let scale = |jackknife: &Jackknife| {
        let families = jackknife.families() as f64;
        ((families - 1.0) / families).sqrt()
    };
    let deviations: BTreeMap<&str, f64> = rest.rows().map(|(family, ..)| family).zip(outside.deviations()).collect();
    let covariance: f64 = slice
        .rows()
        .zip(inside.deviations())
        .filter_map(|((family, ..), deviation)| deviations.get(family).map(|other| other * deviation))
        .sum::<f64>()
        * scale(&inside)
        * scale(&outside);
    let variance = inside.variance()? + outside.variance()? - 2.0 * covariance;
    (variance > 0.0).then(|| (inside.value - outside.value) / variance.sqrt())
}
