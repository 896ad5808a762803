//! When a run has asked enough. Who collects tells the rule what is on disk; who judges says what that means. Neither
//! knows the other.

use std::error::Error;

use crate::{PartKind, RunFolder};

/// Follows a run as its parts are written.
pub trait StopRule {
    /// Whether it still waits for parts of this kind.
    fn waits_for(&self, kind: PartKind) -> bool;

    /// Whether it reads parts of this kind at all.
    fn watches(&self, kind: PartKind) -> bool;

    /// Takes in one unit, in the order in which the plan asks them.
    ///
    /// # Errors
    /// The part cannot be read, or holds what the rule's bounds do not allow.
    fn read(&mut self, run: &RunFolder, kind: PartKind, unit: u32) -> Result<(), Box<dyn Error + Send + Sync>>;
}
