//! The geometry against values worked out by hand, published ones, and those of other programs.
#![allow(clippy::unwrap_used)]

mod radius;
mod reach;
mod rings;
mod slope;
mod survival;
mod volume;

use hydrometer_metrics::Estimate;
use hydrometer_metrics::geometry::*;

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
