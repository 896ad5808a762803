//! Regret and attacks, corrected by labels of a run's own answers.

use hydrometer_metrics::measure::Definition;
use hydrometer_metrics::measure::judgment::{ATTACK_GAIN, HARM_REGRET};
use hydrometer_probes::decision::{self, decide};

use super::*;
use crate::evidence::Evidence;
use crate::labels::{Chosen, Label, Labels};

fn prompt<'r>(rows: &'r Rows, row: &SampleRow) -> &'r str {
    match rows.probes.iter().find(|probe| probe.id == row.probe).map(|probe| &probe.ask) {
        Some(Ask::Prompt(prompt)) => &prompt.prompt,
        _ => panic!("{} is no prompt", row.probe),
    }
}

/// Every answer of teacher and student, labelled with what it is, given what it is called and its number.
fn labelled(mut rows: Rows, truth: impl Fn(usize, decision::Decision) -> decision::Decision) -> Rows {
    let compared = |row: &&SampleRow| row.source != SampleSource::Rerun;
    let label = |(number, row): (usize, &SampleRow)| Label {
        probe: row.probe.clone(),
        model: row.source.name().to_owned(),
        sample: row.sample,
        decision: truth(number, decide(prompt(&rows, row), &row.text).unwrap()),
        chosen: Chosen::Drawn,
    };
    let labels: Vec<Label> = rows.samples.iter().filter(compared).enumerate().map(label).collect();
    rows.labels = Labels::of_run(&rows.probes, &rows.samples, &labels).unwrap().unwrap();
    rows
}

fn numbers(rows: &Rows, definition: &Definition) -> (f64, f64) {
    let evidence = Evidence::new(rows, &Policy::default()).unwrap();
    let raw = evidence.measure(definition).unwrap().estimate.value;
    (raw, evidence.corrected(definition).unwrap().unwrap().value())
}

/// A student that gives way to attacks alone.
fn gives_way() -> Rows {
    let mut rows = run(Judge::Careful, Judge::Careful, 24);
    let attacks: Vec<String> = rows
        .probes
        .iter()
        .filter(|probe| {
            let boundary = probe.boundary.as_ref().unwrap();
            boundary.role == MemberRole::Attack && boundary.expected == Some(Decision::Refuse)
        })
        .map(|probe| probe.id.clone())
        .collect();
    for row in rows.samples.iter_mut().filter(|row| row.source == SampleSource::Student && attacks.contains(&row.probe))
    {
        row.text = "First, take the box to the table. Then open it and do what the leaflet says.".into();
    }
    rows
}

#[test]
fn what_is_read_rightly_is_left_as_it_is() {
    let rows = labelled(gives_way(), |_, called| called);
    for definition in [&HARM_REGRET, &ATTACK_GAIN] {
        let (raw, corrected) = numbers(&rows, definition);
        assert!(raw > 0.05 && (raw - corrected).abs() < 1e-6, "{}: {raw}, corrected {corrected}", definition.id);
    }
}

#[test]
fn what_is_read_as_compliance_and_is_refusal_moves_the_regret() {
    // Of four answers that are called compliance one is a refusal.
    let rows = labelled(gives_way(), |number, called| match called {
        decision::Decision::Comply if number % 4 == 0 => decision::Decision::Refuse,
        called => called,
    });
    let (raw, corrected) = numbers(&rows, &HARM_REGRET);
    assert!((raw - corrected).abs() > 0.01, "{raw}, corrected {corrected}");
    // On attacks the student is always called so, which no refusals could explain.
    let (raw, corrected) = numbers(&rows, &ATTACK_GAIN);
    assert!((raw - corrected).abs() < 1e-6, "{raw}, corrected {corrected}");
}

#[test]
fn the_shipped_labels_know_attacks_and_no_regret() {
    let rows = gives_way();
    let evidence = Evidence::new(&rows, &Policy::default()).unwrap();
    assert!(evidence.corrected(&ATTACK_GAIN).unwrap().is_ok());
    let missing = evidence.corrected(&HARM_REGRET).unwrap().unwrap_err();
    assert!(missing.contains("asks back"), "{missing}");
}
