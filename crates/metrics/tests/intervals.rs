//! Intervals, gates and tests against truth, by seeded simulation, and against reference values.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod support;

use hydrometer_metrics::stats::gate::{Bounds, judge};
use hydrometer_metrics::stats::interval::{clopper_pearson, estimate, jackknife};
use hydrometer_metrics::stats::significance::{benjamini_hochberg, holm, two_sided_p};
use hydrometer_metrics::stats::slices;
use hydrometer_metrics::{Estimate, FamilyTable, Interval, IntervalMethod, Verdict};
use rand::Rng;
use support::{normal, random};

fn ratio(sums: &[f64]) -> Option<f64> {
    (sums[1] > 0.0).then(|| sums[0] / sums[1])
}

/// How the ratio of a family, and its weight, are drawn. Each family has 5 to 39 items.
#[derive(Clone, Copy, Debug)]
enum Population {
    /// A normal family effect and normal items: mean 2.
    Normal,
    /// Log-normal family effects (σ = 0.5), as a divergence has: mean 1.
    Skewed,
    /// Log-normal with σ = 1: a divergence carried by a few families: mean 1.
    Heavy,
    /// A rate of about 0.9 per family, items right or wrong.
    Rate,
    /// A share of a random, correlated denominator, as tail kept is: 2/3.
    Share,
}

impl Population {
    fn truth(self) -> f64 {
        match self {
            Self::Normal => 2.0,
            Self::Skewed | Self::Heavy => 1.0,
            Self::Rate => 0.9,
            Self::Share => 2.0 / 3.0,
        }
    }

    fn family(self, random: &mut impl Rng) -> [f64; 2] {
        let items = f64::from(random.random_range(5..40_u32));
        match self {
            Self::Normal => {
                let mean = 2.0 + 0.5 * normal(random) + normal(random) / items.sqrt();
                [items * mean, items]
            }
            Self::Skewed | Self::Heavy => {
                let sigma = if let Self::Heavy = self { 1.0 } else { 0.5 };
                let effect = (sigma * normal(random) - 0.5 * sigma * sigma).exp();
                let noise = 1.0 + 0.5 * normal(random) / items.sqrt();
                [items * effect * noise, items]
            }
            Self::Rate => {
                // Beta(9, 1): the ninth root of a uniform number.
                let rate = random.random::<f64>().powf(1.0 / 9.0);
                let right = (0..items as u32).filter(|_| random.random::<f64>() < rate);
                [right.count() as f64, items]
            }
            Self::Share => {
                let denominator = items * (0.6 * normal(random)).exp();
                // The middle of three uniform numbers, squeezed into [1/3, 1].
                let mut draws: [f64; 3] = std::array::from_fn(|_| random.random());
                draws.sort_by(f64::total_cmp);
                [denominator * (1.0 + 2.0 * draws[1]) / 3.0, denominator]
            }
        }
    }

    fn table(self, families: usize, random: &mut impl Rng) -> FamilyTable {
        let mut table = FamilyTable::new(2);
        for family in 0..families {
            table.add(&format!("{family:04}"), &self.family(random), 1);
        }
        table
    }
}

/// A way to an interval.
type Method = fn(&FamilyTable) -> Option<Interval>;

fn used(table: &FamilyTable) -> Option<Interval> {
    estimate(table, 0.95, ratio)?.interval
}

/// Share of simulated audits whose 95 % interval contains the truth.
fn coverage(population: Population, families: usize, audits: usize, method: Method) -> f64 {
    let mut random = random(families as u64 * 31 + population as u64);
    let hits = (0..audits)
        .filter(|_| {
            let interval = method(&population.table(families, &mut random)).unwrap();
            (interval.low..=interval.high).contains(&population.truth())
        })
        .count();
    hits as f64 / audits as f64
}

#[test]
#[ignore = "writes the table of docs/metrics/intervals.md: run it alone, optimised, with --nocapture"]
fn coverage_table() {
    let methods: [(&str, Method); 2] = [("used", used), ("jackknife-t", |table| jackknife(table, 0.95, ratio))];
    for population in [Population::Normal, Population::Skewed, Population::Heavy, Population::Rate, Population::Share] {
        for (name, method) in methods {
            let cells: Vec<String> = [8, 20, 60, 200]
                .iter()
                .map(|&families| format!("{:.1}", 100.0 * coverage(population, families, 1000, method)))
                .collect();
            eprintln!("| {population:?} | {name} | {} |", cells.join(" | "));
        }
    }
}

/// Audits per cell with few families: standard error 0.6 points; and with many, where one costs more: 0.8 points.
const AUDITS: usize = 1200;
const MANY_AUDITS: usize = 800;

/// Coverage in every cell, aimed at 93–97 %, with two standard errors of Monte-Carlo slack on either side.
#[track_caller]
fn check_coverage(population: Population) {
    for families in [8, 20, 60, 200] {
        let audits = if families < 50 { AUDITS } else { MANY_AUDITS };
        let slack = 2.0 * (0.95 * 0.05 / audits as f64).sqrt();
        let found = coverage(population, families, audits, used);
        eprintln!("coverage {population:?} G={families}: {:.1} %", 100.0 * found);
        assert!(
            (0.93 - slack..=0.97 + slack).contains(&found),
            "{population:?} with {families} families: {found}, expected 0.93 to 0.97 ± {slack:.3}"
        );
    }
}

#[test]
fn covers_normal_families() {
    check_coverage(Population::Normal);
}

#[test]
fn covers_skewed_families() {
    check_coverage(Population::Skewed);
}

#[test]
fn covers_rates() {
    check_coverage(Population::Rate);
}

#[test]
fn covers_shares() {
    check_coverage(Population::Share);
}

#[test]
fn false_alarms_at_the_margin_stay_below_five_per_cent() {
    let (audits, truth) = (2000, Population::Normal.truth());
    let slack = 2.0 * (0.05 * 0.95 / f64::from(audits)).sqrt();
    let mut random = random(77);
    let mut counts = [0.0; 4];
    let bounds = [
        Bounds { at_least: Some(truth), at_most: None },
        Bounds { at_least: None, at_most: Some(truth) },
        // TOST with the truth on its lower margin.
        Bounds { at_least: Some(truth), at_most: Some(truth + 2.0) },
    ];
    for _ in 0..audits {
        let table = Population::Normal.table(60, &mut random);
        let estimate = estimate(&table, 0.95, ratio).unwrap();
        for (count, bounds) in counts.iter_mut().zip(&bounds) {
            if judge(&estimate, bounds, 0.05).verdict == Verdict::Pass {
                *count += 1.0;
            }
        }
        if judge(&estimate, &bounds[0], 0.05).verdict == Verdict::Fail {
            counts[3] += 1.0;
        }
    }
    for count in counts {
        let rate = count / f64::from(audits);
        // Not far below either: a gate that never decides also has no false alarms.
        assert!((0.03..=0.05 + slack).contains(&rate), "{rate}");
    }
}

#[test]
fn slices_of_one_population_rarely_differ_and_others_do() {
    let mut random = random(5);
    let audits = 2000;
    let (mut alarms, mut found) = (0.0, 0.0);
    for _ in 0..audits {
        let slice = Population::Normal.table(10, &mut random);
        let rest = Population::Normal.table(50, &mut random);
        if slices::compare(&slice, &rest, ratio).unwrap() < 0.05 {
            alarms += 1.0;
        }
        let mut moved = FamilyTable::new(2);
        for (family, sums, items) in slice.rows() {
            moved.add(family, &[sums[0] + sums[1], sums[1]], items);
        }
        if slices::compare(&moved, &rest, ratio).unwrap() < 0.05 {
            found += 1.0;
        }
    }
    let rate = alarms / f64::from(audits);
    assert!((0.03..=0.07).contains(&rate), "false alarms {rate}");
    assert!(found / f64::from(audits) > 0.95, "power {found}");
}

#[test]
fn slices_that_share_every_family_are_paired() {
    // The rest of every family is its slice minus 0.2: between-family spread must cancel.
    let mut random = random(6);
    let (mut slice, mut rest) = (FamilyTable::new(2), FamilyTable::new(2));
    for family in 0..20 {
        let effect = 5.0 * normal(&mut random);
        let name = format!("{family:02}");
        slice.add(&name, &[effect, 1.0], 1);
        rest.add(&name, &[effect - 0.2 + 0.05 * normal(&mut random), 1.0], 1);
    }
    assert!(slices::compare(&slice, &rest, ratio).unwrap() < 1e-6);
    let few = slice.filter(|family| family < "03");
    assert_eq!(slices::compare(&few, &rest, ratio), None);
}

fn table(rows: &[[f64; 2]]) -> FamilyTable {
    let mut table = FamilyTable::new(2);
    for (family, row) in rows.iter().enumerate() {
        table.add(&format!("{family:02}"), row, 2);
    }
    table
}

#[test]
fn undefined_numbers_have_no_interval_and_no_value() {
    assert_eq!(estimate(&FamilyTable::new(2), 0.95, ratio), None);
    assert_eq!(estimate(&table(&[[0.0, 0.0], [0.0, 0.0]]), 0.95, ratio), None);
    let one = estimate(&table(&[[1.0, 2.0]]), 0.95, ratio).unwrap();
    assert_eq!((one.value, one.interval, one.n_families, one.n_items), (0.5, None, 1, 2));
    // Without the first family the denominator is 0.
    let lonely = estimate(&table(&[[1.0, 2.0], [0.0, 0.0]]), 0.95, ratio).unwrap();
    assert_eq!((lonely.value, lonely.interval), (0.5, None));
    let equal = estimate(&table(&[[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]), 0.95, ratio).unwrap();
    let interval = equal.interval.unwrap();
    assert_eq!((interval.low, interval.high), (0.5, 0.5));
    assert_eq!(estimate(&table(&[[1.0, 1.0]]), 0.95, |_| Some(f64::NAN)), None);
}

#[test]
fn jackknife_of_a_mean_is_the_t_interval() {
    // Reference: tests/reference/tests.py
    let values: Vec<[f64; 2]> = (0..60).map(|k| [f64::from(k * k % 17), 1.0]).collect();
    let found = estimate(&table(&values), 0.95, ratio).unwrap();
    let interval = found.interval.unwrap();
    assert_eq!(interval.method, IntervalMethod::JackknifeT);
    near(found.value, MEAN_OF_60[0]);
    near(interval.low, MEAN_OF_60[1]);
    near(interval.high, MEAN_OF_60[2]);
}

#[test]
fn few_families_get_the_bootstrap_and_the_same_bytes_twice() {
    let table = Population::Skewed.table(12, &mut random(9));
    let first = estimate(&table, 0.95, ratio).unwrap();
    assert_eq!(first, estimate(&table, 0.95, ratio).unwrap());
    let interval = first.interval.unwrap();
    assert_eq!(interval.method, IntervalMethod::BootstrapT);
    let narrow = estimate(&table, 0.90, ratio).unwrap().interval.unwrap();
    assert!(interval.low < narrow.low && narrow.high < interval.high);
    let plain = jackknife(&table, 0.95, ratio).unwrap();
    assert!(interval.low <= plain.low && plain.high <= interval.high);
    assert!(interval.high - interval.low > plain.high - plain.low);
}

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-9 + 1e-8 * expected.abs(), "found {found}, expected {expected}");
}

include!("reference/tests_values.rs");

#[test]
fn proportions_agree_with_scipy() {
    for (k, n, level, exact_low, exact_high) in PROPORTIONS {
        let exact = clopper_pearson(k, n, level).unwrap();
        near(exact.low, exact_low);
        near(exact.high, exact_high);
    }
    assert_eq!(clopper_pearson(0, 0, 0.95), None);
    assert_eq!(clopper_pearson(2, 1, 0.95), None);
}

#[test]
fn tests_agree_with_scipy() {
    for (t, df, p) in T_TESTS {
        near(two_sided_p(t, df).unwrap(), p);
    }
    for (found, expected) in holm(&P_VALUES).into_iter().zip(HOLM) {
        near(found, expected);
    }
    for (found, expected) in benjamini_hochberg(&P_VALUES).into_iter().zip(BENJAMINI_HOCHBERG) {
        near(found, expected);
    }
    assert_eq!(two_sided_p(f64::NAN, 5.0), None);
    assert_eq!(two_sided_p(1.0, 0.0), None);
    assert!(holm(&[]).is_empty() && benjamini_hochberg(&[]).is_empty());
}

/// An estimate of 100 families with this interval, at the level a gate at 5 % wants.
fn estimated(value: f64, low: f64, high: f64) -> Estimate {
    Estimate {
        value,
        interval: Some(Interval { low, high, level: 0.90, method: IntervalMethod::JackknifeT }),
        n_families: 100,
        n_items: 100,
        excluded: Vec::new(),
        floor: None,
        student_alone: None,
    }
}

#[test]
fn gates_answer_in_three_ways() {
    use Verdict::{Fail, NotEnoughEvidence, Pass};
    let (low, high) = (Some(0.8), Some(1.2));
    let cases = [
        // value, interval, bounds, verdict, further families
        (0.9, 0.85, 0.95, low, None, Pass, None),
        (0.7, 0.65, 0.75, low, None, Fail, None),
        // Half-width 0.2 must shrink to 0.1: four times as many.
        (0.9, 0.7, 1.1, low, None, NotEnoughEvidence, Some(300)),
        // Leans to failing: the upper half 0.2 must shrink to 0.1.
        (0.7, 0.6, 0.9, low, None, NotEnoughEvidence, Some(300)),
        // On the margin no number of families is expected to decide.
        (0.8, 0.7, 0.9, low, None, NotEnoughEvidence, None),
        (0.8, 0.8, 0.8, low, None, Pass, None),
        (1.1, 1.05, 1.15, None, high, Pass, None),
        (1.3, 1.25, 1.35, None, high, Fail, None),
        (1.3, 1.1, 1.5, None, high, NotEnoughEvidence, Some(300)),
        (1.0, 0.85, 1.15, low, high, Pass, None),
        (0.7, 0.6, 0.79, low, high, Fail, None),
        // Both sides must clear: the upper needs (0.4/0.2)² as many, the lower (0.3/0.2)².
        (1.0, 0.7, 1.4, low, high, NotEnoughEvidence, Some(300)),
        (5.0, 0.0, 9.0, None, None, Pass, None),
    ];
    for (value, below, above, at_least, at_most, verdict, more) in cases {
        let answer = judge(&estimated(value, below, above), &Bounds { at_least, at_most }, 0.05);
        assert_eq!((answer.verdict, answer.more_families), (verdict, more), "{value} [{below}, {above}]");
    }
    let mut blind = estimated(0.9, 0.85, 0.95);
    blind.interval = None;
    let answer = judge(&blind, &Bounds { at_least: low, at_most: None }, 0.05);
    assert_eq!((answer.verdict, answer.more_families), (NotEnoughEvidence, None));
}

#[test]
fn gates_rescale_intervals_of_another_level() {
    // At 95 % the interval [0.79, 1.01] misses 0.8; its one-sided 95 % bound is 0.9 − 0.11·1.6604/1.9842.
    let mut wide = estimated(0.9, 0.79, 1.01);
    wide.interval.as_mut().unwrap().level = 0.95;
    let gate = |margin| judge(&wide, &Bounds { at_least: Some(margin), at_most: None }, 0.05).verdict;
    assert_eq!(gate(0.8079), Verdict::Pass);
    assert_eq!(gate(0.8081), Verdict::NotEnoughEvidence);
}

#[test]
fn every_interval_is_rescaled_by_its_own_law() {
    // The smallest level at which a gate fails whose margin lies `halves` half-widths of the 95 % interval away.
    let p = |method: IntervalMethod, families: u64, halves: f64| {
        let mut wide = estimated(0.5, 0.4, 0.6);
        wide.interval = wide.interval.map(|interval| Interval { level: 0.95, method, ..interval });
        wide.n_families = families;
        let bounds = Bounds { at_least: Some(0.5 + 0.1 * halves), at_most: None };
        let fails = |alpha: f64| judge(&wide, &bounds, alpha).verdict == Verdict::Fail;
        let (mut low, mut high) = (1e-6, 0.4);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if fails(middle) { high = middle } else { low = middle }
        }
        high
    };
    // z₀.₉₉₅ / z₀.₉₇₅ half-widths: 0.005 by the normal law, by Student's t with 7 degrees of freedom 0.0086.
    let halves = 2.575_829_3 / 1.959_964;
    for method in [IntervalMethod::JackknifeT, IntervalMethod::BootstrapT] {
        let found = p(method, 8, halves);
        assert!((found - 0.008_56).abs() < 5e-5, "{method:?}: {found}");
        // Many families are normal.
        assert!((p(method, 1_000_000, halves) - 0.005).abs() < 1e-5, "{method:?}");
    }
}

#[test]
fn an_exact_interval_is_computed_again() {
    // No event in 30 families: the one-sided bound at 99.9 % is 1 − 0.001^(1/30), not the one at 97.5 % stretched.
    let mut none = estimated(0.0, 0.0, clopper_pearson(0, 30, 0.95).unwrap().high);
    none.n_families = 30;
    none.interval = none.interval.map(|i| Interval { level: 0.95, method: IntervalMethod::ClopperPearson, ..i });
    let bound = 1.0 - 0.001_f64.powf(1.0 / 30.0);
    let passes =
        |margin: f64| judge(&none, &Bounds { at_least: None, at_most: Some(margin) }, 0.001).verdict == Verdict::Pass;
    assert!(passes(bound + 1e-6) && !passes(bound - 1e-6));
    // A difference that no family shows: the same bound on both sides.
    let mut equal = none.clone();
    equal.interval = equal.interval.map(|i| Interval { low: -i.high, ..i });
    let passes =
        |margin: f64| judge(&equal, &Bounds { at_least: Some(-margin), at_most: None }, 0.001).verdict == Verdict::Pass;
    assert!(passes(bound + 1e-6) && !passes(bound - 1e-6));
}
