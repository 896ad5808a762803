//! A smaller version of `examples/geometry.rs`, which writes the tables of docs/metrics/geometry.md: audits of made-up
//! capabilities whose curves are known, checked cell by cell.

use crate::curves;

use curves::{Capability, FALLS, Fall, Held, Layout, Spread};
use hydrometer_metrics::geometry::VOLUME_RINGS;

const AUDITS: usize = 150;

/// 93 % less two standard errors of 95 % at 150 audits.
#[track_caller]
fn check(held: &Held, what: &str) {
    assert!(held.intervals > 0, "{what}: no interval");
    assert!(held.coverage() >= 0.93 - 0.036, "{what}: {held:?}");
}

fn even(fall: Fall, chance: f64, layout: Layout, families: usize) -> Capability {
    Capability { fall, chance, layout, spread: Spread::Even, families }
}

#[test]
fn rings_volume_and_slope_hold_and_the_reach_is_not_overstated() {
    for fall in FALLS {
        for (chance, layout, families) in [
            (0.0, Layout::Paraphrases, 120),
            (0.25, Layout::Paraphrases, 60),
            (0.0, Layout::Ladders, 60),
            (0.25, Layout::Ladders, 60),
        ] {
            let cell = even(fall, chance, layout, families);
            let rates = cell.rates(AUDITS);
            check(&rates.rings, &format!("rings of {cell:?}"));
            check(&rates.volume, &format!("volume of {cell:?}"));
            check(&rates.slope, &format!("slope of {cell:?}"));
            // Two standard errors of 5 % are 3.6 points.
            assert!(rates.overstated <= 0.05 + 0.036, "{cell:?}: {rates:?}");
            assert!(rates.collapse_early <= 0.05 + 0.036, "{cell:?}: {rates:?}");
        }
    }
}

#[test]
fn the_reach_goes_as_far_as_enough_families_show() {
    let rates = even(Fall::Step, 0.0, Layout::Ladders, 240).rates(20);
    assert!(rates.reached > 0.8 && rates.reached <= rates.truly, "{rates:?}");
}

#[test]
fn many_rings_hold_the_volume_of_distances_with_a_long_tail() {
    for fall in FALLS {
        let cell =
            Capability { fall, chance: 0.25, layout: Layout::Paraphrases, spread: Spread::LongTail, families: 240 };
        check(&cell.volume_of(VOLUME_RINGS, AUDITS), &format!("volume of {cell:?}"));
    }
}

#[test]
fn what_is_left_where_it_is_used_and_the_illusion_hold() {
    for fall in [Fall::Flat, Fall::Linear, Fall::Step] {
        for layout in [Layout::Paraphrases, Layout::Ladders] {
            let cell = even(fall, 0.0, layout, 60);
            let [deployed, illusion] = cell.deployed(AUDITS);
            check(&deployed, &format!("volume where it is used of {cell:?}"));
            check(&illusion, &format!("illusion of {cell:?}"));
        }
    }
}

#[test]
fn two_students_of_one_curve_are_rarely_called_different() {
    for fall in [Fall::Linear, Fall::Step] {
        let cell = Capability { fall, chance: 0.0, layout: Layout::Ladders, spread: Spread::Even, families: 60 };
        let (held, called) = cell.apart(AUDITS);
        check(&held, &format!("difference of volumes of {cell:?}"));
        assert!(called <= 0.05 + 0.036, "{cell:?}: {called}");
    }
}

#[test]
fn the_worst_of_several_axes_holds() {
    for falls in [[Fall::Linear; 3], [Fall::Flat, Fall::Linear, Fall::Step]] {
        let [mean, worst] = curves::axes(falls, 60, AUDITS);
        check(&mean, &format!("mean of {falls:?}"));
        check(&worst, &format!("worst of {falls:?}"));
    }
}

#[test]
fn survival_repeated_runs_and_fall_off_hold() {
    check(&curves::survival(0.06, 30, AUDITS), "ratio of restricted means");
    let [student, lost] = curves::repeated(30, AUDITS);
    check(&student, "pass^3");
    check(&lost, "pass^3 lost");
    check(&even(Fall::Linear, 0.0, Layout::Ladders, 100).fall_offs(AUDITS / 2), "relative fall-off");
}
