//! Whole audits on models whose truth is known: nothing lost, one thing lost, interrupted, mismatched.
#![allow(clippy::unwrap_used)]

use crate::support;

use hydrometer_answers::RunFolder;
use hydrometer_ask::{AskError, Models};
use hydrometer_audit::statement::{Pairing, Severity};
use hydrometer_audit::{Policy, Statement, statement};
use hydrometer_metrics::Verdict;
use hydrometer_models::{Defect, Model, Planted, Specials, Tokenizer};
use hydrometer_probes::Suite;
use support::{Bigram, Watch, audit, collect, options, run, suite};

fn json(statement: &Statement) -> String {
    serde_json::to_string_pretty(statement).unwrap()
}

fn gate(statement: &Statement, metric: &str) -> Verdict {
    statement.gates.iter().find(|g| g.metric == metric).unwrap_or_else(|| panic!("no gate on {metric}")).verdict
}

fn value(statement: &Statement, id: &str) -> f64 {
    let metric = statement.metrics.iter().find(|m| m.id == id).unwrap();
    metric.estimate.as_ref().unwrap_or_else(|| panic!("{id}: {:?}", metric.missing)).value
}

#[test]
fn a_teacher_keeps_everything_of_itself() {
    let statement = audit(&Bigram::bytes("t", 1), &Bigram::bytes("t", 1), &suite(60));
    for gate in &statement.gates {
        assert_eq!(gate.verdict, Verdict::Pass, "{}", gate.explanation);
    }
    // A model of pairs of bytes answers no choice, and holds a letter for as probable whatever it stands for.
    assert!(
        statement.verdict_line.contains("60 of 60 choices are not answered by the teacher"),
        "{}",
        statement.verdict_line
    );
    assert_eq!((statement.verdict, statement.gates.len()), (Verdict::NotEnoughEvidence, 10));
    for (id, expected) in [
        ("kl_divergence", 0.0),
        ("jensen_shannon", 0.0),
        ("token_overlap", 1.0),
        ("tail_kept", 1.0),
        ("tail_invented", 0.0),
        ("entropy_ratio", 1.0),
        ("best_temperature", 1.0),
        ("top1_agreement", 1.0),
        ("perplexity_ratio", 1.0),
        ("choice_top1_agreement", 1.0),
        ("choice_divergence", 0.0),
    ] {
        assert!((value(&statement, id) - expected).abs() < 2e-6, "{id} is {}", value(&statement, id));
    }
    assert!(statement.findings.iter().all(|f| f.severity != Severity::Serious), "{:?}", statement.findings);
    assert_eq!(statement.headline.len(), 7);
    for headline in &statement.headline {
        assert_ne!(headline.estimate.is_some(), headline.missing.is_some(), "{}", headline.id);
    }
}

#[test]
fn planted_defects_fire_where_they_should_and_nowhere_else() {
    let check = |spec: &str, fires: &[&str], quiet: &[&str], finding: &str| {
        let teacher = Bigram::bytes("t", 1);
        let (defect, _) = Defect::parse_spec(spec).unwrap();
        let student = Planted::new(defect, Box::new(Bigram::bytes("t", 1)));
        let statement = audit(&teacher, &student, &suite(60));
        for metric in fires {
            assert_eq!(gate(&statement, metric), Verdict::Fail, "{spec} must fire {metric}");
        }
        for metric in quiet {
            assert_eq!(gate(&statement, metric), Verdict::Pass, "{spec} must leave {metric} quiet");
        }
        if !finding.is_empty() {
            assert!(statement.findings.iter().any(|f| f.id == finding), "{spec}: {:?}", statement.findings);
        }
    };
    let all = ["tail_kept", "tail_invented", "kl_divergence", "token_overlap", "entropy_ratio", "top1_agreement"];
    check("null(t)", &[], &all, "at_the_noise_floor");
    check("noise=0.05(t)", &[], &all, "");
    check(
        "temperature=0.6(t)",
        &["entropy_ratio", "best_temperature", "tail_kept"],
        &["top1_agreement"],
        "temperature",
    );
    check("tail_truncated=0.9(t)", &["tail_kept"], &["top1_agreement"], "tail_lost");
    check(
        "tail_permuted=0.9(t)",
        &["tail_kept", "tail_invented"],
        &["token_overlap", "entropy_ratio", "top1_agreement"],
        "tail_invented",
    );
    check("greedy(t)", &["entropy_ratio", "tail_kept"], &["top1_agreement"], "sharpness");
}

#[test]
fn an_interrupted_audit_continues_to_the_same_bytes() {
    let (teacher, student, suite) = (Bigram::bytes("t", 1), Bigram::bytes("s", 2), suite(30));
    let folder = tempfile::tempdir().unwrap();
    let whole = run(&teacher, &student, &suite, folder.path()).unwrap();
    let expected = json(&statement(&whole, &Policy::default()).unwrap());
    let mut watch = Watch::default();
    let again = tempfile::tempdir().unwrap();
    let mut stops = 0;
    loop {
        watch = Watch { stop_after: Some(1), planned: watch.planned, ..Watch::default() };
        match collect(Models::pair(&teacher, &student), &suite, &options(), again.path(), &mut watch) {
            Err(AskError::Interrupted(_)) => stops += 1,
            done => {
                done.unwrap();
                break;
            }
        }
        // A second process finds the folder unfinished, never half-written.
        assert!(RunFolder::open(again.path()).is_err());
    }
    assert!(stops >= 5, "{stops} interruptions");
    let plan = watch.planned.unwrap();
    assert_eq!(plan.units_done + watch.units, plan.units);
    let resumed = RunFolder::open(again.path()).unwrap();
    assert_eq!(json(&statement(&resumed, &Policy::default()).unwrap()), expected);
}

#[test]
fn every_token_of_the_plan_is_reported_once() {
    let (teacher, student) = (Bigram::bytes("t", 1), Bigram::bytes("s", 2));
    let folder = tempfile::tempdir().unwrap();
    let mut watch = Watch::default();
    let run = collect(Models::pair(&teacher, &student), &suite(30), &options(), folder.path(), &mut watch).unwrap();
    let plan = watch.planned.unwrap();
    assert_eq!(watch.tokens, plan.planned.teacher_tokens + plan.planned.student_tokens);
    assert_eq!(run.costs().unwrap().len() as u64, plan.units);
}

#[test]
fn another_plan_is_refused_in_the_same_folder() {
    let (teacher, student, suite) = (Bigram::bytes("t", 1), Bigram::bytes("s", 2), suite(12));
    let folder = tempfile::tempdir().unwrap();
    run(&teacher, &student, &suite, folder.path()).unwrap();
    let other = run(&teacher, &Bigram::bytes("s", 3), &suite, folder.path()).unwrap_err().to_string();
    assert!(other.contains("student"), "{other}");
}

#[test]
fn different_vocabularies_refuse_token_metrics_and_keep_the_rest() {
    let mut pieces: Vec<String> = (b' '..=b'~').map(|b| char::from(b).to_string()).collect();
    pieces.extend(["\n".into(), "river".into()]);
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    let words = Tokenizer::from_pieces(&pieces, Specials::default());
    let Ok(words) = words else { panic!("{:?}", words.err().map(|e| e.to_string())) };
    let statement = audit(&Bigram::bytes("t", 1), &Bigram::new("s", 1, words), &suite(30));
    assert!(matches!(&statement.pairing, Pairing::Different { reason } if !reason.is_empty()));
    assert_eq!(statement.regime.id, "R4");
    let kl = statement.metrics.iter().find(|m| m.id == "kl_divergence").unwrap();
    assert!(kl.estimate.is_none() && kl.missing.as_ref().unwrap().contains("one vocabulary"));
    assert!(statement.regime.meaning.contains("choices, free answers and bits per byte only"));
    // The default policy has gates on numbers that are refused here; a note for each says so.
    let gates = Policy::default().gates.len();
    assert!(!statement.left_out.is_empty() && statement.gates.len() + statement.left_out.len() == gates);
    assert!(value(&statement, "bits_per_byte_teacher") > 0.0);
    assert!(value(&statement, "bits_per_byte_student") > 0.0);
    assert_eq!(statement.suite.choices, 30);
    assert!(statement.bands.is_empty() && statement.worst_documents.is_empty() && statement.compat.is_none());
}

#[test]
fn a_suite_without_anything_to_ask_is_an_error() {
    let empty = Suite { name: "empty".into(), probes: Vec::new() };
    let folder = tempfile::tempdir().unwrap();
    assert!(run(&Bigram::bytes("t", 1), &Bigram::bytes("s", 2), &empty, folder.path()).is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn choices_without_texts_are_judged_alone() {
    let mut suite = suite(40);
    suite.probes.retain(|p| p.id.starts_with("choice"));
    let statement = audit(&Bigram::bytes("t", 1), &Bigram::bytes("s", 2), &suite);
    let gates: Vec<_> = statement.gates.iter().map(|g| g.metric.as_str()).collect();
    assert_eq!(gates, ["choice_divergence"]);
    // A bigram knows nothing of these questions, and can lose nothing.
    let nothing = |note: &String| note.contains("nothing to lose") && note.contains("choice_net_loss");
    assert!(statement.notes.iter().any(nothing), "{:?}", statement.notes);
    let cells = statement.truth.unwrap();
    let total = cells.both_right + cells.lost + cells.gained + cells.both_wrong_same + cells.both_wrong_different;
    assert_eq!(total, 40);
    assert_eq!(statement.left_out.len(), Policy::default().gates.len() - 1);
}

#[test]
fn a_required_gate_that_cannot_be_measured_leaves_the_audit_undecided() {
    let mut suite = suite(20);
    suite.probes.retain(|p| p.id.starts_with("text"));
    let folder = tempfile::tempdir().unwrap();
    let run = run(&Bigram::bytes("t", 1), &Bigram::bytes("t", 1), &suite, folder.path()).unwrap();
    let policy = Policy::parse("[[gate]]\nmetric = \"choice_lost\"\nat_most = 0.1").unwrap();
    let statement = statement(&run, &policy).unwrap();
    assert_eq!(statement.verdict, Verdict::NotEnoughEvidence);
    assert!(statement.gates[0].explanation.contains("no choices"), "{}", statement.gates[0].explanation);
}

#[test]
fn the_noise_floor_of_a_deterministic_model_is_zero() {
    let teacher = Bigram::bytes("t", 1);
    let statement = audit(&teacher, &Bigram::bytes("s", 2), &suite(30));
    let kl = statement.metrics.iter().find(|m| m.id == "kl_divergence").unwrap().estimate.as_ref().unwrap();
    assert_eq!(kl.floor, Some(0.0));
    assert!(kl.value > 0.1 && teacher.identity().logit_width() > 0);
}
