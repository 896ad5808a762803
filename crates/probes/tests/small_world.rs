//! The small world: ladders that are the same instance at every knob value, truths that follow from the words alone,
//! and nothing of it in a corpus.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_probes::builtin::{Domain, corpus, small_world};
use hydrometer_probes::kind::Prompt;
use hydrometer_probes::{Ask, Checked, Checker, Probe, Suite, lint};

fn prompt(probe: &Probe) -> &Prompt {
    match &probe.ask {
        Ask::Prompt(prompt) => prompt,
        other => panic!("{} asks {other:?}", probe.id),
    }
}

fn truth(probe: &Probe) -> &str {
    match &prompt(probe).check {
        Some(Checker::Exact(right)) => &right[0],
        other => panic!("{} has {other:?}", probe.id),
    }
}

/// The answer, and how far the knob must be turned for it, from the words of a prompt.
fn worked_out(prompt: &str) -> (String, usize) {
    let (setting, question) = prompt.split_once('\n').unwrap();
    let (task, told) = setting.split_once(": ").unwrap();
    match task {
        "Pairs" => {
            let next: BTreeMap<&str, &str> = told.split(", ").map(|pair| pair.split_once(' ').unwrap()).collect();
            let first = question.strip_prefix("Trail: ").unwrap();
            let path: Vec<&str> = std::iter::successors(next.get(first), |at| next.get(**at)).copied().collect();
            (path.join(" "), path.len())
        }
        "Tools" => {
            let tools: BTreeMap<&str, &str> = told.split(' ').map(|tool| tool.split_once('.').unwrap()).collect();
            let request = question.strip_prefix("Request: ").unwrap().strip_suffix("\nCall:").unwrap();
            let (device, colour) = request.split_once(' ').unwrap();
            (format!("{device}.{}({colour})", tools[device]), tools.len())
        }
        "Rules" => {
            let rules: BTreeSet<&str> = told.split(", ").collect();
            let words = question.strip_prefix("Words: ").unwrap().strip_suffix("\nReply:").unwrap();
            let (first, second) = words.split_once(' ').unwrap();
            let [first, second] = if rules.contains("backwards") { [second, first] } else { [first, second] };
            let words = if rules.contains("twice") { vec![first, first, second, second] } else { vec![first, second] };
            let mut reply = words.join(if rules.contains("commas") { ", " } else { " " });
            if rules.contains("capitals") {
                reply = reply.to_uppercase();
            }
            if rules.contains("star") {
                reply.insert_str(0, "* ");
            }
            if rules.contains("stop") {
                reply.push_str(" !");
            }
            (reply, rules.len())
        }
        other => panic!("{other} in {prompt}"),
    }
}

#[test]
fn a_seed_gives_the_same_world_and_another_seed_another() {
    assert_eq!(small_world(20, 1), small_world(20, 1));
    assert_ne!(small_world(20, 1), small_world(20, 2));
    assert_eq!(small_world(40, 1)[..small_world(20, 1).len()], small_world(20, 1), "more ladders follow the first");
}

#[test]
fn it_is_valid_and_lint_finds_nothing() {
    for seed in [1, 7, u64::MAX] {
        let suite = Suite { name: "small".to_owned(), probes: small_world(150, seed) };
        suite.validate().unwrap();
        let warnings: Vec<String> = lint(&suite).iter().map(ToString::to_string).collect();
        assert!(warnings.is_empty(), "{warnings:#?}");
    }
}

#[test]
fn every_axis_has_the_ladders_asked_for_and_all_rungs() {
    let mut knobs: BTreeMap<(String, String), BTreeMap<String, Vec<f64>>> = BTreeMap::new();
    for probe in small_world(200, 1) {
        let knob = probe.knob.as_ref().unwrap();
        let curve = knobs.entry((probe.axis.clone(), knob.name.clone())).or_default();
        curve.entry(probe.family.clone()).or_default().push(knob.value);
    }
    let declared: [(&str, &str, &[u32]); 3] = [
        ("novel_instructions", "constraints", &[1, 2, 3, 4, 5]),
        ("reasoning", "depth", &[1, 2, 4, 6, 9, 12]),
        ("tool_use", "tools", &[1, 2, 3, 4, 5, 6]),
    ];
    assert_eq!(knobs.len(), declared.len());
    for (axis, knob, rungs) in declared {
        let ladders = &knobs[&(axis.to_owned(), knob.to_owned())];
        assert_eq!(ladders.len(), 200, "{axis}");
        let rungs: Vec<f64> = rungs.iter().copied().map(f64::from).collect();
        assert!(ladders.values().all(|found| *found == rungs), "{axis}: {ladders:?}");
    }
}

#[test]
fn truths_follow_from_the_words_and_nothing_else_is_right() {
    for probe in small_world(150, 3) {
        let prompt = prompt(&probe);
        let (answer, knob) = worked_out(&prompt.prompt);
        assert_eq!(truth(&probe), answer, "{}", prompt.prompt);
        assert_eq!(probe.knob.as_ref().unwrap().value, knob as f64, "{}", prompt.prompt);
        let check = probe.checker().unwrap().unwrap();
        assert_eq!(check.check(&format!(" {answer}")), Checked::Right);
        assert_eq!(check.check(&format!(" {answer} {answer}")), Checked::Wrong);
        assert_eq!(check.check(" "), Checked::NoAnswer);
        assert_eq!(prompt.stop, ["\n"]);
        assert!(answer.len() < 64 && probe.chance() == 0.0);
    }
}

#[test]
fn a_ladder_asks_one_question() {
    let mut asked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for probe in small_world(150, 1) {
        let (_, question) = prompt(&probe).prompt.split_once('\n').unwrap();
        asked.entry(probe.family.clone()).or_default().insert(question.to_owned());
    }
    assert!(asked.values().all(|questions| questions.len() == 1), "{asked:?}");
}

#[test]
fn the_corpus_teaches_the_form_but_never_a_question_of_a_suite() {
    let lessons: Vec<String> = corpus(1, 4000, Domain::Whole).filter(|text| is_lesson(text)).collect();
    assert!((2200..2600).contains(&lessons.len()), "{} lessons", lessons.len());
    let told: BTreeSet<String> = lessons.iter().flat_map(|lesson| solved(lesson)).map(|(prompt, _)| prompt).collect();
    let asked: BTreeSet<String> =
        (1..=20).flat_map(|seed| small_world(200, seed)).map(|p| prompt(&p).prompt.clone()).collect();
    assert_eq!(told.intersection(&asked).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn lessons_are_solved_and_those_of_the_centre_are_easy() {
    for (domain, most) in [(Domain::Centre, 2), (Domain::Whole, 6)] {
        let mut hardest = 0;
        for lesson in corpus(2, 3000, domain).filter(|text| is_lesson(text)) {
            for (prompt, answer) in solved(&lesson) {
                let (right, knob) = worked_out(&prompt);
                assert_eq!(answer, right, "{lesson}");
                hardest = hardest.max(knob);
            }
        }
        assert_eq!(hardest, most, "{domain:?}");
    }
}

fn is_lesson(text: &str) -> bool {
    ["Pairs: ", "Tools: ", "Rules: "].iter().any(|start| text.starts_with(start)) && !text.contains("User: ")
}

/// The prompts of a lesson and the answers that stand behind them.
fn solved(lesson: &str) -> Vec<(String, String)> {
    let (setting, rest) = lesson.split_once('\n').unwrap();
    let cue = match &setting[..5] {
        "Pairs" => "Trail: ",
        "Tools" => "Request: ",
        _ => "Words: ",
    };
    let answered = |question: &str| {
        let line = question.trim_end();
        // A trail goes on behind its first name, the others behind the colon.
        let end = if cue == "Trail: " { line.find(' ').unwrap() } else { line.rfind(": ").unwrap() + 1 };
        (format!("{setting}\n{cue}{}", &line[..end]), line[end + 1..].to_owned())
    };
    rest.split(cue).skip(1).map(answered).collect()
}
