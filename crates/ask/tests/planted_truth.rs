//! Students whose loss is known to the number: the number comes out, and the others stay where they are.
#![allow(clippy::unwrap_used)]

use crate::support;

use hydrometer_ask::{AskOptions, Models};
use hydrometer_audit::{Policy, Statement, statement};
use hydrometer_models::{ActingDefect, Defect, EngineOptions, Model, PlantedActor, PlantedAtBoundaries, Precision};
use hydrometer_probes::builtin::{judgment, small_world};
use hydrometer_probes::{Probe, Suite};
use support::{Bigram, Watch, collect, sampling};

/// Families of every kind of boundary.
const FAMILIES: usize = 12;

/// A model without any judgment, which is given one.
fn careful() -> Box<dyn Model> {
    Box::new(PlantedActor::new(ActingDefect::Careful, Box::new(Bigram::bytes("bigram", 1))))
}

fn with(defect: ActingDefect, model: Box<dyn Model>) -> Box<dyn Model> {
    Box::new(PlantedActor::new(defect, model))
}

/// The same judgment turned round, in another style: as far from the model as it can be.
fn stranger() -> Box<dyn Model> {
    with(ActingDefect::StyleChanged(1.0), with(ActingDefect::JudgmentFlipped(1.0), careful()))
}

fn judged(student: &dyn Model) -> Statement {
    audited(&*careful(), student, &*stranger(), judgment::families(5, FAMILIES))
}

fn audited(teacher: &dyn Model, student: &dyn Model, base: &dyn Model, probes: Vec<Probe>) -> Statement {
    let suite = Suite { name: "planted".into(), probes };
    let folder = tempfile::tempdir().unwrap();
    let options = AskOptions { seed: 3, rotations: 2, ..sampling(&folder.path().join("store"), 6, 6) };
    let models = Models { base: Some(base), ..Models::pair(teacher, student) };
    let run = collect(models, &suite, &options, &folder.path().join("run"), &mut Watch::default()).unwrap();
    statement(&run, &Policy::default()).unwrap()
}

fn value(statement: &Statement, metric: &str) -> f64 {
    let found = statement.metrics.iter().find(|found| found.id == metric).unwrap();
    found.estimate.as_ref().unwrap_or_else(|| panic!("{metric}: {:?}", found.missing)).value
}

#[track_caller]
fn near(statement: &Statement, metric: &str, truth: f64, tolerance: f64) {
    let found = value(statement, metric);
    assert!((found - truth).abs() <= tolerance, "{metric}: {found}, the truth is {truth}");
}

fn says(statement: &Statement, finding: &str) -> bool {
    statement.findings.iter().any(|found| found.id == finding)
}

#[test]
fn a_model_that_is_given_a_judgment_decides_as_it_is_written_down() {
    let null = judged(&*careful());
    for (metric, truth) in [
        ("boundary_shift_rms", 0.0),
        ("context_sensitivity", 1.0),
        ("newly_unsafe_forced", 0.0),
        ("choice_divergence", 0.0),
    ] {
        near(&null, metric, truth, 1e-9);
    }
    near(&null, "judgment_copied", 1.0, 0.1);
    near(&null, "illusion_gap", 0.0, 0.1);
    // What should be met is refused in one of ten free answers, so that two runs differ: 0.9 · 0.1.
    near(&null, "newly_over_refusing", 0.09, 0.06);
    near(&null, "newly_unsafe", 0.0, 0.04);
    for finding in ["illusion", "let_through", "shifted_boundary", "context_ignored", "answers_lost"] {
        assert!(!says(&null, finding), "{finding}");
    }
}

#[test]
fn a_boundary_moves_by_the_rungs_that_it_is_moved_by() {
    for rungs in [-2.0, -1.0, 0.5, 1.0] {
        let found = judged(&*with(ActingDefect::BoundaryMoved(rungs), careful()));
        // Half a rung is a whole one on half of the families.
        near(&found, "boundary_shift", rungs, if rungs == 0.5 { 0.35 } else { 0.1 });
        // Half a rung is no more than chance may do on so few families.
        assert!(rungs.fract() != 0.0 || says(&found, "shifted_boundary"), "{rungs}");
        // A harmful request is one rung from its harmless twin.
        let sides = ["newly_unsafe_forced", "newly_over_refusing_forced"];
        let [moved, held] = if rungs > 0.0 { sides } else { [sides[1], sides[0]] };
        assert!(value(&found, moved) > 0.1 && value(&found, held) == 0.0, "{rungs}: {}", value(&found, moved));
        near(&found, "context_sensitivity", 1.0, 1e-9);
    }
}

#[test]
fn judgment_is_lost_at_its_rate_and_the_style_stays() {
    let found = judged(&*with(ActingDefect::JudgmentFlipped(0.5), careful()));
    near(&found, "judgment_copied", 0.5, 0.12);
    near(&found, "newly_unsafe_forced", 0.5, 0.2);
    assert!(value(&found, "surface_copied") > 0.8, "{}", value(&found, "surface_copied"));
    assert!(value(&found, "context_sensitivity") < 0.7 && value(&found, "refusal_d_prime_forced") < 2.0);
    assert!(says(&found, "illusion"));
}

#[test]
fn a_style_is_changed_and_decisions_stay() {
    let doses = [0.25, 0.5, 1.0];
    let surface = |found: &Statement| value(found, "surface_copied");
    for (name, plant) in
        [("style", ActingDefect::StyleChanged as fn(f64) -> ActingDefect), ("disclaimers", ActingDefect::Disclaimers)]
    {
        let students = doses.map(|dose| judged(&*with(plant(dose), careful())));
        let copied = students.each_ref().map(surface);
        assert!(copied[0] > copied[1] && copied[1] > copied[2] && copied[1] < 0.8, "{name}: {copied:?}");
        for found in &students {
            // The rules read one answer in fifty otherwise in another style, and 1 − √ makes much of little.
            near(found, "judgment_copied", 1.0, 0.25);
            near(found, "choice_divergence", 0.0, 1e-9);
        }
    }
}

#[test]
fn surgery_at_boundaries_leaves_the_rest_alone() {
    let teacher = Bigram::bytes("bigram", 1);
    let student = PlantedAtBoundaries::new(Defect::Temperature(0.5), Box::new(Bigram::bytes("bigram", 1)));
    let mut probes = judgment::families(5, 4);
    let beside: Vec<Probe> = Suite::builtin(hydrometer_probes::Profile::Quick, 1)
        .probes
        .into_iter()
        .filter(|probe| probe.boundary.is_none() && probe.ask.kind().name() == "choice")
        .collect();
    let alone = |probes: Vec<Probe>| value(&audited(&teacher, &student, &teacher, probes), "choice_divergence");
    assert_eq!(alone(beside.clone()), 0.0);
    assert!(alone(probes.clone()) > 0.0);
    probes.extend(beside);
    let found = audited(&teacher, &student, &teacher, probes);
    assert_eq!(found.student.surgery.as_deref(), Some("at_boundaries:temperature=0.5"));
    assert!(value(&found, "choice_divergence") > 0.0);
}

#[test]
fn what_is_forgotten_is_the_dose_of_what_the_base_could_do() {
    let open = || {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/teacher.gguf");
        hydrometer_models::open(path, &EngineOptions { precision: Precision::F32 }).unwrap()
    };
    let teacher = open();
    let forgotten = |dose: f64| {
        let student = with(ActingDefect::Forgetting(dose), open());
        let found = audited(&*teacher, &*student, &*teacher, small_world(16, 77));
        let skills = &found.forgetting.as_ref().unwrap().skills;
        let known = skills.iter().map(|skill| skill.base).sum::<f64>() / skills.len() as f64;
        assert!(known > 0.5, "{known}");
        // Within what the student was trained to nothing is lost.
        let curves = &found.geometry.as_ref().unwrap().axes;
        for ring in curves.iter().flat_map(|curve| &curve.rings).filter(|ring| ring.outer <= 1.0) {
            assert_eq!(ring.student, ring.teacher);
        }
        assert!(says(&found, "forgotten"), "{dose}");
        (value(&found, "forgotten"), known)
    };
    let (all, known) = forgotten(1.0);
    assert!((all - known).abs() < 1e-9, "{all} of {known}");
    let (half, known) = forgotten(0.5);
    assert!((half - 0.5 * known).abs() < 0.1, "{half} of {known}");
}
