#![allow(clippy::unwrap_used)]

use std::path::Path;

use hydrometer_answers::RunFolder;
use hydrometer_metrics::stats::paired::Paired;

use super::*;

/// A real run, judged; `change` makes another student of it.
fn runs(change: impl Fn(&mut Rows)) -> [Rows; 2] {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/demo-student");
    let read = || {
        let mut rows = Rows::read(&RunFolder::open(&folder).unwrap()).unwrap();
        // Twelve families of answers are enough, and quick.
        let families: std::collections::BTreeSet<String> = rows.samples.iter().map(|row| row.family.clone()).collect();
        let few: Vec<String> = families.into_iter().take(12).collect();
        rows.samples.retain(|row| few.contains(&row.family));
        rows
    };
    let mut other = read();
    change(&mut other);
    [read(), other]
}

fn compared(change: impl Fn(&mut Rows)) -> Result<Comparison, AuditError> {
    compare(runs(change), &Policy::default())
}

fn row<'c>(comparison: &'c Comparison, metric: &str) -> &'c Row {
    comparison.rows.iter().find(|row| row.metric == metric).unwrap()
}

fn found<'c>(comparison: &'c Comparison, metric: &str) -> &'c Found {
    row(comparison, metric).found.as_ref().unwrap_or_else(|| panic!("{metric}: {:?}", row(comparison, metric).missing))
}

#[test]
fn a_run_is_the_same_as_itself() {
    let comparison = compared(|_| {}).unwrap();
    assert!(comparison.rows.len() > 20 && comparison.cautions.is_empty());
    for row in &comparison.rows {
        let Some(found) = &row.found else { continue };
        assert_eq!((found.difference, found.reading), (0.0, Reading::Same), "{}", row.metric);
    }
    assert_eq!((comparison.a.left_out, comparison.b.left_out), (0, 0));
}

#[test]
fn a_little_more_in_every_family_is_seen_although_families_vary() {
    let comparison = compared(|rows| {
        for (at, row) in rows.positions.iter_mut().enumerate() {
            row.stats.kl *= if at % 2 == 0 { 1.04 } else { 1.06 };
        }
    })
    .unwrap();
    let kl = found(&comparison, "kl_divergence");
    let interval = kl.interval.unwrap();
    assert!((1.03..=1.07).contains(&(kl.b / kl.a)), "{kl:?}");
    assert!(interval.low > 0.0 && (interval.low..=interval.high).contains(&kl.difference));
    assert_eq!((kl.reading, kl.a_better, kl.b_better), (Reading::ABetter, kl.single_families, 0));
    assert_eq!(found(&comparison, "tail_kept").reading, Reading::Same);
}

#[test]
fn noise_is_called_chance() {
    let comparison = compared(|rows| {
        for (at, row) in rows.positions.iter_mut().enumerate() {
            row.stats.kl *= if at % 2 == 0 { 0.97 } else { 1.03 };
        }
    })
    .unwrap();
    assert_eq!(found(&comparison, "kl_divergence").reading, Reading::NoDifference);
}

#[test]
fn suites_are_reduced_to_what_both_were_asked() {
    let whole = found(&compared(|_| {}).unwrap(), "choice_agreement").families;
    let comparison = compared(|rows| {
        // Another question under the old name, and an old one under another name.
        let changed = rows.choices[0].probe.clone();
        let renamed = rows.choices.iter().find(|row| row.family != rows.choices[0].family).unwrap().family.clone();
        for probe in &mut rows.probes {
            match &mut probe.ask {
                hydrometer_probes::Ask::Choice(choice) if probe.id == changed => choice.prompt += " Really?",
                _ => {}
            }
            if probe.family == renamed {
                probe.family = "under another name".into();
            }
        }
        for row in rows.choices.iter_mut().filter(|row| row.family == renamed) {
            row.family = "under another name".into();
        }
    })
    .unwrap();
    assert_eq!((comparison.a.left_out, comparison.b.left_out), (1, 1));
    let agreement = found(&comparison, "choice_agreement");
    assert_eq!((agreement.families, agreement.difference), (whole - 1, 0.0));
}

#[test]
fn nothing_in_common_is_refused() {
    let refused = compared(|rows| {
        for probe in &mut rows.probes {
            match &mut probe.ask {
                hydrometer_probes::Ask::Choice(choice) => choice.prompt += "!",
                hydrometer_probes::Ask::Prompt(prompt) => prompt.prompt += "!",
                hydrometer_probes::Ask::Episode(episode) => episode.turns[0].say += "!",
                hydrometer_probes::Ask::Trajectory(trajectory) => trajectory.task += "!",
                hydrometer_probes::Ask::Text(text) => text.text += "!",
            }
        }
    });
    assert!(matches!(refused, Err(AuditError::NothingShared { a, b }) if a == b && a > 20), "{refused:?}");
}

#[test]
fn another_teacher_is_refused() {
    let refused = compared(|rows| rows.manifest.teacher.weights = "blake3:other".into()).unwrap_err();
    assert!(refused.to_string().contains("the teachers' weights differ"), "{refused}");
    assert!(refused.to_string().contains("blake3:other"), "{refused}");
}

#[test]
fn another_temperature_is_another_number_for_answers_alone() {
    let comparison =
        compared(|rows| rows.manifest.settings.samples.as_mut().unwrap().parameters.temperature = 0.5).unwrap();
    let answers = row(&comparison, "answer_accuracy_student");
    assert!(answers.missing.as_ref().unwrap().contains("the ways of sampling answers differ: temperature 1"));
    assert_eq!(found(&comparison, "kl_divergence").reading, Reading::Same);
    assert_eq!(found(&comparison, "choice_agreement").reading, Reading::Same);
    let another_seed = compared(|rows| rows.manifest.settings.samples.as_mut().unwrap().parameters.seed += 1).unwrap();
    assert_eq!(found(&another_seed, "answer_accuracy_student").reading, Reading::Same);
}

#[test]
fn another_window_is_another_number_for_texts_alone() {
    let comparison = compared(|rows| rows.manifest.settings.n_ctx += 1).unwrap();
    assert!(row(&comparison, "kl_divergence").missing.as_ref().unwrap().contains("the context windows differ"));
    assert_eq!(found(&comparison, "choice_agreement").reading, Reading::Same);
}

#[test]
fn one_family_says_nothing() {
    let one = |rows: &mut Rows| {
        let only = rows.choices[0].family.clone();
        rows.probes.retain(|probe| probe.family == only);
        rows.positions.clear();
        rows.floor.clear();
        rows.likelihoods.clear();
        rows.samples.clear();
        rows.choices.retain(|row| row.family == only);
    };
    let mut rows = runs(one);
    one(&mut rows[0]);
    let comparison = compare(rows, &Policy::default()).unwrap();
    assert!(comparison.is_of_one_family());
    assert_eq!(found(&comparison, "choice_agreement").interval, None);
    let whole = compared(|_| {}).unwrap();
    assert!(!whole.is_of_one_family() && !whole.is_of_nothing());
}

#[test]
fn nothing_that_is_compared_is_not_one_family() {
    let answers = |rows: &mut Rows| {
        rows.probes.retain(|probe| matches!(probe.ask, hydrometer_probes::Ask::Prompt(_)));
        rows.positions.clear();
        rows.floor.clear();
        rows.likelihoods.clear();
        rows.choices.clear();
    };
    let mut rows = runs(answers);
    answers(&mut rows[0]);
    if let Some(settings) = rows[1].manifest.settings.samples.as_mut() {
        settings.parameters.temperature += 0.5;
    }
    let comparison = compare(rows, &Policy::default()).unwrap();
    assert!(comparison.shared_families > 1 && !comparison.rows.is_empty());
    assert!(comparison.rows.iter().all(|row| row.found.is_none()), "{:?}", comparison.rows);
    assert!(comparison.is_of_nothing() && !comparison.is_of_one_family());
}

/// A number that is the same without any one family, as a calibration error is where all choices are alike.
#[test]
fn a_number_that_no_family_carries_is_not_one_family() {
    let check = |a: f64, b: f64, families: u64, expected: Reading| {
        let paired = Paired { a, b, interval: None, p_value: None, of_families: Vec::new(), families };
        let compared = Compared { paired, a_better: 0, b_better: 0, better: None };
        assert_eq!(reading(&compared, None, 0.05), expected, "{a} {b} {families}");
    };
    check(0.16, 0.16, 0, Reading::Same);
    check(0.16, 0.25, 0, Reading::NoSpread);
    check(0.16, 0.25, 1, Reading::OneFamily);
    check(0.16, 0.16, 1, Reading::OneFamily);
}
