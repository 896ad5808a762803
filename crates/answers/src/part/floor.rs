//! Scored positions, the teacher against itself, computed another way: how much of a number is noise.

use super::{Part, PartKind, PositionRow};

/// Scored positions of texts, teacher against itself.
#[derive(Clone, Copy, Debug)]
pub enum Floor {}

impl Part for Floor {
    const KIND: PartKind = PartKind::new("floor");
    const VERSION: u32 = 2;
    type Row = PositionRow;
}
