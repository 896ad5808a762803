//! Straight-line programs: what is printed?

use super::{deepest, until};
use crate::builtin::Chance;
use crate::builtin::edges::said;
use crate::kind::Prompt;

/// A line of a program, the variable it sets, and the value that this then has.
struct Line {
    code: String,
    set: usize,
    value: i64,
}

const VARIABLES: &[[&str; 3]] =
    &[["a", "b", "c"], ["x", "y", "z"], ["p", "q", "r"], ["total", "left", "step"], ["size", "rest", "gap"]];
const VALUES: std::ops::RangeInclusive<i64> = 11..=99;

pub(in super::super) fn ladder(chance: &mut Chance, rungs: &[f64]) -> Vec<Prompt> {
    let names = *chance.pick(VARIABLES);
    let (head, lines) = until(chance, |chance| draw(chance, &names, deepest(rungs)));
    let rung = |&depth: &f64| {
        let lines = &lines[..depth as usize];
        let code: String = lines.iter().map(|line| format!("{}\n", line.code)).collect();
        let last = lines.last();
        let printed = names[last.map_or(0, |line| line.set)];
        let text =
            format!("What does this program print? Answer with the number only.\n\n{head}{code}print({printed})\n");
        said::number(&text, last.map_or(0, |line| line.value))
    };
    rungs.iter().map(rung).collect()
}

/// A program of which every line reads what the one before has set; none where a value is one of its literals.
fn draw(chance: &mut Chance, names: &[&str; 3], depth: usize) -> Option<(String, Vec<Line>)> {
    let (start, step) = (chance.between(12, 50), chance.between(2, 9));
    // The third variable keeps a small number, the first two carry the chain.
    let head = format!("{} = {start}\n{} = {step}\n", names[0], names[2]);
    let (mut at, mut value) = (0, start);
    let mut lines = Vec::with_capacity(depth);
    for _ in 0..depth {
        let set = chance.below(2);
        let read = names[at];
        let n = chance.between(2, 9);
        let (right, next) = match chance.below(7) {
            0 | 1 => (format!("{read} + {n}"), value + n),
            2 | 3 => (format!("{read} - {n}"), value - n),
            4 => (format!("{read} + {}", names[2]), value + step),
            5 => (format!("{read} - {}", names[2]), value - step),
            _ => (format!("{read} * 2"), value * 2),
        };
        if !VALUES.contains(&next) || next == start {
            return None;
        }
        lines.push(Line { code: format!("{} = {right}", names[set]), set, value: next });
        (at, value) = (set, next);
    }
    Some((head, lines))
}
