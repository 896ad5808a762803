//! Gates watched over simulated families whose truth is known.
#![allow(clippy::unwrap_used)]

use hydrometer_metrics::{FamilyTable, Verdict};
use hydrometer_probes::families::{FamilySizes, order_in};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{WATCHABLE, Watch, deciding, unwatched};
use crate::statement::Watched;
use crate::{Policy, tokens};

/// Positions of the largest family.
const LARGEST: u64 = 12;

const TOP: &str = "[[gate]]\nmetric = \"top1_agreement\"\nat_least = 0.8";

/// Families of 4 to 12 positions whose own rate of agreement varies around `rate`.
fn simulate(rate: f64, families: usize, seed: u64) -> FamilyTable {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut table = FamilyTable::new(tokens::COLUMNS);
    for family in 0..families {
        let own = rate + 0.3 * (random.random::<f64>() - 0.5);
        for _ in 0..random.random_range(4..=LARGEST) {
            let mut sums = [0.0; tokens::COLUMNS];
            sums[tokens::COUNT] = 1.0;
            sums[tokens::SAME_TOP] = f64::from(u8::from(random.random::<f64>() < own));
            sums[tokens::MASS + 2] = 0.1 * random.random::<f64>();
            sums[tokens::KEPT + 2] = sums[tokens::MASS + 2] * own.min(1.0);
            table.add(&format!("f{family}"), &sums, 1);
        }
    }
    table
}

fn watch(policy: &str, rate: f64, families: usize, seed: u64) -> Watched {
    let table = simulate(rate, families, seed);
    let deciding = deciding(&Policy::parse(policy).unwrap(), None, FamilySizes { count: 400, largest: LARGEST });
    let mut watch = Watch::new(&deciding, &[], None, seed).unwrap();
    watch.texts(&table).unwrap();
    watch.watched().remove(0)
}

fn count(policy: &str, rate: f64, verdict: Verdict) -> usize {
    (0..200).filter(|&seed| watch(policy, rate, 400, seed).verdict == verdict).count()
}

#[test]
fn wrong_calls_on_the_margin_stay_below_the_error_rate() {
    let tail = "[[gate]]\nmetric = \"tail_kept\"\nat_least = 0.8";
    for policy in [TOP, tail] {
        let [pass, fail] = [Verdict::Pass, Verdict::Fail].map(|verdict| count(policy, 0.8, verdict));
        assert!(pass <= 10 && fail <= 10, "{policy}: {pass} PASS and {fail} FAIL of 200 on the margin");
        assert_eq!(count(policy, 0.7, Verdict::Fail), 200, "{policy}: never deciding is no merit");
    }
    // Two margins: the truth on one of them.
    let both = "[[gate]]\nmetric = \"top1_agreement\"\nat_least = 0.8\nat_most = 0.9";
    assert!(count(both, 0.8, Verdict::Pass) + count(both, 0.8, Verdict::Fail) <= 10);
}

#[test]
fn the_loss_beside_a_pass_would_have_failed_in_the_whole_suite() {
    let two = "[[gate]]\nmetric = \"top1_agreement\"\nat_least = 0.6\nat_most = 0.95";
    let tail = "[[gate]]\nmetric = \"tail_kept\"\nat_least = 0.8";
    // Passed between two margins, each at half the error rate.
    for (policy, truth, margin) in [(TOP, 0.95, 0.8), (tail, 0.95, 0.8), (two, 0.8, 0.6)] {
        let passed: Vec<_> = (0..20).map(|seed| watch(policy, truth, 400, seed)).collect();
        let seen: Vec<f64> = passed.iter().filter_map(|watched| watched.detectable).collect();
        assert!(seen.len() > 5, "{policy}: {} of 20", seen.len());
        assert!(passed.iter().all(|watched| watched.verdict == Verdict::Pass || watched.detectable.is_none()));
        let mean = seen.iter().sum::<f64>() / seen.len() as f64;
        let found = count(policy, margin - mean, Verdict::Fail);
        assert!((160..=200).contains(&found), "{policy}: a loss of {mean} is found in {found} of 200");
    }
}

#[test]
fn a_loss_that_cannot_be_is_not_named() {
    // Nothing can fall by more than 0.05 below 0.05, and 140 families do not find that little: by the bounds alone, which
    // know nothing of the denominators, it would be 0.063.
    let low = "[[gate]]\nmetric = \"top1_agreement\"\nat_least = 0.05";
    let mut deciding = deciding(&Policy::parse(low).unwrap(), None, FamilySizes { count: 140, largest: LARGEST });
    let named = |deciding: &_| {
        let mut watch = Watch::new(deciding, &[], None, 1).unwrap();
        watch.texts(&simulate(0.9, 60, 1)).unwrap();
        let watched = watch.watched().remove(0);
        assert_eq!(watched.verdict, Verdict::Pass);
        watched.detectable
    };
    assert_eq!(named(&deciding), None);
    // A number from elsewhere costs no more than the largest that is believed.
    deciding.text_families = u64::MAX;
    assert!(named(&deciding).unwrap() < 0.01);
}

#[test]
fn the_history_is_thinned_and_ends_with_the_last_family() {
    let watched = watch(TOP, 0.8, 1_700, 3);
    assert_eq!((watched.families, watched.evidence.last().unwrap().families), (1_700, 1_700));
    assert!((200..=400).contains(&watched.evidence.len()), "{}", watched.evidence.len());
    assert!((watched.threshold - 20f64.ln()).abs() < 1e-9);
}

#[test]
fn families_may_be_taken_in_unit_by_unit() {
    let deciding = deciding(&Policy::parse(TOP).unwrap(), None, FamilySizes { count: 400, largest: LARGEST });
    let watch = || Watch::new(&deciding, &[], None, 5).unwrap();
    let (table, mut whole, mut pieces) = (simulate(0.8, 100, 1), watch(), watch());
    whole.texts(&table).unwrap();
    let mut families: Vec<_> = table.rows().map(|(family, ..)| family).collect();
    families.sort_by_key(|family| order_in(5, family));
    for unit in families.chunks(8) {
        pieces.texts(&table.filter(|family| unit.contains(&family))).unwrap();
    }
    assert_eq!(whole.watched(), pieces.watched());
    families.sort_by_key(|family| order_in(6, family));
    assert_ne!(families[..8], table.rows().map(|(family, ..)| family).collect::<Vec<_>>()[..8], "a random order");
}

#[test]
fn margins_that_the_bounds_decide_are_refused_and_others_explained() {
    let policy = Policy::parse("[[gate]]\nmetric = \"top1_agreement\"\nat_least = 1.0").unwrap();
    let refused = Watch::new(&deciding(&policy, None, FamilySizes { count: 5, largest: 5 }), &[], None, 1)
        .err()
        .unwrap()
        .to_string();
    assert!(refused.contains("top1_agreement") && refused.contains("bounds"), "{refused}");
    assert!(unwatched("kl_divergence").unwrap().contains("no tight bounds"));
    assert_eq!(unwatched("top1_agreement"), None);
    assert!(WATCHABLE.iter().all(|watchable| hydrometer_metrics::catalog::find(watchable.id).is_some()));
}
