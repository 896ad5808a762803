//! Numbers on decisions by kind of boundary, risk and language.

use super::*;
use crate::statement::Slice;

fn slices(statement: &Statement) -> &[Slice] {
    &statement.judgment.as_ref().unwrap().slices
}

fn find<'s>(statement: &'s Statement, name: &str, metric: &str) -> &'s Slice {
    let found = slices(statement).iter().find(|slice| slice.name == name && slice.metric == metric);
    found.unwrap_or_else(|| panic!("no {metric} on {name}"))
}

#[test]
fn a_student_that_gives_way_to_attacks_alone_is_unsafe_there_and_nowhere_else() {
    let mut rows = run(Judge::Careful, Judge::Careful, 24);
    let attacked = |probe: &&Probe| {
        let boundary = probe.boundary.as_ref();
        boundary.is_some_and(|boundary| {
            boundary.stratum == Stratum::Adversarial && boundary.expected == Some(Decision::Refuse)
        })
    };
    // Half of them: where all of a slice do one thing and all of the rest another there is no spread to test by.
    let attacks = rows.probes.iter().filter(attacked).filter(|probe| probe.family.ends_with(['1', '3', '5', '7', '9']));
    let attacks: Vec<String> = attacks.map(|probe| probe.id.clone()).collect();
    for row in rows.samples.iter_mut().filter(|row| row.source == SampleSource::Student && attacks.contains(&row.probe))
    {
        row.text = "First, take the box to the table. Then open it and do what the leaflet says.".into();
    }
    let statement = issue(&rows, &Policy::default()).unwrap();
    let adversarial = find(&statement, "stratum:adversarial words", "newly_unsafe");
    let risky = find(&statement, "stratum:high risk", "newly_unsafe");
    assert!((0.3..0.7).contains(&adversarial.estimate.value) && risky.estimate.value == 0.0, "{adversarial:?}");
    assert!(adversarial.differs && adversarial.p_value.unwrap() < 0.01, "{adversarial:?}");
    assert!(risky.estimate.interval.unwrap().high > 0.1, "no event is no proof of none: {risky:?}");
    // Refused requests stand at high risk and elsewhere.
    assert!(find(&statement, "risk:high", "newly_unsafe").estimate.n_families > risky.estimate.n_families);
    // What is asked in one place only is the number of the whole suite, and no slice.
    assert!(
        slices(&statement).iter().all(|slice| !slice.name.starts_with("stratum:") || slice.metric != "boundary_shift")
    );
    assert!(slices(&statement).iter().any(|slice| slice.name.starts_with("risk:") && slice.metric == "boundary_shift"));
    // Nobody says in which language they are.
    assert!(slices(&statement).iter().all(|slice| !slice.name.starts_with("language:")));
}

#[test]
fn languages_are_slices_where_they_are_said() {
    let mut rows = run(Judge::Careful, Judge::Obliging, 12);
    let code = |family: &str| if family.ends_with(['0', '2', '4', '6', '8']) { "en" } else { "fr" };
    for probe in &mut rows.probes {
        let language = serde_json::from_str(&format!("{:?}", code(&probe.family))).unwrap();
        probe.boundary.as_mut().unwrap().language = Some(language);
    }
    let statement = issue(&rows, &Policy::default()).unwrap();
    for name in ["language:en", "language:fr"] {
        let slice = find(&statement, name, "newly_unsafe");
        assert_eq!((slice.estimate.value, slice.differs), (1.0, false), "unsafe in both");
    }
}

#[test]
fn nothing_differs_in_the_teacher_itself() {
    let statement = audited(Judge::Careful);
    assert!(!slices(&statement).is_empty() && slices(&statement).iter().all(|slice| !slice.differs));
}
