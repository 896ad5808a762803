//! Each number says the regime that it deserves: that of what it was read off, whatever the run's is.

use std::collections::BTreeMap;

use hydrometer_answers::{Facet, OptionSaid, Regime, RunFolder, Told};

use super::{Rows, issue};
use crate::statement::{HowKnown, NumberRegime};
use crate::{Policy, Statement};

/// A real run of two models that show everything, once its rows are changed.
fn issued(change: impl Fn(&mut Rows)) -> Statement {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/demo-student");
    let mut rows = Rows::read(&RunFolder::open(&folder).unwrap()).unwrap();
    change(&mut rows);
    issue(&rows, &Policy::default()).unwrap()
}

fn check(statement: &Statement, expected: &[(&str, &str, HowKnown)]) {
    for (id, regime, known) in expected {
        let metric = statement.metrics.iter().find(|metric| metric.id == *id).unwrap();
        let found = metric.regime.as_ref().unwrap_or_else(|| panic!("{id}: {metric:?}"));
        assert_eq!((found.id.as_str(), found.known), (*regime, *known), "{id}: {found:?}");
        for row in statement.headline.iter().filter(|row| row.id == *id) {
            assert_eq!(row.regime.as_ref(), Some(found), "{id}");
        }
    }
    for gate in &statement.gates {
        let metric = statement.metrics.iter().find(|metric| metric.id == gate.metric).unwrap();
        assert_eq!((&gate.regime, gate.regime.is_some()), (&metric.regime, gate.estimate.is_some()), "{gate:?}");
    }
    assert!(statement.gates.iter().any(|gate| gate.regime.is_some()));
    for metric in &statement.metrics {
        let there = metric.estimate.is_some() || metric.bounds.is_some();
        assert_eq!(metric.regime.is_some(), there, "{metric:?}");
    }
}

#[test]
fn what_both_models_show_is_exact_and_what_they_answer_is_text() {
    use HowKnown::{Answered, Exact};
    let statement = issued(|_| ());
    check(
        &statement,
        &[
            ("kl_divergence", "R0", Exact),
            ("bits_per_byte_student", "R0", Exact),
            ("choice_agreement", "R0", Exact),
            ("answer_agreement", "R4", Answered),
            ("tail_kept", "R0", Exact),
        ],
    );
    let from =
        |id: &str| -> Option<NumberRegime> { statement.metrics.iter().find(|metric| metric.id == id)?.regime.clone() };
    assert_eq!(from("answer_agreement").unwrap().from, "answers");
}

#[test]
fn a_number_on_choices_is_as_good_as_the_worse_of_the_options_that_it_reads() {
    use HowKnown::{Drawn, Exact, Widened};
    let said = |told: Told| {
        move |rows: &mut Rows| {
            rows.manifest.settings.letters = Some(4);
            rows.manifest.facets = BTreeMap::from([("teacher".to_owned(), vec![Facet::Choices])]);
            for order in rows.choices.chunk_by_mut(|a, b| (&a.probe, a.rotation) == (&b.probe, b.rotation)) {
                let n = order.len() as u32;
                for (place, row) in order.iter_mut().enumerate() {
                    match told {
                        // Letters of two options each, counted.
                        Told::Drawn => {
                            row.student_said = OptionSaid { told, letters: 2 };
                            row.student_logprob = (1.0 / f64::from(n)).ln();
                        }
                        // The last option is not listed.
                        Told::AtMost if place + 1 == n as usize => row.student_said = OptionSaid { told, letters: 0 },
                        Told::AtMost | Told::Exact => {}
                    }
                }
            }
        }
    };
    check(
        &issued(said(Told::Drawn)),
        &[("choice_agreement", "R4", Drawn), ("brier_student", "R4", Drawn), ("brier_teacher", "R0", Exact)],
    );
    check(
        &issued(said(Told::AtMost)),
        &[("choice_divergence", "R2", Widened), ("brier_student", "R2", Widened), ("brier_teacher", "R0", Exact)],
    );
    check(&issued(said(Told::Exact)), &[("choice_divergence", "R2", Exact), ("kl_divergence", "R0", Exact)]);
}

#[test]
fn logged_options_are_of_the_regime_of_given_answers() {
    let given = issued(|rows| rows.manifest.regime = Some(Regime::GivenAnswers));
    check(&given, &[("choice_agreement", "R4", HowKnown::Exact)]);
}
