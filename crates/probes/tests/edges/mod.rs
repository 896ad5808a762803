//! Ladders: the same bytes everywhere, plentiful, right by a reader of their own, and not to be guessed.

#![allow(clippy::unwrap_used)]

mod guess;
mod shift;
mod solve;

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_probes::builtin::edges::{AXES, EdgeAxis, ladders, trained_to};
use hydrometer_probes::families::SameContent;
use hydrometer_probes::kind::Prompt;
use hydrometer_probes::{Ask, Checked, Checker, Probe, Suite, lint, read_jsonl, write_jsonl};
use serde_json::{Value, json};
use solve::{follow, given, is_content, rules, solve};

/// Hash of seed 1, twenty families of each axis. A change here changes what every audit at the edges asks.
const PINNED: &str = "e6ffc7068b5d96d17f42b95541d77c4e03ee429c49745c402a82b17484714507";

fn suite(probes: Vec<Probe>) -> Suite {
    Suite { name: "ladders".to_owned(), probes }
}

fn prompt(probe: &Probe) -> &Prompt {
    match &probe.ask {
        Ask::Prompt(prompt) => prompt,
        other => panic!("{other:?}"),
    }
}

/// The kind of a ladder, from its identifier `edge/AXIS/KIND/NUMBER/RUNG`.
fn kind(probe: &Probe) -> &str {
    probe.id.split('/').nth(2).unwrap()
}

fn value(probe: &Probe) -> f64 {
    probe.knob.as_ref().unwrap().value
}

fn judged(probe: &Probe, answer: &str) -> Checked {
    probe.checker().unwrap().unwrap().check(answer)
}

fn axis(name: &str) -> &'static EdgeAxis {
    AXES.iter().find(|axis| axis.axis == name).unwrap()
}

#[test]
fn a_seed_gives_the_pinned_ladders_and_another_gives_others() {
    let first = suite(ladders(None, 20, 1));
    assert_eq!(first.hash(), PINNED);
    let words = |probes: &[Probe]| -> BTreeSet<Vec<String>> {
        probes.iter().map(|probe| probe.ask.kind().texts().iter().map(|text| (*text).to_owned()).collect()).collect()
    };
    let (here, there) = (words(&first.probes), words(&ladders(None, 20, 2)));
    assert_eq!(here.intersection(&there).count(), 0);
}

#[test]
fn every_axis_declares_its_knob_and_asks_each_rung_equally_often() {
    let probes = ladders(None, 12, 3);
    for axis in AXES {
        assert!(axis.rungs.len() >= 6 && axis.rungs.is_sorted_by(|a, b| a < b), "{axis:?}");
        assert!((0.0..0.1).contains(&axis.chance));
        assert_eq!(trained_to(axis.axis, axis.knob), Some(axis.trained_to));
        let own: Vec<&Probe> = probes.iter().filter(|probe| probe.axis == axis.axis).collect();
        assert_eq!(own.len(), 12 * axis.rungs.len(), "{}", axis.axis);
        let families: BTreeSet<&str> = own.iter().map(|probe| probe.family.as_str()).collect();
        assert_eq!(families.len(), 12);
        for &rung in axis.rungs {
            assert_eq!(own.iter().filter(|probe| value(probe) == rung).count(), 12, "{} {rung}", axis.axis);
        }
        let declared = |probe: &&Probe| {
            let knob = probe.knob.as_ref().unwrap();
            knob.name == axis.knob && knob.chance.is_some() && probe.tags.iter().any(|tag| tag == "ladder")
        };
        assert!(own.iter().all(declared), "{}", axis.axis);
    }
    assert_eq!(trained_to("reasoning", "tools"), None);
    assert!(ladders(Some("prose"), 3, 1).is_empty());
}

#[test]
fn ladders_are_valid_clean_and_survive_their_own_file() {
    let ladders = suite(ladders(None, 40, 5));
    ladders.validate().unwrap();
    let warnings: Vec<String> = lint(&ladders).iter().map(ToString::to_string).collect();
    assert!(warnings.is_empty(), "{warnings:#?}");
    let mut file = Vec::new();
    write_jsonl(&ladders, &mut file).unwrap();
    assert_eq!(read_jsonl(file.as_slice(), &ladders.name).unwrap(), ladders);
}

#[test]
fn there_are_hundreds_of_ladders_and_no_two_ask_the_same() {
    for seed in [7, u64::MAX] {
        let probes = ladders(None, 600, seed);
        assert_eq!(SameContent::of(&probes).merged(), 0);
        let ids: BTreeSet<&str> = probes.iter().map(|probe| probe.id.as_str()).collect();
        assert_eq!(ids.len(), probes.len());
    }
}

#[test]
fn prompts_and_answers_are_short() {
    // Bytes at the lowest and at the highest rung, at four bytes a token.
    let most = [
        ("reasoning", 800, 1500),
        ("novel_instructions", 300, 650),
        ("tool_use", 600, 950),
        ("long_horizon", 350, 1900),
        ("text_shift", 800, 1700),
    ];
    let probes = ladders(None, 120, 9);
    for (name, low, high) in most {
        let rungs = axis(name).rungs;
        for (rung, most) in [(rungs[0], low), (rungs[rungs.len() - 1], high)] {
            let own = probes.iter().filter(|probe| probe.axis == name && value(probe) == rung);
            let found = own.clone().map(|probe| probe.ask.kind().asked_bytes()).max().unwrap();
            assert!(found <= most, "{name} at {rung}: {found} bytes");
            assert!(own.clone().all(|probe| prompt(probe).max_tokens.unwrap() <= 64));
        }
    }
    for probe in probes.iter().filter(|probe| probe.axis == "long_horizon") {
        assert_eq!(prompt(probe).turns.len() as f64, value(probe), "{}", probe.id);
    }
}

#[test]
fn the_truth_is_what_a_reader_of_the_prompt_finds() {
    for name in ["reasoning", "novel_instructions", "long_horizon"] {
        for probe in ladders(Some(name), 120, 11) {
            let answer = solve(kind(&probe), prompt(&probe));
            assert_eq!(judged(&probe, &answer), Checked::Right, "{}: {answer}\n{:#?}", probe.id, prompt(&probe));
            let number = matches!(prompt(&probe).check, Some(Checker::Number { .. } | Checker::Exact(_)));
            if number {
                for form in [
                    format!("**{answer}**"),
                    format!("{answer}."),
                    format!(" {answer}\n"),
                    format!("The answer is {answer}."),
                ] {
                    assert_eq!(judged(&probe, &form), Checked::Right, "{}: {form}", probe.id);
                }
                assert_eq!(judged(&probe, "I do not know"), wrong_or_none(&probe), "{}", probe.id);
            }
        }
    }
}

fn wrong_or_none(probe: &Probe) -> Checked {
    match prompt(probe).check {
        Some(Checker::Number { .. }) => Checked::NoAnswer,
        _ => Checked::Wrong,
    }
}

#[test]
fn depth_is_how_many_steps_the_answer_needs() {
    for probe in ladders(Some("reasoning"), 60, 13) {
        let (text, depth) = (&prompt(&probe).prompt, value(&probe) as usize);
        let steps = match kind(&probe) {
            "sums" => text.matches(" Then ").count(),
            "relations" => text.rsplit_once("Who is ").unwrap().1.matches(" of ").count(),
            "trace" => text.matches(" = ").count() - 2,
            "loop" => solve::all(r"range\((\d+)\)", text)[0][0].parse().unwrap(),
            "order" => solve::all(r"Who is (\d+) ", text)[0][0].parse().unwrap(),
            "proof" => continue,
            other => panic!("{other}"),
        };
        assert_eq!(steps, depth, "{}", probe.id);
    }
}

#[test]
fn an_answer_that_forgets_any_rule_is_wrong() {
    for probe in ladders(Some("novel_instructions"), 60, 15) {
        let text = &prompt(&probe).prompt;
        let (rules, items) = (rules(text), given(text));
        assert_eq!(rules.len() as f64, value(&probe), "{}", probe.id);
        let right = follow(&rules, items.clone());
        for form in [right.clone(), format!("\"{right}\""), format!("`{right}`"), format!("Answer: {right}")] {
            assert_eq!(judged(&probe, &form), Checked::Right, "{form}\n{text}");
        }
        for forgotten in 0..rules.len() {
            let kept: Vec<String> =
                rules.iter().enumerate().filter(|(at, _)| *at != forgotten).map(|(_, rule)| rule.clone()).collect();
            let answer = follow(&kept, items.clone());
            assert_eq!(judged(&probe, &answer), Checked::Wrong, "without {}: {answer}\n{text}", rules[forgotten]);
        }
        assert!(right.len() <= 72, "a long answer: {right}");
    }
}

#[test]
fn rules_of_both_halves_meet_outside_the_centre_only() {
    let centre = axis("novel_instructions").trained_to;
    let mut outside: BTreeMap<String, usize> = BTreeMap::new();
    for probe in ladders(Some("novel_instructions"), 200, 17) {
        let rules = rules(&prompt(&probe).prompt);
        let (content, form): (Vec<&String>, Vec<&String>) = rules.iter().partition(|rule| is_content(rule));
        let mixed = !content.is_empty() && !form.is_empty();
        assert_eq!(mixed, value(&probe) > centre, "{}: {rules:?}", probe.id);
        for (content, form) in content.iter().flat_map(|content| form.iter().map(move |form| (content, form))) {
            let begins = |rule: &str| rule.split(' ').take(2).collect::<Vec<_>>().join(" ");
            *outside.entry(format!("{} + {}", begins(content), begins(form))).or_default() += 1;
        }
    }
    assert!(outside.len() > 25, "{outside:#?}");
}

/// The call that a schema of ours asks for, with the first of the values that it accepts.
fn call_of(schema: &Value) -> Value {
    let arguments = schema["properties"]["arguments"]["properties"].as_object().unwrap();
    let first = |accepted: &Value| accepted.get("enum").map_or_else(|| accepted["const"].clone(), |all| all[0].clone());
    let arguments: serde_json::Map<String, Value> =
        arguments.iter().map(|(name, accepted)| (name.clone(), first(accepted))).collect();
    json!({"name": schema["properties"]["name"]["const"], "arguments": arguments})
}

#[test]
fn the_call_is_one_of_those_offered_and_its_values_are_those_of_the_request() {
    let mut asked = 0;
    for probe in ladders(Some("tool_use"), 150, 19) {
        let prompt = prompt(&probe);
        let Some(Checker::JsonSchema(schema)) = &prompt.check else { panic!("{}", probe.id) };
        let call = call_of(schema);
        let (name, arguments) = (call["name"].as_str().unwrap(), call["arguments"].as_object().unwrap());
        let texts = prompt.turns.iter().map(|turn| turn.text.as_str()).chain([prompt.prompt.as_str()]);
        let whole = texts.collect::<Vec<_>>().join("\n");
        let offered: BTreeMap<String, String> = solve::all(r"(?m)^(\w+)\(([\w, ]*)\)$", &whole)
            .into_iter()
            .map(|found| (found[0].clone(), found[1].clone()))
            .collect();
        assert_eq!(offered.len() as f64, value(&probe) + 1.0, "{whole}");
        let request: String =
            solve::all(r"User: (.+)", &whole).into_iter().map(|mut found| found.remove(0) + "\n").collect();
        if kind(&probe) == "ask" {
            asked += 1;
            assert_eq!(name, "ask_user");
            let missing = arguments["missing"].as_str().unwrap();
            let having = offered.values().any(|names| names.split(", ").any(|name| name == missing));
            assert!(having, "{missing} in {whole}");
        } else {
            let names: BTreeSet<&str> = offered[name].split(", ").collect();
            assert_eq!(names, arguments.keys().map(String::as_str).collect(), "{whole}");
            for value in arguments.values() {
                let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                assert!(solve::regex(&format!(r"\b{shown}\b")).is_match(&request), "{shown} in {request}");
            }
        }
        let said = call.to_string();
        for form in [said.clone(), format!("```json\n{call:#}\n```"), format!("Sure: {said}")] {
            assert_eq!(judged(&probe, &form), Checked::Right, "{form}");
        }
        let mut more = call.clone();
        more["arguments"]["also"] = json!(1);
        let mut other = call.clone();
        other["name"] = json!("get_time");
        let mut fewer = call.clone();
        fewer["arguments"].as_object_mut().unwrap().clear();
        for wrong in [more, other, fewer] {
            assert_eq!(judged(&probe, &wrong.to_string()), Checked::Wrong, "{wrong}");
        }
    }
    assert_eq!(asked, 50 * 6);
}

#[test]
fn few_tools_are_unlike_and_many_are_partly_alike() {
    let words = |name: &str| name.split('_').map(str::to_owned).collect::<BTreeSet<String>>();
    let (mut alike, mut n) = (0, 0);
    for probe in ladders(Some("tool_use"), 90, 21).iter().filter(|probe| kind(probe) == "call" && value(probe) == 12.0)
    {
        let Some(Checker::JsonSchema(schema)) = &prompt(probe).check else { panic!("{}", probe.id) };
        let name = schema["properties"]["name"]["const"].as_str().unwrap();
        let offered = solve::all(r"(?m)^(\w+)\(", &prompt(probe).prompt);
        let near =
            offered.iter().filter(|other| other[0] != name && !words(&other[0]).is_disjoint(&words(name))).count();
        let far = offered.iter().filter(|other| words(&other[0]).is_disjoint(&words(name))).count();
        assert!(far >= 5, "{}", probe.id);
        n += 1;
        alike += usize::from(near >= 2);
    }
    assert!(alike * 10 >= n * 7, "{alike} of {n} have similar names among them");
}
