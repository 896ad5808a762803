//! Runs of two models behind servers: a gate is decided by all that its number may be, and no bound is taken for a number.

use hydrometer_answers::{BoundedRow, Manifest, Regime};
use hydrometer_metrics::Verdict;
use hydrometer_metrics::sparse::{BoundedStats, Within};

use super::{issue, rows};
use crate::statement::HowKnown;
use crate::{Policy, Statement};

/// Families with two positions each, whose KL is between `kl` and whose other numbers are known.
fn run(families: u32, kl: [f32; 2]) -> Statement {
    let exactly = |value: f32| Within { low: value, high: value };
    let row = |at: u32| {
        // Families differ a little.
        let more = 0.001 * ((at / 2) % 7) as f32;
        BoundedRow {
            probe: format!("t{}", at / 2),
            family: format!("f{}", at / 2),
            window: 0,
            position: at % 2,
            token_text: "x".into(),
            teacher_top1_text: "x".into(),
            student_top1_text: "x".into(),
            stats: BoundedStats {
                target: 1,
                teacher_logprob: Some(-1.0),
                student_logprob: Some(-1.1),
                kl: Within { low: kl[0] + more, high: kl[1] + more },
                reverse_kl: exactly(0.1 + more),
                jsd: Within { low: 0.0, high: 0.5 },
                overlap: Within { low: 0.5, high: 0.875 },
                teacher_entropy: Within { low: 1.0, high: 2.0 },
                student_entropy: Within { low: 1.0, high: 3.0 },
                teacher_top1: 1,
                student_top1: 1,
                teacher_top1_prob: 0.5,
                student_top1_prob: 0.5,
                kendall_tau: None,
                tail_mass: Within { low: 0.0, high: 0.1 },
                tail_kept: Within { low: 0.0, high: 0.1 },
                tail_invented: Within { low: 0.0, high: 0.1 },
                teacher_unlisted: 0.1,
                student_unlisted: 0.1,
            },
        }
    };
    let mut rows = rows(Vec::new());
    rows.manifest = Manifest { regime: Some(Regime::ShownBoth), ..rows.manifest }.sealed();
    rows.bounded = (0..2 * families).map(row).collect();
    issue(&rows, &Policy::parse("[[gate]]\nmetric = \"kl_divergence\"\nat_most = 0.2").unwrap()).unwrap()
}

#[test]
fn a_lower_bound_below_the_margin_is_no_pass() {
    let check = |families: u32, kl: [f32; 2], expected: Verdict| {
        let found = run(families, kl);
        assert_eq!(found.gates[0].verdict, expected, "{families} {kl:?}: {}", found.gates[0].explanation);
        assert_eq!(found.verdict, expected, "{kl:?}");
        assert_eq!((&found.gates[0].estimate, found.gates[0].more_families), (&None, None));
    };
    check(80, [0.01, 1.4], Verdict::NotEnoughEvidence);
    check(80, [0.01, 0.21], Verdict::NotEnoughEvidence);
    check(80, [0.19, 0.9], Verdict::NotEnoughEvidence);
    check(80, [0.01, 0.15], Verdict::Pass);
    check(80, [0.3, 0.9], Verdict::Fail);
    // Few families could hide that some are broken: KL has no worst value.
    check(20, [0.01, 0.15], Verdict::NotEnoughEvidence);
    check(1, [0.01, 0.15], Verdict::NotEnoughEvidence);
}

#[test]
fn what_has_bounds_has_no_number_and_what_is_known_has() {
    let found = run(80, [0.01, 1.4]);
    let metric = |id: &str| found.metrics.iter().find(|metric| metric.id == id).unwrap();
    let kl = metric("kl_divergence");
    let bounds = kl.bounds.as_ref().unwrap();
    assert!(kl.estimate.is_none() && (bounds.low - 0.013).abs() < 1e-3 && (bounds.high - 1.403).abs() < 1e-3, "{kl:?}");
    assert_eq!((bounds.n_families, bounds.n_items), (80, 160));
    let interval = bounds.interval.unwrap();
    assert!(interval.low < bounds.low && bounds.high < interval.high);
    // Each number says how it is known: a bound is none that is exact.
    let regime = |id: &str| metric(id).regime.as_ref().map(|regime| (regime.id.as_str(), regime.known));
    assert_eq!(regime("kl_divergence"), Some(("R1", HowKnown::Bounds)));
    assert_eq!(regime("reverse_kl"), Some(("R1", HowKnown::Exact)));
    assert_eq!(regime("best_temperature"), None);
    // A ratio is least where what it divides by is most.
    let ratio = metric("entropy_ratio").bounds.as_ref().unwrap();
    assert_eq!((ratio.low, ratio.high), (0.5, 3.0));
    for (id, value) in [("reverse_kl", 0.103), ("top1_agreement", 1.0), ("perplexity_ratio", 0.1_f64.exp())] {
        let metric = metric(id);
        let found = metric.estimate.as_ref().unwrap_or_else(|| panic!("{metric:?}")).value;
        assert!((found - value).abs() < 1e-3 && metric.bounds.is_none(), "{id}: {found}");
    }
    for id in ["kendall_tau", "best_temperature", "floored_mass", "fork_tail_kept"] {
        let metric = metric(id);
        assert!(metric.estimate.is_none() && metric.bounds.is_none(), "{metric:?}");
    }
    assert!(found.bands.is_empty() && found.quantiles.is_empty());
    // Positions without a tail for certain: what of it is kept has no upper bound but that it is a share.
    assert!(metric("tail_kept").estimate.is_none());
}
