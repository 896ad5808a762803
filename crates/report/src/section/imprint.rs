//! The last line of a comment: what was asked, by which version, in which run.

use super::source::{Source, asked};
use crate::document::{Block, COMMENT, Role, Section, Style, Text};

pub(super) fn section(source: &Source<'_>) -> Section {
    let statement = source.statement;
    let line = Text::from(format!("hydrometer {} · suite ", statement.hydrometer))
        .and(Style::Foreign, &statement.suite.name)
        .words(format!(" · {} · evidence {} · run ", asked(&statement.suite), statement.regime.id))
        .and(Style::Foreign, short(&statement.run));
    Section::new("imprint", "").on(COMMENT).closing().with(Block::said(Role::Imprint, line))
}

/// A hash, cut for people.
fn short(hash: &str) -> String {
    let (kind, digits) = hash.split_once(':').unwrap_or(("", hash));
    let digits: String = digits.chars().take(12).collect();
    if kind.is_empty() { digits } else { format!("{kind}:{digits}") }
}
