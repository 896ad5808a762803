//! What a reader of the numbers must know of this run. The page has it at the head of its method.

use super::source::Source;
use crate::document::{Block, SHORT, Section, Text};

pub(super) fn section(source: &Source<'_>) -> Section {
    let notes = &source.statement.notes;
    let list = (!notes.is_empty()).then(|| Block::list(notes.iter().map(|note| Text::from(note.as_str()))));
    Section::new("notes", "Notes").on(SHORT).closing().with_all(list)
}
