//! Models whose truth is known: scripts, and defects planted in other models. They ship, and are named on the command line.

pub(crate) mod acting;
pub(crate) mod at_boundaries;
pub(crate) mod no_time;
pub(crate) mod planted;
pub(crate) mod scripted;
pub(crate) mod server;
