//! The seven numbers under the verdict line, and those of them that belong to a later version.

use super::answers::{ANSWER_AGREEMENT, DIVERSITY_KEPT, RARE_ANSWERS_KEPT};
use super::definition::{Definition, Direction, Group, Range, Text};
use super::geometry::{CAPABILITY_VOLUME, SAFE_REACH};
use super::tokens::TAIL_KEPT;

/// A place among the seven.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The number that stands there.
    pub metric: &'static Definition,
    /// What stands there where that one cannot be measured and this one can.
    pub instead: Option<&'static Definition>,
}

const fn place(metric: &'static Definition) -> Place {
    Place { metric, instead: None }
}

/// The seven, in their order.
pub static HEADLINE: [Place; 7] = [
    place(&ANSWER_AGREEMENT),
    // Without one vocabulary the tail is what the teacher answers now and then.
    Place { metric: &TAIL_KEPT, instead: Some(&RARE_ANSWERS_KEPT) },
    place(&DIVERSITY_KEPT),
    place(&CAPABILITY_VOLUME),
    place(&SAFE_REACH),
    place(&ILLUSION_GAP),
    place(&FORGOTTEN),
];

/// Illusion gap.
pub static ILLUSION_GAP: Definition = Definition {
    id: "illusion_gap",
    text: Text {
        page: "illusion_gap",
        name: "Illusion gap",
        unit: "",
        what: "How much better the student copies the teacher's style than its judgment: gap closed on surface features minus gap closed on decisions.",
        misleads: "Without the student's starting point as a reference both parts are relative to an arbitrary stranger, and their difference is hard to read.",
        formula: "g_surface − g_judgment, g = 1 − √(max(0, Σ D2_TS) / Σ D2_TB)",
        source: "Gudibande et al., arXiv:2305.15717",
    },
    direction: Direction::Lower,
    range: Range::closed(-1.0, 1.0),
    group: Group::Later,
    measure: None,
};

/// Forgotten.
pub static FORGOTTEN: Definition = Definition {
    id: "forgotten",
    text: Text {
        page: "forgotten",
        name: "Forgotten",
        unit: "",
        what: "How much accuracy the student lost, against its own starting point, on skills that the distillation data do not cover.",
        misleads: "It needs the student from before distillation; the best of several checkpoints as a reference invents forgetting where there is none.",
        formula: "mean over skills of max(acc_B − acc_S, 0), paired",
        source: "Chaudhry et al., arXiv:1801.10112",
    },
    direction: Direction::Lower,
    range: Range::SHARE,
    group: Group::Later,
    measure: None,
};

/// In the order in which they are listed.
pub static DEFINITIONS: &[&Definition] = &[&ILLUSION_GAP, &FORGOTTEN];
