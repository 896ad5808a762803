//! The state of every metric: sums per family of what the models did. Update, merge, finish.

use super::Table;
use super::formula::Row;
use crate::stats::families::FamilyTable;

/// Sums per family of everything that was asked: the state from which every [`super::Definition`] makes its number.
///
/// An item is added with [`position`](Self::position), [`fork`](Self::fork), [`text`](Self::text),
/// [`choice`](Self::choice) or [`prompt`](Self::prompt), with the name of its family: the statistical unit, such as the
/// document that positions belong to or the template that prompts were made from. Sums of parts [`merge`](Self::merge).
/// What the teacher does against itself goes into other sums, for the floor.
#[derive(Clone, Debug, PartialEq)]
pub struct Sums {
    tables: [FamilyTable; Table::ALL.len()],
    left_out: [u64; Table::ALL.len()],
}

impl Default for Sums {
    fn default() -> Self {
        Self::new()
    }
}

impl Sums {
    /// Of nothing.
    pub fn new() -> Self {
        Self { tables: Table::ALL.map(|table| FamilyTable::new(table.width())), left_out: [0; Table::ALL.len()] }
    }

    /// Adds what other sums hold. A family may be in both.
    pub fn merge(&mut self, other: &Self) {
        for (table, other) in self.tables.iter_mut().zip(&other.tables) {
            table.merge(other);
        }
        for (left_out, other) in self.left_out.iter_mut().zip(other.left_out) {
            *left_out += other;
        }
    }

    /// The families of one kind of item.
    pub fn table(&self, table: Table) -> &FamilyTable {
        &self.tables[table as usize]
    }

    /// Items that did not have what this table needs.
    pub fn left_out(&self, table: Table) -> u64 {
        self.left_out[table as usize]
    }

    pub(super) fn add<const N: usize>(&mut self, table: Table, family: &str, row: &Row<N>, items: u64) {
        self.tables[table as usize].add(family, row.values(), items);
    }

    pub(super) fn leave_out(&mut self, table: Table) {
        self.left_out[table as usize] += 1;
    }
}
