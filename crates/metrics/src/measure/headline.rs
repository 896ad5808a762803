//! The seven numbers under the verdict line.

use super::answers::{ANSWER_AGREEMENT, DIVERSITY_KEPT, RARE_ANSWERS_KEPT};
use super::definition::Definition;
use super::forgetting::FORGOTTEN;
use super::geometry::{CAPABILITY_VOLUME, SAFE_REACH};
use super::illusion::ILLUSION_GAP;
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
