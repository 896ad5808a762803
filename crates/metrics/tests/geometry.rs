//! The geometry against values worked out by hand, published ones, and those of other programs.
#![allow(clippy::unwrap_used)]

mod support;

use hydrometer_metrics::geometry::*;
use hydrometer_metrics::stats::interval::clopper_pearson;
use hydrometer_metrics::{Estimate, Verdict};
use proptest::prelude::*;
use rand::Rng;
use support::{normal, random};

#[track_caller]
fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "found {found}, expected {expected} ± {tolerance}");
}

#[track_caller]
fn check_interval(found: &Estimate, [value, low, high]: [f64; 3], tolerance: f64) {
    let interval = found.interval.unwrap();
    near(found.value, value, tolerance);
    near(interval.low, low, tolerance);
    near(interval.high, high, tolerance);
}

/// A probe of teacher and student alone.
fn probe(family: &str, radius: f64, teacher: f64, student: f64) -> Probe<'_> {
    Probe { family, radius, teacher, student, ceiling: None, base: None, control: None }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|name| format!("f{name:04}")).collect()
}

/// `per_ring` probes of as many families at radii 1, 2, …; of each ring the given shares of teacher and student pass, the
/// student on the first of those that the teacher passes.
fn by_ring(names: &[String], per_ring: usize, shares: &[[f64; 2]]) -> Rings {
    let passes = |place: usize, share: f64| f64::from(u8::from((place as f64) < share * per_ring as f64 - 1e-9));
    let probes: Vec<Probe<'_>> = shares
        .iter()
        .enumerate()
        .flat_map(|(ring, &[teacher, student])| {
            (0..per_ring).map(move |place| {
                let name = &names[ring * per_ring + place];
                probe(name, ring as f64 + 1.0, passes(place, teacher), passes(place, student))
            })
        })
        .collect();
    Rings::new(&probes, shares.len()).unwrap()
}

fn plain(level: f64) -> Promise {
    Promise { delta: 0.1, chance: 0.0, level }
}

#[track_caller]
fn check_sizes(radii: &[f64], wanted: usize, sizes: &[u64], edges: &[f64]) {
    let names = names(radii.len());
    let probes: Vec<Probe<'_>> =
        radii.iter().zip(&names).map(|(&radius, name)| probe(name, radius, 1.0, 1.0)).collect();
    let rings = Rings::new(&probes, wanted).unwrap();
    assert_eq!(rings.rings().iter().map(|ring| ring.probes).collect::<Vec<_>>(), sizes);
    assert_eq!(rings.edges(), edges);
}

#[test]
fn rings_have_equal_numbers_as_far_as_ties_allow() {
    check_sizes(&[0.3, 0.1, 0.2, 0.6, 0.5, 0.4], 3, &[2, 2, 2], &[0.0, 0.2, 0.4, 0.6]);
    // The cut moves to where radii differ, to the nearest place, inwards when there are two.
    check_sizes(&[1.0, 1.0, 1.0, 2.0], 2, &[3, 1], &[0.0, 1.0, 2.0]);
    check_sizes(&[1.0, 2.0, 2.0, 3.0], 2, &[1, 3], &[0.0, 1.0, 3.0]);
    // Fewer radii than rings: a ring for each.
    check_sizes(&[1.0, 1.0, 4.0], 6, &[2, 1], &[0.0, 1.0, 4.0]);
    check_sizes(&[0.0, 0.0], 6, &[2], &[0.0, 0.0]);
    // Every ring gets a radius, however many probes one of them has.
    check_sizes(&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 3.0], 3, &[6, 1, 1], &[0.0, 1.0, 2.0, 3.0]);
    check_sizes(&[1.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0], 3, &[1, 1, 6], &[0.0, 1.0, 2.0, 3.0]);
}

proptest! {
    #[test]
    fn every_probe_is_in_the_ring_of_its_radius(knobs in prop::collection::vec(0u8..30, 1..200), wanted in 1usize..9) {
        let names = names(knobs.len());
        let probes: Vec<Probe<'_>> = knobs.iter().zip(&names).map(|(&knob, name)| probe(name, f64::from(knob), 1.0, 0.0)).collect();
        let rings = Rings::new(&probes, wanted).unwrap();
        let mut distinct = knobs.clone();
        distinct.sort_unstable();
        distinct.dedup();
        prop_assert_eq!(rings.rings().len(), wanted.min(distinct.len()));
        for (place, ring) in rings.rings().iter().enumerate() {
            let inside = |radius: f64| radius <= ring.outer && (radius > ring.inner || place == 0);
            let count = knobs.iter().filter(|&&knob| inside(f64::from(knob))).count() as u64;
            prop_assert_eq!(ring.probes, count);
            prop_assert!(count > 0);
        }
    }
}

#[test]
fn curves_have_exact_intervals_of_their_own_probes() {
    let names = names(40);
    let mut probes: Vec<Probe<'_>> =
        (0..40).map(|place| probe(&names[place], (place / 20) as f64 + 1.0, 1.0, f64::from(place as u8 % 2))).collect();
    // The base was asked about the first ring alone, and failed.
    probes[..20].iter_mut().for_each(|probe| probe.base = Some(0.0));
    let rings = Rings::new(&probes, 2).unwrap();
    let teacher = rings.curve(Curve::Teacher, 0.95);
    let exact = clopper_pearson(20, 20, 0.95).unwrap();
    check_interval(teacher[0].as_ref().unwrap(), [1.0, exact.low, 1.0], 1e-9);
    let base = rings.curve(Curve::Base, 0.95);
    check_interval(base[0].as_ref().unwrap(), [0.0, 0.0, 1.0 - exact.low], 1e-9);
    assert_eq!((base[0].as_ref().unwrap().n_items, base[1].as_ref()), (20, None));
    assert_eq!(rings.curve(Curve::Ceiling, 0.95), vec![None, None]);
    // Single probes, half of them passed: Clopper and Pearson's of ten in twenty, but for the error that is estimated.
    let half = clopper_pearson(10, 20, 0.95).unwrap();
    check_interval(rings.curve(Curve::Student, 0.95)[1].as_ref().unwrap(), [0.5, half.low, half.high], 0.03);
}

#[test]
fn a_family_is_one_witness_however_many_probes_it_has() {
    let names = names(200);
    let width = |members: usize| {
        let probes: Vec<Probe<'_>> = (0..200)
            .map(|place| probe(&names[place / members], 1.0, 1.0, f64::from(u8::from((place / 20) % 2 == 0))))
            .collect();
        let found = Rings::new(&probes, 1).unwrap().curve(Curve::Student, 0.95)[0].clone().unwrap();
        let interval = found.interval.unwrap();
        (found.n_families, interval.high - interval.low)
    };
    let ((alone, narrow), (together, wide)) = (width(1), width(20));
    assert_eq!((alone, together), (200, 10));
    assert!(wide > 3.0 * narrow, "{wide} {narrow}");
}

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

#[test]
fn the_volume_counts_every_distance_alike() {
    let names = names(600);
    // Rings (0, 1], (1, 2] and (2, 6].
    let mut probes = Vec::new();
    for (ring, (radius, student)) in [(1.0, 1.0), (2.0, 0.5), (6.0, 0.25)].into_iter().enumerate() {
        for place in 0..100 {
            let passed = f64::from(u8::from((place as f64) < 100.0 * student));
            probes.push(probe(&names[ring * 100 + place], radius, 1.0, passed));
        }
    }
    let rings = Rings::new(&probes, 3).unwrap();
    let deployment = rings.deployment(&[(0.5, 1.0); 8]).unwrap().unwrap();
    assert_eq!((deployment.shares.as_slice(), deployment.beyond), ([1.0, 0.0, 0.0].as_slice(), 0.0));
    let of = |chance: f64, shares: &[f64]| {
        let found = volumes(&[Axis { rings: &rings, chance, deployment: Some(shares) }], 0.95).unwrap();
        let Volume::Kept(kept) = found.axes[0].clone() else { panic!("{found:?}") };
        // One axis is the mean and the worst.
        assert_eq!(found.mean.as_ref(), Some(&kept));
        assert_eq!(found.worst.unwrap().kept, kept.uniform);
        [kept.uniform, kept.deployment.unwrap(), kept.illusion.unwrap()].map(|estimate| estimate.value)
    };
    let [uniform, deployed, illusion] = of(0.0, &deployment.shares);
    near(uniform, (1.0 + 0.5 + 4.0 * 0.25) / 6.0, 1e-12);
    near(deployed, 1.0, 1e-12);
    near(illusion, 1.0 - 2.5 / 6.0, 1e-12);
    let [uniform, deployed, _] = of(0.25, &[0.5, 0.5, 0.0]);
    near(uniform, (0.75 + 0.25) / (6.0 * 0.75), 1e-12);
    near(deployed, (0.75 + 0.25) / 1.5, 1e-12);
}

#[test]
fn volumes_of_two_runs_are_paired_by_family() {
    let names = names(40);
    // Two axes, a family is in both; B is right where A is and on every fourth probe more.
    let rings = |axis: usize, right: &dyn Fn(usize) -> bool| {
        let probes: Vec<Probe<'_>> = (0..80)
            .map(|place| {
                let student = f64::from(u8::from(right(place + axis)));
                probe(&names[place % 40], (place / 20 + 1) as f64, 1.0, student)
            })
            .collect();
        Rings::new(&probes, 4).unwrap()
    };
    let (worse, better) =
        (|place: usize| place.is_multiple_of(2), |place: usize| !place.is_multiple_of(4) || place.is_multiple_of(8));
    let (a, b) = ([rings(0, &worse), rings(1, &worse)], [rings(0, &better), rings(1, &better)]);
    fn axes(rings: &[Rings]) -> Vec<Axis<'_>> {
        rings.iter().map(|rings| Axis { rings, chance: 0.0, deployment: None }).collect()
    }
    let found = compare_volumes(&axes(&a), &axes(&b), 0.95).unwrap();
    let mean = found.mean.unwrap();
    let value = |rings: &[Rings]| volumes(&axes(rings), 0.95).unwrap().mean.unwrap().uniform.value;
    near(mean.paired.a, value(&a), 1e-12);
    near(mean.paired.b, value(&b), 1e-12);
    let interval = mean.paired.interval.unwrap();
    assert!(interval.low > 0.0 && interval.high < 1.0, "{interval:?}");
    assert_eq!(
        (mean.better, found.axes.len(), mean.paired.families),
        (Some(hydrometer_metrics::measure::Side::B), 2, 40)
    );
    // Against itself nothing differs.
    let same = compare_volumes(&axes(&a), &axes(&a), 0.95).unwrap().mean.unwrap();
    assert_eq!((same.paired.difference(), same.paired.p_value, same.better), (0.0, Some(1.0), None));
    // Where nothing can be kept there is nothing to compare.
    let empty: Vec<Probe<'_>> = (0..40).map(|place| probe(&names[place], 1.0, 0.0, 0.0)).collect();
    let empty = [Rings::new(&empty, 4).unwrap()];
    let none = compare_volumes(&axes(&empty), &axes(&empty), 0.95).unwrap();
    assert!(none.mean.is_none() && none.axes[0].is_none());
    let other = compare_volumes(&axes(&a[..1]), &axes(&empty), 0.95);
    assert_eq!(other.unwrap_err(), GeometryError::OtherRings { place: 0 });
    assert!(matches!(compare_volumes(&axes(&a), &axes(&b[..1]), 0.95), Err(GeometryError::Setting { .. })));
}

#[test]
fn where_deployment_lies() {
    let names = names(4);
    let probes: Vec<Probe<'_>> = (0..4).map(|place| probe(&names[place], place as f64, 1.0, 1.0)).collect();
    let rings = Rings::new(&probes, 4).unwrap();
    let prompts = [0.0, 0.5, 1.0, 2.5, 3.0, 7.0, 8.0, 9.0].map(|radius| (radius, 1.0));
    let found = rings.deployment(&prompts).unwrap().unwrap();
    assert_eq!(found.shares, [0.2, 0.4, 0.0, 0.4]);
    near(found.beyond, 3.0 / 8.0, 1e-12);
    let found = rings.deployment(&[(0.0, 60.0), (2.0, 20.0), (5.0, 20.0)]).unwrap().unwrap();
    assert_eq!(found.shares, [0.75, 0.0, 0.25, 0.0]);
    near(found.beyond, 0.2, 1e-12);
    assert_eq!(rings.deployment(&[(9.0, 1.0)]), Ok(None));
    assert_eq!(rings.deployment(&[(1.0, 0.0)]), Ok(None));
    assert_eq!(rings.deployment(&[]), Ok(None));
    let failed = rings.deployment(&[(1.0, 1.0), (f64::NAN, 1.0)]);
    assert!(matches!(failed, Err(GeometryError::Radius { place: 1, .. })));
    assert!(matches!(rings.deployment(&[(1.0, -1.0)]), Err(GeometryError::Setting { name: "weight of use", .. })));
}

#[test]
fn a_teacher_that_guesses_leaves_nothing_to_keep() {
    let names = names(1200);
    let guessing = by_ring(&names, 100, &[[0.3, 0.25]; 3]);
    let able = by_ring(&names[600..], 100, &[[0.9, 0.6]; 3]);
    let axis = |rings| Axis { rings, chance: 0.25, deployment: None };
    let found = volumes(&[axis(&guessing), axis(&able)], 0.95).unwrap();
    let Volume::NothingToKeep(teacher) = &found.axes[0] else { panic!("{found:?}") };
    near(teacher.value, 0.05, 1e-12);
    assert!(teacher.interval.unwrap().low <= 0.0);
    let worst = found.worst.unwrap();
    assert_eq!(worst.axis, 1);
    near(worst.kept.value, 0.35 / 0.65, 1e-12);
    near(found.mean.unwrap().uniform.value, 0.35 / 0.65, 1e-12);
    let nothing = volumes(&[axis(&guessing)], 0.95).unwrap();
    assert_eq!((nothing.mean, nothing.worst), (None, None));
}

#[test]
fn families_that_are_all_alike_carry_a_ring_all_the_same() {
    // All succeed: no family changes anything, but none of them shows that there are no others.
    let names = names(60);
    let rings = by_ring(&names, 20, &[[1.0, 1.0]; 3]);
    let found = volumes(&[Axis { rings: &rings, chance: 0.0, deployment: None }], 0.95).unwrap();
    let Volume::Kept(kept) = &found.axes[0] else { panic!("{found:?}") };
    assert_eq!(kept.uniform.n_families, 60);
    let interval = kept.uniform.interval.unwrap();
    near(interval.low, 0.025_f64.powf(1.0 / 60.0), 1e-9);
    assert!(interval.low < 0.95 && interval.high > 1.0, "{interval:?}");
}

#[test]
fn the_worst_axis_knows_that_it_was_picked() {
    let names = names(3000);
    let axes: Vec<Rings> =
        (0..3).map(|axis| by_ring(&names[axis * 600..], 200, &[[0.9, 0.6 + 0.01 * axis as f64]; 3])).collect();
    let all: Vec<Axis<'_>> = axes.iter().map(|rings| Axis { rings, chance: 0.0, deployment: None }).collect();
    let found = volumes(&all, 0.95).unwrap();
    let alone: Vec<Estimate> = all
        .iter()
        .map(|axis| match &volumes(&[*axis], 0.95).unwrap().axes[0] {
            Volume::Kept(kept) => kept.uniform.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    let worst = found.worst.unwrap();
    assert_eq!((worst.axis, worst.kept.value), (0, alone[0].value));
    let (interval, own) = (worst.kept.interval.unwrap(), alone[0].interval.unwrap());
    // The lower bound is that of the worst axis here; the upper one must hold for whichever is the worst.
    near(interval.low, own.low, 1e-12);
    assert!(interval.high > own.high + 0.005, "{interval:?} {own:?}");
    let mean = found.mean.unwrap().uniform;
    near(mean.value, alone.iter().map(|kept| kept.value).sum::<f64>() / 3.0, 1e-12);
    let width = |estimate: &Estimate| estimate.interval.map(|interval| interval.high - interval.low).unwrap();
    near(width(&mean), width(&alone[1]) / 3.0_f64.sqrt(), 0.1 * width(&mean));
}

/// Twelve families of four probes.
fn graded(names: &[String]) -> Vec<(Graded<'_>, f64)> {
    let mut probes = Vec::new();
    for g in 0..12_usize {
        for m in 0..4_usize {
            let step = g * 7 % 12;
            let success = if step < 9 {
                [1.0, 0.5, 0.0, 1.0][(g * 5 + m * 3 + step / 4) % 4]
            } else {
                [0.0, 0.25, 1.0, 0.0][(g + m) % 4]
            };
            let control = if step < 6 && m != 2 { 1.0 } else { 0.25 * m as f64 };
            let radius = (step as f64 + 1.0) / 3.0 + m as f64 * 0.25;
            probes.push((Graded { family: &names[g], radius, success }, control));
        }
    }
    probes
}

#[test]
fn slopes_are_those_of_statsmodels() {
    // statsmodels 0.15 GLM(Binomial), refitted without each family; t quantile of scipy 1.17 with 11 degrees of freedom.
    let names = names(12);
    let both = graded(&names);
    let student: Vec<Graded<'_>> = both.iter().map(|pair| pair.0).collect();
    let found = slope(&student, 0.95).unwrap();
    near(found.at_zero, 1.018_375_32, 1e-7);
    check_interval(&found.per_radius, [-0.323_996_66, -0.629_997_594_1, -0.017_995_732_7], 1e-7);
    assert_eq!((found.per_radius.n_families, found.per_radius.n_items), (12, 48));
    let difference = slope_difference(&both, 0.95).unwrap();
    check_interval(&difference, [0.420_192_597_7, -0.077_556_979_5, 0.917_942_174_9], 1e-7);
}

#[test]
fn what_has_no_slope_says_why() {
    let names = names(20);
    let of = |success: &dyn Fn(usize) -> f64| {
        let ask = |place: usize| Graded { family: &names[place], radius: place as f64, success: success(place) };
        slope(&(0..20).map(ask).collect::<Vec<_>>(), 0.95)
    };
    assert_eq!(
        of(&|place| f64::from(u8::from(place < 8))).unwrap_err(),
        GeometryError::Separated { from: 7.0, to: 8.0 }
    );
    assert_eq!(
        of(&|place| f64::from(u8::from(place >= 8))).unwrap_err(),
        GeometryError::Separated { from: 7.0, to: 8.0 }
    );
    // Half at one radius between all and nothing: still no maximum.
    let half = |place: usize| if place == 8 { 0.5 } else { f64::from(u8::from(place < 8)) };
    assert_eq!(of(&half).unwrap_err(), GeometryError::Separated { from: 8.0, to: 8.0 });
    assert!(matches!(of(&|_| 1.0), Err(GeometryError::Flat("every probe succeeds"))));
    assert!(matches!(of(&|_| 0.0), Err(GeometryError::Flat("no probe succeeds"))));
    // Without the one exception the rest is separated: a value, and no interval.
    let exception = |place: usize| f64::from(u8::from(place < 8 || place == 15));
    assert_eq!(of(&exception).unwrap().per_radius.interval, None);
    let one_radius =
        [Graded { family: "a", radius: 1.0, success: 0.0 }, Graded { family: "b", radius: 1.0, success: 1.0 }];
    assert!(matches!(slope(&one_radius, 0.95), Err(GeometryError::Flat("all probes have one radius"))));
}

#[test]
fn the_fall_off_is_relative_to_the_control() {
    let names = names(300);
    let mut probes = Vec::new();
    for (ring, [student, control]) in [[0.9, 0.8], [0.6, 0.6], [0.0, 0.5]].into_iter().enumerate() {
        for place in 0..100 {
            let passes = |share: f64| f64::from(u8::from((place as f64) < 100.0 * share - 1e-9));
            let asked = probe(&names[ring * 100 + place], ring as f64 + 1.0, 1.0, passes(student));
            probes.push(Probe { control: Some(passes(control)), ..asked });
        }
    }
    let rings = Rings::new(&probes, 3).unwrap();
    let found = relative_fall_off(&rings, 0.95).unwrap();
    let logit = |share: f64| (share / (1.0 - share)).ln();
    let first = found[0].as_ref().unwrap();
    near(first.value, (logit(0.6) - logit(0.9)) - (logit(0.6) - logit(0.8)), 1e-9);
    assert!(first.interval.is_some());
    assert_eq!(found[1], None);
    let without: Vec<Probe<'_>> = probes.iter().map(|probe| Probe { control: None, ..*probe }).collect();
    assert!(matches!(relative_fall_off(&Rings::new(&without, 3).unwrap(), 0.95), Err(GeometryError::Empty(_))));
}

/// Remission times of 42 patients (Freireich et al., Blood 21, 1963), 6-MP and placebo: turns, and whether it ended.
fn leukaemia(names: &[String]) -> [Vec<Dialogue<'_>>; 2] {
    let ended = [6, 6, 6, 7, 10, 13, 16, 22, 23];
    let watched = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35];
    let placebo = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23];
    let with = |turns: &[u32], ended: Ended| turns.iter().map(move |&turns| (turns, ended)).collect::<Vec<_>>();
    let drug = [with(&ended, Ended::Violated), with(&watched, Ended::Censored)].concat();
    [drug, with(&placebo, Ended::Violated)].map(|group| {
        let patients = group.into_iter().zip(names);
        patients.map(|((turns, ended), family)| Dialogue { family, turns, ended }).collect()
    })
}

#[test]
fn survival_is_that_of_kaplan_and_meier() {
    // The table in every textbook (for example Kleinbaum and Klein, Survival Analysis), restricted means of lifelines 0.30.
    let names = names(21);
    let [drug, placebo] = leukaemia(&names);
    let found = Survival::new(&drug, 23, 0.95).unwrap();
    for (turn, share) in
        [(5, 1.0), (6, 0.8571), (7, 0.8067), (10, 0.7529), (13, 0.6902), (16, 0.6275), (22, 0.5378), (23, 0.4482)]
    {
        near(found.curve[turn - 1].value, share, 5e-5);
    }
    near(found.restricted_mean.value, 17.909_243_697_478_99, 1e-9);
    let other = Survival::new(&placebo, 23, 0.95).unwrap();
    near(other.curve[7].value, 8.0 / 21.0, 1e-12);
    near(other.curve[22].value, 0.0, 1e-12);
    near(other.restricted_mean.value, 8.666_666_666_666_666, 1e-9);
    let ratio = survival_ratio(&drug, &placebo, 23, 0.95).unwrap();
    near(ratio.value, 8.666_666_666_666_666 / 17.909_243_697_478_99, 1e-12);
    assert!(ratio.interval.unwrap().high < 1.0, "{ratio:?}");
    assert_eq!(ratio.n_families, 21);
    // Beyond turn 35 nobody knows; the placebo's curve is 0 from turn 23 on, and known.
    assert_eq!(Survival::new(&drug, 36, 0.95).unwrap_err(), GeometryError::Horizon { horizon: 36, followed: 35 });
    near(Survival::new(&placebo, 36, 0.95).unwrap().restricted_mean.value, 8.666_666_666_666_666, 1e-9);
}

#[test]
fn pass_k_is_that_of_the_formula() {
    // scipy.special.comb(c, 3) / comb(n, 3).
    let runs = |family, runs, passed| Runs { family, runs, passed };
    let student =
        [runs("a", 5, 5), runs("b", 5, 4), runs("c", 5, 3), runs("d", 5, 2), runs("e", 5, 0), runs("f", 8, 6)];
    let found = pass_k(&student, 3, 0.95).unwrap();
    near(found.value, 0.309_523_809_523_809_53, 1e-12);
    assert_eq!((found.n_items, found.excluded.len()), (6, 0));
    // pass^1 is the mean share.
    near(pass_k(&student, 1, 0.95).unwrap().value, (1.0 + 0.8 + 0.6 + 0.4 + 0.75) / 6.0, 1e-12);
    let of_six = pass_k(&student, 6, 0.95).unwrap();
    near(of_six.value, 1.0 / 28.0, 1e-12);
    assert_eq!((of_six.n_items, of_six.excluded[0].items), (1, 5));
    let pairs: Vec<_> = student.iter().map(|&student| (runs(student.family, 5, 5), student)).collect();
    near(pass_k_lost(&pairs, 3, 0.95).unwrap().value, 1.0 - 0.309_523_809_523_809_53, 1e-12);
    assert!(matches!(pass_k(&student, 9, 0.95), Err(GeometryError::Empty(_))));
    assert!(matches!(pass_k(&student, 0, 0.95), Err(GeometryError::Setting { .. })));
    let broken = GeometryError::Runs { place: 0, runs: 2, passed: 3 };
    assert_eq!(pass_k(&[runs("a", 2, 3)], 1, 0.95).unwrap_err(), broken);
}

fn vectors(count: usize, size: usize, random: &mut impl Rng) -> Vec<Vec<f32>> {
    (0..count).map(|_| (0..size).map(|_| normal(random) as f32).collect()).collect()
}

fn cosine_distance(x: &[f32], y: &[f32]) -> f64 {
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum::<f64>();
    1.0 - dot(x, y) / (dot(x, x) * dot(y, y)).sqrt()
}

#[test]
fn the_nearest_are_found_among_all() {
    let mut random = random(7);
    for (count, size, k) in [(11, 3, 10), (200, 37, 10), (70, 64, 1)] {
        let (set, queries) = (vectors(count, size, &mut random), vectors(20, size, &mut random));
        let check = |found: f64, mut expected: Vec<f64>| {
            expected.sort_by(f64::total_cmp);
            near(found, expected[..k].iter().sum::<f64>() / k as f64, 2e-6);
        };
        for (query, found) in queries.iter().zip(nearest(&set, &queries, k, 64)) {
            check(found, set.iter().map(|point| cosine_distance(query, point)).collect());
        }
        for (place, found) in others(&set, k).into_iter().enumerate() {
            let rest = set.iter().enumerate().filter(|&(other, _)| other != place);
            check(found, rest.map(|(_, point)| cosine_distance(&set[place], point)).collect());
        }
    }
}

/// d_k of queries whose set passes in blocks of this size.
fn nearest(set: &[Vec<f32>], queries: &[Vec<f32>], k: usize, block: usize) -> Vec<f64> {
    let mut nearest = Nearest::new(Points::new(queries).unwrap(), vec![None; queries.len()], k).unwrap();
    for (place, block_of) in set.chunks(block).enumerate() {
        nearest.take(&Points::new(block_of).unwrap(), place * block).unwrap();
    }
    nearest.distances().unwrap()
}

/// d_k of every vector of a set among the others.
fn others(set: &[Vec<f32>], k: usize) -> Vec<f64> {
    let points = Points::new(set).unwrap();
    let mut nearest = Nearest::new(points.clone(), (0..set.len()).map(Some).collect(), k).unwrap();
    nearest.take(&points, 0).unwrap();
    nearest.distances().unwrap()
}

#[test]
fn blocks_do_not_change_a_distance_by_a_bit() {
    let mut random = random(11);
    // 1,024 coordinates as hashed n-grams have them; 37 leave a rest behind whole lanes.
    for size in [37, 1024] {
        let (set, queries) = (vectors(301, size, &mut random), vectors(23, size, &mut random));
        let whole = nearest(&set, &queries, NEIGHBOURS, set.len());
        for block in [1, 7, 64, 100, 300] {
            assert_eq!(nearest(&set, &queries, NEIGHBOURS, block), whole, "blocks of {block}");
        }
        for (query, whole) in queries.iter().zip(&whole) {
            assert_eq!(nearest(&set, std::slice::from_ref(query), NEIGHBOURS, 300), [*whole], "by itself");
        }
    }
}

#[test]
fn a_copy_is_a_neighbour_and_oneself_is_none() {
    let set = [vec![1.0_f32, 0.0], vec![2.0, 0.0], vec![0.0, 1.0]];
    near(others(&set, 1)[0], 0.0, 1e-7);
    let found = others(&set, 2);
    near(found[0], 0.5, 1e-7);
    near(found[2], 1.0, 1e-7);
    assert_eq!(mean_distance([0.1, 0.2], 3), None);
    assert_eq!(mean_distance([0.1, 0.2], 0), None);
    let points = Points::new(&set).unwrap();
    let mut three = Nearest::new(points.clone(), vec![Some(0), Some(1), Some(2)], 3).unwrap();
    three.take(&points, 0).unwrap();
    assert_eq!(three.distances().unwrap_err(), GeometryError::TooFew { k: 3, found: 2 });
    assert!(matches!(Nearest::new(points.clone(), vec![None; 3], 0), Err(GeometryError::Setting { name: "k", .. })));
    assert!(matches!(Nearest::new(points.clone(), Vec::new(), 1), Err(GeometryError::Setting { .. })));
    let mut other = Nearest::new(points, vec![None; 3], 1).unwrap();
    let wider = other.take(&Points::new(&[[1.0_f32; 3]]).unwrap(), 5).unwrap_err().to_string();
    assert_eq!(wider, "vector 5: expected 2 coordinates as in the queries, found 3");
}

#[test]
fn the_unit_is_the_95_per_cent_quantile() {
    let distances: Vec<f64> = (0..=100).rev().map(|d| f64::from(d) / 100.0).collect();
    near(training_unit(&distances).unwrap(), 0.95, 1e-12);
    assert_eq!(training_unit(&[]), None);
    assert_eq!(training_unit(&[0.0; 5]), None);
    assert_eq!(training_unit(&[0.1, f64::NAN]), None);
}

#[test]
fn far_prompts_have_larger_radii() {
    let mut random = random(3);
    let around = |axis: usize, noise: f32, random: &mut _| {
        let mut vector = vectors(1, 48, random).remove(0);
        vector.iter_mut().for_each(|x| *x *= noise);
        vector[axis] += 20.0;
        vector
    };
    let set: Vec<Vec<f32>> = (0..400).map(|_| around(0, 1.0, &mut random)).collect();
    let unit = training_unit(&others(&set, NEIGHBOURS)).unwrap();
    let radius = |vector: Vec<f32>| nearest(&set, &[vector], NEIGHBOURS, 64)[0] / unit;
    let inside: Vec<f64> = (0..200).map(|_| radius(around(0, 1.0, &mut random))).collect();
    let share = inside.iter().filter(|&&radius| radius <= 1.0).count() as f64 / 200.0;
    assert!((0.88..=0.99).contains(&share), "{share}");
    assert!(radius(around(0, 2.0, &mut random)) > 1.0);
    assert!(radius(around(1, 1.0, &mut random)) > 2.0);
}

#[test]
fn what_cannot_be_measured_is_refused_with_what_was_found() {
    let fails = |probe: Probe<'_>| Rings::new(&[probe], 6).unwrap_err().to_string();
    assert_eq!(fails(probe("a", -1.0, 1.0, 1.0)), "probe 0: expected a radius of 0 or more, found -1");
    assert_eq!(fails(probe("a", 1.0, 1.0, 1.5)), "probe 0: expected a success in [0, 1], found 1.5");
    let spoilt = Probe { control: Some(f64::NAN), ..probe("a", 1.0, 1.0, 1.0) };
    assert_eq!(fails(spoilt), "probe 0: expected a success in [0, 1], found NaN");
    assert_eq!(Rings::new(&[], 6).unwrap_err(), GeometryError::Empty("probe"));
    let rings = Rings::new(&[probe("a", 1.0, 1.0, 1.0), probe("b", 2.0, 1.0, 1.0)], 2).unwrap();
    let axis = |chance, deployment| volumes(&[Axis { rings: &rings, chance, deployment }], 0.95);
    assert!(matches!(axis(1.0, None), Err(GeometryError::Setting { name: "chance level", .. })));
    for shares in [[1.0].as_slice(), &[0.0, 0.0], &[1.0, -1.0], &[1.0, f64::NAN]] {
        assert!(matches!(axis(0.0, Some(shares)), Err(GeometryError::Weights { rings: 2, .. })), "{shares:?}");
    }
    assert_eq!(volumes(&[], 0.95).unwrap_err(), GeometryError::Empty("axis"));
    for promise in [Promise { delta: 0.0, ..plain(0.95) }, Promise { chance: 1.0, ..plain(0.95) }, plain(1.0)] {
        assert!(matches!(reach(&rings, &promise), Err(GeometryError::Setting { .. })), "{promise:?}");
    }
    let vector = |vectors: &[Vec<f32>]| Points::new(vectors).unwrap_err().to_string();
    assert_eq!(vector(&[vec![1.0, 2.0], vec![1.0]]), "vector 1: expected 2 coordinates, found 1");
    assert_eq!(vector(&[vec![0.0, 0.0]]), "vector 0: expected a finite length above 0, found 0");
    assert!(vector(&[vec![1.0], vec![f32::NAN]]).starts_with("vector 1: "));
}
