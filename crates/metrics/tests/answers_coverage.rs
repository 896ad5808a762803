//! Intervals of numbers of sampled answers: simulations whose truth is known, and the tables of the docs.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::asked;
use crate::support;

use asked::{Asked, add, answers, asked, repeats};
use hydrometer_metrics::measure::Sums;
use hydrometer_metrics::measure::answers::{DIVERSITY_KEPT, GAP_CLOSED};
use rand::Rng;
use support::random;

/// Families of one to eight prompts that share how sure the teacher is, four answers of each model to a prompt; a
/// student that sharpens by `sharpen`. Truth: E Σp² / E Σq², integrated over the families.
fn diversity_coverage(families: usize, audits: usize, sharpen: f64) -> f64 {
    let truth = mean_repeats(0.0) / mean_repeats(sharpen);
    let mut random = random(families as u64 + 1000);
    let hits = (0..audits).filter(|_| {
        let mut sums = Sums::new();
        for family in 0..families {
            let mode = random.random_range(0.3..0.9);
            for _ in 0..random.random_range(1..=8) {
                let teacher = answers(mode, 4, &mut random);
                let student = answers(mode + sharpen * (1.0 - mode), 4, &mut random);
                add(&mut sums, family, &Asked { teacher, student, ..Asked::default() });
            }
        }
        let found = DIVERSITY_KEPT.estimate(&sums, 0.95).ok().and_then(|found| found.interval);
        found.is_some_and(|interval| (interval.low..=interval.high).contains(&truth))
    });
    hits.count() as f64 / audits as f64
}

/// E Σq² of a student that sharpens, its teacher's mode uniform in [0.3, 0.9]: midpoint rule.
fn mean_repeats(sharpen: f64) -> f64 {
    let mode = |k: u32| 0.3 + 0.6 * (f64::from(k) + 0.5) / 1000.0;
    (0..1000).map(|k| repeats(mode(k) + sharpen * (1.0 - mode(k)))).sum::<f64>() / 1000.0
}

#[test]
fn intervals_of_diversity_kept_cover() {
    for sharpen in [0.0, 0.5] {
        for families in [20, 60] {
            let found = diversity_coverage(families, 600, sharpen);
            let slack = 2.0 * (0.95 * 0.05 / 600.0_f64).sqrt();
            assert!((0.93 - slack..=0.97 + slack).contains(&found), "{families} families, {sharpen}: {found}");
        }
    }
}

#[test]
#[ignore = "writes the table of docs/metrics/diversity_kept.md: run it alone, optimised, with --nocapture"]
fn diversity_coverage_table() {
    for sharpen in [0.0, 0.5, 0.9] {
        let cells: Vec<String> = [8, 20, 60, 200]
            .iter()
            .map(|&families| format!("{:.1}", 100.0 * diversity_coverage(families, 2000, sharpen)))
            .collect();
        eprintln!("| {:.2} | {} |", mean_repeats(0.0) / mean_repeats(sharpen), cells.join(" | "));
    }
}

/// Coverage of the interval of the closed gap without a base: the teacher's answers to the first prompt of the next family
/// stand in, for every prompt of a family. Families of one to eight prompts that share how sure the teacher is, four
/// answers of each model; a student that answers like the teacher with probability `share`, else like the stranger.
fn gap_coverage(families: usize, audits: usize, share: f64) -> f64 {
    let mut random = random(families as u64 + 2000);
    let hits = (0..audits).filter(|_| {
        let mut sums = Sums::new();
        let modes: Vec<f64> = (0..families).map(|_| random.random_range(0.3..0.9)).collect();
        // A right answer of its own for each prompt, and four wrong ones that all prompts share.
        let drawn = |family: usize, place: u32, random: &mut rand_chacha::ChaCha8Rng| {
            let right = random.random::<f64>() < modes[family % families];
            if right { 10 + 8 * (family % families) as u32 + place } else { random.random_range(1..5) }
        };
        let strangers: Vec<Vec<u32>> =
            (0..families).map(|family| (0..4).map(|_| drawn(family, 0, &mut random)).collect()).collect();
        for family in 0..families {
            let stranger = &strangers[(family + 1) % families];
            for place in 0..random.random_range(1..=8) {
                let own: Vec<u32> = (0..4).map(|_| drawn(family, place, &mut random)).collect();
                let teacher = if place == 0 { &strangers[family] } else { &own };
                let student: Vec<u32> = (0..4)
                    .map(|_| {
                        let like = random.random::<f64>() < share;
                        if like { drawn(family, place, &mut random) } else { drawn(family + 1, 0, &mut random) }
                    })
                    .collect();
                add(&mut sums, family, &asked(teacher, &student, &[], stranger));
            }
        }
        let found = GAP_CLOSED.estimate(&sums, 0.95).ok().and_then(|found| found.interval);
        found.is_some_and(|interval| (interval.low..=interval.high).contains(&share))
    });
    hits.count() as f64 / audits as f64
}

#[test]
fn intervals_of_gap_closed_cover_although_strangers_are_shared() {
    for share in [0.3, 0.8] {
        let found = gap_coverage(60, 600, share);
        let slack = 2.0 * (0.95 * 0.05 / 600.0_f64).sqrt();
        assert!((0.93 - slack..=0.97 + slack).contains(&found), "{share}: {found}");
    }
}

#[test]
#[ignore = "writes the table of docs/metrics/gap_closed.md: run it alone, optimised, with --nocapture"]
fn gap_coverage_table() {
    for share in [0.0, 0.5, 0.9, 1.0] {
        let cells: Vec<String> = [8, 20, 60, 200]
            .iter()
            .map(|&families| format!("{:.1}", 100.0 * gap_coverage(families, 2000, share)))
            .collect();
        eprintln!("| {share:.1} | {} |", cells.join(" | "));
    }
}
