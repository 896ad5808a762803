//! A smaller version of `examples/coverage.rs`, which writes the tables of docs/metrics/intervals.md: the same audits of
//! made-up families, checked cell by cell.
#![allow(clippy::unwrap_used)]

use crate::simulated;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use simulated::{CASES, Case, Population, Sizes};

/// Two standard errors of 5 % at 250 audits are 2.8 points.
const AUDITS: usize = 250;
const SLACK: f64 = 0.028;

#[track_caller]
fn check(cases: impl Iterator<Item = &'static Case>) {
    for case in cases {
        // From 59 on a number without a worst value may pass.
        for (sizes, families) in [20, 50, 60].into_iter().flat_map(|n| [(Sizes::Equal, n), (Sizes::Heavy, n)]) {
            let errors = case.errors(sizes, families, AUDITS);
            let cell = format!("{} of {families} families, {sizes:?}: {errors:?}", case.name);
            // Nobody can notice that no broken family is in the sample: then the gate must not rest on the bound.
            let unnoticed = case.population == Population::BrokenDivergences;
            assert!(errors.coverage >= 0.93 - SLACK || unnoticed, "{cell}");
            assert!(errors.wrong_clear <= 0.07 + SLACK || unnoticed, "{cell}");
            assert!(errors.wrong_pass <= 0.07 + SLACK, "{cell}");
            assert!(errors.wrong_fail <= 0.07 + SLACK, "{cell}");
        }
    }
}

fn of(population: Population) -> impl Iterator<Item = &'static Case> {
    CASES.iter().filter(move |case| case.population == population)
}

#[test]
fn intervals_of_plain_families_hold() {
    check(of(Population::Normal).chain(of(Population::Ratio)));
}

#[test]
fn intervals_of_amounts_that_few_families_carry_hold() {
    check(of(Population::LogNormal).chain(of(Population::LogNormalWide)).chain(of(Population::Pareto)));
}

#[test]
fn intervals_of_shares_hold() {
    check(of(Population::Rate).chain(of(Population::Lost)).chain(of(Population::Clustered)));
}

#[test]
fn broken_families_that_were_not_seen_pass_no_gate() {
    check(of(Population::BrokenShares).chain(of(Population::BrokenDivergences)));
    // Where they are seen, a divergence passes as often as it may.
    let broken = CASES.iter().find(|case| case.population == Population::BrokenDivergences).unwrap();
    let many = broken.audit(0.01, Sizes::Equal, 200, &mut ChaCha8Rng::seed_from_u64(1));
    assert!(many.gate_ends(0.05, 1.0).unwrap().clear.1 < 0.1);
    // A sure teacher: wrong PASS at the default margin, where the plain interval has 72, 38 and 19 %.
    let sure = CASES.iter().find(|case| case.name == "rate 0.95").unwrap();
    for families in [8, 20, 50] {
        assert!(sure.errors(Sizes::Equal, families, AUDITS).wrong_pass <= 0.05);
    }
}

#[test]
fn the_loss_beside_a_pass_would_have_been_found() {
    let cases = [
        (Population::Normal, 2.0, 1.8),
        (Population::LogNormal, 0.05, 0.2),
        (Population::Clustered, 0.95, 0.8),
        (Population::Ratio, 0.95, 0.8),
    ];
    for (population, truth, margin) in cases {
        for families in [20, 50] {
            let case = Case { name: "", population, truth };
            let (loss, found) = case.power(margin, Sizes::Equal, families, AUDITS).unwrap();
            // Two standard errors of 90 % are 3.8 points.
            assert!((0.81..=0.99).contains(&found), "{population:?} of {families}: {loss} found in {found}");
        }
    }
}
