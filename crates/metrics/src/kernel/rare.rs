//! Rare answers: does the student still give the answers that its teacher gives now and then?

use std::collections::BTreeMap;

/// A class is rare when at most this share of one half of the teacher's answers has it.
pub const RARE_SHARE: f64 = 0.25;
/// An answer is kept when it appears among this many draws.
pub const RARE_DRAWS: usize = 10;
/// Fewest answers of each model to a prompt.
pub const RARE_ANSWERS: usize = 20;
/// The rare answers to one prompt, each in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RareAnswers {
    /// The rare share of the teacher's answers.
    pub weight: f64,
    /// How much of it [`RARE_DRAWS`] draws of the student are expected to show.
    pub student: f64,
    /// The same of the teacher's second run.
    pub rerun: f64,
}

impl RareAnswers {
    /// From meaning classes of answers; `None` unless all three models have [`RARE_ANSWERS`] of them.
    ///
    /// Which classes are rare is decided on the teacher's answers at even places, how much each weighs on those at odd
    /// places: one half for both would count as rare what luck made rare. A class that the first half never shows is
    /// rare.
    pub fn of(teacher: &[u32], student: &[u32], rerun: &[u32]) -> Option<Self> {
        if [teacher, student, rerun].iter().any(|answers| answers.len() < RARE_ANSWERS) {
            return None;
        }
        let choosing = counts(teacher.iter().step_by(2));
        let weighing = counts(teacher.iter().skip(1).step_by(2));
        let (first, second) = (teacher.len().div_ceil(2) as f64, (teacher.len() / 2) as f64);
        let (of_student, of_rerun) = (counts(student.iter()), counts(rerun.iter()));
        let mut found = Self { weight: 0.0, student: 0.0, rerun: 0.0 };
        for (class, &count) in &weighing {
            if choosing.get(class).copied().unwrap_or(0) as f64 > RARE_SHARE * first {
                continue;
            }
            let weight = count as f64 / second;
            let shown = |counts: &BTreeMap<u32, usize>, answers: &[u32]| {
                weight * shown_in_draws(answers.len(), counts.get(class).copied().unwrap_or(0))
            };
            found.weight += weight;
            found.student += shown(&of_student, student);
            found.rerun += shown(&of_rerun, rerun);
        }
        Some(found)
    }
}

fn counts<'a>(answers: impl Iterator<Item = &'a u32>) -> BTreeMap<u32, usize> {
    let mut counts = BTreeMap::new();
    for &class in answers {
        *counts.entry(class).or_insert(0) += 1;
    }
    counts
}

/// 1 − C(m − k, n)/C(m, n): the chance that n = [`RARE_DRAWS`] of m ≥ n answers, without replacement, show a class
/// that k of them have; unbiased for 1 − (1 − q)ⁿ (Hurlbert 1971, rarefaction).
fn shown_in_draws(answers: usize, having: usize) -> f64 {
    let missed = (0..RARE_DRAWS).map(|i| answers.saturating_sub(having + i) as f64 / (answers - i) as f64);
    1.0 - missed.product::<f64>()
}
