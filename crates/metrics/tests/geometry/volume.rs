//! Capability volume, of one run and of two.

use hydrometer_metrics::Estimate;
use hydrometer_metrics::geometry::*;

use super::{by_ring, names, near, probe};

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

#[test]
fn a_student_that_never_succeeded_may_yet_succeed_on_families_that_were_not_asked() {
    let names = names(12);
    // The teacher succeeds on half of it.
    let probes: Vec<Probe<'_>> = (0..72)
        .map(|place| probe(&names[place % 12], (place / 12 + 1) as f64, f64::from(u8::from(place % 2 == 0)), 0.0))
        .collect();
    let rings = Rings::new(&probes, 6).unwrap();
    let found = volumes(&[Axis { rings: &rings, chance: 0.0, deployment: None }], 0.95).unwrap();
    let kept = found.mean.unwrap().uniform;
    let interval = kept.interval.unwrap();
    // Twelve families miss a share of 1 − 0.025^(1/12) of others; there the student may have twice what the teacher has.
    assert_eq!((kept.value, interval.low), (0.0, 0.0));
    near(interval.high, 2.0 * (1.0 - 0.025_f64.powf(1.0 / 12.0)), 1e-12);
}
