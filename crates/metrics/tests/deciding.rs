//! Deciding early, planning and prediction-powered means, by seeded simulation of audits whose truth is known.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::support;

use hydrometer_metrics::stats::gate::{Bounds, judge};
use hydrometer_metrics::stats::limits::{Limits, Shape};
use hydrometer_metrics::stats::power::{decidable, detectable_by_sd, families, families_by_sd};
use hydrometer_metrics::stats::ppi::{self, ppi_mean};
use hydrometer_metrics::stats::sequential::{Claim, Evidence, Gate, SequentialError, all_of};
use hydrometer_metrics::{Estimate, FamilyTable, Verdict};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use support::{normal, random};

#[track_caller]
fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "found {found}, expected {expected} ± {tolerance}");
}

/// How numerator and denominator of a family are drawn, and the claim about their ratio.
#[derive(Clone, Copy, Debug)]
enum Population {
    /// Agreement and ceiling: four answers of teacher, rerun and student to each of two prompts; of the student's
    /// answers a share is alien. At least 0.95.
    Agreement,
    /// A paired difference in {−1, 0, 1} (right or wrong), 30 % of families differ. At least −0.05.
    Difference,
    /// A rare event, one answer per family. At most 0.05.
    Rate,
}

impl Population {
    fn claim(self) -> Claim {
        match self {
            Self::Agreement => Claim::at_least(0.95, 0.0..=1.0, 0.0..=1.0),
            Self::Difference => Claim::at_least(-0.05, -1.0..=1.0, 1.0..=1.0),
            Self::Rate => Claim::at_most(0.05, 0.0..=1.0, 1.0..=1.0),
        }
        .unwrap()
    }

    fn margin(self) -> f64 {
        match self {
            Self::Agreement => 0.95,
            Self::Difference => -0.05,
            Self::Rate => 0.05,
        }
    }

    fn shape(self) -> Shape {
        match self {
            Self::Agreement => Shape::AMOUNT,
            Self::Difference => Shape::Between { low: Some(-1.0), high: Some(1.0) },
            Self::Rate => Shape::Events,
        }
    }

    /// The limits of so many families.
    fn limits(self, truth: f64, families: u64, random: &mut ChaCha8Rng) -> Limits {
        let mut table = FamilyTable::new(2);
        for family in 0..families {
            table.add(&format!("{family:04}"), &self.family(truth, random), 1);
        }
        Limits::new(&table, self.shape(), |sums| sums[1], ratio).unwrap()
    }

    fn bounds(self) -> Bounds {
        match self {
            Self::Rate => Bounds { at_least: None, at_most: Some(self.margin()) },
            _ => Bounds { at_least: Some(self.margin()), at_most: None },
        }
    }

    /// One family when the ratio is `truth`.
    fn family(self, truth: f64, random: &mut ChaCha8Rng) -> [f64; 2] {
        match self {
            Self::Agreement => {
                let mode = random.random_range(0.5..1.0);
                let mut sums = [0.0; 2];
                for _ in 0..2 {
                    let mut draw = |kept: f64| -> Vec<u32> {
                        let one = |random: &mut ChaCha8Rng| {
                            let answer = if random.random::<f64>() < mode { 0 } else { random.random_range(1..5) };
                            if random.random::<f64>() < kept { answer } else { 9 }
                        };
                        (0..4).map(|_| one(random)).collect()
                    };
                    let (teacher, rerun, student) = (draw(1.0), draw(1.0), draw(truth));
                    for (sum, other) in sums.iter_mut().zip([student, rerun]) {
                        let same = teacher.iter().flat_map(|x| other.iter().filter(move |y| x == *y)).count();
                        *sum += same as f64 / 32.0;
                    }
                }
                sums
            }
            Self::Difference => {
                let u = random.random::<f64>();
                let difference = if u < 0.15 + truth / 2.0 {
                    1.0
                } else if u < 0.3 {
                    -1.0
                } else {
                    0.0
                };
                [difference, 1.0]
            }
            Self::Rate => [f64::from(u8::from(random.random::<f64>() < truth)), 1.0],
        }
    }
}

fn ratio(sums: &[f64]) -> Option<f64> {
    (sums[1] > 0.0).then(|| sums[0] / sums[1])
}

/// Shares of PASS and FAIL within `cap` families, and the number of families asked in each audit, sorted.
fn watch(population: Population, truth: f64, cap: usize, audits: usize) -> (f64, f64, Vec<usize>) {
    let mut random = random(7 + population as u64);
    let (mut pass, mut fail, mut asked) = (0, 0, Vec::new());
    for _ in 0..audits {
        let mut gate = Gate::new(population.claim(), 0.05, cap).unwrap();
        while gate.verdict().is_none() {
            let [numerator, denominator] = population.family(truth, &mut random);
            gate.watch(numerator, denominator).unwrap();
        }
        pass += usize::from(gate.verdict() == Some(Verdict::Pass));
        fail += usize::from(gate.verdict() == Some(Verdict::Fail));
        asked.push(gate.decided_after().unwrap());
    }
    asked.sort_unstable();
    (pass as f64 / audits as f64, fail as f64 / audits as f64, asked)
}

/// What a gate that passed could have seen within `families` families, and how often a truth so far beyond its margin
/// fails.
fn seen(population: Population, harmless: f64, families: usize) -> (f64, f64) {
    let mut random = random(11);
    let mut gate = Gate::new(population.claim(), 0.05, usize::MAX).unwrap();
    let (mut count, mut denominators) = (0.0, 0.0);
    while gate.verdict().is_none() {
        let [numerator, denominator] = population.family(harmless, &mut random);
        gate.watch(numerator, denominator).unwrap();
        (count, denominators) = (count + 1.0, denominators + denominator);
    }
    assert_eq!(gate.verdict(), Some(Verdict::Pass));
    let distance = gate.detectable(families, 0.9).unwrap() * count / denominators;
    let sign = if population.margin() > 0.0 && matches!(population, Population::Rate) { 1.0 } else { -1.0 };
    let (_, fail, _) = watch(population, population.margin() + sign * distance, families, 1000);
    (distance, fail)
}

#[test]
fn the_loss_beside_a_pass_would_have_failed() {
    for (population, harmless, families) in [
        (Population::Agreement, 1.0, 400),
        (Population::Agreement, 1.0, 1500),
        (Population::Difference, 0.05, 200),
        (Population::Difference, 0.05, 800),
        (Population::Rate, 0.0, 250),
        (Population::Rate, 0.005, 1000),
    ] {
        let (distance, fail) = seen(population, harmless, families);
        eprintln!("| {population:?} | {families} | {distance:.4} | {:.1} % |", 100.0 * fail);
        assert!((0.8..=1.0).contains(&fail), "{population:?}, {families} families: {distance} found in {fail}");
    }
    let none = Gate::new(Population::Difference.claim(), 0.05, usize::MAX).unwrap();
    assert_eq!((none.detectable(2, 0.9), none.detectable(400, 1.0)), (None, None));
    let capped = Gate::new(Population::Difference.claim(), 0.05, 2).unwrap();
    assert_eq!(capped.detectable(400, 0.9), None);
}

/// Families of the fixed design with 90 % power at this truth, from the spread of a large pilot.
fn fixed(population: Population, truth: f64) -> Option<u64> {
    let pilot = population.limits(truth, 4000, &mut random(1));
    families(&pilot, &population.bounds(), truth, 0.05, 0.9)
}

#[test]
#[ignore = "writes the table of docs/metrics/deciding_early.md: run it alone, optimised, with --nocapture"]
fn sequential_table() {
    let cases = [
        (Population::Agreement, [0.75, 0.85, 0.90, 0.95, 1.0].as_slice()),
        (Population::Difference, [-0.25, -0.15, -0.05, 0.0, 0.05].as_slice()),
        (Population::Rate, [0.0, 0.01, 0.05, 0.1, 0.2].as_slice()),
    ];
    for (population, truths) in cases {
        for &truth in truths {
            let (pass, fail, asked) = watch(population, truth, 5000, 2000);
            let design = fixed(population, truth).map_or("none".to_owned(), |n| n.to_string());
            let (pass, fail) = (100.0 * pass, 100.0 * fail);
            let (median, ninth) = (asked[asked.len() / 2], asked[asked.len() * 9 / 10]);
            eprintln!("| {population:?} | {truth} | {pass:.1} | {fail:.1} | {median} | {ninth} | {design} |");
        }
    }
}

#[test]
fn wrong_calls_at_the_margin_stay_below_five_per_cent_however_often_one_looks() {
    for population in [Population::Agreement, Population::Difference, Population::Rate] {
        let (pass, fail, _) = watch(population, population.margin(), 1000, 600);
        // On the margin either verdict is a wrong call of its own bet.
        assert!(pass <= 0.05 && fail <= 0.05, "{population:?}: PASS {pass}, FAIL {fail}");
        assert!(pass + fail > 0.005, "{population:?}: never deciding is no merit");
    }
}

#[test]
fn clear_cases_are_decided_rightly_and_early() {
    let cases = [
        (Population::Agreement, 0.75, Verdict::Fail),
        (Population::Difference, 0.15, Verdict::Pass),
        (Population::Difference, -0.25, Verdict::Fail),
        (Population::Rate, 0.2, Verdict::Fail),
        (Population::Rate, 0.0, Verdict::Pass),
    ];
    for (population, truth, verdict) in cases {
        let (pass, fail, asked) = watch(population, truth, 1000, 300);
        let right = if verdict == Verdict::Pass { pass } else { fail };
        assert!(right > 0.95, "{population:?} {truth}: PASS {pass}, FAIL {fail}");
        assert!(asked[asked.len() / 2] < 400, "{population:?} {truth}: {}", asked[asked.len() / 2]);
    }
}

#[test]
fn the_first_bets_are_those_of_the_formula() {
    let claim = Claim::at_least(0.5, 0.0..=1.0, 1.0..=1.0).unwrap();
    let mut gate = Gate::new(claim, 0.05, 100).unwrap();
    assert_eq!(gate.watch(1.0, 1.0), Ok(None));
    // Nothing is known: no bet.
    assert_eq!(gate.evidence(), Evidence { pass: 0.0, fail: 0.0 });
    gate.watch(1.0, 1.0).unwrap();
    // μ̂ = 0.75, σ̂² = (0.25 + 0.25²)/2: λ = 0.25/(0.15625 + 0.0625) = 1.142…, clipped to 1.
    near(gate.evidence().pass, 1.5_f64.ln(), 1e-12);
    gate.watch(0.0, 1.0).unwrap();
    near(gate.evidence().pass, 0.75_f64.ln(), 1e-12);
    assert_eq!(gate.evidence().fail, 0.0);
    assert_eq!(gate.history().len(), 3);
}

#[test]
fn verdicts_stand_and_the_cap_ends_the_watch() {
    let claim = Claim::at_least(0.5, 0.0..=1.0, 1.0..=1.0).unwrap();
    let mut gate = Gate::new(claim, 0.05, 100).unwrap();
    let passed_after = (1..=100).find(|_| gate.watch(1.0, 1.0).unwrap().is_some());
    assert_eq!((gate.verdict(), gate.decided_after()), (Some(Verdict::Pass), passed_after));
    for _ in 0..200 {
        gate.watch(0.0, 1.0).unwrap();
    }
    assert!(gate.evidence().fail > gate.threshold(), "evidence goes on");
    assert_eq!(gate.verdict(), Some(Verdict::Pass), "the verdict does not");

    let mut short = Gate::new(claim, 0.05, 2).unwrap();
    assert_eq!(short.watch(1.0, 1.0), Ok(None));
    assert_eq!(short.watch(0.0, 1.0), Ok(Some(Verdict::NotEnoughEvidence)));
}

#[test]
fn at_most_mirrors_at_least() {
    let mut least = Gate::new(Claim::at_least(0.3, 0.0..=1.0, 1.0..=1.0).unwrap(), 0.05, 100).unwrap();
    let mut most = Gate::new(Claim::at_most(0.3, 0.0..=1.0, 1.0..=1.0).unwrap(), 0.05, 100).unwrap();
    for x in [0.1, 0.9, 0.4, 0.2, 0.0, 0.1] {
        least.watch(x, 1.0).unwrap();
        most.watch(x, 1.0).unwrap();
        near(least.evidence().pass, most.evidence().fail, 1e-12);
        near(least.evidence().fail, most.evidence().pass, 1e-12);
    }
}

#[test]
fn what_cannot_be_watched_is_refused() {
    // Agreement is never below 0: a margin there decides nothing.
    assert_eq!(Claim::at_least(0.0, 0.0..=1.0, 0.0..=1.0), Err(SequentialError::Margin { margin: 0.0 }));
    assert!(Claim::at_least(2.0, 0.0..=1.0, 1.0..=1.0).is_err());
    assert!(Claim::at_least(0.5, 0.0..=f64::INFINITY, 1.0..=1.0).is_err());
    assert!(Claim::at_least(f64::NAN, 0.0..=1.0, 1.0..=1.0).is_err());
    let claim = Claim::at_least(0.5, 0.0..=1.0, 1.0..=1.0).unwrap();
    assert_eq!(Gate::new(claim, 0.0, 1), Err(SequentialError::Alpha(0.0)));
    let mut gate = Gate::new(claim, 0.05, 10).unwrap();
    assert_eq!(gate.watch(1.5, 1.0), Err(SequentialError::OutOfBounds { low: -0.5, high: 0.5, found: 1.0 }));
    assert!(gate.watch(f64::NAN, 1.0).is_err());
    assert_eq!(gate.history(), []);
}

#[test]
fn several_claims_make_one_verdict() {
    use Verdict::{Fail, NotEnoughEvidence, Pass};
    let cases = [
        (vec![], Some(Pass)),
        (vec![Some(Pass), Some(Pass)], Some(Pass)),
        (vec![Some(Pass), None], None),
        (vec![Some(NotEnoughEvidence), None], None),
        (vec![Some(NotEnoughEvidence), Some(Pass)], Some(NotEnoughEvidence)),
        (vec![None, Some(Fail)], Some(Fail)),
    ];
    for (verdicts, expected) in cases {
        assert_eq!(all_of(&verdicts), expected, "{verdicts:?}");
    }
}

#[test]
fn planned_families_have_the_planned_power() {
    // Means of normal families with sd 2, a margin of 0, the truth at 0.8.
    let planned = families_by_sd(2.0, 0.8, 0.05, 0.9).unwrap();
    assert!(detectable_by_sd(2.0, planned, 0.05, 0.9).unwrap() <= 0.8);
    assert!(detectable_by_sd(2.0, planned - 1, 0.05, 0.9).unwrap() > 0.8);
}

#[test]
fn a_pilot_plans_an_audit_that_decides() {
    use Verdict::{Fail, Pass};
    let mut random = random(61);
    for (population, truth, verdict) in [
        (Population::Rate, 0.005, Pass),
        (Population::Rate, 0.1, Fail),
        (Population::Difference, 0.05, Pass),
        (Population::Difference, -0.2, Fail),
        (Population::Agreement, 1.0, Pass),
    ] {
        let (bounds, pilot) = (population.bounds(), population.limits(truth, 1000, &mut random));
        let planned = families(&pilot, &bounds, truth, 0.05, 0.9).unwrap();
        let decided = |random: &mut ChaCha8Rng| {
            let found = population.limits(truth, planned, random);
            let ends = |alpha, growth| found.gate_ends(alpha, growth);
            judge(found.value(), planned, ends, &bounds, 0.05).verdict == verdict
        };
        let share = (0..200).filter(|_| decided(&mut random)).count() as f64 / 200.0;
        // Two standard errors of 90 % are 4.2 points.
        assert!((0.81..=1.0).contains(&share), "{population:?} at {truth}: {share} of audits of {planned} families");
        // So many families tell no truth that is much nearer to the margin.
        let pilot = population.limits(truth, planned, &mut random);
        let distance = decidable(&pilot, &bounds, 0.05, 0.9).unwrap();
        let planned_for = (truth - population.margin()).abs();
        assert!((0.6..=1.5).contains(&(distance / planned_for)), "{population:?}: {distance}, planned {planned_for}");
    }
    let sure = Population::Rate.limits(0.0, 40, &mut random);
    // No event in 59, and a little more for the uncertain spread.
    assert!((59..=62).contains(&families(&sure, &Population::Rate.bounds(), 0.0, 0.05, 0.9).unwrap()));
    assert_eq!(families(&sure, &Population::Rate.bounds(), 0.05, 0.05, 0.9), None, "on the margin");
}

#[test]
fn plans_that_make_no_sense_have_no_answer() {
    assert_eq!(families_by_sd(1.0, 0.0, 0.05, 0.9), None);
    assert_eq!(families_by_sd(1.0, f64::NAN, 0.05, 0.9), None);
    assert_eq!(families_by_sd(f64::INFINITY, 0.1, 0.05, 0.9), None);
    assert_eq!(families_by_sd(1.0, 1e-9, 0.05, 0.9), None);
    assert_eq!(families_by_sd(0.0, 0.1, 0.05, 0.9), Some(2));
    assert_eq!(detectable_by_sd(1.0, 1, 0.05, 0.9), None);
    assert_eq!(detectable_by_sd(1.0, 10, 1.0, 0.9), None);
}

/// n asked and N other families; a signal f with correlation about `trust` to Y, whose mean is 0.4.
fn ppi_case(asked: usize, others: usize, trust: f64, random: &mut ChaCha8Rng) -> (Vec<(f64, f64)>, Vec<f64>) {
    let mut draw = || {
        let signal = normal(random);
        (0.4 + trust * signal + (1.0 - trust * trust).sqrt() * normal(random), 5.0 + signal)
    };
    let asked = (0..asked).map(|_| draw()).collect();
    (asked, (0..others).map(|_| draw().1).collect())
}

#[test]
fn prediction_powered_means_cover_and_save() {
    let mut random = random(71);
    let audits = 1500;
    for (asked, others, trust, saving) in
        [(12, 200, 0.9, 3.0), (40, 400, 0.9, 3.0), (40, 400, 0.0, 0.95), (40, 40, -0.8, 0.95)]
    {
        let (mut hits, mut effective) = (0, 0.0);
        for _ in 0..audits {
            let (labelled, rest) = ppi_case(asked, others, trust, &mut random);
            let found = ppi_mean(&labelled, &rest, 0.95).unwrap();
            assert!((0.0..=1.0).contains(&found.lambda));
            hits += usize::from((found.low..=found.high).contains(&0.4));
            effective += found.effective_families / asked as f64 / f64::from(audits);
        }
        let coverage = hits as f64 / f64::from(audits);
        eprintln!("{asked} of {others}, {trust}: coverage {coverage}, effective {effective:.2}");
        let slack = 2.0 * (0.95 * 0.05 / f64::from(audits)).sqrt();
        assert!((0.93 - slack..=0.97 + slack).contains(&coverage), "{asked} of {others}, {trust}: {coverage}");
        assert!(effective > saving, "{asked} of {others}, {trust}: {effective}");
    }
}

fn plain(table: &FamilyTable) -> Limits {
    Limits::new(table, Shape::ANY, |_| 1.0, ratio).unwrap()
}

/// With what the student alone did.
fn helped(table: &FamilyTable, signals: &[Vec<f64>], rest: &[Vec<f64>]) -> Estimate {
    ppi::helped(plain(table), table, ratio, signals, rest).estimate(0.95, 1)
}

/// A ratio of family means, 5/6, whose numerator and denominator both go along with one of two signals.
fn ratio_case(asked: usize, others: usize, random: &mut ChaCha8Rng) -> (FamilyTable, Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let mut table = FamilyTable::new(2);
    let (mut signals, mut rest) = (Vec::new(), Vec::new());
    for family in 0..asked + others {
        let hardness = normal(random).tanh();
        let signal = vec![hardness + 0.2 * normal(random), 7.0 + normal(random)];
        let sums = [0.5 + 0.3 * hardness + 0.1 * normal(random), 0.6 + 0.1 * hardness + 0.1 * normal(random)];
        if family < asked {
            table.add(&format!("{family:04}"), &sums, 1);
            signals.push(signal);
        } else {
            rest.push(signal);
        }
    }
    (table, signals, rest)
}

#[test]
fn the_student_alone_narrows_the_interval_of_a_ratio_that_still_covers() {
    let mut random = random(73);
    let audits = 600;
    let width = |estimate: &Estimate| estimate.interval.map(|interval| interval.high - interval.low).unwrap();
    for (asked, others, narrower) in [(12, 120, 1.0), (30, 300, 0.9), (60, 300, 0.85), (60, 20, 0.95)] {
        let (mut hits, mut share, mut worth) = (0, 0.0, 0.0);
        for _ in 0..audits {
            let (table, signals, rest) = ratio_case(asked, others, &mut random);
            let alone = plain(&table).estimate(0.95, 1);
            let helped = helped(&table, &signals, &rest);
            let found = helped.interval.unwrap();
            hits += usize::from((found.low..=found.high).contains(&(5.0 / 6.0)));
            share += width(&helped) / width(&alone) / f64::from(audits);
            let alone = helped.student_alone.unwrap();
            assert_eq!((alone.families, helped.n_families), (others as u64, asked as u64));
            worth += alone.worth / f64::from(audits);
        }
        let coverage = hits as f64 / f64::from(audits);
        eprintln!("{asked} asked, {others} others: coverage {coverage:.3}, width {share:.2}, worth {worth:.1}");
        let slack = 2.0 * (0.95 * 0.05 / f64::from(audits)).sqrt();
        assert!((0.93 - slack..=0.98 + slack).contains(&coverage), "{asked} of {others}: {coverage}");
        assert!(share < narrower, "{asked} of {others}: {share}");
    }
}

#[test]
fn without_others_the_estimate_is_the_plain_one() {
    let mut random = random(74);
    let (table, signals, rest) = ratio_case(20, 5, &mut random);
    let plain = plain(&table).estimate(0.95, 1);
    let found = |signals: &[Vec<f64>], rest: &[Vec<f64>]| helped(&table, signals, rest);
    assert_eq!(found(&signals, &[]), plain);
    assert_eq!(found(&signals[1..], &rest), plain, "a signal is missing");
    let mut broken = rest.clone();
    broken[2][0] = f64::NAN;
    assert_eq!(found(&signals, &broken), plain);
    assert_ne!(found(&signals, &rest), plain);
}

#[test]
fn prediction_powered_means_of_small_cases() {
    let plain = ppi_mean(&[(1.0, 0.0), (3.0, 9.0)], &[], 0.95).unwrap();
    assert_eq!((plain.value, plain.lambda, plain.effective_families), (2.0, 0.0, 2.0));
    near(plain.high - plain.value, 12.706_204_736, 1e-6);
    // A signal that never varies says nothing.
    let flat = [(1.0, 5.0), (2.0, 5.0), (3.0, 5.0), (4.0, 5.0)];
    assert_eq!(ppi_mean(&flat, &[5.0; 9], 0.95).unwrap().value, 2.5);
    assert_eq!(ppi_mean(&[(1.0, 1.0)], &[1.0, 2.0], 0.95), None);
    assert_eq!(ppi_mean(&[(1.0, 1.0), (f64::NAN, 1.0)], &[1.0, 2.0], 0.95), None);
}
