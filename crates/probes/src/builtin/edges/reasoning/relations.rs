//! Relations between people: who is the boss of the neighbour of the teacher of Anna?

use super::{FEWEST_NAMES, deepest, people};
use crate::builtin::Chance;
use crate::builtin::edges::said;
use crate::kind::Prompt;

const ROLES: &[&str] = &["teacher", "neighbour", "doctor", "friend", "boss", "tailor", "lawyer", "barber"];

/// People whom the chain passes by.
const OTHERS: usize = 6;
/// How far the chain goes on behind the answer: an end would give it away.
const BEYOND: usize = 2;
/// Most people of the chain who also lead elsewhere.
const FORKS: usize = 6;

pub(in super::super) fn ladder(chance: &mut Chance, rungs: &[f64]) -> Vec<Prompt> {
    let length = deepest(rungs) + BEYOND;
    let all = people(chance, length + 1 + OTHERS);
    let (others, chain) = all.split_at(OTHERS);
    // Two roles for each: one leads on, one elsewhere.
    let roles: Vec<Vec<&str>> = chain.iter().map(|_| chance.sample(ROLES, 2)).collect();
    let rung = |&depth: &f64| {
        let depth = depth as usize;
        let shown = depth + BEYOND;
        debug_assert!(shown + 1 + OTHERS >= FEWEST_NAMES);
        let mut facts: Vec<String> = (0..shown).map(|at| fact(chain[at], roles[at][0], chain[at + 1])).collect();
        let mut forks: Vec<usize> = (0..=depth).collect();
        chance.shuffle(&mut forks);
        // Most of them lead to one person, so that who is named most often is not the answer.
        facts.extend(forks.iter().take(FORKS).enumerate().map(|(number, &at)| {
            let to = if number % 3 == 2 { others[1] } else { others[0] };
            fact(chain[at], roles[at][1], to)
        }));
        facts.extend((0..OTHERS).map(|at| {
            let to = if at < 2 { others[at + 2] } else { others[0] };
            fact(others[at], ROLES[at], to)
        }));
        chance.shuffle(&mut facts);
        let way: String = (0..depth).rev().map(|at| format!("the {} of ", roles[at][0])).collect();
        let text = format!("Answer with the name only.\n\n{} Who is {way}{}?", facts.join(" "), chain[0]);
        said::word(&text, chain[depth])
    };
    rungs.iter().map(rung).collect()
}

fn fact(of: &str, role: &str, who: &str) -> String {
    format!("The {role} of {of} is {who}.")
}
