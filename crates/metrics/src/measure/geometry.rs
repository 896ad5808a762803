//! Numbers of how far a student's fidelity reaches. They are read off curves, by [`crate::geometry`], and not off sums.

use super::definition::{Definition, Direction, Group, Range, Text};

/// Capability volume.
pub static CAPABILITY_VOLUME: Definition = Definition {
    id: "capability_volume",
    text: Text {
        page: "capability_volume",
        name: "Capability volume",
        unit: "",
        what: "How much of the teacher's success above chance the student keeps, averaged evenly over the distance from the distillation data.",
        misleads: "It depends on where the axis of difficulty ends; a good mean can hide a lost axis, so the worst axis is shown beside it.",
        formula: "∫ [f_S(r) − chance] dr / ∫ [f_T(r) − chance] dr per axis, mean over axes",
        source: "hydrometer",
    },
    direction: Direction::One,
    range: Range::ANY,
    group: Group::Geometry,
    measure: None,
};

/// The worst axis of the capability volume.
pub static WORST_AXIS: Definition = Definition {
    id: "worst_axis",
    text: Text {
        page: "capability_volume",
        name: "Worst axis",
        unit: "",
        what: "The capability volume of the axis of which least is left: what a mean over axes can hide.",
        misleads: "It is picked by looking; its interval knows that, and is wider than that of an axis named before.",
        formula: "min over axes of ∫ [f_S(r) − chance] dr / ∫ [f_T(r) − chance] dr",
        source: "hydrometer; lower bound by an intersection–union test (Berger 1982), upper bound by Bonferroni",
    },
    direction: Direction::One,
    range: Range::ANY,
    group: Group::Geometry,
    measure: None,
};

/// Safe reach.
pub static SAFE_REACH: Definition = Definition {
    id: "safe_reach",
    text: Text {
        page: "safe_reach",
        name: "Safe reach",
        unit: "training radii",
        what: "How far from the distillation data the student still performs like its teacher: the outer edge of the last ring that holds, and all rings inside it.",
        misleads: "With few probes per ring it is short for want of evidence, not of capability; 200 per ring are wanted for a certificate.",
        formula: "outer edge of the last ring such that it and every ring inside have a one-sided 95 % lower bound ≥ 0.9 · ceiling",
        source: "Fixed-sequence testing: Maurer, Hothorn and Lehmacher (1995)",
    },
    direction: Direction::Higher,
    range: Range::FROM_ZERO,
    group: Group::Geometry,
    measure: None,
};

/// In the order in which they are listed.
pub static DEFINITIONS: &[&Definition] = &[&CAPABILITY_VOLUME, &WORST_AXIS, &SAFE_REACH];
