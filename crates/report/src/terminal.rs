//! The statement on a terminal: verdict first, understandable without colour, never wider than asked.

pub(crate) mod block;
mod page;
mod table;

use hydrometer_audit::Statement;

use crate::document::{Document, Masthead, Medium};
use crate::measured::Measured;
use crate::section::{Source, document};
use crate::show;
use crate::text::{columns, left, visible, wrap};

pub use page::Color;
pub(crate) use page::{PAINT, Page};

/// What the statement itself does not know about where it is shown.
#[derive(Clone, Debug)]
pub struct TerminalOptions<'a> {
    /// Columns of the terminal; used between 72 and 100.
    pub width: usize,
    /// Colour or none.
    pub color: Color,
    /// What lies where, as label and path: printed last.
    pub files: &'a [(&'a str, String)],
    /// Measured cost, where there is one.
    pub measured: Option<Measured>,
}

/// The statement for a terminal, with a newline at the end.
#[must_use]
pub fn terminal(statement: &Statement, options: &TerminalOptions<'_>) -> String {
    let source = Source { statement, measured: options.measured.as_ref() };
    lines(&document(&source), options)
}

/// A report in lines, with a newline at the end.
pub(crate) fn lines(document: &Document, options: &TerminalOptions<'_>) -> String {
    let mut page = Page::new(options.width, options.color);
    verdict(&mut page, &document.masthead);
    for (section, shown) in document.shown(Medium::Terminal) {
        block::section(&mut page, section, &shown);
    }
    files(&mut page, options.files);
    page.text
}

fn verdict(page: &mut Page, top: &Masthead) {
    let words = show::verdict(top.verdict);
    let indent = columns(words) + 2;
    let painted = page.verdict(top.verdict);
    for (at, line) in wrap(&visible(&top.line), page.width - indent).iter().enumerate() {
        let lead = if at == 0 { format!("{painted}  ") } else { " ".repeat(indent) };
        page.line(&format!("{lead}{line}"));
    }
}

pub(crate) fn files(page: &mut Page, files: &[(&str, String)]) {
    if files.is_empty() {
        return;
    }
    page.heading("FILES");
    for (label, path) in files {
        page.paragraph(&format!("  {} ", left(label, 11)), path);
    }
}
