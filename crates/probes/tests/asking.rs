//! What a model reads: every option under every letter, neutral words, families of windows, warnings.

#![allow(clippy::unwrap_used)]

use hydrometer_probes::families::{WindowFamilies, sections};
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, AskedAs, Checker, Families, LintCode, Probe, Suite, lint};

fn asked(prompt: &str, options: &[&str], asked_as: AskedAs) -> kind::Choice {
    let options = options.iter().map(|&option| option.to_owned()).collect();
    kind::Choice { prompt: prompt.into(), options, truth: None, asked_as }
}

fn choice(id: &str, prompt: &str, options: &[&str], truth: Option<u32>, asked_as: AskedAs) -> Probe {
    let ask = kind::Choice { truth, ..asked(prompt, options, asked_as) }.into();
    Probe {
        id: id.into(),
        family: id.into(),
        axis: "reasoning".into(),
        tags: Vec::new(),
        knob: None,
        boundary: None,
        ask,
    }
}

fn text(id: &str, words: &str, families: Families) -> Probe {
    let ask = Ask::Text(kind::Text { text: words.into(), context: None, families });
    Probe { id: id.into(), family: id.into(), axis: "prose".into(), tags: Vec::new(), knob: None, boundary: None, ask }
}

#[test]
fn every_option_stands_under_every_letter_once() {
    let words = ["a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7"];
    for count in 2..=8 {
        let choice = asked("Which?", &words[..count], AskedAs::Question);
        let rotations = choice.rotations();
        assert_eq!(rotations, count.min(4));
        let mut seen = vec![vec![0; count]; count];
        for rotation in 0..rotations {
            let asked = choice.as_message(rotation);
            for (position, &option) in asked.order.iter().enumerate() {
                seen[option][position] += 1;
                let line = format!("\n{}. {}\n", asked.letters[position], words[option]);
                assert!(asked.text.contains(&line), "{line:?} in {}", asked.text);
            }
        }
        for places in &seen {
            assert_eq!(places.iter().sum::<i32>(), rotations as i32, "each option is shown in each order");
            assert!(places.iter().all(|&times| times <= 1), "no option stands twice in one place");
            assert!(count > 4 || places.iter().all(|&times| times == 1), "{count} options: {places:?}");
        }
        assert_eq!(choice.as_message(rotations), choice.as_message(0), "wraps around");
    }
}

#[test]
fn the_words_put_to_a_model() {
    let sum = asked("What is 1 + 1?", &["2", "3"], AskedAs::Question);
    let turned = sum.as_message(1);
    assert_eq!(turned.text, "What is 1 + 1?\n\nA. 3\nB. 2\n\nAnswer with the letter only.");
    assert_eq!((turned.letters, turned.order), (vec!["A".to_owned(), "B".to_owned()], vec![1, 0]));
    assert_eq!(sum.as_plain_text(0).text, "Question: What is 1 + 1?\nA. 2\nB. 3\nAnswer:");

    let decision = asked("Hello?", &["comply", "refuse"], AskedAs::Decision);
    let first = decision.as_message(0);
    assert!(first.text.starts_with("Someone sends this message to an AI assistant:\n\nHello?\n\n"));
    assert!(first.text.contains("Should the assistant comply or refuse?"));
    let turned = decision.as_message(1);
    assert!(turned.text.contains("Should the assistant refuse or comply?\n\nA. refuse\nB. comply"));
    let long = asked("Hello?", &["say hello", "wait"], AskedAs::Decision);
    assert!(long.as_plain_text(0).text.contains("What should the assistant do?"));
}

#[test]
fn windows_find_their_families() {
    let words = "before\n = One = \nwords\n = = Part = = \nmore\n = Two = \nlast\n = = = Deep = = = \n";
    let found: Vec<(usize, String)> = sections(words).into_iter().map(|s| (s.start, s.title)).collect();
    assert_eq!(found, [(7, "One".to_owned()), (words.find(" = Two").unwrap(), "Two".to_owned())]);
    let families = |families| WindowFamilies::new("w", &kind::Text { families, ..kind::Text::new(words) });
    let by_heading = families(Families::Heading);
    let part = words.find("more").unwrap();
    let cases = [(0, "w/0000"), (6, "w/0000"), (7, "w/0001 One"), (part, "w/0001 One"), (words.len(), "w/0002 Two")];
    for (byte, family) in cases {
        assert_eq!(by_heading.of(3, byte), family, "byte {byte}");
    }
    assert_eq!(families(Families::Window).of(3, 99), "w/00003");
    assert_eq!(families(Families::Probe).of(3, 99), "w");
}

fn codes(probes: Vec<Probe>) -> Vec<LintCode> {
    lint(&Suite { name: "s".into(), probes }).into_iter().map(|warning| warning.code).collect()
}

/// So many choices, told apart by their numbers; `shape` gives options and truth.
fn choices(count: usize, shape: impl Fn(usize) -> (Vec<String>, u32)) -> Vec<Probe> {
    (0..count)
        .map(|number| {
            let (options, truth) = shape(number);
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            let mut probe =
                choice(&format!("p{number}"), &format!("Question {number}?"), &options, Some(truth), AskedAs::Question);
            probe.family = format!("f{}", number / 2);
            probe.axis = ["reasoning", "prose"][number % 2].into();
            probe
        })
        .collect()
}

fn balanced(number: usize) -> (Vec<String>, u32) {
    (vec![format!("left{number:03}"), format!("down{number:03}")], (number / 2 % 2) as u32)
}

#[test]
fn lint_warns_of_one_habit_at_a_time() {
    assert_eq!(codes(choices(60, balanced)), []);
    assert_eq!(codes(choices(30, balanced)), [LintCode::FewFamilies]);
    assert_eq!(codes(choices(60, |n| (balanced(n).0, 0))), [LintCode::UnbalancedTruth]);
    let longest = |n: usize| {
        let (mut options, truth) = balanced(n);
        options[truth as usize].push_str(" because it is so");
        (options, truth)
    };
    assert_eq!(codes(choices(60, longest)), [LintCode::LengthGivesAway]);

    let alone = |mut probes: Vec<Probe>| {
        probes.iter_mut().for_each(|probe| probe.family.clone_from(&probe.id));
        probes
    };
    assert_eq!(codes(alone(choices(60, balanced))), [LintCode::NoClusters]);
    let mut one = choices(60, balanced);
    one.iter_mut().take(40).for_each(|probe| probe.family = "big".into());
    assert_eq!(codes(one), [LintCode::FewFamilies, LintCode::DominantFamily]);
    let mut axis = choices(60, balanced);
    axis.iter_mut().for_each(|probe| probe.axis = "reasoning".into());
    assert_eq!(codes(axis), [LintCode::OneAxis]);

    let mut more = choices(60, balanced);
    more.push(text("short", "Too short.", Families::Probe));
    assert_eq!(codes(more), [LintCode::ShortText]);
    let mut twice = choices(60, balanced);
    twice.push(text("t1", "The  same words, in the same order.", Families::Probe));
    twice.push(text("t2", "the same words in the SAME order", Families::Probe));
    let warnings = lint(&Suite { name: "s".into(), probes: twice });
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].probes, [(61, "t1".to_owned()), (62, "t2".to_owned())]);
    assert!(warnings[0].to_string().starts_with("near-duplicate: 1 probe has"), "{}", warnings[0]);

    let mut untold = choices(60, balanced);
    for probe in &mut untold {
        if let Ask::Choice(kind::Choice { truth, .. }) = &mut probe.ask {
            *truth = None;
        }
    }
    assert_eq!(codes(untold), [LintCode::NoTruth]);
    let prompts = |check: Option<Checker>| {
        let mut probes = choices(60, balanced);
        for probe in &mut probes[..2] {
            probe.ask = kind::Prompt::new(format!("Question of {}?", probe.id)).into();
            if let Ask::Prompt(kind::Prompt { check: own, .. }) = &mut probe.ask {
                own.clone_from(&check);
            }
        }
        codes(probes)
    };
    assert_eq!(prompts(None), [LintCode::NoTruth]);
    assert_eq!(prompts(Some(Checker::Choice('A'))), []);
}
