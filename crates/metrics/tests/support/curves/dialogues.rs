//! Made-up dialogues and repeated runs: survival and pass^k.

use hydrometer_metrics::geometry::{Dialogue, Ended, Runs, pass_k, pass_k_lost, survival_ratio};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Held, LEVEL, normal};

/// Chance per turn of a first violation of a family: it varies between families by a factor around `hazard`.
fn hazard(hazard: f64, ability: f64) -> f64 {
    (hazard * (0.5 * ability - 0.125).exp()).min(0.9)
}

/// The ratio of restricted means, teacher's hazard 0.03 and the student's as given, dialogues of 10 to 40 turns watched up
/// to turn 20.
pub fn survival(student: f64, families: usize, audits: usize) -> Held {
    const HORIZON: u32 = 20;
    let mut random = ChaCha8Rng::seed_from_u64(families as u64 + (student * 1e4) as u64);
    // S(t) of a mixture, by a long simulation of the abilities.
    let mut means = [0.0; 2];
    for _ in 0..200_000 {
        let ability = normal(&mut random);
        for (mean, rate) in means.iter_mut().zip([0.03, student]) {
            let stays = 1.0 - hazard(rate, ability);
            *mean += (0..HORIZON).map(|turn| stays.powi(turn as i32)).sum::<f64>();
        }
    }
    let truth = means[1] / means[0];
    let mut held = Held::default();
    for _ in 0..audits {
        let names: Vec<String> = (0..families).map(|family| format!("{family:04}")).collect();
        let mut dialogues: [Vec<Dialogue<'_>>; 2] = [Vec::new(), Vec::new()];
        for family in &names {
            let ability = normal(&mut random);
            for _ in 0..3 {
                for (model, rate) in [0.03, student].into_iter().enumerate() {
                    let length = random.random_range(10..=40);
                    let rate = hazard(rate, ability);
                    let violated = (1..=length).find(|_| random.random::<f64>() < rate);
                    let (turns, ended) = violated.map_or((length, Ended::Censored), |turn| (turn, Ended::Violated));
                    dialogues[model].push(Dialogue { family, turns, ended });
                }
            }
        }
        held.add(survival_ratio(&dialogues[0], &dialogues[1], HORIZON, LEVEL).ok().as_ref(), truth);
    }
    held
}

/// pass^3 of five runs for the student, and what it lost.
pub fn repeated(families: usize, audits: usize) -> [Held; 2] {
    const K: u32 = 3;
    let mut random = ChaCha8Rng::seed_from_u64(families as u64);
    // Chance of success of a prompt: teacher's u^(1/4), student's u^(1/2) with a uniform u; E u^(3/4) = 4/7, E u^(3/2) = 2/5.
    let truths = [4.0 / 7.0, 2.0 / 5.0];
    let (mut student, mut lost) = (Held::default(), Held::default());
    for _ in 0..audits {
        let names: Vec<String> = (0..families).map(|family| format!("{family:04}")).collect();
        let mut prompts = Vec::new();
        for family in &names {
            let easy: f64 = random.random();
            for _ in 0..2 {
                let mut runs = |share: f64| {
                    let passed = (0..5).filter(|_| random.random::<f64>() < share).count() as u32;
                    Runs { family, runs: 5, passed }
                };
                prompts.push((runs(easy.powf(0.25)), runs(easy.sqrt())));
            }
        }
        let alone: Vec<Runs<'_>> = prompts.iter().map(|pair| pair.1).collect();
        student.add(pass_k(&alone, K, LEVEL).ok().as_ref(), truths[1]);
        lost.add(pass_k_lost(&prompts, K, LEVEL).ok().as_ref(), truths[0] - truths[1]);
    }
    [student, lost]
}
