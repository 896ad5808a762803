//! Intervals, gates and tests against truth, by seeded simulation, and against reference values.
#![allow(clippy::unwrap_used)]

use crate::support;

use hydrometer_metrics::stats::gate::{Bounds, failure_p, judge};
use hydrometer_metrics::stats::interval::{clopper_pearson, estimate, jackknife};
use hydrometer_metrics::stats::limits::{Limits, Shape};
use hydrometer_metrics::stats::significance::{benjamini_hochberg, holm, two_sided_p};
use hydrometer_metrics::stats::slices;
use hydrometer_metrics::{FamilyTable, IntervalMethod, Verdict};
use rand::Rng;
use support::{normal, random};

fn ratio(sums: &[f64]) -> Option<f64> {
    (sums[1] > 0.0).then(|| sums[0] / sums[1])
}

/// How the ratio of a family is drawn, of 5 to 39 items.
#[derive(Clone, Copy, Debug)]
enum Population {
    /// A normal family effect and normal items: mean 2.
    Normal,
    /// Log-normal family effects (σ = 0.5), as a divergence has: mean 1.
    Skewed,
}

impl Population {
    fn family(self, random: &mut impl Rng) -> [f64; 2] {
        let items = f64::from(random.random_range(5..40_u32));
        match self {
            Self::Normal => {
                let mean = 2.0 + 0.5 * normal(random) + normal(random) / items.sqrt();
                [items * mean, items]
            }
            Self::Skewed => {
                let effect = (0.5 * normal(random) - 0.125).exp();
                let noise = 1.0 + 0.5 * normal(random) / items.sqrt();
                [items * effect * noise, items]
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

/// Limits of a ratio of sums, its denominators the weights.
fn limits(table: &FamilyTable, shape: Shape) -> Limits {
    Limits::new(table, shape, |sums| sums[1], ratio).unwrap()
}

fn verdict(limits: &Limits, bounds: &Bounds, alpha: f64) -> Verdict {
    let ends = |alpha, growth| limits.gate_ends(alpha, growth);
    judge(limits.value(), limits.families(), ends, bounds, alpha).verdict
}

#[test]
fn false_alarms_at_the_margin_stay_below_five_per_cent() {
    let (audits, truth) = (2000, 2.0);
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
        let table = Population::Normal.table(80, &mut random);
        let limits = limits(&table, Shape::ANY);
        for (count, bounds) in counts.iter_mut().zip(&bounds) {
            if verdict(&limits, bounds, 0.05) == Verdict::Pass {
                *count += 1.0;
            }
        }
        if verdict(&limits, &bounds[0], 0.05) == Verdict::Fail {
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
    let audits = 600;
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
    // 600 audits put three standard errors at 2.7 points.
    assert!((0.02..=0.07).contains(&rate), "false alarms {rate}");
    assert!(found / f64::from(audits) > 0.9, "power {found}");
}

#[test]
fn few_families_with_long_tails_do_not_differ_from_many() {
    let mut random = random(8);
    let audits = 600;
    let heavy = |families: usize, random: &mut _| {
        let rows: Vec<[f64; 2]> = (0..families).map(|_| [normal(random).exp(), 1.0]).collect();
        table(&rows)
    };
    let alarms = (0..audits)
        .filter(|_| {
            let (mut slice, mut rest) = (FamilyTable::new(2), FamilyTable::new(2));
            for (family, sums, _) in heavy(44, &mut random).rows() {
                if family < "04" { slice.add(family, sums, 1) } else { rest.add(family, sums, 1) }
            }
            slices::compare(&slice, &rest, ratio).unwrap() <= 0.05
        })
        .count();
    // Student's t alarms in 16 %; 600 audits put two standard errors at 1.8 points.
    assert!(alarms as f64 / f64::from(audits) <= 0.068, "{alarms} of {audits}");
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
    assert!(slices::compare(&slice, &rest, ratio).unwrap() < 5e-4);
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
    assert_eq!((lonely.value, lonely.interval, lonely.n_families), (0.5, None, 1));
    let equal = estimate(&table(&[[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]), 0.95, ratio).unwrap();
    let interval = equal.interval.unwrap();
    assert_eq!((interval.low, interval.high), (0.5, 0.5));
    assert_eq!(estimate(&table(&[[1.0, 1.0]]), 0.95, |_| Some(f64::NAN)), None);
}

#[test]
fn jackknife_of_a_mean_is_the_t_interval() {
    // Reference: tests/reference/tests.py
    let values: Vec<[f64; 2]> = (0..60).map(|k| [f64::from(k * k % 17), 1.0]).collect();
    let interval = jackknife(&table(&values), 0.95, ratio).unwrap();
    assert_eq!(interval.method, IntervalMethod::JackknifeT);
    near((interval.low + interval.high) / 2.0, MEAN_OF_60[0]);
    near(interval.low, MEAN_OF_60[1]);
    near(interval.high, MEAN_OF_60[2]);
}

#[test]
fn few_families_get_the_bootstrap_and_the_same_bytes_twice() {
    let table = Population::Skewed.table(12, &mut random(9));
    let first = estimate(&table, 0.95, ratio).unwrap();
    assert_eq!(first, estimate(&table, 0.95, ratio).unwrap());
    let interval = first.interval.unwrap();
    assert_eq!(interval.method, IntervalMethod::HallBootstrap);
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
        // Both halves shrink as 1/√G.
        let ends = |_, growth: f64| {
            let side = |end: f64| value + (end - value) / growth.sqrt();
            Some((side(below), side(above)).into())
        };
        let answer = judge(value, 100, ends, &Bounds { at_least, at_most }, 0.05);
        assert_eq!((answer.verdict, answer.more_families), (verdict, more), "{value} [{below}, {above}]");
    }
    let answer = judge(0.9, 1, |_, _| None, &Bounds { at_least: low, at_most: None }, 0.05);
    assert_eq!((answer.verdict, answer.more_families), (NotEnoughEvidence, None));
}

#[test]
fn a_gate_asks_for_bounds_at_its_own_level() {
    // Family means of spread 1 around 0: the jackknife's t at 95 % one-sided, not the 97.5 % of the interval.
    let values: Vec<[f64; 2]> = (0..60).map(|k| [f64::from(k % 2) * 2.0, 1.0]).collect();
    let found = limits(&table(&values), Shape::ANY);
    let error = found.family_sd().unwrap() / 60_f64.sqrt();
    let gate = |margin: f64| verdict(&found, &Bounds { at_least: Some(margin), at_most: None }, 0.05);
    // t₀.₉₅ with 59 degrees of freedom; the bootstrap is a little wider.
    assert_eq!(gate(1.0 - 1.75 * error), Verdict::Pass);
    assert_eq!(gate(1.0 - 1.67 * error), Verdict::NotEnoughEvidence);
    let p = failure_p(|alpha| found.bounds(alpha), &Bounds { at_least: Some(1.0 + 2.5 * error), at_most: None });
    assert!((0.004..0.012).contains(&p), "{p}");
}

#[test]
fn bounds_are_not_cut_before_they_are_judged() {
    // An unbiased estimate around 1 whose range ends at 1: the bound at the gate's level is above the margin although the
    // interval that is shown ends at 1.
    let values: Vec<[f64; 2]> = (0..12).map(|k| [0.85 + 0.4 * f64::from(k % 2), 1.0]).collect();
    let found = limits(&table(&values), Shape::Between { low: Some(0.0), high: Some(1.0) });
    assert!(found.value() > 1.0 && found.bounds(0.05).unwrap().1 > 1.0);
    assert_ne!(verdict(&found, &Bounds { at_least: Some(0.99), at_most: None }, 0.05), Verdict::Fail);
}

#[test]
fn families_that_do_not_carry_a_number_do_not_count() {
    // Ten families with an event and ninety without a denominator: Clopper and Pearson of ten.
    let mut rows = vec![[0.0, 1.0]; 10];
    rows.extend(vec![[0.0, 0.0]; 90]);
    let found = limits(&table(&rows), Shape::Events);
    let exact = clopper_pearson(0, 10, 0.95).unwrap();
    let interval = found.interval(0.95).unwrap();
    assert_eq!((found.families(), interval.low), (10, 0.0));
    near(interval.high, exact.high);
    near(found.bounds(0.05).unwrap().1, 1.0 - 0.05_f64.powf(0.1));
    // What has a numerator without a denominator carries it.
    rows[99] = [1.0, 0.0];
    assert_eq!(limits(&table(&rows), Shape::Events).families(), 11);
}

#[test]
fn unequal_families_are_worth_fewer() {
    let found = limits(&table(&[[8.0, 8.0], [1.0, 1.0], [1.0, 1.0]]), Shape::Events);
    near(found.effective(), 100.0 / 66.0);
    assert_eq!(found.families(), 3);
    let even = limits(&table(&[[8.0, 8.0], [8.0, 8.0], [8.0, 8.0]]), Shape::Events);
    assert!(found.bounds(0.05).unwrap().0 < even.bounds(0.05).unwrap().0);
}

#[test]
fn no_spread_is_no_certainty() {
    let equal = |value: f64, families: usize, shape| limits(&table(&vec![[value, 1.0]; families]), shape);
    let share = Shape::Between { low: Some(0.0), high: Some(1.0) };
    let kept = |families, alpha| equal(1.0, families, share).bounds(alpha).unwrap();
    // No event in n trials.
    near(kept(20, 0.05).0, 0.05_f64.powf(1.0 / 20.0));
    near(kept(3, 0.025).0, 0.025_f64.powf(1.0 / 3.0));
    assert!(kept(58, 0.05).0 < 0.95 && kept(59, 0.05).0 > 0.95);
    // A number in the middle may move both ways, an amount by what its denominator may have missed.
    let u = 1.0 - 0.05_f64.powf(0.1);
    let middle = equal(0.4, 10, share).bounds(0.05).unwrap();
    near(middle.0, 0.4 * (1.0 - u));
    near(middle.1, 0.4 + u * 0.6);
    let amount = equal(0.4, 10, Shape::AMOUNT).bounds(0.05).unwrap();
    near(amount.1, 0.4 / (1.0 - u));
    let stated = equal(1.0, 20, share).estimate(0.95, 20);
    near(stated.unseen.unwrap(), 1.0 - 0.05_f64.powf(1.0 / 20.0));
    near(stated.effective_families.unwrap(), 20.0);
}

#[test]
fn the_number_of_further_families_is_that_of_the_rule() {
    let sure = limits(&table(&[[1.0, 1.0]; 20]), Shape::Events);
    let ends = |alpha, growth| sure.gate_ends(alpha, growth);
    let answer = judge(1.0, 20, ends, &Bounds { at_least: Some(0.95), at_most: None }, 0.05);
    assert_eq!((answer.verdict, answer.more_families), (Verdict::NotEnoughEvidence, Some(39)));
}

#[test]
fn few_families_that_carry_everything_do_not_explode() {
    // 29 small ones and one of 3: the bootstrap of t itself goes to 60.
    let mut rows: Vec<[f64; 2]> = (0..29).map(|k| [0.05 + 0.005 * f64::from(k % 5), 1.0]).collect();
    rows.push([3.0, 1.0]);
    let found = limits(&table(&rows), Shape::AMOUNT);
    let interval = found.interval(0.95).unwrap();
    assert!((0.3..=3.0).contains(&interval.high), "{interval:?}");
}

#[test]
fn methods_meet_where_they_change() {
    // 399 families are bootstrapped, 400 are not.
    let width = |families: usize| {
        let interval = limits(&Population::Skewed.table(families, &mut random(3)), Shape::ANY).interval(0.95).unwrap();
        (interval.method, interval.high - interval.low)
    };
    let ((before, narrow), (after, wide)) = (width(399), width(400));
    assert_eq!((before, after), (IntervalMethod::HallBootstrap, IntervalMethod::HallT));
    assert!((narrow / wide - 1.0).abs() < 0.06, "{narrow} {wide}");
}

#[test]
fn a_loss_of_five_per_cent_takes_59_families_to_exclude() {
    use hydrometer_metrics::stats::limits::{families_to_exclude, unseen};
    for (share, families) in [(0.05, 59), (0.1, 29), (0.5, 5), (0.01, 299)] {
        assert_eq!(families_to_exclude(share, 0.05), families);
        assert!(unseen(families as f64, 0.05) <= share && unseen(families as f64 - 1.0, 0.05) > share);
    }
}
