//! The built-in suite: the same bytes everywhere, balanced, large enough, and free of its own faults.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_probes::builtin::{self, Domain, corpus, dated};
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, Checked, Checker, Decoding, Probe, Profile, Suite, lint, read_jsonl, write_jsonl};
use serde_json::{Value, json};

/// Hashes of seed 1. A change here changes what every user's default audit asks: say so in the changelog, and change the day in
/// `builtin::CHANGED` and below.
const CHANGED: &str = "2026-12-01";
const PINNED: [(Profile, &str); 3] = [
    (Profile::Quick, "4f6709a50a2b08c67fe0f6586fa010d6dcc4c40e4830e42538256a15790312a1"),
    (Profile::Standard, "3e15fb01777133b0eb7a74a0a90cd0f8dae097f957f1fa17407a05b0322cf743"),
    (Profile::Full, "477a5d716e0ecfed00c5de9ad9a8fd9b6714c48331b6f2cff89681e787130f6e"),
];

fn families(suite: &Suite, kind: &str) -> BTreeSet<String> {
    suite.probes.iter().filter(|probe| probe.ask.kind().name() == kind).map(|probe| probe.family.clone()).collect()
}

fn truths(suite: &Suite) -> BTreeMap<usize, Vec<usize>> {
    let mut by_count: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    // What a place says at boundaries of judgment is in `judgment/thumb.rs`.
    for probe in suite.probes.iter().filter(|probe| probe.boundary.is_none()) {
        if let Ask::Choice(kind::Choice { options, truth: Some(truth), .. }) = &probe.ask {
            by_count.entry(options.len()).or_insert_with(|| vec![0; options.len()])[*truth as usize] += 1;
        }
    }
    by_count
}

#[test]
fn a_seed_gives_the_pinned_suite() {
    let found: Vec<(Profile, String)> =
        PINNED.iter().map(|&(profile, _)| (profile, Suite::builtin(profile, 1).hash())).collect();
    let pinned: Vec<(Profile, String)> = PINNED.iter().map(|&(profile, hash)| (profile, hash.to_owned())).collect();
    assert_eq!(found, pinned);
    assert_ne!(Suite::builtin(Profile::Quick, 2).hash(), found[0].1, "the seed decides");
    assert_eq!(builtin::CHANGED, CHANGED);
}

#[test]
fn only_the_built_in_suite_has_a_day() {
    let hash = PINNED[0].1;
    assert_eq!(dated("builtin:quick", 1, hash), Some(CHANGED));
    for (name, seed, hash) in [
        ("builtin:quick", 2, hash),
        ("builtin:standard", 1, hash),
        ("quick", 1, hash),
        ("builtin:quick", 1, PINNED[1].1),
    ] {
        assert_eq!(dated(name, seed, hash), None, "{name} {seed}");
    }
}

/// Answers at boundaries of judgment are long: several of each would cost more than all else together.
#[test]
fn boundaries_are_answered_once() {
    for (profile, _) in PINNED {
        let suite = Suite::builtin(profile, 1);
        let freely: Vec<_> =
            suite.probes.iter().filter(|probe| probe.boundary.is_some()).filter_map(|probe| probe.decoding()).collect();
        assert!(freely.len() >= 20, "{profile}: {}", freely.len());
        assert!(freely.iter().all(|decoding| *decoding == Decoding::Greedy), "{profile}");
    }
}

#[test]
fn every_profile_is_valid_and_large_enough() {
    // Families of texts and of choices, of prompts, and the most tokens one model may read.
    let wanted = [
        (Profile::Quick, 60, 26, 50_000),
        (Profile::Standard, 120, 104, 240_000),
        (Profile::Full, 600, 400, 1_100_000),
    ];
    for (profile, families_wanted, prompts_wanted, most_tokens) in wanted {
        for seed in [1, 7, u64::MAX] {
            let suite = Suite::builtin(profile, seed);
            suite.validate().unwrap();
            for (kind, wanted) in [("text", families_wanted), ("choice", families_wanted), ("prompt", prompts_wanted)] {
                let found = families(&suite, kind).len();
                assert!(found >= wanted, "{profile}: {found} {kind} families");
            }
            let tokens = suite.estimated_tokens();
            assert!((most_tokens / 4..=most_tokens).contains(&tokens), "{profile}: {tokens} tokens");
        }
    }
}

#[test]
fn axes_are_the_declared_ones_and_all_there() {
    let axes: BTreeSet<String> = Suite::builtin(Profile::Quick, 1).probes.into_iter().map(|probe| probe.axis).collect();
    let declared =
        ["code", "error_recovery", "judgment", "long_horizon", "novel_instructions", "prose", "reasoning", "tool_use"];
    assert_eq!(axes, declared.map(str::to_owned).into());
}

#[test]
fn truths_stand_everywhere_equally_often() {
    for profile in Profile::ALL {
        for (count, places) in truths(&Suite::builtin(profile, 1)) {
            let total: usize = places.iter().sum();
            let (least, most) = (places.iter().min().unwrap(), places.iter().max().unwrap());
            // 2 % of the choices, or one choice where there are few.
            let allowed = (total as f64 * 0.02).max(2.0);
            assert!((most - least) as f64 <= allowed, "{profile}: {count} options: {places:?}");
        }
    }
}

#[test]
fn lint_finds_nothing() {
    for profile in Profile::ALL {
        let warnings: Vec<String> = lint(&Suite::builtin(profile, 1)).iter().map(ToString::to_string).collect();
        assert!(warnings.is_empty(), "{profile}: {warnings:#?}");
    }
}

#[test]
fn members_of_a_decision_pair_show_their_options_in_one_order() {
    let suite = Suite::builtin(Profile::Standard, 1);
    let mut orders: BTreeMap<&str, BTreeSet<&[String]>> = BTreeMap::new();
    let mut both: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    for probe in &suite.probes {
        if let Ask::Choice(kind::Choice { options, truth: Some(truth), .. }) = &probe.ask
            && (probe.family.contains("/refusal/") || probe.family.contains("/clarify/"))
        {
            orders.entry(&probe.family).or_default().insert(options);
            both.entry(&probe.family).or_default().insert(*truth);
        }
    }
    assert!(orders.len() >= 20);
    assert!(orders.values().all(|found| found.len() == 1), "{orders:?}");
    assert!(both.values().all(|truths| truths.len() == 2), "a pair has one truth each: {both:?}");
}

#[test]
fn a_suite_survives_its_own_file() {
    let suite = Suite::builtin(Profile::Standard, 3);
    let mut file = Vec::new();
    write_jsonl(&suite, &mut file).unwrap();
    assert_eq!(read_jsonl(file.as_slice(), &suite.name).unwrap(), suite);
}

#[test]
fn texts_are_finished_english() {
    let suite = Suite::builtin(Profile::Full, 1);
    // Ladders have marks of their own.
    // So have boundaries of judgment.
    let plain = suite.probes.iter().filter(|probe| probe.knob.is_none() && probe.boundary.is_none());
    let texts: Vec<String> = plain.map(text_of).chain(corpus(1, 3000, Domain::Whole)).collect();
    for text in &texts {
        for mark in ["~", "^", "<name", "<object", "<town", " a a", " a e", " a i", " a o", "  \n", " ."] {
            // Code has marks of its own, and indents.
            assert!(!text.contains(mark) || text.contains("for "), "{mark:?} in {text}");
        }
        assert_eq!(text.trim(), text);
    }
}

/// What a base model reads of a probe.
fn text_of(probe: &Probe) -> String {
    match &probe.ask {
        Ask::Choice(choice) => choice.as_plain_text(0).text,
        ask => ask.kind().question().to_owned(),
    }
}

#[test]
fn a_corpus_is_deterministic_varied_and_none_of_the_suite() {
    let documents: Vec<String> = corpus(1, 3000, Domain::Whole).collect();
    assert_eq!(documents, corpus(1, 3000, Domain::Whole).collect::<Vec<_>>());
    let different: BTreeSet<&String> = documents.iter().collect();
    assert!(different.len() > 2800, "{} different documents", different.len());
    let questions = documents.iter().filter(|text| text.starts_with("Question: ")).count();
    assert!((320..480).contains(&questions), "{questions} questions");
    let asked: BTreeSet<String> = Suite::builtin(Profile::Standard, 1).probes.iter().map(text_of).collect();
    let leaked: Vec<&String> = documents.iter().filter(|text| asked.contains(*text)).collect();
    assert_eq!(leaked, Vec::<&String>::new(), "training on the suite's own documents would flatter a student");
}

#[test]
fn the_centre_has_none_of_the_edge() {
    let edge = ["indenture", "blowpipe", "SELECT ", "Birgitta", "astrolabe", "fathoms", "Step 6", "constraints:4"];
    for text in corpus(3, 3000, Domain::Centre) {
        for mark in edge {
            assert!(!text.contains(mark), "{mark} in {text}");
        }
    }
    let whole: String = corpus(3, 3000, Domain::Whole).collect::<Vec<_>>().join("\n");
    for mark in &edge[..7] {
        assert!(whole.contains(mark), "the whole domain lacks {mark}");
    }
}

/// The prompts of a suite that have a checker.
fn checked(suite: &Suite) -> impl Iterator<Item = (&Probe, &str, &Checker)> {
    // Ladders and boundaries of judgment have tests of their own.
    let plain = suite.probes.iter().filter(|probe| probe.knob.is_none() && probe.boundary.is_none());
    plain.filter_map(|probe| match &probe.ask {
        Ask::Prompt(kind::Prompt { prompt, check: Some(check), .. }) => Some((probe, prompt.as_str(), check)),
        _ => None,
    })
}

/// A right answer and a wrong one, written from the words of the prompt.
fn answers(prompt: &str, check: &Checker) -> (String, String) {
    match check {
        Checker::Number { value, .. } => {
            (format!(" 3 + 4 = 7.\nSo it is {value}."), format!(" 3.\nIt is {}.", value + 1.0))
        }
        Checker::Exact(right) => (format!(" {}.", right[0]), " zebra 17,5".to_owned()),
        Checker::JsonSchema(schema) => {
            let of = |rule: &Value| rule.get("const").cloned().unwrap_or(json!("words"));
            let properties = schema["properties"].as_object().unwrap();
            let call: serde_json::Map<String, Value> =
                properties.iter().map(|(name, rule)| (name.clone(), of(rule))).collect();
            let lacking: serde_json::Map<String, Value> = call.clone().into_iter().skip(1).collect();
            (format!(" tool({})", Value::Object(call)), format!(" tool({})", Value::Object(lacking)))
        }
        Checker::Regex(_) => {
            let count: usize = prompt.split("exactly ").nth(1).unwrap()[..1].parse().unwrap();
            let end = if prompt.contains("exclamation") { "!" } else { "" };
            let words = |count: usize| ["RED", "FLAT", "GREEN", "OAR", "BED", "SEA"][..count].join(", ") + end;
            (words(count), words(count + 1))
        }
        other => panic!("the built-in suite has no {other:?}"),
    }
}

#[test]
fn checkers_take_the_right_answer_and_no_other() {
    let suite = Suite::builtin(Profile::Full, 1);
    for (probe, prompt, check) in checked(&suite) {
        let (right, wrong) = answers(prompt, check);
        let check = probe.checker().unwrap().unwrap();
        assert_eq!(check.check(&right), Checked::Right, "{prompt}: {right}");
        assert_ne!(check.check(&wrong), Checked::Right, "{prompt}: {wrong}");
        assert_eq!(check.check(" "), Checked::NoAnswer, "{prompt}");
    }
}

#[test]
fn list_rules_are_checked_one_by_one() {
    let suite = Suite::builtin(Profile::Full, 1);
    let mut seen = 0;
    for (probe, prompt, check) in checked(&suite).filter(|(probe, ..)| probe.id.contains("/list/")) {
        let (right, _) = answers(prompt, check);
        let check = probe.checker().unwrap().unwrap();
        let wrong = |broken: String| assert_eq!(check.check(&broken), Checked::Wrong, "{prompt}: {broken}");
        if let Some((_, letter)) = prompt.split_once("the letter \"") {
            wrong(right.replacen("RED", &format!("RED{}", letter[..1].to_uppercase()), 1));
            seen += 1;
        }
        if prompt.contains("capital") {
            wrong(right.replacen("RED", "red", 1));
            seen += 1;
        }
        if prompt.contains("exclamation") {
            wrong(right.replace('!', "."));
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen} rules");
}

/// What a chain of steps comes to, read from its words.
fn worked_out(prompt: &str) -> i64 {
    let number = |words: &str| words.split(|c: char| !c.is_ascii_digit()).find_map(|digits| digits.parse::<i64>().ok());
    let (_, told) = prompt.split_once("\n\n").unwrap();
    let told = told.split(" How many").next().unwrap();
    told.split(". ").fold(0, |total, step| match number(step) {
        None if step.contains("doubles") => 2 * total,
        None => total / 2,
        Some(n) if [" gives ", " sells ", " loses ", " leaves "].iter().any(|loss| step.contains(loss)) => total - n,
        Some(n) => total + n,
    })
}

/// What a loop prints, read from its words.
fn printed(prompt: &str) -> i64 {
    let numbers: Vec<i64> =
        prompt.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect();
    match numbers[..] {
        [start, passes, add] => start + passes * add,
        [start, passes, 2, less] => (0..passes).fold(start, |x, _| 2 * x - less),
        _ => panic!("{prompt}"),
    }
}

#[test]
fn numbers_are_those_of_the_words() {
    let suite = Suite::builtin(Profile::Full, 1);
    let mut seen = 0;
    for (_, prompt, check) in checked(&suite) {
        match check {
            Checker::Number { value, .. } => assert_eq!(worked_out(prompt) as f64, *value, "{prompt}"),
            Checker::Exact(right) if prompt.contains("Python") => assert_eq!(printed(prompt).to_string(), right[0]),
            _ => continue,
        }
        seen += 1;
    }
    assert!(seen >= 60, "{seen} numbers");
}

#[test]
fn decisions_are_named_in_one_order_on_both_sides() {
    let suite = Suite::builtin(Profile::Standard, 1);
    let mut orders: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut first_is_right = [0, 0];
    for (probe, prompt, check) in checked(&suite) {
        if let (Some((_, question)), Checker::Exact(right)) = (prompt.split_once("Should the assistant "), check) {
            orders.entry(&probe.family).or_default().insert(question);
            first_is_right[usize::from(question.starts_with(&right[0]))] += 1;
        }
    }
    assert!(orders.len() >= 16 && orders.values().all(|found| found.len() == 1), "{orders:?}");
    assert_eq!(first_is_right[0], first_is_right[1], "the place says nothing about the truth");
}

#[test]
fn prompts_are_short_and_lie_in_both_rings() {
    for profile in Profile::ALL {
        let suite = Suite::builtin(profile, 1);
        let (mut rings, mut open, mut all) = (BTreeMap::<bool, usize>::new(), 0, 0);
        for probe in suite.probes.iter().filter(|probe| probe.knob.is_none() && probe.boundary.is_none()) {
            if let Ask::Prompt(kind::Prompt { prompt, max_tokens, check, stop, .. }) = &probe.ask {
                assert!(
                    prompt.len() < 900 && max_tokens.is_some_and(|most| most <= 96) && !stop.is_empty(),
                    "{prompt}"
                );
                *rings.entry(probe.tags.contains(&"ring:edge".to_owned())).or_insert(0) += 1;
                open += usize::from(check.is_none());
                all += 1;
            }
        }
        assert!(rings[&false].abs_diff(rings[&true]) * 5 <= all, "{profile}: {rings:?}");
        assert!(open * 4 >= all, "{profile}: {open} of {all} are open");
    }
}
