//! Gates watched over simulated families whose truth is known.
#![allow(clippy::unwrap_used)]

use hydrometer_answers::Deciding;
use hydrometer_metrics::measure::{Sums, Table, tokens};
use hydrometer_metrics::{PositionStats, Verdict};
use hydrometer_probes::families::{FamilySizes, order_in};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Watch, unwatched};
use crate::issue::tests::rows;
use crate::statement::Watched;
use crate::{AuditError, Policy};

/// Positions of the largest family.
const LARGEST: u64 = 12;

const TOP: &str = "[[gate]]\nmetric = \"top1_agreement\"\nat_least = 0.8";

/// A position with this tail, of which so much is kept, and with the same favourite or not.
fn position(same_top: bool, tail: f32, kept: f32) -> PositionStats {
    PositionStats {
        target: 0,
        teacher_logprob: -1.0,
        student_logprob: -1.0,
        kl: 0.0,
        reverse_kl: 0.0,
        jsd: 0.0,
        overlap: 1.0,
        teacher_entropy: 1.0,
        student_entropy: 1.0,
        floored_mass: 0.0,
        teacher_top1: 0,
        student_top1: u32::from(!same_top),
        teacher_top1_prob: 0.5,
        student_top1_prob: 0.5,
        kendall_tau: 1.0,
        band_mass: [0.5, 0.5 - tail, tail, 0.0],
        band_overlap: [0.5, 0.5 - tail, kept, 0.0],
        band_invented: [0.0; 4],
        kl_at: [0.0; 9],
        kl_slope_at: [0.0; 9],
        compat_nll_base: 1.0,
        compat_nll: 1.0,
        compat_kl: 0.0,
        compat_same_top: same_top,
    }
}

/// Families of 4 to 12 positions whose own rate of agreement varies around `rate`; only those that are wanted.
fn simulate_some(rate: f64, families: usize, seed: u64, wanted: impl Fn(&str) -> bool) -> Sums {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut sums = Sums::new();
    for family in 0..families {
        let own = rate + 0.3 * (random.random::<f64>() - 0.5);
        let name = format!("f{family}");
        for _ in 0..random.random_range(4..=LARGEST) {
            let same_top = random.random::<f64>() < own;
            let tail = 0.1 * random.random::<f32>();
            if wanted(&name) {
                sums.position(&name, &position(same_top, tail, tail * own.min(1.0) as f32));
            }
        }
    }
    sums
}

fn simulate(rate: f64, families: usize, seed: u64) -> Sums {
    simulate_some(rate, families, seed, |_| true)
}

/// A run that stops by these gates, with so many texts.
fn deciding(policy: &Policy, texts: FamilySizes) -> Deciding {
    let FamilySizes { count: text_families, largest: largest_text } = texts;
    let planned = Deciding { alpha: 0.5, cap: None, largest_text, text_families, gates: Vec::new(), looks: Vec::new() };
    super::deciding(policy, &planned)
}

fn watching(deciding: &Deciding, seed: u64) -> Result<Watch, AuditError> {
    let mut plan = rows(Vec::new()).manifest;
    plan.settings.seed = seed;
    Watch::new(deciding, &plan, &[])
}

fn watch(policy: &str, rate: f64, families: usize, seed: u64) -> Watched {
    let sums = simulate(rate, families, seed);
    let deciding = deciding(&Policy::parse(policy).unwrap(), FamilySizes { count: 400, largest: LARGEST });
    let mut watch = watching(&deciding, seed).unwrap();
    watch.take(&sums).unwrap();
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
    let mut deciding = deciding(&Policy::parse(low).unwrap(), FamilySizes { count: 140, largest: LARGEST });
    let named = |deciding: &_| {
        let mut watch = watching(deciding, 1).unwrap();
        watch.take(&simulate(0.9, 60, 1)).unwrap();
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
    let deciding = deciding(&Policy::parse(TOP).unwrap(), FamilySizes { count: 400, largest: LARGEST });
    let watch = || watching(&deciding, 5).unwrap();
    let (sums, mut whole, mut pieces) = (simulate(0.8, 100, 1), watch(), watch());
    whole.take(&sums).unwrap();
    let rows = || sums.table(Table::Positions).rows().map(|(family, ..)| family);
    let mut families: Vec<_> = rows().collect();
    families.sort_by_key(|family| order_in(5, family));
    for unit in families.chunks(8) {
        pieces.take(&simulate_some(0.8, 100, 1, |family| unit.contains(&family))).unwrap();
    }
    assert_eq!(whole.watched(), pieces.watched());
    families.sort_by_key(|family| order_in(6, family));
    assert_ne!(families[..8], rows().collect::<Vec<_>>()[..8], "a random order");
}

#[test]
fn margins_that_the_bounds_decide_are_refused_and_others_explained() {
    let policy = Policy::parse("[[gate]]\nmetric = \"top1_agreement\"\nat_least = 1.0").unwrap();
    let refused = watching(&deciding(&policy, FamilySizes { count: 5, largest: 5 }), 1).err().unwrap().to_string();
    assert!(refused.contains("top1_agreement") && refused.contains("bounds"), "{refused}");
    assert!(unwatched(tokens::BEST_TEMPERATURE.id).unwrap().contains("no tight bounds"));
    assert!(unwatched("safe_reach").unwrap().contains("did not look at on its way"));
    assert_eq!(unwatched(tokens::TOP1_AGREEMENT.id), None);
}
