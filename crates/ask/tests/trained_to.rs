//! What counts as radius 1: who says so, in which order, and what the plan keeps of it.
#![allow(clippy::unwrap_used)]

use crate::support;

use std::collections::BTreeMap;

use hydrometer_answers::logged::Prompts;
use hydrometer_answers::{RunSettings, SetKnobs, TrainedToBy};
use hydrometer_ask::{AskError, AskOptions, Models, Plan, set_knobs};
use hydrometer_probes::kind::Choice;
use hydrometer_probes::{Ask, AskedAs, Knob, Probe, Suite};
use support::Bigram;

/// One question on each axis and knob.
fn suite() -> Suite {
    let knobs = [("reasoning", "depth"), ("tool_use", "tools"), ("my_axis", "pages")];
    let probe = |(axis, knob): (&str, &str)| Probe {
        id: axis.into(),
        family: axis.into(),
        axis: axis.into(),
        tags: Vec::new(),
        knob: Some(Knob::new(knob, 4.0)),
        boundary: None,
        ask: Ask::Choice(Choice {
            prompt: "Which?".into(),
            options: vec!["this".into(), "that".into()],
            truth: Some(0),
            asked_as: AskedAs::Question,
        }),
    };
    Suite { name: "knobs".into(), probes: knobs.into_iter().map(probe).collect() }
}

/// A set whose prompts carry these values, and one that carries none.
fn set(knobs: &[(&str, &[f64])]) -> SetKnobs {
    let values: usize = knobs.iter().map(|(_, values)| values.len()).sum();
    let words = (0..=values).map(|i| format!("prompt {i}")).collect();
    let knobs = knobs.iter().map(|(name, values)| ((*name).to_owned(), values.to_vec())).collect();
    set_knobs(vec!["set.jsonl".into()], &Prompts { words, knobs }).unwrap()
}

fn settings(said: &[(&str, f64)], set_knobs: Option<SetKnobs>) -> Result<RunSettings, AskError> {
    let trained_to = said.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    let (teacher, student) = (Bigram::bytes("teacher", 1), Bigram::bytes("student", 2));
    let options = AskOptions { trained_to, set_knobs, ..support::options() };
    let suite = suite();
    Ok(Plan::new(Models::pair(&teacher, &student), &suite, &options)?.manifest().settings.clone())
}

#[test]
fn what_is_said_counts_before_the_set_and_the_set_before_the_convention() {
    use TrainedToBy::{DistillationSet, Documented, Said};
    let check = |said: &[(&str, f64)], set: Option<SetKnobs>, expected: &[(&str, f64, TrainedToBy)]| {
        let settings = settings(said, set.clone()).unwrap();
        let values: BTreeMap<String, f64> = expected.iter().map(|(name, value, _)| ((*name).into(), *value)).collect();
        let by: BTreeMap<String, TrainedToBy> = expected.iter().map(|(name, _, by)| ((*name).into(), *by)).collect();
        assert_eq!((settings.trained_to, settings.trained_to_by), (values, by));
        assert_eq!(settings.set_knobs, set);
    };
    let (depth, tools, pages) = ("reasoning.depth", "tool_use.tools", "my_axis.pages");
    check(&[], None, &[(depth, 3.0, Documented), (tools, 3.0, Documented)]);
    check(&[(pages, 2.0)], None, &[(depth, 3.0, Documented), (tools, 3.0, Documented), (pages, 2.0, Said)]);
    let mut depths = vec![2.0; 19];
    depths.push(12.0);
    let carried = set(&[(depth, &depths), (pages, &[7.0]), ("other.knob", &[0.0])]);
    check(
        &[],
        Some(carried.clone()),
        &[(depth, 2.0, DistillationSet), (tools, 3.0, Documented), (pages, 7.0, DistillationSet)],
    );
    check(
        &[(depth, 5.0)],
        Some(carried),
        &[(depth, 5.0, Said), (tools, 3.0, Documented), (pages, 7.0, DistillationSet)],
    );
}

#[test]
fn a_set_whose_prompts_turn_no_knob_is_refused_unless_somebody_says_better() {
    let flat = set(&[("reasoning.depth", &[0.0, 0.0])]);
    let refused = settings(&[], Some(flat.clone())).unwrap_err().to_string();
    assert!(refused.contains("95 % or more of the 2 with reasoning.depth at 0"), "{refused}");
    assert_eq!(settings(&[("reasoning.depth", 1.0)], Some(flat)).unwrap().trained_to["reasoning.depth"], 1.0);
}

#[test]
fn a_set_without_knobs_says_nothing_and_one_with_them_is_named_by_its_hash() {
    assert_eq!(set_knobs(vec!["a".into()], &Prompts { words: vec!["p".into()], knobs: BTreeMap::new() }), None);
    let set = set(&[("reasoning.depth", &[1.0, 4.0, 2.0])]);
    assert_eq!((set.rows, set.knobs["reasoning.depth"].prompts), (4, 3));
    assert_eq!(set.knobs["reasoning.depth"].trained_to, 4.0);
    assert!(set.hash.starts_with("blake3:") && set.hash.len() == 71, "{}", set.hash);
}
