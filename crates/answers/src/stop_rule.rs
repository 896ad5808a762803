//! When a run has asked enough. Who collects tells the rule what is on disk; who judges says what that means. Neither
//! knows the other.

use std::error::Error;

use crate::{PartKind, RunFolder};

/// Whether further parts of a kind are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// Never again.
    No,
    /// When other kinds have come as far.
    Later,
    /// The next one, now.
    Now,
}

/// Follows a run as its parts are written. While it wants any kind later it wants another one now.
pub trait StopRule {
    /// Whether it wants further parts of this kind.
    fn wants(&self, kind: PartKind) -> Wanted;

    /// Whether it reads parts of this kind at all.
    fn watches(&self, kind: PartKind) -> bool;

    /// Takes in one unit, in the order in which the plan asks them.
    ///
    /// # Errors
    /// The part cannot be read, or holds what the rule's bounds do not allow.
    fn read(&mut self, run: &RunFolder, kind: PartKind, unit: u32) -> Result<(), Box<dyn Error + Send + Sync>>;
}
