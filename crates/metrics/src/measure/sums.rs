//! The state of every metric: sums per family of what the models did. Update, merge, finish.

use super::formula::Row;
use super::{answers, choices, tokens};
use crate::stats::families::FamilyTable;

/// The tables of sums, one per kind of item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Scored positions of texts.
    Positions,
    /// Those of them where the teacher hesitates most.
    Forks,
    /// Texts as the teacher scores them.
    TeacherTexts,
    /// Texts as the student scores them.
    StudentTexts,
    /// Forced choices.
    Choices,
    /// Prompts with an answer of both models: pair means.
    Pairs,
    /// Prompts with graded answers of both models.
    Truth,
    /// Prompts with an answer of both models: how the answers come out.
    Outcomes,
    /// Prompts with answers enough to speak of rare ones.
    Rare,
    /// Prompts with an answer of both models: the way from where the student started.
    Gap,
}

impl Table {
    /// All of them, in their order.
    pub const ALL: [Self; 10] = [
        Self::Positions,
        Self::Forks,
        Self::TeacherTexts,
        Self::StudentTexts,
        Self::Choices,
        Self::Pairs,
        Self::Truth,
        Self::Outcomes,
        Self::Rare,
        Self::Gap,
    ];

    /// Number of columns.
    pub fn width(self) -> usize {
        match self {
            Self::Positions | Self::Forks => tokens::position::WIDTH,
            Self::TeacherTexts | Self::StudentTexts => tokens::text::WIDTH,
            Self::Choices => choices::choice::WIDTH,
            Self::Pairs => answers::pairs::WIDTH,
            Self::Truth => answers::truth::WIDTH,
            Self::Outcomes => answers::outcome::WIDTH,
            Self::Rare => answers::rare::WIDTH,
            Self::Gap => answers::gap::WIDTH,
        }
    }
}

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
