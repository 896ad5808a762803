//! A student that draws with the random numbers of the teacher's second run: nothing is biased by it, intervals cover, and a student
//! that is close to its teacher is told from it by far fewer answers.
#![allow(clippy::unwrap_used)]

use crate::asked;
use crate::support;

use asked::near;
use hydrometer_metrics::kernel::{PairMeans, d2, same};
use hydrometer_metrics::measure::answers::*;
use hydrometer_metrics::measure::{Definition, Sums};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use support::random;

/// Answers of each model to a prompt.
const DRAWS: usize = 4;
/// Chances of the answers to a prompt; the first is right.
type Chances = [f64; 3];

fn at(number: f64, chances: Chances) -> u32 {
    if number < chances[0] { 0 } else { 1 + u32::from(number >= chances[0] + chances[1]) }
}

fn numbers(random: &mut ChaCha8Rng) -> Vec<f64> {
    (0..DRAWS).map(|_| random.random()).collect()
}

fn said(numbers: &[f64], chances: Chances) -> Vec<u32> {
    numbers.iter().map(|&number| at(number, chances)).collect()
}

fn graded(classes: &[u32]) -> Vec<Answer<'static>> {
    let numbered = classes.iter().zip(0..);
    numbered.map(|(&class, number)| Answer { number, right: Some(class == 0), ..Answer::new(class, "") }).collect()
}

/// Teacher and student at one prompt.
type Both = (Chances, Chances);

/// An audit of a prompt for each family. What of the sums depends on pairs of both models does not see how they draw.
fn audit(prompts: &[Both], paired: bool, random: &mut ChaCha8Rng) -> Sums {
    let mut sums = Sums::new();
    for (family, (of_teacher, of_student)) in prompts.iter().enumerate() {
        let [first, second, own] = std::array::from_fn(|_| numbers(random));
        let drawn = if paired { &second } else { &own };
        let [teacher, rerun] = [first, second.clone()].map(|numbers| said(&numbers, *of_teacher));
        let student = said(drawn, *of_student);
        // Somebody else stands where the student started.
        let start = d2(&teacher, &said(&numbers(random), [0.1, 0.1, 0.8]), &same);
        let [teacher, rerun, student] = [teacher, rerun, student].map(|classes| graded(&classes));
        let prompt = Prompt { teacher: &teacher, student: &student, rerun: &rerun, paired, start, whole: true };
        sums.prompt(&format!("{family:04}"), &prompt);
    }
    sums
}

/// Prompts of which the student loses a part of what the teacher gets right.
fn prompts(count: usize, lost: f64, random: &mut ChaCha8Rng) -> Vec<Both> {
    let prompt = |_| {
        let right = random.random_range(0.2..0.8);
        let rest = (1.0 - right) * random.random_range(0.3..0.7);
        let kept = right * (1.0 - lost);
        ([right, rest, 1.0 - right - rest], [kept, rest, 1.0 - kept - rest])
    };
    (0..count).map(prompt).collect()
}

fn squares(a: Chances, b: Chances) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The numbers of which the truth is known, with it.
fn truths(prompts: &[Both]) -> [(&'static Definition, f64); 5] {
    let sum = |of: &dyn Fn(&Both) -> f64| prompts.iter().map(of).sum::<f64>();
    let (within, student) = (sum(&|(t, _)| squares(*t, *t)), sum(&|(_, s)| squares(*s, *s)));
    let between = sum(&|(t, s)| squares(*t, *s));
    [
        (&AGREEMENT_RATIO, between / within),
        (&DIVERSITY_KEPT, within / student),
        (&DISTRIBUTION_MATCH, between / (within * student).sqrt()),
        (&ANSWER_NET_LOSS, sum(&|(t, s)| t[0] - s[0]) / prompts.len() as f64),
        (&ANSWER_LOST, sum(&|(t, s)| t[0] * (1.0 - s[0])) / prompts.len() as f64),
    ]
}

#[test]
fn a_teacher_that_is_its_own_student_loses_nothing_and_by_no_chance() {
    let mut random = random(75);
    let prompts = prompts(80, 0.0, &mut random);
    let sums = audit(&prompts, true, &mut random);
    for (definition, truth) in [
        (&AGREEMENT_RATIO, 1.0),
        (&DIVERSITY_KEPT, 1.0),
        (&DISTRIBUTION_MATCH, 1.0),
        (&GAP_CLOSED, 1.0),
        (&ANSWER_NET_LOSS, 0.0),
        (&EXCESS_FLIPS, 0.0),
        (&CUT_EXCESS, 0.0),
    ] {
        near(definition.value(&sums).unwrap(), truth, 1e-9);
    }
    // What counts pairs of answers sees two independent runs, and the teacher's own chance.
    assert!(ANSWER_LOST.value(&sums).unwrap() > 0.1);
    let by_chance = audit(&prompts, false, &mut random);
    assert!((AGREEMENT_RATIO.value(&by_chance).unwrap() - 1.0).abs() > 1e-3);
}

#[test]
fn squared_distances_of_paired_draws_have_no_bias() {
    let mut random = random(72);
    let (t, s): Both = ([0.5, 0.3, 0.2], [0.3, 0.3, 0.4]);
    let truth = squares(t, t) + squares(s, s) - 2.0 * squares(t, s);
    let (mut found, mut naive) = (0.0, 0.0);
    let trials = 20_000;
    for _ in 0..trials {
        let drawn = numbers(&mut random);
        let [ours, theirs] = [t, s].map(|chances| said(&drawn, chances));
        let numbered = |classes: &[u32]| -> Vec<(u32, u32)> { (0..).zip(classes.iter().copied()).collect() };
        let means = PairMeans::paired(&numbered(&ours), &numbered(&theirs), same).unwrap();
        found += means.d2().unwrap() / f64::from(trials);
        naive += d2(&ours, &theirs, &same).unwrap() / f64::from(trials);
    }
    near(found, truth, 0.005);
    assert!((naive - truth).abs() > 0.1, "pairs of one number would hide most of the distance: {naive} of {truth}");
    // No two answers that are independent.
    assert_eq!(PairMeans::paired(&[(0, 1)], &[(0, 1)], same), None);
}

#[test]
fn intervals_of_paired_draws_cover() {
    const AUDITS: usize = 400;
    let mut random = random(73);
    for lost in [0.05, 0.3] {
        let prompts = prompts(100, lost, &mut random);
        let mut hits = [0; 5];
        for _ in 0..AUDITS {
            let sums = audit(&prompts, true, &mut random);
            for (hits, (definition, truth)) in hits.iter_mut().zip(truths(&prompts)) {
                let interval = definition.estimate(&sums, 0.95).unwrap().interval.unwrap();
                *hits += usize::from((interval.low..=interval.high).contains(&truth));
            }
        }
        for (hits, (definition, truth)) in hits.into_iter().zip(truths(&prompts)) {
            let share = hits as f64 / AUDITS as f64;
            assert!(share >= 0.93, "{} of a loss of {lost}: {truth:.3} in {share} of intervals", definition.id);
        }
    }
}

#[test]
fn a_student_near_its_teacher_is_known_more_closely() {
    let mut random = random(74);
    let prompts = prompts(100, 0.03, &mut random);
    let [paired, alone] = [true, false].map(|paired| {
        let audits: Vec<Sums> = (0..200).map(|_| audit(&prompts, paired, &mut random)).collect();
        truths(&prompts).map(|(definition, _)| {
            let values: Vec<f64> = audits.iter().map(|sums| definition.value(sums).unwrap()).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
        })
    });
    for (at, (definition, _)) in truths(&prompts).iter().enumerate().take(4) {
        assert!(paired[at] < 0.5 * alone[at], "{}: {} against {}", definition.id, paired[at], alone[at]);
    }
    // Counted over pairs: as before.
    near(paired[4] / alone[4], 1.0, 0.25);
}
