//! What a report says, before any format has a say in it: a masthead and sections of blocks.
//!
//! Sections make these values from a statement; every format renders them without knowing which section it has before
//! it. A text of a model is escaped where a format shows it, never here, so no section can forget it.

mod block;
mod medium;
mod record;
mod table;
mod text;

pub(crate) use block::{Block, Case, Entry, Fact, Finding, Fold, Kind, Paragraph, Role, Said, Side, State, Strip, Who};
pub(crate) use medium::{COMMENT, EVERYWHERE, Medium, On, PAGE, PAGE_AND_COMMENT, PAGE_AND_TERMINAL, SHORT, TERMINAL};
pub(crate) use record::Record;
pub(crate) use table::{Cell, Column, Fit, Note, Row, Table, Tone, Use};
pub(crate) use text::{Span, Style, Text};

use hydrometer_metrics::Verdict;

/// A whole report.
pub(crate) struct Document {
    pub(crate) masthead: Masthead,
    /// In the order of the page.
    pub(crate) sections: Vec<Section>,
}

/// What stands above all sections: who, and the verdict.
pub(crate) struct Masthead {
    pub(crate) verdict: Verdict,
    /// The verdict as one sentence.
    pub(crate) line: String,
    pub(crate) student: String,
    pub(crate) teacher: String,
    /// What was asked, in figures.
    pub(crate) facts: Vec<Fact>,
    /// Version of hydrometer that issued the statement.
    pub(crate) hydrometer: String,
    /// Version of the statement's format.
    pub(crate) format: String,
    /// The run behind it.
    pub(crate) run: String,
}

/// Where a section stands in the short formats; the page keeps the order of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// In the order of the list.
    Listed,
    /// After the listed ones: what to do, what to know, what it cost. The end is what a terminal leaves in sight.
    Closing,
}

/// One subject of the report.
pub(crate) struct Section {
    /// Anchor on the page.
    pub(crate) id: &'static str,
    /// Empty for a section that needs none.
    pub(crate) title: &'static str,
    pub(crate) on: On,
    pub(crate) place: Place,
    /// What a comment says in place of the title, with the blocks folded away under it.
    pub(crate) folded: Option<(Text, State)>,
    pub(crate) blocks: Vec<Block>,
    /// What a spreadsheet gets.
    pub(crate) records: Vec<Record>,
}

impl Section {
    /// A section without blocks, shown everywhere.
    pub(crate) fn new(id: &'static str, title: &'static str) -> Self {
        let (on, place) = (EVERYWHERE, Place::Listed);
        Self { id, title, on, place, folded: None, blocks: Vec::new(), records: Vec::new() }
    }

    /// The same section, shown in these media only.
    pub(crate) fn on(self, on: On) -> Self {
        Self { on, ..self }
    }

    /// The same section, at the end of the short formats.
    pub(crate) fn closing(self) -> Self {
        Self { place: Place::Closing, ..self }
    }

    /// The same section, in a comment folded away under these words.
    pub(crate) fn folded(self, words: impl Into<Text>, state: State) -> Self {
        Self { folded: Some((words.into(), state)), ..self }
    }

    /// With one more block.
    pub(crate) fn with(mut self, block: impl Into<Block>) -> Self {
        self.blocks.push(block.into());
        self
    }

    /// With more blocks; with none, an `Option` that is empty.
    pub(crate) fn with_all(mut self, blocks: impl IntoIterator<Item = Block>) -> Self {
        self.blocks.extend(blocks);
        self
    }

    /// With rows for a spreadsheet.
    pub(crate) fn with_records(mut self, records: impl IntoIterator<Item = Record>) -> Self {
        self.records.extend(records);
        self
    }

    /// The blocks that a medium shows.
    pub(crate) fn shown(&self, medium: Medium) -> Vec<&Block> {
        match self.on.contains(&medium) {
            true => self.blocks.iter().filter(|block| block.on.contains(&medium)).collect(),
            false => Vec::new(),
        }
    }
}

impl Document {
    /// The sections that have something to say on a medium, with it, in the order of that medium.
    pub(crate) fn shown(&self, medium: Medium) -> Vec<(&Section, Vec<&Block>)> {
        let sections = self.sections.iter().map(|section| (section, section.shown(medium)));
        let mut sections: Vec<_> = sections.filter(|(_, blocks)| !blocks.is_empty()).collect();
        if medium != Medium::Page {
            sections.sort_by_key(|(section, _)| section.place);
        }
        sections
    }
}
