//! Guessers: rules of thumb that read no meaning must fail outside the centre, and the declared chance must not be too low.

use std::collections::BTreeMap;

use hydrometer_probes::builtin::edges::ladders;
use hydrometer_probes::{Checked, Checker, Probe};

use super::solve::all;
use super::{axis, judged, kind, prompt, value};

/// Everything that is said before the answer.
fn whole(probe: &Probe) -> String {
    let prompt = prompt(probe);
    prompt.turns.iter().map(|turn| turn.text.as_str()).chain([prompt.prompt.as_str()]).collect::<Vec<_>>().join("\n")
}

/// Words or numbers that an answer could be, in the order in which they are said.
fn candidates(probe: &Probe) -> Vec<String> {
    let text = whole(probe);
    let pattern = match prompt(probe).check {
        Some(Checker::Number { .. }) => r"\b(\d+)\b",
        _ => r"\b([A-Z][a-z]+)\b",
    };
    // Words that begin a sentence of every prompt are no names.
    let no_name =
        ["Answer", "Then", "The", "Who", "Whoever", "How", "What", "When", "My", "Ok", "Noted", "Good", "Yes", "Fine"];
    all(pattern, &text)
        .into_iter()
        .map(|mut found| found.remove(0))
        .filter(|word| !no_name.contains(&word.as_str()))
        .collect()
}

fn most_frequent(words: &[String]) -> Option<String> {
    let mut count: BTreeMap<&String, usize> = BTreeMap::new();
    for word in words {
        *count.entry(word).or_default() += 1;
    }
    words.iter().max_by_key(|word| count[word]).cloned()
}

type Guess = fn(&[String]) -> Option<String>;

const GUESSES: &[(&str, Guess)] = &[
    ("the first", |words| words.first().cloned()),
    ("the last", |words| words.last().cloned()),
    ("the last but one", |words| words.iter().nth_back(1).cloned()),
    ("the most frequent", most_frequent),
    ("the sum", |words| {
        words.iter().map(|word| word.parse::<i64>().ok()).sum::<Option<i64>>().map(|sum| sum.to_string())
    }),
    ("the largest", |words| {
        words.iter().filter_map(|word| word.parse::<i64>().ok()).max().map(|number| number.to_string())
    }),
];

#[test]
fn rules_of_thumb_fail_outside_the_centre() {
    for (name, from) in [("reasoning", 3.0), ("long_horizon", 8.0)] {
        let probes: Vec<Probe> =
            ladders(Some(name), 240, 23).into_iter().filter(|probe| value(probe) >= from).collect();
        let mut kinds: BTreeMap<&str, Vec<&Probe>> = BTreeMap::new();
        for probe in &probes {
            kinds.entry(kind(probe)).or_default().push(probe);
        }
        for (kind, probes) in kinds {
            for (guess, make) in GUESSES {
                let right = |probe: &&&Probe| {
                    make(&candidates(probe)).is_some_and(|answer| judged(probe, &answer) == Checked::Right)
                };
                let share = probes.iter().filter(right).count() as f64 / probes.len() as f64;
                assert!(share < 0.2, "{kind}: {guess} is right in {:.0} %", 100.0 * share);
            }
        }
    }
}

#[test]
fn one_who_names_anybody_is_right_as_often_as_declared() {
    let probes = ladders(Some("reasoning"), 120, 25);
    let mut sum = 0.0;
    for probe in &probes {
        let mut words = candidates(probe);
        words.sort();
        words.dedup();
        // A number is found among all the numbers that an answer could be, of which there are some ninety.
        let right = words.iter().filter(|word| judged(probe, word) == Checked::Right).count();
        sum += match prompt(probe).check {
            Some(Checker::Number { .. }) => 1.0 / 90.0,
            _ => right as f64 / words.len() as f64,
        };
    }
    let found = sum / probes.len() as f64;
    let declared = axis("reasoning").chance;
    assert!((found - declared).abs() < 0.01, "{found:.3} where {declared} is declared");
}

#[test]
fn one_call_for_everything_is_right_no_more_often_than_declared() {
    let probes = ladders(Some("tool_use"), 300, 27);
    let mut right: BTreeMap<String, usize> = BTreeMap::new();
    let names: Vec<String> = probes
        .iter()
        .map(|probe| prompt(probe).check.as_ref())
        .filter_map(|check| match check {
            Some(Checker::JsonSchema(schema)) => {
                schema["properties"]["arguments"]["properties"]["missing"]["const"].as_str().map(str::to_owned)
            }
            _ => None,
        })
        .collect();
    for name in names {
        *right.entry(name).or_default() += 1;
    }
    let best = *right.values().max().unwrap() as f64 / probes.len() as f64;
    assert!(best <= axis("tool_use").chance, "{best}: {right:?}");
}
