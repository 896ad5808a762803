//! Loops with a turn in them: what is the value after so many passes?

use super::{deepest, until};
use crate::builtin::Chance;
use crate::builtin::edges::said;
use crate::kind::Prompt;

const VARIABLES: &[&str] = &["n", "x", "k", "total", "level", "score"];

/// Up by one step below a limit, down by another above it.
#[derive(Clone, Copy)]
struct Loop {
    start: i64,
    limit: i64,
    up: i64,
    down: i64,
}

pub(in super::super) fn ladder(chance: &mut Chance, rungs: &[f64]) -> Vec<Prompt> {
    let name = *chance.pick(VARIABLES);
    let (program, values) = until(chance, |chance| draw(chance, rungs));
    let Loop { start, limit, up, down } = program;
    let rung = |(&passes, &value): (&f64, &i64)| {
        let text = format!(
            "What does this program print? Answer with the number only.\n\n{name} = {start}\nfor i in range({passes}):\n    \
             if {name} > {limit}:\n        {name} = {name} - {down}\n    else:\n        {name} = {name} + {up}\nprint({name})\n"
        );
        said::number(&text, value)
    };
    rungs.iter().zip(&values).map(rung).collect()
}

/// A program and its value at each rung; none where one of them is written in the program, or two are equal.
fn draw(chance: &mut Chance, rungs: &[f64]) -> Option<(Loop, Vec<i64>)> {
    let program = Loop {
        start: chance.between(1, 30),
        limit: chance.between(15, 40),
        up: chance.between(3, 9),
        down: chance.between(5, 19),
    };
    let Loop { start, limit, up, down } = program;
    let mut values = vec![start];
    for pass in 0..deepest(rungs) {
        let value = values[pass];
        values.push(if value > limit { value - down } else { value + up });
    }
    let asked: Vec<i64> = rungs.iter().map(|&rung| values[rung as usize]).collect();
    let written = [start, limit, up, down];
    let plain = asked.iter().zip(rungs).any(|(value, &rung)| written.contains(value) || *value == rung as i64);
    let mut different = asked.clone();
    different.sort_unstable();
    different.dedup();
    // Down at least once within the middle rungs: without the turn it would be a product.
    let turns = values.windows(2).take(5).any(|pair| pair[1] < pair[0]);
    (!plain && different.len() == asked.len() && turns && asked.iter().all(|value| *value >= 0))
        .then_some((program, asked))
}
