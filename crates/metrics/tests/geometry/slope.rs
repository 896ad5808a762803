//! Slope and relative fall-off.

use hydrometer_metrics::geometry::*;

use super::{check_interval, names, near, probe};

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
