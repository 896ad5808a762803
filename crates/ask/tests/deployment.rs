//! Where a student is used: what is left there, how much better that looks than what is left everywhere, and what is missing
//! where nobody says.
#![allow(clippy::unwrap_used)]

use crate::support;

use hydrometer_answers::{RunFolder, Used};
use hydrometer_ask::{AskOptions, Models, Plan};
use hydrometer_audit::statement::{AxisCurve, Geometry};
use hydrometer_audit::{Policy, Statement, statement};
use hydrometer_models::{ActingDefect, EngineOptions, Model, PlantedActor, Precision};
use hydrometer_probes::Suite;
use hydrometer_probes::builtin::small_world;
use support::{Watch, collect, sampling};

fn teacher() -> Box<dyn Model> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/teacher.gguf");
    hydrometer_models::open(path, &EngineOptions { precision: Precision::F32 }).unwrap()
}

fn suite() -> Suite {
    Suite { name: "small world".into(), probes: small_world(12, 77) }
}

/// A student that reaches to radius 1, used so on each knob.
fn audited(deployment: &[(String, Vec<Used>)]) -> Statement {
    let folder = tempfile::tempdir().unwrap();
    let deployment = deployment.iter().cloned().collect();
    let options = AskOptions { seed: 3, deployment, ..sampling(&folder.path().join("store"), 1, 0) };
    let into = folder.path().join("run");
    let (teacher, student) = (teacher(), PlantedActor::new(ActingDefect::Narrowed(1.0), teacher()));
    collect(Models::pair(&*teacher, &student), &suite(), &options, &into, &mut Watch::default()).unwrap();
    statement(&RunFolder::open(&into).unwrap(), &Policy::default()).unwrap()
}

fn geometry(statement: &Statement) -> &Geometry {
    statement.geometry.as_ref().unwrap()
}

/// Weights at the outer edges of rings.
fn used(curve: &AxisCurve, weights: &[(usize, f64)]) -> (String, Vec<Used>) {
    let unit = curve.trained_to.unwrap_or(1.0);
    let of = |&(ring, weight): &(usize, f64)| Used { value: curve.rings[ring].outer * unit, weight };
    (format!("{}.{}", curve.axis, curve.knob), weights.iter().map(of).collect())
}

#[test]
fn a_student_that_is_used_in_the_centre_looks_whole() {
    let nobody = audited(&[]);
    let curves = &geometry(&nobody).axes;
    assert!(geometry(&nobody).not_deployed.as_ref().unwrap().contains("--deployment"));
    for curve in curves {
        let missing = curve.not_deployed.as_ref().unwrap();
        assert!(missing.contains(&format!("--deployment {}.{}=", curve.axis, curve.knob)), "{missing}");
    }

    let centre: Vec<_> = curves.iter().map(|curve| used(curve, &[(0, 3.0)])).collect();
    let found = audited(&centre);
    for curve in &geometry(&found).axes {
        let deployed = curve.deployed.as_ref().unwrap();
        assert_eq!((deployed.volume.value, deployed.beyond, &curve.not_deployed), (1.0, Some(0.0), &None));
        let lost = 1.0 - curve.volume.as_ref().unwrap().value;
        assert!((deployed.illusion.value - lost).abs() < 1e-12 && lost > 0.1, "{deployed:?}");
        let interval = deployed.illusion.interval.unwrap();
        assert!(interval.low <= lost && lost <= interval.high);
    }
    let all = geometry(&found).deployed.as_ref().unwrap();
    assert_eq!((all.volume.value, all.beyond), (1.0, None));
    let volume = found.headline.iter().find(|headline| headline.id == "capability_volume").unwrap();
    assert!(volume.beside.as_ref().unwrap().ends_with("where it is used: 1.000"), "{:?}", volume.beside);
    // Nothing is judged by it, and nothing else moves.
    assert_eq!((&found.gates, &found.metrics), (&nobody.gates, &nobody.metrics));

    // The same weights in every ring as it is wide are no illusion.
    let widths = |curve: &AxisCurve| {
        curve.rings.iter().enumerate().map(|(place, ring)| (place, ring.outer - ring.inner)).collect::<Vec<_>>()
    };
    let evenly: Vec<_> = curves.iter().map(|curve| used(curve, &widths(curve))).collect();
    let all = geometry(&audited(&evenly)).deployed.clone().unwrap();
    assert!(all.illusion.value.abs() < 1e-12, "{all:?}");
}

#[test]
fn what_is_missing_is_said_and_what_is_no_knob_refused() {
    let nobody = audited(&[]);
    let curves = &geometry(&nobody).axes;
    let (first, last) = (used(&curves[0], &[(0, 1.0)]), used(&curves[1], &[(0, 1.0)]));
    // Half of it, and all of it, where nothing was asked.
    let beyond = |name: &str, weights: [f64; 2]| {
        let far = Used { value: 1e4, weight: weights[1] };
        (name.to_owned(), vec![Used { value: 0.0, weight: weights[0] }, far])
    };
    let found = audited(&[beyond(&first.0, [1.0, 1.0]), beyond(&last.0, [0.0, 1.0])]);
    let curve = |name: &str| {
        let axes = &geometry(&found).axes;
        axes.iter().find(|curve| format!("{}.{}", curve.axis, curve.knob) == name).unwrap()
    };
    assert_eq!(curve(&first.0).deployed.as_ref().unwrap().beyond, Some(0.5));
    let reason = curve(&last.0).not_deployed.as_ref().unwrap();
    assert!(reason.contains("all of the use lies beyond"), "{reason}");
    let reason = geometry(&found).not_deployed.as_ref().unwrap();
    assert!(reason.contains("not known on every axis") && reason.contains(&last.0), "{reason}");

    let refused = |name: &str, used: Used| {
        let deployment = [(name.to_owned(), vec![used])].into_iter().collect();
        let options = AskOptions { deployment, ..sampling(std::path::Path::new("store"), 1, 0) };
        let teacher = teacher();
        Plan::new(Models::pair(&*teacher, &*teacher), &suite(), &options).err().unwrap().to_string()
    };
    let one = |weight| Used { value: 1.0, weight };
    assert!(refused("charm.depth", one(1.0)).contains(&first.0));
    assert!(refused(&first.0, one(0.0)).contains("a weight above 0"));
    assert!(refused(&first.0, one(-1.0)).contains("of 0 or more"));
    assert!(refused(&first.0, Used { value: f64::NAN, weight: 1.0 }).contains("of 0 or more"));
}
