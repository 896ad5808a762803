//! Safe reach and collapse bound.

use hydrometer_metrics::Verdict;
use hydrometer_metrics::geometry::*;

use super::{by_ring, names, near, plain, probe};

#[test]
fn the_reach_ends_before_the_first_ring_that_does_not_hold() {
    let names = names(1200);
    let shares = [[0.95, 0.95], [0.9, 0.9], [0.9, 0.4], [0.9, 0.9], [0.8, 0.2], [0.7, 0.1]];
    let found = reach(&by_ring(&names, 200, &shares), &plain(0.95)).unwrap();
    let verdicts: Vec<Verdict> = found.rings.iter().map(|ring| ring.verdict).collect();
    assert_eq!(verdicts, [Verdict::Pass, Verdict::Pass, Verdict::Fail, Verdict::Pass, Verdict::Fail, Verdict::Fail]);
    assert_eq!((found.safe, found.collapse, found.fewest_probes), (2.0, Some(4.0), Some(200)));
    near(found.rings[2].surplus.unwrap(), 0.4 - 0.81, 1e-12);
    assert!(found.rings.iter().all(|ring| ring.probes == 200));
}

#[test]
fn a_teacher_against_itself_reaches_to_the_last_ring() {
    let names = names(1200);
    let found = reach(&by_ring(&names, 200, &[[0.9, 0.9]; 6]), &plain(0.95)).unwrap();
    assert_eq!((found.safe, found.collapse), (6.0, None));
}

#[test]
fn a_reach_lies_between_the_last_ring_that_holds_and_the_first_that_fails() {
    let names = names(1200);
    let of = |shares: &[[f64; 2]]| ReachTest::new(&by_ring(&names, 200, shares), &plain(0.95)).unwrap();
    // The third ring alone fails: outside of it nothing collapses, and yet the reach ends there.
    let middle = of(&[[0.95, 0.95], [0.9, 0.9], [0.9, 0.4], [0.9, 0.9]]);
    assert_eq!((middle.bounds(0.05, 1.0), middle.reach().collapse), ((2.0, 2.0), None));
    // On the margin nothing is known, and with many more families of this kind it is not either.
    let margin = of(&[[0.95, 0.95], [0.9, 0.81]]);
    assert_eq!(margin.bounds(0.05, 1.0), (1.0, f64::INFINITY));
    assert_eq!(of(&[[0.9, 0.9]; 6]).bounds(0.05, 1.0), (6.0, f64::INFINITY));
    // Where the teacher has nothing left there is nothing to lose: all is kept that there is.
    let ends = of(&[[0.95, 0.95], [0.9, 0.9], [0.0, 0.0]]);
    assert_eq!((ends.bounds(0.05, 1.0), ends.reach().ceiling), ((f64::INFINITY, f64::INFINITY), 2.0));
    // Not so where it holds to the end of what was asked.
    assert_eq!(of(&[[0.95, 0.95], [0.9, 0.9]]).bounds(0.05, 1.0).0, 2.0);
}

#[test]
fn few_families_certify_nothing_and_say_how_many_would() {
    // All right: 28 families may miss a share s of broken ones, 1 − 0.05^(1/28) = 0.101, that lose all of 1; 29 would do.
    let names = names(300);
    let of = |families: usize| reach(&by_ring(&names, families, &[[1.0, 1.0]]), &plain(0.95)).unwrap();
    let few = of(20);
    assert_eq!((few.safe, few.fewest_probes, few.rings[0].verdict), (0.0, None, Verdict::NotEnoughEvidence));
    let needed = few.rings[0].probes_needed.unwrap();
    assert_eq!(needed, 29);
    assert_eq!(of(needed as usize).safe, 1.0);
    assert_eq!(of(needed as usize - 1).safe, 0.0);
    // Where the student is on the margin or below no number would.
    let below = reach(&by_ring(&names, 20, &[[1.0, 0.9]]), &plain(0.95)).unwrap();
    assert_eq!(below.rings[0].probes_needed, None);
    // A mixed ring: the number that is named is enough for a copy of the same families.
    let mixed = reach(&by_ring(&names, 40, &[[0.9, 0.85]]), &plain(0.95)).unwrap().rings[0];
    let needed = mixed.probes_needed.unwrap();
    assert!(needed > 40, "{needed}");
    let many = self::names(20 * needed as usize);
    let copies = needed.div_ceil(40) as usize * 40;
    let enough = reach(&by_ring(&many, copies, &[[0.9, 0.85]]), &plain(0.95)).unwrap();
    assert_eq!(enough.rings[0].verdict, Verdict::Pass, "{copies}");
}

#[test]
fn the_second_run_is_the_ceiling_where_there_is_one() {
    let names = names(200);
    let of = |ceiling: Option<f64>| {
        let ask = |place: usize| Probe { ceiling, ..probe(&names[place], 1.0, 1.0, f64::from(u8::from(place < 190))) };
        let probes: Vec<Probe<'_>> = (0..200).map(ask).collect();
        reach(&Rings::new(&probes, 1).unwrap(), &plain(0.95)).unwrap().rings[0].surplus.unwrap()
    };
    near(of(None), 0.95 - 0.9, 1e-12);
    near(of(Some(0.5)), 0.95 - 0.45, 1e-12);
}

#[test]
fn above_chance_a_guessing_teacher_leaves_nothing_to_certify() {
    let names = names(20_000);
    let rings = by_ring(&names, 20_000, &[[0.25, 0.25]]);
    assert_eq!(reach(&rings, &plain(0.95)).unwrap().safe, 1.0);
    let above = reach(&rings, &Promise { chance: 0.25, ..plain(0.95) }).unwrap();
    assert_eq!(above.safe, 0.0);
    near(above.rings[0].surplus.unwrap(), 0.0, 1e-12);
}
