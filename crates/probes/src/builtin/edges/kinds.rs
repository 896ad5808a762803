//! The list of ladder kinds, in the order in which they take turns within an axis.

use super::{Chance, EdgeAxis, horizon, instructions, reasoning, tools};
use crate::kind::Prompt;

/// A kind of ladder.
pub(super) struct LadderKind {
    pub(super) axis: &'static EdgeAxis,
    pub(super) name: &'static str,
    /// From chance and the values of the knob: one prompt for each of them, of one scene.
    pub(super) make: fn(&mut Chance, &[f64]) -> Vec<Prompt>,
}

const fn kind(axis: &'static EdgeAxis, name: &'static str, make: fn(&mut Chance, &[f64]) -> Vec<Prompt>) -> LadderKind {
    LadderKind { axis, name, make }
}

pub(super) const KINDS: &[LadderKind] = &[
    kind(&reasoning::AXIS, "sums", reasoning::sums::ladder),
    kind(&reasoning::AXIS, "relations", reasoning::relations::ladder),
    kind(&reasoning::AXIS, "trace", reasoning::trace::ladder),
    kind(&reasoning::AXIS, "order", reasoning::order::ladder),
    kind(&reasoning::AXIS, "loop", reasoning::passes::ladder),
    kind(&reasoning::AXIS, "proof", reasoning::proof::ladder),
    kind(&instructions::AXIS, "words", instructions::words),
    kind(&instructions::AXIS, "numbers", instructions::numbers),
    kind(&tools::AXIS, "call", tools::call),
    kind(&tools::AXIS, "ask", tools::ask),
    kind(&tools::AXIS, "supplied", tools::supplied),
    kind(&horizon::AXIS, "ledger", horizon::ledger),
    kind(&horizon::AXIS, "codes", horizon::codes),
    kind(&horizon::AXIS, "differing", horizon::differing),
    kind(&horizon::AXIS, "standing", horizon::standing),
];
