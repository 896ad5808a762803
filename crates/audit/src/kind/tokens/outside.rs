//! The probability that two models give to entries that stand for no token of both: padding rows, and special tokens that
//! only one of them has. Token metrics cannot see it.

use hydrometer_answers::{Outside, PositionRow};

/// What a model gives to such entries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mass {
    /// Over positions.
    pub mean: f64,
    /// At one position.
    pub largest: f64,
}

/// The teacher's and the student's; `None` where no position says it.
pub(crate) fn masses(positions: &[PositionRow]) -> Option<[Mass; 2]> {
    let of = |of: fn(&Outside) -> Option<f32>| {
        let known: Vec<f64> = positions.iter().filter_map(|row| of(&row.outside)).map(f64::from).collect();
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        (!known.is_empty()).then(|| Mass { mean, largest: known.iter().copied().fold(0.0, f64::max) })
    };
    Some([of(|outside| outside.teacher)?, of(|outside| outside.student)?])
}
