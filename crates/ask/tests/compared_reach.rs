//! Two students that reach differently far, compared by family, and what a plan makes of their rings.
#![allow(clippy::unwrap_used)]

use crate::support;

use std::path::Path;

use hydrometer_answers::RunFolder;
use hydrometer_ask::{AskOptions, Models};
use hydrometer_audit::comparison::{Found, Reading, Row};
use hydrometer_audit::{Comparison, Planned, Policy, Target, sample_size, statement};
use hydrometer_metrics::Verdict;
use hydrometer_models::{ActingDefect, EngineOptions, Model, PlantedActor, Precision};
use hydrometer_probes::Suite;
use hydrometer_probes::builtin::small_world;
use support::{Watch, collect, sampling};

const GATES: [&str; 3] = ["capability_volume", "worst_axis", "safe_reach"];

fn teacher() -> Box<dyn Model> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/teacher.gguf");
    hydrometer_models::open(path, &EngineOptions { precision: Precision::F32 }).unwrap()
}

/// A run of a student that reaches so far.
fn run(folder: &Path, name: &str, ladders: usize, dose: f64, trained_to: &[(&str, f64)]) -> RunFolder {
    let suite = Suite { name: "small world".into(), probes: small_world(ladders, 77) };
    let trained_to = trained_to.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    let options = AskOptions { seed: 3, trained_to, ..sampling(&folder.join("store"), 1, 0) };
    let student = PlantedActor::new(ActingDefect::Narrowed(dose), teacher());
    let into = folder.join(name);
    collect(Models::pair(&*teacher(), &student), &suite, &options, &into, &mut Watch::default()).unwrap();
    RunFolder::open(&into).unwrap()
}

fn row<'c>(comparison: &'c Comparison, metric: &str) -> &'c Row {
    comparison.rows.iter().find(|row| row.metric == metric).unwrap()
}

#[test]
fn what_reaches_farther_is_better_by_more_than_chance() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (near, far) = (run(folder, "near", 32, 0.7, &[]), run(folder, "far", 32, 1.7, &[]));
    let policy = Policy::default();
    let comparison = Comparison::of(&near, &far, &policy).unwrap();
    let found = |metric: &str| -> &Found { row(&comparison, metric).found.as_ref().unwrap() };
    let of = |run: &RunFolder, metric: &str| {
        let statement = statement(run, &policy).unwrap();
        statement.metrics.into_iter().find(|found| found.id == metric).unwrap().estimate.unwrap().value
    };
    for metric in GATES {
        let found = found(metric);
        assert!((found.a - of(&near, metric)).abs() < 1e-12 && (found.b - of(&far, metric)).abs() < 1e-12, "{metric}");
    }
    let volume = found("capability_volume");
    assert_eq!((volume.reading, volume.families), (Reading::BBetter, 96));
    assert!(volume.interval.unwrap().low > 0.0 && volume.p_value.unwrap() < 0.01, "{volume:?}");
    let reach = found("safe_reach");
    assert!(reach.reading == Reading::NotTested && reach.b > reach.a && reach.interval.is_none(), "{reach:?}");
    // Against itself nothing differs.
    let same = Comparison::of(&near, &near, &policy).unwrap();
    assert_eq!(row(&same, "capability_volume").found.as_ref().unwrap().reading, Reading::Same);
    assert_eq!(row(&same, "worst_axis").found.as_ref().unwrap().reading, Reading::Same);
    // In another unit a ring is another ring.
    let other = run(folder, "other", 32, 1.7, &[("tool_use.tools", 2.0)]);
    for metric in GATES {
        let compared = Comparison::of(&near, &other, &policy).unwrap();
        let missing = row(&compared, metric).missing.clone().unwrap();
        assert!(missing.contains("radius 1 of tool_use.tools differs: 3 against 2"), "{metric}: {missing}");
    }
}

#[test]
fn a_plan_says_what_each_ring_needs() {
    let folder = tempfile::tempdir().unwrap();
    // Flat as the teacher, and too few families to show it.
    let run = run(folder.path(), "few", 12, 100.0, &[]);
    let policy = Policy::default();
    let metrics = GATES.map(str::to_owned);
    let target = Target { power: 0.9, distance: None };
    let plans = sample_size(&run, &policy, &metrics, target).unwrap();
    let judged = statement(&run, &policy).unwrap();
    let plan = |metric: &str| -> &Planned { plans.iter().find(|plan| plan.metric == metric).unwrap() };
    let curves = judged.geometry.as_ref().unwrap();
    let reach = plan("safe_reach");
    assert_eq!((reach.value, reach.families_now), (Some(0.0), 36));
    assert!(!reach.rings.is_empty());
    for ring in &reach.rings {
        let curve = curves.axes.iter().find(|curve| curve.axis == ring.axis).unwrap();
        let of_statement = curve.rings.iter().find(|of| of.outer == ring.outer).unwrap();
        // A family of a ladder has one probe in a ring.
        assert_eq!(of_statement.verdict, Verdict::NotEnoughEvidence);
        assert_eq!((ring.families_now, ring.families), (12, of_statement.probes_needed), "{ring:?}");
        assert!(ring.families.is_none_or(|families| families > 12) && ring.inner < 1.5);
    }
    let volume = plan("capability_volume");
    let needed = volume.families.unwrap();
    assert!(volume.rings.iter().all(|ring| ring.families == Some((12 * needed).div_ceil(36))), "{volume:?}");
    // A metric without a gate of its own has no rings to plan for.
    let none = Policy { gates: Vec::new(), ..Policy::default() };
    let plans = sample_size(&run, &none, &["worst_axis".to_owned()], target).unwrap();
    assert_eq!(plans[0].families, None);
    assert!(plans[0].missing.as_ref().unwrap().contains("no gate"));
}
