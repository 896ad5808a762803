//! Students that reach only so far: what is left falls with their reach, and the centre stays where it is.
#![allow(clippy::unwrap_used)]

use crate::support;

use hydrometer_answers::RunFolder;
use hydrometer_ask::{AskOptions, Models};
use hydrometer_audit::statement::{AxisCurve, Geometry};
use hydrometer_audit::{Policy, Statement, statement};
use hydrometer_metrics::Verdict;
use hydrometer_models::{ActingDefect, EngineOptions, Model, PlantedActor, Precision};
use hydrometer_probes::Suite;
use hydrometer_probes::builtin::small_world;
use support::{Watch, collect, sampling};

/// Ladders of each axis: enough for a ring to hold.
const LADDERS: usize = 32;

fn teacher() -> Box<dyn Model> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/teacher.gguf");
    hydrometer_models::open(path, &EngineOptions { precision: Precision::F32 }).unwrap()
}

fn audited(student: &dyn Model) -> Statement {
    let suite = Suite { name: "small world".into(), probes: small_world(LADDERS, 77) };
    let folder = tempfile::tempdir().unwrap();
    let options = AskOptions { seed: 3, ..sampling(&folder.path().join("store"), 1, 0) };
    let into = folder.path().join("run");
    collect(Models::pair(&*teacher(), student), &suite, &options, &into, &mut Watch::default()).unwrap();
    statement(&RunFolder::open(&into).unwrap(), &Policy::default()).unwrap()
}

fn geometry(statement: &Statement) -> &Geometry {
    statement.geometry.as_ref().unwrap()
}

fn axis<'s>(statement: &'s Statement, name: &str) -> &'s AxisCurve {
    geometry(statement).axes.iter().find(|curve| curve.axis == name).unwrap()
}

fn gate(statement: &Statement, metric: &str) -> Verdict {
    statement.gates.iter().find(|gate| gate.metric == metric).unwrap().verdict
}

fn value(statement: &Statement, metric: &str) -> f64 {
    statement.metrics.iter().find(|found| found.id == metric).unwrap().estimate.as_ref().unwrap().value
}

const GATES: [&str; 3] = ["capability_volume", "worst_axis", "safe_reach"];

#[test]
fn a_teacher_reaches_as_far_as_itself() {
    let found = audited(&*teacher());
    assert_eq!(value(&found, "capability_volume"), 1.0);
    for curve in &geometry(&found).axes {
        let farthest = curve.rings.last().unwrap().outer;
        assert_eq!((curve.safe_reach, curve.collapse), (farthest, None), "{}", curve.axis);
        assert!(curve.rings.iter().all(|ring| ring.probes == LADDERS as u64));
    }
    assert_eq!(GATES.map(|metric| gate(&found, metric)), [Verdict::Pass; 3]);
    assert!(found.findings.iter().all(|finding| finding.id != "falls_off"));
    // One answer without chance says nothing about how answers vary.
    assert!(found.answers.is_none() && found.suite.families == 3 * LADDERS as u64);
}

#[test]
fn what_is_left_falls_with_the_reach_and_the_centre_stays() {
    let doses = [0.7, 1.0, 1.7];
    let students = doses.map(|dose| audited(&PlantedActor::new(ActingDefect::Narrowed(dose), teacher())));
    for statement in &students {
        assert_eq!(GATES.map(|metric| gate(statement, metric))[..2], [Verdict::Fail; 2]);
        for curve in &geometry(statement).axes {
            let (first, last) = (&curve.rings[0], curve.rings.last().unwrap());
            assert!(first.verdict == Verdict::Pass && first.student == first.teacher, "{}: {first:?}", curve.axis);
            assert_eq!(last.verdict, Verdict::Fail, "{}", curve.axis);
        }
        assert!(statement.findings.iter().any(|finding| finding.id == "falls_off"));
    }
    for metric in ["capability_volume", "worst_axis", "safe_reach"] {
        let values = students.each_ref().map(|statement| value(statement, metric));
        assert!(values.is_sorted() && values[0] < values[2], "{metric}: {values:?}");
    }
    // 1 to 6 tools, where 3 are radius 1: of six rings three are left.
    let tools = axis(&students[1], "tool_use");
    assert_eq!((tools.safe_reach, tools.collapse), (1.0, Some(1.0)));
    assert!((tools.volume.as_ref().unwrap().value - 0.5).abs() < 0.05, "{:?}", tools.volume);
    assert_eq!(gate(&students[0], "safe_reach"), Verdict::Fail);
}
