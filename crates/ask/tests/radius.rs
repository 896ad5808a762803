//! Distances from a distillation set: what lies near, what lies far, and what is refused.
#![allow(clippy::unwrap_used)]

use hydrometer_answers::EmbedderIdentity;
use hydrometer_ask::PlacedDeployment;
use hydrometer_ask::radius::{DISTANCE, DistillationSet, Embedder, Radii, RadiusError, ngrams, placeable, words};
use hydrometer_models::ModelError;
use hydrometer_probes::kind::{Choice, Prompt, Text};
use hydrometer_probes::{Ask, AskedAs, Checker, Knob, Probe, Role, Suite, Turn};

/// Little stories of one kind, all different.
fn stories(from: usize, count: usize) -> Vec<String> {
    let (names, things) =
        (["Ann", "Tom", "Mia", "Leo", "Zoe", "Max", "Ida"], ["eggs", "pears", "coins", "books", "shells"]);
    let verbs = ["buys", "finds", "sells", "loses", "counts", "gives away"];
    let story = |i: usize| {
        let (name, thing, verb) = (names[i % 7], things[i % 5], verbs[i % 6]);
        let other = names[(i / 7 + i + 3) % 7];
        format!(
            "{name} has {} {thing}. Then {name} {verb} {} of them, and {other} brings {} more. How many {thing} has {name} now?",
            i + 20,
            i % 9 + 2,
            i * 7 % 40 + 3
        )
    };
    (from..from + count).map(story).collect()
}

fn set(prompts: &[String]) -> DistillationSet {
    DistillationSet::new(vec!["set.jsonl".to_owned()], prompts.to_vec(), ngrams())
}

fn measured(prompts: &[String], texts: &[String]) -> Result<Radii, RadiusError> {
    set(prompts).measure(texts.iter().map(String::as_str))
}

/// The radii of texts, in their order.
fn radii<T: AsRef<str>>(prompts: &[String], texts: &[T]) -> Vec<f64> {
    let radii = set(prompts).measure(texts.iter().map(AsRef::as_ref)).unwrap();
    texts.iter().map(|text| radii.of(text.as_ref()).unwrap()).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn prompts_like_those_of_the_set_lie_within_one_radius_and_others_beyond() {
    let held_out = radii(&stories(0, 400), &stories(400, 200));
    let within = held_out.iter().filter(|&&r| r <= 1.0).count() as f64 / 200.0;
    assert!((0.85..=1.0).contains(&within), "{within}");
    let others = ["Write a poem about winter storms in the mountains.", "Is it safe to kill a Python process?", "?"];
    let others = radii(&stories(0, 400), &others);
    assert!(others.iter().all(|&r| r > 1.1 && r > 1.2 * median(held_out.clone())), "{others:?}");
}

#[test]
fn of_a_set_against_itself_95_per_cent_lie_within_the_radius() {
    let prompts = stories(0, 300);
    let unit = measured(&prompts, &[]).unwrap().trained_on().unit;
    // Each without itself, one by one: the definition.
    let inside = (0..300).step_by(10).filter(|&left_out| {
        let others: Vec<String> = [&prompts[..left_out], &prompts[left_out + 1..]].concat();
        let without = measured(&others, &prompts[left_out..=left_out]).unwrap();
        without.of(&prompts[left_out]).unwrap() * without.trained_on().unit <= unit
    });
    let inside = inside.count();
    assert!((26..=30).contains(&inside), "{inside} of 30");
}

#[test]
fn copies_lie_in_the_set_and_a_set_of_copies_is_refused() {
    let mut prompts = stories(0, 60);
    prompts.extend(vec![prompts[7].clone(); 12]);
    assert_eq!(radii(&prompts, &prompts[7..8]), [0.0]);
    let copies = vec!["the same".to_owned(); 40];
    assert!(matches!(measured(&copies, &[]), Err(RadiusError::Copies { members: 40 })));
    assert!(matches!(measured(&stories(0, 10), &[]), Err(RadiusError::Set(_))));
    assert!(matches!(measured(&[], &[]), Err(RadiusError::Set(_))));
    assert!(matches!(measured(&[], &["a probe".into()]), Err(RadiusError::Set(_))));
    assert!(matches!(measured(&prompts, &["  ".into()]), Err(RadiusError::Probe(_))));
    let mut empty = stories(0, 5_000);
    empty[4_500] = " ".to_owned();
    let place = measured(&empty, &[]).unwrap_err().to_string();
    assert!(place.contains("4500"), "{place}");
}

#[test]
fn the_order_of_the_set_changes_its_hash_and_no_radius() {
    let prompts = stories(0, 120);
    let turned: Vec<String> = prompts.iter().rev().cloned().collect();
    let asked = ["How many pears?".to_owned()];
    let (one, other) = (measured(&prompts, &asked).unwrap(), measured(&turned, &asked).unwrap());
    assert_eq!(one.of(&asked[0]), other.of(&asked[0]));
    assert_ne!(one.trained_on().hash, other.trained_on().hash);
    assert_eq!(one.trained_on().embedder.name, "hashed n-grams");
}

/// Eight coordinates by the hash of a text, cheap: large sets are quick. A wave lies in another direction than everything else.
struct Hashed;

impl Embedder for Hashed {
    fn identity(&self) -> EmbedderIdentity {
        EmbedderIdentity { name: "hashed".to_owned(), version: "1".to_owned() }
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        let vector = |text: &&str| {
            let sign = if text.starts_with('~') { -1.0 } else { 1.0 };
            let bytes = blake3::hash(text.as_bytes());
            bytes.as_bytes()[..8].iter().map(|&byte| sign * (1.0 + f32::from(byte))).collect()
        };
        Ok(texts.iter().map(vector).collect())
    }
}

#[test]
fn a_large_set_is_compared_with_as_a_whole() {
    // More than the blocks in which it passes, and the nearest of a text at its very end.
    let mut prompts: Vec<String> = (0..20_000).map(|i| i.to_string()).collect();
    let far = "~".to_owned();
    let of = |prompts: &[String]| {
        let set = DistillationSet::new(vec!["set.jsonl".to_owned()], prompts.to_vec(), Box::new(Hashed));
        let radii = set.measure([far.as_str()]).unwrap();
        (radii.trained_on().rows, radii.trained_on().held_out, radii.of(&far).unwrap())
    };
    let (rows, held_out, before) = of(&prompts);
    assert_eq!((rows, held_out), (20_000, 5_000));
    assert!(before > 10.0, "{before}");
    prompts.extend(vec![far.clone(); 10]);
    assert_eq!(of(&prompts).2, 0.0);
}

#[test]
fn a_deployment_is_counted_where_its_prompts_lie() {
    let prompts = stories(0, 100);
    let mut used = vec![prompts[3].clone(); 6];
    used.push("Is it safe to kill a Python process?".to_owned());
    let radii = set(&prompts).measure(PlacedDeployment::chosen(&used)).unwrap();
    let placed = PlacedDeployment::new(vec!["traffic.jsonl".into()], &used, &radii);
    assert_eq!((placed.prompts.rows, placed.prompts.placed), (7, 7));
    let near = radii.of(&prompts[3]).unwrap();
    assert_eq!(placed.used.iter().map(|used| used.weight).collect::<Vec<_>>(), [6.0, 1.0]);
    assert!((placed.used[0].value - near).abs() < 1e-3 && placed.used[1].value > 1.1, "{placed:?}");
}

fn probe(id: &str, knob: Option<Knob>, ask: impl Into<Ask>) -> Probe {
    Probe {
        id: id.into(),
        family: id.into(),
        axis: "sums".into(),
        tags: Vec::new(),
        knob,
        boundary: None,
        ask: ask.into(),
    }
}

#[test]
fn what_knows_its_truth_and_has_no_knob_is_placed() {
    let check = Some(Checker::Number { value: 3.0, tolerance: 0.0 });
    let right = Prompt { check, ..Prompt::new("How many eggs has Ann now?") };
    let choice = Choice {
        prompt: "How many pears has Tom now?".into(),
        options: vec!["2".into(), "5".into()],
        truth: Some(1),
        asked_as: AskedAs::Question,
    };
    let mut suite = Suite {
        name: "test".into(),
        probes: vec![
            probe("open", None, Prompt::new("Tell me of the sea.")),
            probe("right", None, right.clone()),
            probe("graded", Some(Knob::new("depth", 2.0)), right),
            probe("choice", None, choice.clone()),
            probe("vote", None, Choice { truth: None, ..choice }),
            probe("text", None, Text::new("A text to score.")),
        ],
    };
    let others = measured(&stories(0, 100), &[]).unwrap();
    assert!(matches!(others.place(&mut suite.clone()), Err(RadiusError::Unmeasured(id)) if id == "right"));
    let radii = measured(&stories(0, 100), &placeable(&suite)).unwrap();
    assert_eq!(radii.place(&mut suite).unwrap(), 2);
    let knobs: Vec<Option<&str>> =
        suite.probes.iter().map(|probe| probe.knob.as_ref().map(|knob| knob.name.as_str())).collect();
    assert_eq!(knobs, [None, Some(DISTANCE), Some("depth"), Some(DISTANCE), None, None]);
    suite.validate().unwrap();
    // Of another set, perhaps: nobody knows.
    assert!(matches!(radii.place(&mut suite), Err(RadiusError::Placed(id)) if id == "right"));
}

#[test]
fn of_a_conversation_the_users_words_count() {
    let turn = |role, text: &str| Turn { role, text: text.into() };
    let turns = vec![turn(Role::User, "one"), turn(Role::Assistant, "two")];
    let prompt = Prompt { system: Some("zero".into()), turns, ..Prompt::new("three") };
    assert_eq!(words(&probe("a", None, prompt)), "one\nthree");
    let behind = Text { context: Some("asked".into()), ..Text::new("answer") };
    assert_eq!(words(&probe("b", None, behind)), "asked");
}
