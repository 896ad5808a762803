//! Prompts by the classes of their answers, and models that draw such answers.

use hydrometer_metrics::kernel::{d2, same};
use hydrometer_metrics::measure::Sums;
use hydrometer_metrics::measure::answers::{Answer, Prompt};
use rand::Rng;

#[track_caller]
pub fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "found {found}, expected {expected} ± {tolerance}");
}

/// The classes of the answers to one prompt.
#[derive(Default)]
pub struct Asked {
    pub teacher: Vec<u32>,
    pub student: Vec<u32>,
    pub rerun: Vec<u32>,
    pub base: Vec<u32>,
}

pub fn asked(teacher: &[u32], student: &[u32], rerun: &[u32], base: &[u32]) -> Asked {
    let [teacher, student, rerun, base] = [teacher, student, rerun, base].map(<[u32]>::to_vec);
    Asked { teacher, student, rerun, base }
}

/// Adds a prompt whose answers nothing can grade.
pub fn add(sums: &mut Sums, family: usize, asked: &Asked) {
    let ungraded = |classes: &[u32]| -> Vec<Answer<'static>> {
        let numbered = classes.iter().zip(0..);
        numbered.map(|(&class, number)| Answer { number, ..Answer::new(class, "") }).collect()
    };
    let [teacher, student, rerun] = [&asked.teacher, &asked.student, &asked.rerun].map(|classes| ungraded(classes));
    let start = d2(&asked.teacher, &asked.base, &same);
    let prompt = Prompt { teacher: &teacher, student: &student, rerun: &rerun, paired: false, start, whole: true };
    sums.prompt(&format!("{family:04}"), &prompt);
}

/// Sums of one family per prompt.
pub fn sums(prompts: &[Asked]) -> Sums {
    let mut sums = Sums::new();
    prompts.iter().enumerate().for_each(|(family, prompt)| add(&mut sums, family, prompt));
    sums
}

/// `count` answers: class 0 with probability `mode`, else one of four others.
pub fn answers(mode: f64, count: usize, random: &mut impl Rng) -> Vec<u32> {
    (0..count).map(|_| if random.random::<f64>() < mode { 0 } else { random.random_range(1..5) }).collect()
}

/// Σ p² of such answers.
pub fn repeats(mode: f64) -> f64 {
    mode * mode + (1.0 - mode).powi(2) / 4.0
}
