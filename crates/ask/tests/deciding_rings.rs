//! Audits that stop once the gates on rings and axes are decided: at looks at a part of the ladders, on the teacher of the
//! demo and students of it that reach only so far.
#![allow(clippy::unwrap_used)]

use crate::support;

use std::path::Path;

use hydrometer_answers::RunFolder;
use hydrometer_ask::{AskError, AskOptions, Models};
use hydrometer_audit::statement::Looked;
use hydrometer_audit::{Policy, Statement, statement};
use hydrometer_metrics::Verdict;
use hydrometer_models::{ActingDefect, EngineOptions, Model, PlantedActor, Precision};
use hydrometer_probes::Suite;
use hydrometer_probes::builtin::small_world;
use support::{Watch, collect, sampling, until};

const POLICY: &str = "
[[gate]]
metric = \"capability_volume\"
at_least = 0.9
[[gate]]
metric = \"worst_axis\"
at_least = 0.8
[[gate]]
metric = \"safe_reach\"
at_least = 1.5
";

/// Ladders of each axis: enough for a ring to hold at the last look.
const LADDERS: usize = 32;

fn teacher() -> Box<dyn Model> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/teacher.gguf");
    hydrometer_models::open(path, &EngineOptions { precision: Precision::F32 }).unwrap()
}

fn narrowed(dose: f64) -> PlantedActor {
    PlantedActor::new(ActingDefect::Narrowed(dose), teacher())
}

fn suite() -> Suite {
    Suite { name: "small world".into(), probes: small_world(LADDERS, 77) }
}

fn options(store: &Path, cap: Option<u32>) -> AskOptions {
    let until_decided = Some(until(&Policy::parse(POLICY).unwrap(), cap));
    AskOptions { seed: 3, until_decided, ..sampling(store, 1, 0) }
}

fn judged(run: &RunFolder) -> Statement {
    statement(run, &Policy::parse(POLICY).unwrap()).unwrap()
}

fn audited(student: &dyn Model, cap: Option<u32>) -> Statement {
    let folder = tempfile::tempdir().unwrap();
    let (options, into) = (options(&folder.path().join("store"), cap), folder.path().join("run"));
    collect(Models::pair(&*teacher(), student), &suite(), &options, &into, &mut Watch::default()).unwrap();
    judged(&RunFolder::open(&into).unwrap())
}

fn looked<'s>(statement: &'s Statement, metric: &str) -> &'s Looked {
    let deciding = statement.deciding.as_ref().unwrap();
    deciding.looked.iter().find(|looked| looked.metric == metric).unwrap()
}

fn verdicts(statement: &Statement) -> Vec<Verdict> {
    statement.gates.iter().map(|gate| gate.verdict).collect()
}

#[test]
fn a_narrowed_student_fails_before_all_is_asked() {
    let found = audited(&narrowed(0.7), None);
    assert_eq!(verdicts(&found), [Verdict::Fail; 3], "{:?}", found.gates);
    let deciding = found.deciding.as_ref().unwrap();
    // Of each of three axes a quarter, or half: 24 or 48 of 96 ladders, and at most a unit more.
    assert!(found.suite.families <= 56, "{}", found.suite.families);
    assert!(deciding.teacher_answers.saved >= deciding.teacher_answers.spent / 2, "{:?}", deciding.teacher_answers);
    let volume = looked(&found, "capability_volume");
    assert_eq!((volume.decided_at, volume.planned, volume.families), (Some(1), 3, 96), "{volume:?}");
    let look = &volume.looks[0];
    assert_eq!((look.families, look.verdict), (24, Verdict::Fail));
    assert!(look.judged.unwrap().high < 0.9 && (look.alpha - 0.0025).abs() < 1e-12, "{look:?}");
    let gate = &found.gates[0];
    assert!(gate.explanation.contains("at look 1 of 3, over 24 families"), "{}", gate.explanation);
    assert_eq!(gate.judged, look.judged);
    // Every prefix holds all axes.
    assert_eq!(found.geometry.as_ref().unwrap().axes.len(), 3);
    assert!(found.geometry.as_ref().unwrap().axes.iter().all(|curve| curve.families >= 8));
}

#[test]
fn the_teacher_itself_passes_in_the_end_as_in_a_whole_audit() {
    let found = audited(&*teacher(), None);
    assert_eq!(verdicts(&found), [Verdict::Pass; 3], "{:?}", found.gates);
    assert_eq!((found.suite.families, found.verdict), (3 * LADDERS as u64, Verdict::Pass));
    for metric in ["capability_volume", "worst_axis", "safe_reach"] {
        let looked = looked(&found, metric);
        assert_eq!(looked.decided_at, Some(looked.looks.len() as u64));
        assert!(looked.looks.iter().all(|look| look.value.is_some_and(|value| value > 0.0) || look.families < 96));
    }
    // What a whole audit would ask is saved only where a verdict fell early.
    let whole = looked(&found, "safe_reach");
    assert_eq!((whole.decided_at, whole.looks[2].families), (Some(3), 96));
}

#[test]
fn a_run_that_is_interrupted_and_resumed_gives_the_same_statement() {
    let folder = tempfile::tempdir().unwrap();
    let (student, suite) = (narrowed(1.0), suite());
    let options = options(&folder.path().join("store"), None);
    let into = |name: &str| folder.path().join(name);
    let (teacher, whole) = (teacher(), into("whole"));
    collect(Models::pair(&*teacher, &student), &suite, &options, &whole, &mut Watch::default()).unwrap();
    let (pieces, mut stops) = (into("pieces"), 0);
    loop {
        let mut watch = Watch { stop_after: Some(1), ..Watch::default() };
        match collect(Models::pair(&*teacher, &student), &suite, &options, &pieces, &mut watch) {
            Ok(_) => break,
            Err(AskError::Interrupted(_)) => stops += 1,
            Err(error) => panic!("{error}"),
        }
        assert!(stops < 100);
    }
    assert!(stops >= 2, "{stops}");
    let json = |folder: &Path| serde_json::to_string_pretty(&judged(&RunFolder::open(folder).unwrap())).unwrap();
    assert_eq!(json(&whole), json(&pieces));
}

#[test]
fn a_cap_leaves_the_gates_undecided() {
    let found = audited(&*teacher(), Some(45));
    assert_eq!(found.verdict, Verdict::NotEnoughEvidence);
    let volume = looked(&found, "capability_volume");
    assert_eq!((volume.families, volume.decided_at), (45, Some(3)), "30 families are enough for it: {volume:?}");
    // 15 ladders of an axis cannot show that no ring loses 10 %: nothing is asked for its sake.
    assert_eq!(looked(&found, "safe_reach").verdict, Verdict::NotEnoughEvidence);
    assert!(found.suite.families < 60, "{}", found.suite.families);
}

#[test]
fn a_run_that_took_no_looks_passes_no_gate_on_rings() {
    let folder = tempfile::tempdir().unwrap();
    let other = Policy::parse("[[gate]]\nmetric = \"top1_agreement\"\nat_least = 0.5").unwrap();
    let mut suite = Suite { name: "small world".into(), probes: small_world(4, 77) };
    suite.probes.extend(support::suite(60).probes);
    let mut options = options(&folder.path().join("store"), None);
    options.until_decided = Some(until(&other, None));
    let into = folder.path().join("run");
    let teacher = teacher();
    collect(Models::pair(&*teacher, &*teacher), &suite, &options, &into, &mut Watch::default()).unwrap();
    let found = judged(&RunFolder::open(&into).unwrap());
    assert_eq!(found.verdict, Verdict::NotEnoughEvidence);
    assert!(found.deciding.unwrap().looked.is_empty());
}
