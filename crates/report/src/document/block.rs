//! The kinds of blocks that a section is made of.

use hydrometer_audit::statement::{EvidenceItem, Severity, TokenEvidence};
use maud::Markup;

use super::medium::{EVERYWHERE, On};
use super::table::Table;
use super::text::Text;

/// One block and where it is shown.
pub(crate) struct Block {
    pub(crate) on: On,
    pub(crate) kind: Kind,
}

/// What a block is.
pub(crate) enum Kind {
    Heading(Text),
    Paragraph(Paragraph),
    List(Vec<Text>),
    Facts(Vec<Fact>),
    Table(Table),
    Findings(Vec<Finding>),
    Figure(Figure),
    Cases(Vec<Case>),
    Strip(Strip),
    Fold(Fold),
    /// Lines whose columns count, and what they are.
    Verbatim(&'static str, String),
    Entries(Vec<Entry>),
}

impl Block {
    fn new(kind: Kind) -> Self {
        Self { on: EVERYWHERE, kind }
    }

    /// The same block, shown in these media only.
    pub(crate) fn on(self, on: On) -> Self {
        Self { on, ..self }
    }

    pub(crate) fn heading(text: impl Into<Text>) -> Self {
        Self::new(Kind::Heading(text.into()))
    }

    pub(crate) fn paragraph(text: impl Into<Text>) -> Self {
        Self::said(Role::Plain, text)
    }

    /// A sentence in front of a section that says how to read it.
    pub(crate) fn lead(text: impl Into<Text>) -> Self {
        Self::said(Role::Lead, text)
    }

    /// A sentence in place of what this run did not measure.
    pub(crate) fn absent(text: impl Into<Text>) -> Self {
        Self::said(Role::Absent, text)
    }

    pub(crate) fn said(role: Role, text: impl Into<Text>) -> Self {
        Self::new(Kind::Paragraph(Paragraph { role, text: text.into() }))
    }

    pub(crate) fn list(items: impl IntoIterator<Item = Text>) -> Self {
        Self::new(Kind::List(items.into_iter().collect()))
    }

    pub(crate) fn facts(facts: impl IntoIterator<Item = Fact>) -> Self {
        Self::new(Kind::Facts(facts.into_iter().collect()))
    }

    pub(crate) fn table(table: Table) -> Self {
        Self::new(Kind::Table(table))
    }

    pub(crate) fn findings(findings: impl IntoIterator<Item = Finding>) -> Self {
        Self::new(Kind::Findings(findings.into_iter().collect()))
    }

    /// A picture and what it says in words.
    pub(crate) fn figure(markup: Markup, in_words: impl Into<Text>) -> Self {
        Self::new(Kind::Figure(Figure { markup, in_words: in_words.into() }))
    }

    /// The key to the signs of a picture: nothing where there is no picture.
    pub(crate) fn key(markup: Markup) -> Self {
        Self::new(Kind::Figure(Figure { markup, in_words: Text::default() }))
    }

    pub(crate) fn cases(cases: impl IntoIterator<Item = Case>) -> Self {
        Self::new(Kind::Cases(cases.into_iter().collect()))
    }

    pub(crate) fn strip(strip: Strip) -> Self {
        Self::new(Kind::Strip(strip))
    }

    pub(crate) fn fold(fold: Fold) -> Self {
        Self::new(Kind::Fold(fold))
    }

    pub(crate) fn verbatim(name: &'static str, text: String) -> Self {
        Self::new(Kind::Verbatim(name, text))
    }

    pub(crate) fn entries(entries: impl IntoIterator<Item = Entry>) -> Self {
        Self::new(Kind::Entries(entries.into_iter().collect()))
    }
}

/// What a paragraph is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Plain,
    /// How to read what follows.
    Lead,
    /// In place of what is not there.
    Absent,
    /// Beside the point.
    Quiet,
    /// Something that must be seen.
    Alarm,
    /// When a number misleads.
    Misleads,
    Formula,
    /// To be quoted.
    Cite,
    /// Small print.
    Imprint,
}

/// A paragraph.
pub(crate) struct Paragraph {
    pub(crate) role: Role,
    pub(crate) text: Text,
}

/// A name and what stands under it.
pub(crate) struct Fact {
    pub(crate) name: &'static str,
    pub(crate) text: Text,
    /// What it means, for who points at it.
    pub(crate) hint: Option<String>,
}

impl Fact {
    pub(crate) fn new(name: &'static str, text: impl Into<Text>) -> Self {
        Self { name, text: text.into(), hint: None }
    }
}

/// A picture for the page, and what other formats say in its place; empty for a key to signs.
pub(crate) struct Figure {
    pub(crate) markup: Markup,
    pub(crate) in_words: Text,
}

/// Something that the audit found.
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    pub(crate) title: String,
    pub(crate) detail: String,
    pub(crate) next_step: String,
    /// Each piece and where it is shown.
    pub(crate) evidence: Vec<(On, EvidenceItem)>,
    pub(crate) on: On,
}

/// Which of the two models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Teacher,
    Student,
}

/// One question, both models side by side.
pub(crate) struct Case {
    pub(crate) probe: String,
    pub(crate) axis: String,
    pub(crate) family: String,
    pub(crate) prompt: String,
    /// What its rows are called, and what they show.
    pub(crate) rows_are: (&'static str, &'static str),
    pub(crate) rows: Vec<Side>,
    /// Whole texts.
    pub(crate) texts: Vec<Said>,
}

/// A row of a case: shares between 0 and 1.
pub(crate) struct Side {
    pub(crate) label: Text,
    /// Why it is the right one; `None` where it is not, or nobody knows.
    pub(crate) right: Option<&'static str>,
    pub(crate) teacher: f64,
    pub(crate) student: f64,
}

/// A whole text under what it is; `who` is `None` where neither model said it.
pub(crate) struct Said {
    pub(crate) who: Option<Who>,
    pub(crate) title: Text,
    pub(crate) text: String,
}

/// A document token by token.
pub(crate) struct Strip {
    pub(crate) tokens: Vec<TokenEvidence>,
    /// Positions of the tokens that a keyboard visits.
    pub(crate) stops: Vec<usize>,
    /// Divergence in nats at which the marking grows stronger.
    pub(crate) steps: [f64; 4],
}

/// Whether what is folded starts open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Closed,
}

/// Blocks under one line that can be folded away.
pub(crate) struct Fold {
    /// Its heading, empty for none.
    pub(crate) title: Text,
    /// What stands beside the heading.
    pub(crate) about: Text,
    pub(crate) state: State,
    /// Name of the page's style.
    pub(crate) style: &'static str,
    pub(crate) blocks: Vec<Block>,
}

/// An entry of a reference.
pub(crate) struct Entry {
    /// Anchor on the page.
    pub(crate) id: String,
    pub(crate) title: Text,
    pub(crate) body: Vec<Paragraph>,
}
