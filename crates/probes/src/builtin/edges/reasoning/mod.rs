//! Reasoning: chains whose end is one number or one name, which nobody finds without walking them.

pub(super) mod order;
pub(super) mod passes;
pub(super) mod proof;
pub(super) mod relations;
pub(super) mod sums;
pub(super) mod trace;

use super::EdgeAxis;
use super::words::NAMES;
use crate::builtin::Chance;

/// Half of the kinds ask for one of ten names or more, the others for a number.
pub(super) const AXIS: EdgeAxis = EdgeAxis {
    axis: "reasoning",
    knob: "depth",
    unit: "steps",
    meaning: "steps of a chain, each of which needs the result of the one before",
    chance: 0.05,
    trained_to: 3.0,
    rungs: &[1.0, 2.0, 3.0, 5.0, 8.0, 12.0],
};

/// Fewest names among which the answer of a question for a name stands.
const FEWEST_NAMES: usize = 10;

/// The deepest rung.
fn deepest(rungs: &[f64]) -> usize {
    rungs.iter().fold(0.0_f64, |deepest, &rung| deepest.max(rung)) as usize
}

/// Draws until there is something.
fn until<T>(chance: &mut Chance, draw: impl Fn(&mut Chance) -> Option<T>) -> T {
    loop {
        if let Some(drawn) = draw(chance) {
            return drawn;
        }
    }
}

/// So many different people, in random order.
fn people(chance: &mut Chance, count: usize) -> Vec<&'static str> {
    chance.sample(NAMES, count)
}
