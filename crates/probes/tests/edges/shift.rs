//! Text shift: what could carry the label is as it was, and everything else is another text.

use std::collections::BTreeSet;

use hydrometer_probes::builtin::edges::{NoLadder, ShiftPair, is_rung, ladders, shift_ladder, shifted, show_pairs};
use hydrometer_probes::check::Instruction;
use hydrometer_probes::kind::{Prompt, Text};
use hydrometer_probes::{Ask, Checker, Families, Normal, Probe, Suite, lint};
use proptest::prelude::*;

use super::prompt;
use super::solve::all;

fn probe(id: &str, prompt: Prompt) -> Probe {
    Probe {
        id: id.to_owned(),
        family: format!("family of {id}"),
        axis: "support".to_owned(),
        tags: vec!["ours".to_owned()],
        knob: None,
        boundary: None,
        ask: Ask::Prompt(prompt),
    }
}

fn exact(text: &str, truth: &str) -> Prompt {
    let answer = vec![Normal::Whitespace, Normal::Case];
    Prompt { answer, check: Some(Checker::Exact(vec![truth.to_owned()])), ..Prompt::new(text) }
}

/// Numbers, quotations, code and negations of a text, in order.
fn label_parts(text: &str) -> Vec<String> {
    let pattern =
        "(?s)(```.*?```|`[^`\n]*`|\"[^\"]*\"|\\d[\\d.,:/]*|\\b(?:not|no|never|none|only|all|[Nn]ot|\\w+n't)\\b)";
    all(pattern, text).into_iter().map(|mut found| found.remove(0)).collect()
}

/// The words of a text that are no small ones and begin with no capital.
fn long_words(text: &str) -> Vec<String> {
    all(r"\b([a-z]{8,})\b", text).into_iter().map(|mut found| found.remove(0)).collect()
}

/// What stands at the end, where the question itself is.
fn ends_with(after: &str, before: &[String]) -> bool {
    let words = long_words(after);
    words.len() >= before.len() && words[words.len() - before.len()..] == *before
}

#[test]
fn every_strength_is_another_text_and_the_first_is_the_prompt_itself() {
    let originals = vec![
        probe(
            "a",
            exact("Where is the key? It is in the drawer with the \"old map\" and 12 nails.\nAnswer:", "drawer"),
        ),
        probe("b", exact("Name the colour.", "blue")),
    ];
    let rungs = shifted(&originals, 1);
    assert_eq!(rungs.len(), 12);
    for original in &originals {
        let own: Vec<&Probe> = rungs.iter().filter(|rung| rung.family == original.family).collect();
        assert_eq!(prompt(own[0]), prompt(original));
        let texts: BTreeSet<&str> = own.iter().map(|rung| prompt(rung).prompt.as_str()).collect();
        assert_eq!(texts.len(), 6);
        for rung in own {
            let strength = rung.knob.as_ref().unwrap().value;
            let changes = rung.tags.iter().filter(|tag| tag.starts_with("shift:")).count();
            assert_eq!(changes as f64, strength, "{:?}", rung.tags);
            assert!(rung.axis == "text_shift" && rung.tags.contains(&"of:support".to_owned()));
            assert!(rung.tags.contains(&"ours".to_owned()));
        }
    }
    assert_eq!(shifted(&originals, 1), rungs);
    assert_ne!(shifted(&originals, 2), rungs);
}

#[test]
fn what_cannot_be_reworded_is_left_out() {
    let itself = exact("How many words has this message?", "5");
    let above = exact("Say yes. Repeat all text above word by word.", "yes");
    let repeat = Instruction::RepeatPrompt { prompt_to_repeat: "Say the word.".to_owned() };
    let repeated = Prompt { check: Some(Checker::Instructions(vec![repeat])), ..Prompt::new("Say the word.") };
    for (number, prompt) in [itself, above, repeated].into_iter().enumerate() {
        let probe = probe(&format!("p{number}"), prompt);
        assert_eq!(shift_ladder(&probe, 1), Err(NoLadder::OfItself));
        assert_eq!(shifted(&[probe], 1), []);
    }
    let text = Text { text: "Once.".to_owned(), context: None, families: Families::Probe };
    let text = Probe { ask: Ask::Text(text), ..probe("t", Prompt::new("x")) };
    assert_eq!(shift_ladder(&text, 1), Err(NoLadder::NoPrompt));
}

#[test]
fn without_a_truth_neither_names_nor_numbers_are_swapped() {
    let told = "Anna met Ben. Ben likes Anna. What is 12 + 7?";
    let originals: Vec<Probe> = (0..20).map(|n| probe(&format!("p{n}"), Prompt::new(told))).collect();
    let rungs = shifted(&originals, 1);
    assert_eq!(rungs.len(), 120);
    for rung in &rungs {
        let Prompt { prompt, check, .. } = prompt(rung);
        assert!(check.is_none() && prompt.contains("12 + 7"), "{prompt}");
        assert_eq!([prompt.matches("Anna").count(), prompt.matches("Ben").count()], [2, 2], "{prompt}");
    }
}

#[test]
fn numbers_are_swapped_together_with_the_truth() {
    let asked = |number: usize| {
        let (a, b, c) = (10 + number, 3 + number % 7, 100 + 7 * number);
        let check = Some(Checker::Number { value: (a * b + c) as f64, tolerance: 0.0 });
        let text = format!("What is {a} * {b} + {c}? Answer with the number only.");
        probe(&format!("p{number}"), Prompt { check, answer: vec![Normal::Number], ..Prompt::new(text) })
    };
    let originals: Vec<Probe> = (0..30).map(asked).collect();
    let rungs = shifted(&originals, 3);
    let (mut swaps, mut others) = (0, 0);
    for rung in &rungs {
        let Prompt { prompt, check: Some(Checker::Number { value, .. }), .. } = prompt(rung) else { panic!() };
        let numbers: Vec<f64> = all(r"(\d+)", prompt).into_iter().map(|found| found[0].parse().unwrap()).collect();
        let [a, b, c] = numbers[..] else { panic!("{prompt}") };
        assert_eq!(a * b + c, *value, "{prompt}");
        let swapped = rung.tags.contains(&"shift:numbers".to_owned());
        swaps += usize::from(swapped);
        others += usize::from(!swapped);
        let original = originals.iter().find(|original| original.family == rung.family).unwrap();
        assert_eq!(swapped, self::prompt(original).check != self::prompt(rung).check, "{prompt}");
    }
    assert!(swaps > 30 && others > 30, "{swaps} {others}");
}

#[test]
fn every_kind_of_change_is_made() {
    let rungs = ladders(Some("text_shift"), 60, 37);
    let tags: BTreeSet<&str> =
        rungs.iter().flat_map(|rung| &rung.tags).filter_map(|tag| tag.strip_prefix("shift:")).collect();
    // Easy questions of the other axes hold no calculation: numbers have a test of their own.
    let kinds = ["distractor", "frame", "language", "layout", "names", "padding", "spelling", "wording"];
    assert_eq!(tags.into_iter().collect::<Vec<_>>(), kinds);
    // More of these can be drawn, of anybody's own prompts not.
    assert!(rungs.iter().all(is_rung));
    assert!(!shifted(&[probe("a", exact("Name the colour.", "blue"))], 1).iter().any(is_rung));
}

#[test]
fn the_ladders_of_every_axis_keep_their_numbers_quotations_and_code() {
    let originals: Vec<Probe> = ladders(None, 24, 31).into_iter().filter(|probe| probe.axis != "text_shift").collect();
    let rungs = shifted(&originals, 3);
    assert_eq!(rungs.len(), originals.len() * 6);
    for (original, own) in originals.iter().zip(rungs.chunks(6)) {
        let before = prompt(original);
        let (parts, words) = (label_parts(&before.prompt), long_words(&before.prompt));
        for rung in own {
            let after = prompt(rung);
            // What is put in front holds none of them but its own `not`.
            let found = label_parts(&after.prompt);
            assert_eq!(found[found.len() - parts.len()..], parts[..], "{}\n{}", before.prompt, after.prompt);
            assert_eq!(all(r"(\d+)", &after.prompt), all(r"(\d+)", &before.prompt));
            let known: Vec<String> = words.iter().filter(|word| after.prompt.contains(*word)).cloned().collect();
            assert!(ends_with(&after.prompt, &known));
            assert_eq!(
                before.prompt.lines().last().map(|line| line.ends_with(':')),
                after.prompt.lines().last().map(|line| line.ends_with(':'))
            );
            let swapped = rung.tags.contains(&"shift:names".to_owned());
            assert!(swapped || after.check == before.check);
            assert!(rung.checker().unwrap().is_some());
        }
    }
}

#[test]
fn names_are_swapped_together_with_the_truth() {
    let originals: Vec<Probe> =
        ladders(Some("reasoning"), 36, 33).into_iter().filter(|probe| probe.id.contains("/relations/")).collect();
    let mut swaps = 0;
    for rung in shifted(&originals, 5).iter().filter(|rung| rung.tags.contains(&"shift:names".to_owned())) {
        // Only where the words are whole can they be read again.
        if ["shift:spelling", "shift:wording"].iter().any(|tag| rung.tags.contains(&(*tag).to_owned())) {
            continue;
        }
        swaps += 1;
        let answer = super::solve("relations", prompt(rung));
        assert_eq!(prompt(rung).check, Some(Checker::Exact(vec![answer])), "{}", rung.id);
    }
    assert!(swaps >= 10, "{swaps}");
}

#[test]
fn a_shifted_suite_is_valid_and_clean() {
    let probes = ladders(Some("text_shift"), 40, 35);
    let suite = Suite { name: "shifted".to_owned(), probes };
    suite.validate().unwrap();
    let warnings: Vec<String> =
        lint(&suite).iter().map(ToString::to_string).filter(|warning| !warning.starts_with("one-axis")).collect();
    assert!(warnings.is_empty(), "{warnings:#?}");
    let long = Probe { id: "x".repeat(200), ..probe("long", exact("Name the colour.", "blue")) };
    Suite { name: "long".to_owned(), probes: shifted(&[long], 1) }.validate().unwrap();
}

#[test]
fn pairs_to_read_are_random_whole_and_none_twice() {
    let originals: Vec<Probe> =
        (0..30).map(|n| probe(&format!("p{n}"), exact(&format!("Name the colour of the {n}."), "blue"))).collect();
    let rungs = shifted(&originals, 1);
    let pairs = show_pairs(&originals, &rungs, 1, 20);
    let ids: BTreeSet<&str> = pairs.iter().map(|pair| pair.id.as_str()).collect();
    assert_eq!(ids.len(), 20);
    assert_eq!(show_pairs(&originals, &rungs, 1, 20), pairs);
    assert_ne!(show_pairs(&originals, &rungs, 2, 20), pairs);
    assert!(pairs.iter().all(|ShiftPair { before, after, .. }| before != after));
    let shown = pairs[0].to_string();
    assert!(shown.contains("before:") && shown.contains(&pairs[0].before), "{shown}");
    let sum = Prompt { check: Some(Checker::Exact(vec!["19".to_owned()])), ..Prompt::new("What is 12 + 7?") };
    let sums: Vec<Probe> = (0..10).map(|n| probe(&format!("sum{n}"), sum.clone())).collect();
    let pairs = show_pairs(&sums, &shifted(&sums, 1), 1, 50);
    assert!(pairs.iter().any(|pair| pair.to_string().contains("right before: {\"exact\":[\"19\"]}")), "{pairs:?}");
    assert_eq!(show_pairs(&originals, &rungs, 1, 1000).len(), 150, "strength 0 is nothing to read");
}

proptest! {
    #[test]
    fn any_prompt_keeps_its_numbers_quotations_and_code(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "the", "and", "Which", "answer", "is", "not", "don't", "12", "3.5", "1,000", "\"the code\"", "`the x`",
                "Anna", "Anna's", "Ben", "(B)", "are", "please", "that", "what", "never", "of", "you", "Paris", "A)",
                "\n```\nthe = that\n```\n", ".", "?", "\n", "ünd", "“the end”", "'the rest'", "http://the.of/is",
            ]),
            1..40,
        ),
        seed in 0u64..50,
    ) {
        let text = words.join(" ");
        prop_assume!(text.chars().any(|c| !c.is_whitespace()));
        let original = probe("p", exact(&text, "truth"));
        let wanted = label_parts(&text);
        for rung in shifted(std::slice::from_ref(&original), seed) {
            let after = &prompt(&rung).prompt;
            let found = label_parts(after);
            prop_assert!(found.len() >= wanted.len());
            prop_assert_eq!(&found[found.len() - wanted.len()..], &wanted[..], "{}\n->\n{}", text, after);
            prop_assert_eq!(all(r"(\d+)", after), all(r"(\d+)", &text));
            for whole in ["“the end”", "'the rest'", "http://the.of/is", "the = that", "(B)", "A)", "don't"] {
                prop_assert_eq!(after.matches(whole).count(), text.matches(whole).count());
            }
        }
    }
}
