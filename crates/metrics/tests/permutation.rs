//! The permutation test of pooled answers: every labelling where they can be counted, its level and power where not.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::asked;
use crate::support;

use asked::{answers, near};
use hydrometer_metrics::kernel::{Pooled, d2, permutation_p, same};
use rand::Rng;
use support::random;

#[test]
fn permutation_p_matches_full_enumeration() {
    // Two and two answers: of the six ways to label them, two (and their mirror) are as extreme as [0, 0 | 1, 1].
    let one = [Pooled::new(&[0, 0], &[1, 1], same).unwrap()];
    let two = [one[0].clone(), one[0].clone()];
    near(permutation_p(&one, 20_000, 1).unwrap(), 1.0 / 3.0, 0.01);
    near(permutation_p(&two, 20_000, 1).unwrap(), 1.0 / 9.0, 0.01);
    assert_eq!(permutation_p(&two, 99, 5), permutation_p(&two, 99, 5));
    // Nothing to tell apart: every labelling is as extreme.
    let equal = Pooled::new(&[7, 7, 7], &[7, 7], same).unwrap();
    assert_eq!(permutation_p(&[equal], 99, 1), Some(1.0));
    assert_eq!(permutation_p(&[], 99, 1), None);
    assert!(Pooled::new(&[7], &[7, 7], same).is_none());
}

#[test]
fn permutation_p_matches_every_labelling_of_unequal_prompts() {
    let prompts: [(&[u32], &[u32]); 2] = [(&[0, 0, 1, 2, 0], &[1, 1]), (&[5, 6], &[6, 6, 6, 7])];
    let labellings = prompts.map(|(teacher, student)| {
        let pooled = [teacher, student].concat();
        let masks = (0..1_u32 << pooled.len()).filter(|mask| mask.count_ones() as usize == teacher.len());
        let split = |mask: u32, side| -> Vec<u32> {
            (0..pooled.len()).filter(|place| mask >> place & 1 == side).map(|place| pooled[place]).collect()
        };
        masks.map(|mask| d2(&split(mask, 1), &split(mask, 0), &same).unwrap()).collect::<Vec<f64>>()
    });
    let observed: f64 = prompts.iter().map(|(teacher, student)| d2(teacher, student, &same).unwrap()).sum();
    let sums: Vec<f64> = labellings[0].iter().flat_map(|a| labellings[1].iter().map(move |b| a + b)).collect();
    let exact = sums.iter().filter(|&&sum| sum >= observed - 1e-9).count() as f64 / sums.len() as f64;
    let pooled = prompts.map(|(teacher, student)| Pooled::new(teacher, student, same).unwrap());
    near(permutation_p(&pooled, 20_000, 9).unwrap(), exact, 0.01);
}

#[test]
fn permutation_p_keeps_its_level_and_finds_differences() {
    let mut random = random(21);
    let audits = 2000;
    let mut rates = [0.0; 2];
    for audit in 0..audits {
        let mut prompts = [Vec::new(), Vec::new()];
        for _ in 0..20 {
            let mode = random.random_range(0.3..0.9);
            let teacher = answers(mode, 6, &mut random);
            for (prompts, mode) in prompts.iter_mut().zip([mode, 1.0]) {
                // Unequal numbers of answers, too.
                let student = answers(mode, 4, &mut random);
                prompts.push(Pooled::new(&teacher, &student, same).unwrap());
            }
        }
        for (rate, prompts) in rates.iter_mut().zip(&prompts) {
            if permutation_p(prompts, 99, audit).unwrap() <= 0.05 {
                *rate += 1.0 / audits as f64;
            }
        }
    }
    eprintln!("false alarms {}, power {}", rates[0], rates[1]);
    let slack = 2.0 * (0.05 * 0.95 / audits as f64).sqrt();
    assert!((0.03..=0.05 + slack).contains(&rates[0]), "false alarms {}", rates[0]);
    assert!(rates[1] > 0.95, "power {}", rates[1]);
}
