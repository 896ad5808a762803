//! Students that give a letter whatever option it stands for: over all orders every option is as probable, and none is a favourite.

use hydrometer_answers::{ChoiceRow, OptionSaid};
use hydrometer_metrics::Verdict;
use hydrometer_probes::read_jsonl;

use super::{issue, rows};
use crate::{Policy, Statement};

const CHOICES: u32 = 200;

/// Choices with two options, the first of which is right, asked in both orders. The teacher knows it; a student that says `A` has the option
/// that is called so.
fn audit(more: &str, teacher_knows: bool, student_says_a: bool) -> Statement {
    let line = |k: u32| {
        format!(
            r#"{{"kind":"choice","id":"c{k}","family":"c{k}","axis":"reasoning","prompt":"Is {k} one more than {k} less 1?","options":["yes","no"],"truth":0{more}}}"#
        ) + "\n"
    };
    let mut rows = rows(Vec::new());
    rows.probes = read_jsonl((0..CHOICES).map(line).collect::<String>().as_bytes(), "choices").unwrap().probes;
    let said = |knows: bool, option: u32, rotation: u32| {
        let first = if knows { option == 0 } else { option == rotation };
        f64::ln(if first { 0.9 } else { 0.1 })
    };
    for k in 0..CHOICES {
        for (rotation, option) in [(0, 0), (0, 1), (1, 1), (1, 0)] {
            rows.choices.push(ChoiceRow {
                probe: format!("c{k}"),
                family: format!("c{k}"),
                option,
                rotation,
                teacher_logprob: said(teacher_knows, option, rotation),
                student_logprob: said(!student_says_a, option, rotation),
                control_logprob: None,
                teacher_said: OptionSaid::default(),
                student_said: OptionSaid::default(),
            });
        }
    }
    let policy = "level = 0.95\n[[gate]]\nmetric = \"choice_lost\"\nat_most = 0.1\n[[gate]]\nmetric = \"choice_net_loss\"\nat_most = 0.05\n";
    issue(&rows, &Policy::parse(policy).unwrap()).unwrap()
}

#[test]
fn a_letter_is_no_answer() {
    let value = |statement: &Statement, id: &str| {
        statement.metrics.iter().find(|metric| metric.id == id).unwrap().estimate.as_ref().unwrap().value
    };
    let named = |statement: &Statement| statement.findings.iter().any(|finding| finding.id == "no_favourite");
    let blind = audit("", true, true);
    // Half of the choices, give or take three deviations.
    assert!(
        (value(&blind, "choice_accuracy_student") - 0.5).abs() < 0.11,
        "{}",
        value(&blind, "choice_accuracy_student")
    );
    assert!((value(&blind, "choice_lost") - 0.5).abs() < 0.11);
    assert_eq!(blind.verdict, Verdict::Fail);
    assert!(named(&blind));
    let truth = blind.truth.as_ref().unwrap();
    assert_eq!(truth.lost as f64 / f64::from(CHOICES), value(&blind, "choice_lost"), "one tie is broken once");
    // Whoever is tied where its teacher is has the same favourites.
    let both = audit("", false, true);
    assert_eq!((value(&both, "choice_lost"), value(&both, "choice_top1_agreement")), (0.0, 1.0));
    assert!(!named(&both));
    assert!(!named(&audit("", true, false)));
}

#[test]
fn a_letter_keeps_no_capability() {
    let knob = |k: &str| format!(r#","knob":{{"name":"depth","value":{k}}}"#);
    let blind = audit(&knob("1"), true, true);
    let axis = &blind.geometry.as_ref().unwrap().axes[0];
    let volume = axis.volume.as_ref().unwrap();
    assert!(volume.value.abs() < 0.22, "{}", volume.value);
    assert_eq!(axis.safe_reach, 0.0);
}
