//! A smaller version of `examples/geometry.rs`, which writes the tables of docs/metrics/geometry.md: the same audits of
//! capabilities whose curves are known.
#![allow(clippy::unwrap_used)]

#[path = "support/curves.rs"]
mod curves;

use curves::{Capability, FALLS, Fall, Held, Layout, Spread};

const AUDITS: usize = 120;
/// Two standard errors of 5 % at 120 audits are 4 points.
const SLACK: f64 = 0.04;

#[track_caller]
fn held(held: &Held, cell: &str) {
    assert!(held.intervals * 10 >= AUDITS * 9, "{cell}: {held:?}");
    assert!(held.coverage() >= 0.93 - SLACK, "{cell}: {held:?}");
}

#[track_caller]
fn check(fall: Fall, chance: f64, layout: Layout, families: usize) {
    let rates = Capability { fall, chance, layout, spread: Spread::Even, families, cut: 6 }.rates(AUDITS);
    let cell = format!("{fall:?} above {chance}, {families} {layout:?}: {rates:?}");
    held(&rates.rings, &cell);
    held(&rates.volume, &cell);
    held(&rates.slope, &cell);
    for errors in [rates.overstated, rates.overstated_by_both, rates.collapse_early] {
        assert!(errors <= 0.05 + SLACK, "{cell}");
    }
    // Not by saying nothing: the volume is known to a quarter, and the reach is not always 0 where there is one.
    if families >= 100 {
        assert!(rates.volume.mean_width() < 0.25, "{cell}");
        assert!(fall != Fall::Flat || rates.reached_by_both > 1.0, "{cell}");
    }
}

#[test]
fn numbers_of_paraphrases_hold() {
    for (fall, chance) in FALLS.into_iter().zip([0.0, 0.25, 0.0, 0.25, 0.0]) {
        check(fall, chance, Layout::Paraphrases, 120);
    }
}

#[test]
fn numbers_of_ladders_hold() {
    for (fall, chance) in FALLS.into_iter().zip([0.25, 0.0, 0.25, 0.0, 0.25]) {
        check(fall, chance, Layout::Ladders, 60);
        check(fall, chance, Layout::Ladders, 240);
    }
}

#[test]
fn mean_and_worst_of_several_axes_hold() {
    for falls in [[Fall::Linear; 3], [Fall::Flat, Fall::Linear, Fall::Step]] {
        let [mean, worst] = curves::axes(falls, 60, AUDITS);
        held(&mean, &format!("mean of {falls:?}"));
        held(&worst, &format!("worst of {falls:?}"));
    }
}

#[test]
fn more_rings_follow_radii_that_are_not_even() {
    let bias = |cut| {
        let (fall, layout, spread) = (Fall::Collapse, Layout::Paraphrases, Spread::LongTail);
        Capability { fall, chance: 0.25, layout, spread, families: 240, cut }.rates(40).volume.bias()
    };
    let (of_six, of_24) = (bias(6), bias(24));
    assert!(of_six > 0.1 && of_24 < 0.5 * of_six, "{of_six} {of_24}");
}

#[test]
fn survival_repeated_runs_and_fall_off_hold() {
    for hazard in [0.03, 0.06] {
        held(&curves::survival(hazard, 60, AUDITS), &format!("survival at {hazard}"));
    }
    for number in curves::repeated(60, AUDITS) {
        held(&number, "pass^3");
    }
    for fall in [Fall::Flat, Fall::Linear] {
        let capability =
            Capability { fall, chance: 0.0, layout: Layout::Ladders, spread: Spread::Even, families: 100, cut: 6 };
        held(&capability.fall_offs(AUDITS), &format!("fall-off, {fall:?}"));
    }
}
