//! Audits that stop once their gates are decided: what they find, what they save, and that stopping and resuming
//! change nothing.
#![allow(clippy::unwrap_used)]

use crate::support;

use std::path::Path;

use hydrometer_answers::store::{Access, Store};
use hydrometer_answers::{RunFolder, SampleSettings, SamplingParameters, TeacherAsked};
use hydrometer_ask::{AskError, AskOptions, Models, Sampling};
use hydrometer_audit::{Policy, Statement, statement};
use hydrometer_metrics::Verdict;
use hydrometer_models::{Defect, Model, Planted, SampleLimits, Specials, Tokenizer};
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, Normal, Probe, Suite};
use support::{Bigram, Watch, collect, options};

const POLICY: &str = "
[[gate]]
metric = \"top1_agreement\"
at_least = 0.8
[[gate]]
metric = \"tail_kept\"
at_least = 0.8
[[gate]]
metric = \"choice_divergence\"
at_most = 0.3
";

/// A policy, and options that stop by it.
fn until(policy: &str, cap: Option<u32>) -> (Policy, AskOptions) {
    let policy = Policy::parse(policy).unwrap();
    let until_decided = Some(support::until(&policy, cap));
    (policy, AskOptions { until_decided, ..options() })
}

/// A model whose every token is a word.
fn spells(name: &str, world: u64) -> Bigram {
    let letters = ('a'..='z').chain('A'..='Z').chain('0'..='9');
    let pieces: Vec<String> = letters.map(String::from).collect();
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    Bigram::new(name, world, Tokenizer::from_pieces(&pieces, Specials { bos: None, eos: None }).unwrap())
}

fn audit(student: &dyn Model, suite: &Suite, asked: &(Policy, AskOptions), folder: &Path) -> (Statement, Watch) {
    audit_of(&Bigram::bytes("t", 1), student, suite, asked, folder)
}

fn audit_of(
    teacher: &dyn Model,
    student: &dyn Model,
    suite: &Suite,
    (policy, options): &(Policy, AskOptions),
    folder: &Path,
) -> (Statement, Watch) {
    let mut watch = Watch::default();
    let run = collect(Models::pair(teacher, student), suite, options, folder, &mut watch).unwrap();
    RunFolder::open(folder).unwrap();
    (statement(&run, policy).unwrap(), watch)
}

#[test]
fn one_text_under_many_names_decides_nothing() {
    let mut suite = support::suite(400);
    let (text, choice) = (suite.probes[0].ask.clone(), suite.probes[1].ask.clone());
    for (place, probe) in suite.probes.iter_mut().enumerate() {
        probe.ask = if place % 2 == 0 { text.clone() } else { choice.clone() };
    }
    let folder = tempfile::tempdir().unwrap();
    let (found, _) = audit(&Bigram::bytes("t", 1), &suite, &until(POLICY, None), folder.path());
    assert_eq!(found.verdict, Verdict::NotEnoughEvidence, "{:?}", found.gates);
    let deciding = found.deciding.as_ref().unwrap();
    assert!(deciding.gates.iter().all(|watched| watched.families <= 1), "{:?}", deciding.gates);
}

#[test]
fn the_teacher_against_itself_passes_early_and_saves_teacher_calls() {
    let folder = tempfile::tempdir().unwrap();
    let options = until(POLICY, None);
    let (found, watch) = audit(&Bigram::bytes("t", 1), &support::suite(400), &options, folder.path());
    assert!(found.gates.iter().all(|gate| gate.verdict == Verdict::Pass), "{:?}", found.gates);
    // A model of pairs of bytes answers no choice.
    assert!(found.verdict_line.contains("choices are not answered by the teacher"), "{}", found.verdict_line);
    assert_eq!(found.gates.len(), 3);
    let deciding = found.deciding.as_ref().unwrap();
    assert!(deciding.teacher_tokens.saved > deciding.teacher_tokens.spent, "{:?}", deciding.teacher_tokens);
    assert_eq!(found.cost.teacher_tokens, deciding.teacher_tokens.spent);
    assert_eq!(watch.tokens, found.cost.teacher_tokens + found.cost.student_tokens, "nothing else was computed");
    for watched in &deciding.gates {
        let after = watched.decided_after.unwrap();
        assert!(watched.verdict == Verdict::Pass && after <= watched.families, "{watched:?}");
        assert!(watched.evidence[after as usize - 1].pass >= watched.threshold);
        assert!(watched.evidence[..after as usize - 1].iter().all(|point| point.pass < watched.threshold));
    }
    // The last gate of each kind stops it: at most one unit is asked beyond its verdict.
    for metrics in [&["top1_agreement", "tail_kept"][..], &["choice_divergence"]] {
        let of = deciding.gates.iter().filter(|gate| metrics.contains(&gate.metric.as_str()));
        let last = of.clone().filter_map(|gate| gate.decided_after).max().unwrap();
        assert!(of.map(|gate| gate.families).all(|families| families < last + 8), "asked after the verdict");
    }
    // What 400 families would have found, though far fewer were asked.
    for gate in &found.gates {
        assert!(gate.detectable.is_some_and(|loss| (0.001..0.2).contains(&loss)), "{gate:?}");
    }
    assert!(found.gates[0].explanation.contains("20 to 1"), "{}", found.gates[0].explanation);
}

#[test]
fn a_gate_that_cannot_be_watched_is_no_reason_to_pass() {
    let folder = tempfile::tempdir().unwrap();
    let policy = format!("{POLICY}[[gate]]\nmetric = \"best_temperature\"\nat_most = 1.25\nrequired = false\n");
    let (found, _) = audit(&Bigram::bytes("t", 1), &support::suite(400), &until(&policy, None), folder.path());
    assert_eq!(found.verdict, Verdict::NotEnoughEvidence);
    let gate = &found.gates[3];
    assert_eq!((gate.metric.as_str(), gate.verdict), ("best_temperature", Verdict::NotEnoughEvidence));
    assert!(gate.explanation.contains("cannot be watched"), "{}", gate.explanation);
}

#[test]
fn a_student_that_only_its_divergence_betrays_fails_early() {
    let folder = tempfile::tempdir().unwrap();
    let student = Planted::new(Defect::TailTruncated(0.9), Box::new(Bigram::bytes("t", 1)));
    let policy = "[[gate]]\nmetric = \"kl_divergence\"\nat_most = 0.2\n";
    let (found, _) = audit(&student, &support::suite(400), &until(policy, None), folder.path());
    assert_eq!(found.verdict, Verdict::Fail, "{:?}", found.gates);
    assert!(!found.findings.is_empty());
}

#[test]
fn a_temperature_defect_fails_early() {
    let folder = tempfile::tempdir().unwrap();
    let student = Planted::new(Defect::Temperature(0.5), Box::new(Bigram::bytes("t", 1)));
    let (found, _) = audit(&student, &support::suite(400), &until(POLICY, None), folder.path());
    let verdict = |metric: &str| found.gates.iter().find(|gate| gate.metric == metric).unwrap().verdict;
    assert_eq!((verdict("tail_kept"), verdict("top1_agreement")), (Verdict::Fail, Verdict::Pass));
    assert_eq!(found.verdict, Verdict::Fail);
    assert!(found.deciding.unwrap().teacher_tokens.saved > 0);
}

#[test]
fn the_cap_leaves_a_gate_undecided_and_what_was_asked_is_exactly_the_cap() {
    let folder = tempfile::tempdir().unwrap();
    let (found, _) = audit(&Bigram::bytes("t", 1), &support::suite(60), &until(POLICY, Some(11)), folder.path());
    assert_eq!(found.verdict, Verdict::NotEnoughEvidence);
    let deciding = found.deciding.unwrap();
    assert_eq!(deciding.cap, Some(11));
    assert!(deciding.gates.iter().all(|gate| gate.families == 11), "{:?}", deciding.gates);
    assert_eq!(found.suite.families, 22);
}

#[test]
fn an_interruption_changes_nothing_and_a_finished_run_asks_nothing() {
    let (student, suite, options) = (Bigram::bytes("s", 2), support::suite(60), until(POLICY, Some(40)));
    let whole = tempfile::tempdir().unwrap();
    let (expected, _) = audit(&student, &suite, &options, whole.path());
    let pieces = tempfile::tempdir().unwrap();
    let mut stops = 0;
    let run = loop {
        let mut watch = Watch { stop_after: Some(1), ..Watch::default() };
        match collect(Models::pair(&Bigram::bytes("t", 1), &student), &suite, &options.1, pieces.path(), &mut watch) {
            Ok(run) => break run,
            Err(AskError::Interrupted(_)) => stops += 1,
            Err(error) => panic!("{error}"),
        }
        assert!(stops < 100);
    };
    assert!(stops >= 2, "{stops}");
    let json = |statement: &Statement| serde_json::to_string_pretty(statement).unwrap();
    assert_eq!(json(&statement(&run, &Policy::parse(POLICY).unwrap()).unwrap()), json(&expected));
    drop(run);
    let (again, watch) = audit(&student, &suite, &options, pieces.path());
    assert_eq!((json(&again), watch.units), (json(&expected), 0));
}

/// Prompts, four to a family.
fn prompts(families: usize) -> Suite {
    let probe = |i: usize| {
        let ask = Ask::Prompt(kind::Prompt {
            prompt: format!("Question{i}WhatComesAfter{}", i % 97),
            system: None,
            turns: Vec::new(),
            // One token is cut, and a word all the same.
            answer: vec![Normal::Word],
            check: None,
            max_tokens: None,
            stop: Vec::new(),
            decoding: Default::default(),
        });
        Probe {
            id: format!("p{i}"),
            family: format!("f{}", i / 4),
            axis: "free".into(),
            tags: Vec::new(),
            knob: None,
            boundary: None,
            ask,
        }
    };
    Suite { name: "prompts".into(), probes: (0..4 * families).map(probe).collect() }
}

#[test]
fn free_answers_are_asked_until_their_gate_is_decided() {
    let folder = tempfile::tempdir().unwrap();
    let parameters =
        SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: 1, stop: Vec::new(), seed: 5 };
    let settings = SampleSettings { per_probe: 4, reruns: 4, parameters, paired: false };
    let limits = SampleLimits { width: 32, memory: 1 << 30 };
    let store = folder.path().join("store");
    let mut options = until("[[gate]]\nmetric = \"answer_agreement\"\nat_least = 0.5", None);
    options.1.sampling = Some(Sampling { settings, store: store.clone(), limits });
    let (found, _) = audit_of(&spells("t", 1), &spells("s", 2), &prompts(300), &options, &folder.path().join("run"));
    assert_eq!(found.verdict, Verdict::Fail, "{:?}", found.gates);
    let deciding = found.deciding.as_ref().unwrap();
    let asked = deciding.gates[0].families * 4;
    assert!(asked < 300, "{asked}");
    assert_eq!((deciding.teacher_answers.spent, deciding.teacher_answers.saved), (asked * 8, (1200 - asked) * 8));
    // What the store holds is not asked again.
    assert!(Store::open(&store, Access::Read).unwrap().len() as u64 <= asked * 12);

    // The student goes on alone: no answer more of the teacher, the same verdict.
    options.1.teacher_asked = Some(TeacherAsked::UntilDecided);
    let (helped, _) =
        audit_of(&spells("t", 1), &spells("s", 2), &prompts(300), &options, &folder.path().join("helped"));
    let teacher = |found: &Statement| found.cost.teacher_answer_tokens;
    assert_eq!(teacher(&helped), teacher(&found));
    assert!(helped.cost.student_answer_tokens > 2 * found.cost.student_answer_tokens);
    assert_eq!(helped.deciding, found.deciding);
    // Agreement itself is so rare that its interval is exact and takes no help.
    let alone = helped.metrics.iter().find(|m| m.id == "diversity_kept").and_then(|m| m.estimate.as_ref());
    assert_eq!(alone.unwrap().student_alone.unwrap().families, 300 - asked / 4);

    // Where no gate is about answers the teacher gives none, and the student's alone would tell nothing.
    let mut suite = support::suite(60);
    suite.probes.extend(prompts(5).probes.into_iter().map(|probe| Probe { id: format!("free-{}", probe.id), ..probe }));
    let mut top = until("[[gate]]\nmetric = \"top1_agreement\"\nat_least = 0.5", None);
    top.1 = AskOptions { sampling: options.1.sampling, teacher_asked: options.1.teacher_asked, ..top.1 };
    let (found, _) = audit(&Bigram::bytes("t", 1), &suite, &top, &folder.path().join("none"));
    assert_eq!((found.cost.teacher_answer_tokens, found.cost.student_answer_tokens), (0, 0));
}

#[test]
fn gates_that_cannot_be_watched_are_refused_when_no_other_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |policy: &str| {
        let (teacher, student) = (Bigram::bytes("t", 1), Bigram::bytes("s", 2));
        let path = folder.path().join("run");
        let error = collect(
            Models::pair(&teacher, &student),
            &support::suite(5),
            &until(policy, None).1,
            &path,
            &mut Watch::default(),
        );
        assert!(!path.exists());
        error.unwrap_err().to_string()
    };
    assert!(refused("[[gate]]\nmetric = \"best_temperature\"\nat_most = 1.2").contains("top1_agreement"));
    assert!(refused("[[gate]]\nmetric = \"answer_lost\"\nat_most = 0.2").contains("no gate of the policy"));
}
