//! Rings, the curves over them and where a deployment lies.

use hydrometer_metrics::geometry::*;
use hydrometer_metrics::stats::interval::clopper_pearson;
use proptest::prelude::*;

use super::{check_interval, names, near, probe};

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
