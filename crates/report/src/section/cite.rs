//! What to write where this statement is quoted.

use super::source::Source;
use crate::document::{Block, PAGE, Role, Section, Style, Text};
use crate::show;

pub(super) fn section(source: &Source<'_>) -> Section {
    let statement = source.statement;
    let sentence = Text::from("Distillation Loss Statement, ")
        .and(Style::Foreign, &statement.student.name)
        .words(" against ")
        .and(Style::Foreign, &statement.teacher.name)
        .words(format!(": {}. hydrometer {}, suite ", show::verdict(statement.verdict), statement.hydrometer))
        .and(Style::Foreign, &statement.suite.name)
        .words(" ")
        .and(Style::Hash, &statement.suite.hash)
        .words(", run ")
        .and(Style::Hash, &statement.run)
        .words(".");
    Section::new("cite", "How to cite")
        .on(PAGE)
        .with(Block::paragraph(
            "Quote the verdict together with the run, the suite and both models: a number without them cannot be repeated.",
        ))
        .with(Block::said(Role::Cite, sentence))
}
