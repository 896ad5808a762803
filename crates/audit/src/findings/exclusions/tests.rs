#![allow(clippy::unwrap_used)]

use std::path::Path;

use hydrometer_answers::RunFolder;
use hydrometer_metrics::{Interval, IntervalMethod, Verdict};

use super::*;
use crate::evidence::{Evidence, Rows};
use crate::issue::issue;
use crate::statement::{Gate, Severity};
use crate::{Policy, findings};

/// The findings of a real run whose numbers are replaced by these, each with an interval of ± 0.02; the gate on diversity kept
/// fails.
fn findings_of(numbers: &[(&Definition, f64)]) -> Vec<Finding> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/demo-student");
    let mut rows = Rows::read(&RunFolder::open(&folder).unwrap()).unwrap();
    // What is not looked at only takes time.
    rows.samples.clear();
    rows.positions.truncate(400);
    let policy = Policy::default();
    let mut statement = issue(&rows, &policy).unwrap();
    let evidence = Evidence::new(&rows, &policy).unwrap();
    for metric in &mut statement.metrics {
        metric.estimate = numbers.iter().find(|(definition, _)| definition.id == metric.id).map(|(_, value)| {
            let (low, high) = (value - 0.02, value + 0.02);
            Estimate {
                value: *value,
                interval: Some(Interval { low, high, level: 0.95, method: IntervalMethod::HallT }),
                n_families: 50,
                effective_families: None,
                unseen: None,
                n_items: 500,
                excluded: Vec::new(),
                floor: (metric.id == tokens::KL_DIVERGENCE.id).then_some(0.01),
                student_alone: None,
            }
        });
    }
    statement.gates.iter_mut().for_each(|gate| gate.verdict = Verdict::Pass);
    let fails =
        Gate { metric: answers::DIVERSITY_KEPT.id.to_owned(), verdict: Verdict::Fail, ..statement.gates[0].clone() };
    statement.gates.push(fails);
    findings::findings(&statement, &evidence)
}

#[track_caller]
fn check(numbers: &[(&Definition, f64)], said: &[&str], unsaid: &[&str]) -> Vec<Finding> {
    let found = findings_of(numbers);
    let ids: Vec<&str> = found.iter().map(|finding| finding.id.as_str()).collect();
    assert!(said.iter().all(|id| ids.contains(id)), "{said:?} of {ids:?}");
    assert!(!unsaid.iter().any(|id| ids.contains(id)), "none of {unsaid:?} in {ids:?}");
    found
}

/// A divergence of which temperature removes a fifth.
const KL: (&Definition, f64) = (&tokens::KL_DIVERGENCE, 0.5);
const SHARE: (&Definition, f64) = (&tokens::TEMPERATURE_SHARE, 0.2);

#[test]
fn findings_that_agree_are_said_together() {
    let sharper = [KL, SHARE, (&tokens::BEST_TEMPERATURE, 1.4), (&tokens::ENTROPY_RATIO, 0.7)];
    let slope = (&choices::CALIBRATION_SLOPE, 0.6);
    check(&[&sharper[..], &[slope]].concat(), &["temperature", "sharpness", "overconfident_choices"], &[]);
    let flatter = [KL, SHARE, (&tokens::BEST_TEMPERATURE, 0.7), (&tokens::ENTROPY_RATIO, 1.4)];
    check(&flatter, &["temperature", "sharpness"], &[]);
    check(&[(&tokens::ENTROPY_RATIO, 0.3), (&answers::DIVERSITY_KEPT, 0.4)], &["sharpness", "diversity"], &[]);
}

#[test]
fn too_sharp_and_less_certain_are_not_said_together() {
    let numbers = [KL, SHARE, (&tokens::BEST_TEMPERATURE, 1.3), (&tokens::ENTROPY_RATIO, 1.4)];
    let found = check(&numbers, &["sharpness"], &["temperature"]);
    let sharpness = found.iter().find(|finding| finding.id == "sharpness").unwrap();
    assert!(sharpness.detail.contains("best temperature points the other way"), "{}", sharpness.detail);
    for ratio in [0.3, 0.7] {
        check(
            &[KL, SHARE, (&tokens::BEST_TEMPERATURE, 0.7), (&tokens::ENTROPY_RATIO, ratio)],
            &["sharpness"],
            &["temperature"],
        );
    }
}

#[test]
fn surer_and_flatter_are_not_said_together() {
    let slope = (&choices::CALIBRATION_SLOPE, 0.6);
    check(&[(&tokens::ENTROPY_RATIO, 1.4), slope], &["sharpness"], &["overconfident_choices"]);
    let flat = [KL, SHARE, (&tokens::BEST_TEMPERATURE, 0.7), slope];
    check(&flat, &["temperature"], &["overconfident_choices"]);
    // A student that prefers other options is not called surer.
    let contrary = (&choices::CALIBRATION_SLOPE, -0.6);
    check(&[(&tokens::ENTROPY_RATIO, 1.4), contrary], &["sharpness", "overconfident_choices"], &[]);
}

#[test]
fn collapse_and_more_diverse_are_not_said_together() {
    let found =
        check(&[(&tokens::ENTROPY_RATIO, 0.3), (&answers::DIVERSITY_KEPT, 1.6)], &["diversity"], &["sharpness"]);
    assert_eq!(found.iter().find(|finding| finding.id == "diversity").unwrap().severity, Severity::Serious);
}

#[test]
fn a_loss_is_not_at_the_noise_floor() {
    let at_floor = (&tokens::KL_DIVERGENCE, 0.05);
    check(&[at_floor], &["at_the_noise_floor"], &[]);
    check(&[at_floor, (&tokens::TAIL_KEPT, 0.5)], &["tail_lost"], &["at_the_noise_floor"]);
    check(&[at_floor, (&tokens::ENTROPY_RATIO, 0.5)], &["sharpness"], &["at_the_noise_floor"]);
}
