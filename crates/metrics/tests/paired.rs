//! Two runs over the same families, against truth: coverage, false alarms, and what pairing finds that two intervals hide.
#![allow(clippy::unwrap_used)]

use crate::support;

use hydrometer_metrics::FamilyTable;
use hydrometer_metrics::measure::choices::{CALIBRATION_SLOPE, CHOICE_ACCURACY_STUDENT, CHOICE_NET_LOSS, Choice};
use hydrometer_metrics::measure::tokens::ENTROPY_RATIO;
use hydrometer_metrics::measure::{Side, Sums, Undefined};
use hydrometer_metrics::stats::interval::estimate;
use hydrometer_metrics::stats::paired::{Paired, difference};
use hydrometer_metrics::stats::significance::benjamini_hochberg;
use rand::Rng;
use support::{normal, random};

fn ratio(sums: &[f64]) -> Option<f64> {
    (sums[1] > 0.0).then(|| sums[0] / sums[1])
}

/// How far apart the two runs of a family are, and what both have in common.
#[derive(Clone, Copy, Debug)]
enum Population {
    /// Levels that vary widely between families, students that differ little.
    Normal,
    /// Divergences: log-normal families, the second student worse by a factor that varies.
    Skewed,
    /// Shares of 12 choices.
    Share,
}

impl Population {
    /// What B − A is in the population.
    fn truth(self) -> f64 {
        match self {
            Self::Normal => 0.1,
            Self::Skewed => 0.25,
            Self::Share => 0.05,
        }
    }

    /// Numerators of one family of `items` in both runs.
    fn family(self, items: f64, random: &mut impl Rng) -> [f64; 2] {
        let mut noise = || normal(random) / items.sqrt();
        let (level, own, [in_a, in_b]) = (noise() * items.sqrt(), noise() * items.sqrt(), [noise(), noise()]);
        match self {
            Self::Normal => [items * (2.0 + level + 0.3 * in_a), items * (2.1 + level + 0.1 * own + 0.3 * in_b)],
            Self::Skewed => {
                let kl = (0.5 * level - 0.125).exp();
                [items * kl * (1.0 + 0.2 * in_a), items * kl * (1.25 + 0.2 * own) * (1.0 + 0.2 * in_b)]
            }
            Self::Share => {
                let hit = |chance: f64, random: &mut _| f64::from(u8::from(Rng::random::<f64>(random) < chance));
                let chance = 0.4 + 0.2 * (level / (1.0 + level.abs()));
                let both = (0..items as u32).map(|_| [hit(chance, random), hit(chance + 0.05, random)]);
                both.fold([0.0, 0.0], |sum, one| [sum[0] + one[0], sum[1] + one[1]])
            }
        }
    }

    fn tables(self, families: usize, random: &mut impl Rng) -> [FamilyTable; 2] {
        let mut tables = [FamilyTable::new(2), FamilyTable::new(2)];
        for family in 0..families {
            let items = f64::from(random.random_range(8..20_u32));
            let sums = self.family(items, random);
            for (table, sum) in tables.iter_mut().zip(sums) {
                table.add(&format!("{family:04}"), &[sum, items], 1);
            }
        }
        tables
    }
}

fn pair([a, b]: &[FamilyTable; 2]) -> Paired {
    difference(a, b, 0.95, |sums| sums[1], ratio).unwrap()
}

#[test]
fn the_interval_of_a_known_difference_covers_it() {
    const RUNS: usize = 600;
    for population in [Population::Normal, Population::Skewed, Population::Share] {
        for families in [12, 24, 60] {
            let mut random = random(families as u64);
            let covers = |_: &usize| {
                let interval = pair(&population.tables(families, &mut random)).interval.unwrap();
                (interval.low..=interval.high).contains(&population.truth())
            };
            let covered = (0..RUNS).filter(covers).count() as f64 / RUNS as f64;
            // 93 to 97 %, and one standard error of 95 % is 0.9 points.
            assert!((0.921..=0.979).contains(&covered), "{population:?} of {families}: {covered}");
        }
    }
}

#[test]
fn what_both_have_in_common_cancels() {
    let tables = Population::Normal.tables(24, &mut random(5));
    let found = pair(&tables);
    let [a, b] = tables.each_ref().map(|table| estimate(table, 0.95, ratio).unwrap().interval.unwrap());
    assert!(a.low < b.high && b.low < a.high, "the intervals of the two runs overlap");
    let interval = found.interval.unwrap();
    assert!(interval.low > 0.0 && interval.high - interval.low < 0.5 * (a.high - a.low), "{interval:?}");
    assert!(found.p_value.unwrap() < 0.05);
}

#[test]
fn runs_that_do_not_differ_alarm_no_more_often_than_they_may() {
    const RUNS: usize = 600;
    const METRICS: usize = 12;
    let mut random = random(9);
    let mut alarms = 0;
    for _ in 0..RUNS {
        // Both are noise around the same levels, the metrics partly the same.
        let mut p_values = Vec::new();
        let common: Vec<f64> = (0..24).map(|_| normal(&mut random)).collect();
        for _ in 0..METRICS {
            let mut tables = [FamilyTable::new(2), FamilyTable::new(2)];
            for (family, common) in common.iter().enumerate() {
                let level = 3.0 + normal(&mut random);
                for (table, sign) in tables.iter_mut().zip([1.0, -1.0]) {
                    let sum = level + 0.3 * sign * common + 0.3 * normal(&mut random);
                    table.add(&format!("{family:02}"), &[sum, 1.0], 1);
                }
            }
            p_values.push(pair(&tables).p_value.unwrap());
        }
        alarms += usize::from(benjamini_hochberg(&p_values).iter().any(|&p| p <= 0.05));
    }
    // Two standard errors of 5 % are 1.8 points.
    assert!(alarms as f64 / RUNS as f64 <= 0.068, "{alarms} of {RUNS}");
}

#[test]
fn only_shared_families_are_compared() {
    let [mut a, b] = Population::Normal.tables(10, &mut random(2));
    let found = pair(&[a.clone(), b.clone()]);
    a.add("only in a", &[1e6, 1.0], 1);
    assert_eq!(pair(&[a, b]), found);
    assert_eq!((found.families, found.of_families.len()), (10, 10));
}

#[test]
fn families_that_carry_nothing_do_not_count() {
    let mut tables = Population::Normal.tables(10, &mut random(2));
    tables.iter_mut().for_each(|table| table.add("empty", &[0.0, 0.0], 1));
    assert_eq!(pair(&tables).families, 10);
}

#[test]
fn without_spread_the_signs_of_the_families_judge() {
    let tables = |families: usize, b: f64| {
        let mut tables = [FamilyTable::new(2), FamilyTable::new(2)];
        for family in 0..families {
            tables[0].add(&format!("{family:02}"), &[0.0, 1.0], 1);
            tables[1].add(&format!("{family:02}"), &[b, 1.0], 1);
        }
        tables
    };
    let check = |families, b, p_value| {
        let found = pair(&tables(families, b));
        assert_eq!((found.difference(), found.p_value), (b, p_value), "{families} families");
        assert_eq!(found.interval, None);
    };
    check(1, 1.0, None);
    check(5, 1.0, Some(1.0 / 16.0));
    check(20, 0.0, Some(1.0));
}

/// Choices of which the first options are the teacher's and the true ones; the student's probability of them.
fn choices(student: impl Fn(usize) -> f64) -> Sums {
    let mut sums = Sums::new();
    for family in 0..12 {
        let right = student(family);
        sums.choice(&format!("f{family:02}"), &Choice::new(&[0.8, 0.2], &[right, 1.0 - right], Some(0)).unwrap());
    }
    sums
}

#[test]
fn the_better_run_is_named_by_the_direction_of_the_metric() {
    let a = choices(|_| 0.7);
    let b = choices(|family| if family < 8 { 0.3 } else { 0.7 });
    let found = CHOICE_ACCURACY_STUDENT.compare(&a, &b, 0.95).unwrap();
    assert_eq!((found.better, found.a_better, found.b_better), (Some(Side::A), 8, 0));
    let found = CHOICE_NET_LOSS.compare(&b, &a, 0.95).unwrap();
    assert_eq!((found.better, found.a_better, found.b_better), (Some(Side::B), 0, 8));
    assert_eq!(ENTROPY_RATIO.compare(&a, &b, 0.95), Err(ENTROPY_RATIO.value(&a).unwrap_err()));
}

#[test]
fn on_either_side_of_the_best_value_the_distances_decide() {
    // The teacher's log-odds are ln 4 and −ln 4; the student's are so many times as large, and vary between families.
    let student = |factor: f64, spread: f64| {
        let odds = 4.0_f64.ln() * factor;
        choices(move |family| {
            let own = odds * if family % 2 == 0 { 1.0 + spread } else { 1.0 - spread };
            1.0 / (1.0 + (-own).exp())
        })
    };
    let check = |a: (f64, f64), b: (f64, f64), better: Option<Side>| {
        let found = CALIBRATION_SLOPE.compare(&student(a.0, a.1), &student(b.0, b.1), 0.95).unwrap();
        assert_eq!(found.better, better, "{a:?} against {b:?}: {found:?}");
    };
    // Slopes are about 1 over the factor.
    check((2.0, 0.1), (1.5, 0.1), Some(Side::B));
    check((1.25, 0.1), (0.4, 0.1), Some(Side::A));
    check((1.25, 0.4), (0.8, 0.4), None);
}

#[test]
fn what_is_missing_in_one_is_not_compared() {
    let (some, none) = (choices(|_| 0.7), Sums::new());
    assert!(matches!(CHOICE_ACCURACY_STUDENT.compare(&some, &none, 0.95), Err(Undefined::NoTrueChoices)));
}
