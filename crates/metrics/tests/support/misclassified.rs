//! Made-up families with a true class each, and a classifier that errs: how often corrected rates hold the truth.

use hydrometer_metrics::FamilyTable;
use hydrometer_metrics::stats::rogan_gladen::{CALLS, Corrected, TRUTHS, corrected, corrected_rates};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Items in a family.
const ITEMS: usize = 4;
/// How often an item goes with its family instead of by itself: intraclass correlation 0.3².
const TOGETHER: f64 = 0.3;

/// A classifier and what it is used on.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Share of items that are truly positive.
    pub prevalence: f64,
    pub sensitivity: f64,
    pub specificity: f64,
    /// Families that are classified.
    pub families: usize,
    /// Families of known truth; half of their items are positive.
    pub known: usize,
}

/// What became of many audits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    pub coverage: f64,
    /// The same of the interval that believes the classifier.
    pub uncorrected: f64,
    /// Mean of the corrected rate before it is cut to [0, 1].
    pub mean: f64,
    /// Mean width.
    pub width: f64,
    /// How often only the upper end should be told.
    pub upper_bounds: f64,
}

/// An event of chance `chance` for every item, families going together.
fn events(chance: f64, draws: &mut ChaCha8Rng) -> [bool; ITEMS] {
    let family = draws.random_bool(chance);
    std::array::from_fn(|_| if draws.random_bool(TOGETHER) { family } else { draws.random_bool(chance) })
}

/// The classes of a family's items: truly, and as they are called.
fn family(prevalence: f64, case: &Case, draws: &mut ChaCha8Rng) -> [(bool, bool); ITEMS] {
    let truly = events(prevalence, draws);
    let (found, cleared) = (events(case.sensitivity, draws), events(case.specificity, draws));
    std::array::from_fn(|i| (truly[i], if truly[i] { found[i] } else { !cleared[i] }))
}

impl Case {
    /// One audit: what is called, and what people know of others.
    pub fn audit(&self, draws: &mut ChaCha8Rng) -> (FamilyTable, FamilyTable) {
        let (mut calls, mut truths) = (FamilyTable::new(CALLS), FamilyTable::new(TRUTHS));
        for index in 0..self.families {
            for (_, called) in family(self.prevalence, self, draws) {
                calls.add(&index.to_string(), &[f64::from(u8::from(called)), 1.0], 1);
            }
        }
        for index in 0..self.known {
            for (truly, called) in family(0.5, self, draws) {
                let hit = f64::from(u8::from(truly == called));
                let sums = if truly { [hit, 1.0, 0.0, 0.0] } else { [0.0, 0.0, hit, 1.0] };
                truths.add(&index.to_string(), &sums, 1);
            }
        }
        (calls, truths)
    }

    pub fn rates(&self, audits: usize) -> Rates {
        let mut draws = ChaCha8Rng::seed_from_u64(7);
        let mut rates = Rates::default();
        let share = 1.0 / audits as f64;
        for _ in 0..audits {
            let (calls, truths) = self.audit(&mut draws);
            let found = corrected(&calls, &truths, 0.95).expect("two families of each");
            rates.add(&found, self.prevalence, share);
            let believed = hydrometer_metrics::stats::interval::jackknife(&calls, 0.95, |sums| Some(sums[0] / sums[1]));
            let holds = believed.is_some_and(|i| (i.low..=i.high).contains(&self.prevalence));
            rates.uncorrected += share * f64::from(u8::from(holds));
        }
        rates
    }
}

impl Rates {
    fn add(&mut self, found: &Corrected, truth: f64, share: f64) {
        self.coverage += share * f64::from(u8::from((found.low..=found.high).contains(&truth)));
        self.mean += share * found.raw;
        self.width += share * (found.high - found.low);
        self.upper_bounds += share * f64::from(u8::from(found.is_upper_bound()));
    }
}

/// P(called i | truly j) of a classifier of three classes, by rows.
pub const MATRIX: [[f64; 3]; 3] = [[0.90, 0.10, 0.05], [0.06, 0.80, 0.10], [0.04, 0.10, 0.85]];

/// How often the intervals of three classes hold their true rates.
pub fn three_classes(truth: [f64; 3], families: usize, known: usize, audits: usize) -> [Rates; 3] {
    let mut draws = ChaCha8Rng::seed_from_u64(11);
    let mut rates = [Rates::default(); 3];
    for _ in 0..audits {
        let (mut calls, mut truths) = (FamilyTable::new(3), FamilyTable::new(9));
        for index in 0..families {
            let all = drawn(&truth, &mut draws);
            for _ in 0..ITEMS {
                let truly = if draws.random_bool(TOGETHER) { all } else { drawn(&truth, &mut draws) };
                let called = drawn(&[0, 1, 2].map(|i| MATRIX[i][truly]), &mut draws);
                calls.add(&index.to_string(), &[0, 1, 2].map(|i| f64::from(u8::from(i == called))), 1);
            }
        }
        for index in 0..known {
            for item in 0..ITEMS {
                let truly = (index + item) % 3;
                let called = drawn(&[0, 1, 2].map(|i| MATRIX[i][truly]), &mut draws);
                let mut cells = [0.0; 9];
                cells[called * 3 + truly] = 1.0;
                truths.add(&index.to_string(), &cells, 1);
            }
        }
        let found = corrected_rates(&calls, &truths, 0.95).expect("every class is known");
        for ((rates, found), truth) in rates.iter_mut().zip(&found).zip(truth) {
            rates.add(found, truth, 1.0 / audits as f64);
        }
    }
    rates
}

/// A class by its chances.
fn drawn(chances: &[f64; 3], draws: &mut ChaCha8Rng) -> usize {
    let at: f64 = draws.random();
    if at < chances[0] {
        0
    } else if at < chances[0] + chances[1] {
        1
    } else {
        2
    }
}

/// Prevalences, classifiers and sizes of the table.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (sensitivity, specificity) in [(0.95, 0.98), (0.83, 0.92), (0.70, 0.95)] {
        for (families, known) in [(50, 50), (200, 50), (200, 200)] {
            for prevalence in [0.02, 0.1, 0.3, 0.5, 0.8] {
                cases.push(Case { prevalence, sensitivity, specificity, families, known });
            }
        }
    }
    cases
}
