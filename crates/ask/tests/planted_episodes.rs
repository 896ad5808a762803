//! Defects planted in how a model acts: the right numbers fire, and the others stay where they are.
#![allow(clippy::unwrap_used)]

use crate::clerk;
use crate::support;

use clerk::{Clerk, Manner};
use hydrometer_ask::Models;
use hydrometer_audit::statement::AxisCurve;
use hydrometer_audit::{Policy, Statement, statement};
use hydrometer_models::{ActingDefect, PlantedActor};
use hydrometer_probes::Suite;
use hydrometer_probes::builtin::episodes::{Solved, solved};
use support::{Watch, collect, sampling};

fn audited(defect: ActingDefect) -> Statement {
    let short = |solved: &Solved| solved.calls.len() <= 8;
    let solved: Vec<Solved> = solved(None, 5, 9).into_iter().filter(short).collect();
    let suite = Suite { name: "episodes".into(), probes: solved.iter().map(|solved| solved.probe.clone()).collect() };
    let clerk = |name: &str| Clerk::new(name, &solved, Manner::Right);
    let (teacher, student) = (clerk("t"), PlantedActor::new(defect, Box::new(clerk("s"))));
    let folder = tempfile::tempdir().unwrap();
    let options = sampling(&folder.path().join("store"), 2, 1);
    let into = folder.path().join("run");
    let run = collect(Models::pair(&teacher, &student), &suite, &options, &into, &mut Watch::default()).unwrap();
    statement(&run, &Policy::default()).unwrap()
}

fn value(statement: &Statement, metric: &str) -> f64 {
    let found = statement.metrics.iter().find(|found| found.id == metric).unwrap();
    found.estimate.as_ref().unwrap_or_else(|| panic!("{metric}: {:?}", found.missing)).value
}

fn on(statement: &Statement, axis: &str) -> f64 {
    statement.episodes.as_ref().unwrap().axes.iter().find(|of| of.axis == axis).unwrap().student
}

#[test]
fn no_recovery_takes_the_episodes_with_faults_and_no_others() {
    let found = audited(ActingDefect::NoRecovery);
    assert_eq!(value(&found, "recovery_ratio"), 0.0);
    assert_eq!(value(&found, "survival_ratio"), 1.0);
    assert_eq!((on(&found, "tool_use"), on(&found, "error_recovery"), on(&found, "long_horizon")), (1.0, 0.5, 1.0));
    assert!(found.student.surgery.as_deref() == Some("no_recovery"));
}

#[test]
fn a_short_horizon_takes_the_long_conversations_and_no_others() {
    let doses = [2, 4, 8].map(|turns| audited(ActingDefect::ShortHorizon(turns)));
    let survival = doses.each_ref().map(|found| value(found, "survival_ratio"));
    assert!(survival[0] < survival[1] && survival[1] < survival[2], "{survival:?}");
    assert_eq!(survival[2], 1.0, "no conversation here is longer");
    for found in &doses {
        assert_eq!((on(found, "tool_use"), on(found, "error_recovery")), (1.0, 1.0));
        assert_eq!(value(found, "recovery_ratio"), 1.0);
    }
}

/// The curve of an axis: every model's success by the value of the knob, and how far the student is safe and how much of it is left.
fn curve<'s>(statement: &'s Statement, name: &str) -> &'s AxisCurve {
    statement.geometry.as_ref().unwrap().axes.iter().find(|curve| curve.axis == name).unwrap()
}

#[test]
fn a_narrowed_student_acts_as_far_as_its_dose_and_no_farther() {
    let doses = [0.5, 1.0, 2.0].map(|dose| audited(ActingDefect::Narrowed(dose)));
    for (found, dose) in doses.iter().zip([0.5, 1.0, 2.0]) {
        for axis in ["tool_use", "error_recovery", "long_horizon"] {
            let curve = curve(found, axis);
            for ring in &curve.rings {
                let expected = if ring.outer <= dose * (1.0 + 1e-9) { 1.0 } else { 0.0 };
                assert_eq!(
                    (ring.teacher.value, ring.student.value),
                    (1.0, expected),
                    "{axis} at {}: {dose}",
                    ring.outer
                );
            }
        }
        // The twins without a fault have no knob, and are what they were.
        let twins = found.episodes.as_ref().unwrap().axes.iter().find(|of| of.axis == "error_recovery").unwrap();
        assert!(twins.student >= 0.5, "{twins:?}");
        assert_eq!(found.student.surgery.as_deref(), Some(format!("narrowed={dose}").as_str()));
    }
    for metric in ["capability_volume", "worst_axis", "episode_success"] {
        let values = doses.each_ref().map(|found| value(found, metric));
        assert!(values[0] < values[1] && values[1] < values[2], "{metric}: {values:?}");
    }
}

#[test]
fn garbled_calls_are_malformed_at_their_rate() {
    let found = audited(ActingDefect::ToolsGarbled(0.3));
    let runs = &found.episodes.as_ref().unwrap().student;
    let share = runs.malformed as f64 / (runs.malformed + runs.calls) as f64;
    assert!((share - 0.3).abs() < 0.05, "{share}");
    assert_eq!(found.episodes.as_ref().unwrap().teacher.malformed, 0);
    assert!(found.findings.iter().any(|finding| finding.id == "malformed_calls"));
}
