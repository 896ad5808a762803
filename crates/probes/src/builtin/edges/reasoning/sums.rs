//! Arithmetic in words: an amount that changes step by step.

use super::{deepest, until};
use crate::builtin::Chance;
use crate::builtin::edges::said;
use crate::builtin::edges::words::{COUNTED, NAMES};
use crate::kind::Prompt;

/// Amounts are never so small that they could be one of the steps, nor beyond two digits.
const TOTALS: std::ops::RangeInclusive<i64> = 10..=99;

const GAINS: &[&str] = &["buys", "finds", "is given", "picks up", "wins"];
const LOSSES: &[&str] = &["gives away", "sells", "loses", "hands back", "drops"];

/// What happens, and how many there are then.
struct Step {
    words: String,
    total: i64,
}

pub(in super::super) fn ladder(chance: &mut Chance, rungs: &[f64]) -> Vec<Prompt> {
    let (name, item) = (*chance.pick(NAMES), *chance.pick(COUNTED));
    let (start, steps) = until(chance, |chance| draw(chance, deepest(rungs)));
    let rung = |&depth: &f64| {
        let steps = &steps[..depth as usize];
        let told: String = steps.iter().map(|step| format!(" Then {name} {}.", step.words)).collect();
        let text = format!(
            "Answer with the number only.\n\n{name} has {start} {item}.{told} How many {item} does {name} have now?"
        );
        said::number(&text, steps.last().map_or(start, |step| step.total))
    };
    rungs.iter().map(rung).collect()
}

/// A start and its steps; none where the amount comes back to the start, which would give it away.
fn draw(chance: &mut Chance, depth: usize) -> Option<(i64, Vec<Step>)> {
    let start = chance.between(15, 60);
    let mut total = start;
    let first_gains = chance.percent(50);
    let mut steps = Vec::with_capacity(depth);
    for number in 0..depth {
        // The second step turns round, so that adding up every number is wrong from there on.
        let gains = match number {
            0 => first_gains,
            1 => !first_gains,
            _ => chance.percent(50),
        };
        let n = chance.between(2, 9);
        let verb = *chance.pick(if gains { GAINS } else { LOSSES });
        let words = match (chance.below(8), gains) {
            (0, true) if number > 1 && total <= 45 => {
                total *= 2;
                "doubles the number".to_owned()
            }
            (0, false) if number > 1 && total % 2 == 0 && total >= 20 => {
                total /= 2;
                "uses up half of them".to_owned()
            }
            _ => {
                total += if gains { n } else { -n };
                format!("{verb} {n}")
            }
        };
        if !TOTALS.contains(&total) || total == start {
            return None;
        }
        steps.push(Step { words, total });
    }
    Some((start, steps))
}
