//! How fidelity falls with distance: rings of growing radius, and what is measured of the curves over them.
//!
//! It knows probes by a radius, a family and shares of success, and nothing of models, embedders or suites. Formulas and
//! what each interval is good for: `docs/metrics/geometry.md`.

mod fall_off;
mod paired;
mod passk;
mod radius;
mod reach;
mod rings;
mod slope;
mod survival;
mod volume;

use thiserror::Error;

pub use fall_off::relative_fall_off;
pub use paired::{VolumesCompared, compare_volumes};
pub use passk::{Runs, pass_k, pass_k_lost};
pub use radius::{NEIGHBOURS, Nearest, Points, knob_unit, mean_distance, training_unit};
pub use reach::{CERTIFICATE_PROBES, Promise, Reach, ReachTest, RingReach, reach};
pub use rings::{Curve, Deployment, Probe, RINGS, Ring, Rings, VOLUME_RINGS};
pub use slope::{Graded, Slope, slope, slope_difference};
pub use survival::{Dialogue, Ended, Survival, survival_curves, survival_ratio};
pub(crate) use survival::{restricted_mean, watched_up_to};
pub use volume::{Axis, Kept, Volume, Volumes, Worst, least_of, volumes};

/// What cannot be measured, and what was found instead.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum GeometryError {
    /// There is nothing to measure.
    #[error("expected at least one {0}, found none")]
    Empty(&'static str),
    /// A radius is negative or not finite.
    #[error("probe {place}: expected a radius of 0 or more, found {found}")]
    Radius {
        /// Place of the probe, from 0.
        place: usize,
        /// Found.
        found: f64,
    },
    /// A success is no share.
    #[error("probe {place}: expected a success in [0, 1], found {found}")]
    Success {
        /// Place of the probe, from 0.
        place: usize,
        /// Found.
        found: f64,
    },
    /// A setting is out of its range.
    #[error("{name}: expected {expected}, found {found}")]
    Setting {
        /// What is set.
        name: &'static str,
        /// Allowed values.
        expected: &'static str,
        /// Found.
        found: f64,
    },
    /// Weights do not fit the rings.
    #[error("expected one weight of 0 or more per ring and one above 0 ({rings} rings), found {found:?}")]
    Weights {
        /// Number of rings.
        rings: usize,
        /// Found.
        found: Vec<f64>,
    },
    /// An axis is laid out in other rings in the second run.
    #[error("axis {place}: expected the same rings and chance in both runs, found others in the second")]
    OtherRings {
        /// Place of the axis, from 0.
        place: usize,
    },
    /// A slope has no finite value: success ends, or begins, at one radius.
    #[error(
        "the slope is not estimable: between the radii {from} and {to} success changes at once; more probes between them \
         would tell how steeply"
    )]
    Separated {
        /// Radius up to which success is all or nothing.
        from: f64,
        /// Radius from which it is the other.
        to: f64,
    },
    /// A slope is undefined: all probes succeed, or none does, or all have one radius.
    #[error("the slope is not estimable: {0}")]
    Flat(&'static str),
    /// A dialogue ends at turn 0.
    #[error("dialogue {place}: expected a last turn of 1 or more, found 0")]
    Turn {
        /// Place of the dialogue, from 0.
        place: usize,
    },
    /// Nobody was watched up to the horizon.
    #[error("expected dialogues that are watched up to turn {horizon}, found none beyond turn {followed}")]
    Horizon {
        /// Wanted.
        horizon: u32,
        /// Last turn at which any dialogue of a model was watched.
        followed: u32,
    },
    /// More runs passed than were made.
    #[error("prompt {place}: expected at most {runs} passed runs, found {passed}")]
    Runs {
        /// Place of the prompt, from 0.
        place: usize,
        /// Runs made.
        runs: u32,
        /// Runs passed.
        passed: u32,
    },
    /// A vector has no direction, or another length than the first.
    #[error("vector {place}: {problem}")]
    Vector {
        /// Place of the vector, from 0.
        place: usize,
        /// What is wrong with it, and what was expected.
        problem: String,
    },
    /// Too few vectors for so many neighbours.
    #[error("expected at least {k} other vectors for {k} neighbours, found {found}")]
    TooFew {
        /// Neighbours wanted.
        k: usize,
        /// Vectors found, beside the one whose neighbours they are.
        found: usize,
    },
}

impl GeometryError {
    /// The same of a vector that many places further on, where blocks were looked at one by one.
    #[must_use]
    pub fn further(self, by: usize) -> Self {
        match self {
            Self::Vector { place, problem } => Self::Vector { place: place + by, problem },
            other => other,
        }
    }
}

/// A level, or another share strictly between 0 and 1.
fn share(name: &'static str, found: f64) -> Result<f64, GeometryError> {
    if found > 0.0 && found < 1.0 {
        Ok(found)
    } else {
        Err(GeometryError::Setting { name, expected: "a share strictly between 0 and 1", found })
    }
}

/// A chance level: success without any ability, in [0, 1).
fn chance(found: f64) -> Result<f64, GeometryError> {
    if (0.0..1.0).contains(&found) {
        Ok(found)
    } else {
        Err(GeometryError::Setting { name: "chance level", expected: "a share in [0, 1)", found })
    }
}

/// A share of success.
fn success(place: usize, found: f64) -> Result<f64, GeometryError> {
    if (0.0..=1.0).contains(&found) { Ok(found) } else { Err(GeometryError::Success { place, found }) }
}

/// A distance in training radii.
fn radius_of(place: usize, found: f64) -> Result<f64, GeometryError> {
    if found >= 0.0 && found.is_finite() { Ok(found) } else { Err(GeometryError::Radius { place, found }) }
}
