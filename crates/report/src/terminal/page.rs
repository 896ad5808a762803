//! Lines that fit a terminal, in colour or without.

use hydrometer_metrics::Verdict;

/// The escape sequences that a page is painted with: the only ones that may be printed.
pub(crate) const PAINT: [&str; 5] = ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[1;31m", "\u{1b}[1;32m", "\u{1b}[1;33m"];

use crate::document::{Style, Text};
use crate::show;
use crate::text::{columns, cut, left, visible, wrap};

const NARROWEST: usize = 72;
const WIDEST: usize = 100;

/// Whether escape sequences for colour may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Plain text.
    Never,
    /// ANSI colours; the words stay the same.
    Always,
}

/// Lines that fit, with colour where it is wanted.
pub(crate) struct Page {
    pub(crate) width: usize,
    color: Color,
    pub(crate) text: String,
}

impl Page {
    pub(crate) fn new(width: usize, color: Color) -> Self {
        Self { width: width.clamp(NARROWEST, WIDEST), color, text: String::new() }
    }

    /// One line, already laid out. Spaces at its end are dropped.
    pub(crate) fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    pub(crate) fn gap(&mut self) {
        self.text.push('\n');
    }

    pub(crate) fn heading(&mut self, heading: &str) {
        self.gap();
        let heading = self.paint("1", heading.trim_end());
        self.line(&heading);
    }

    /// A paragraph with its first line after `first` and the others under it.
    pub(crate) fn paragraph(&mut self, first: &str, text: &str) {
        let indent = columns(first);
        for (at, line) in wrap(&visible(text), self.width.saturating_sub(indent)).iter().enumerate() {
            let lead = if at == 0 { first.to_owned() } else { " ".repeat(indent) };
            self.line(&format!("{lead}{line}"));
        }
    }

    /// `code` is one of those in [`PAINT`].
    pub(crate) fn paint(&self, code: &str, text: &str) -> String {
        match self.color {
            Color::Always => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Color::Never => text.to_owned(),
        }
    }

    /// One row of a table: the cells after a name of `room` columns; a longer name gets a line of its own.
    pub(crate) fn named(&mut self, name: &str, room: usize, cells: &str) {
        if columns(name) <= room {
            return self.line(&format!("{}{cells}", left(name, room)));
        }
        let name = cut(name, self.width);
        self.line(&name);
        self.line(&format!("{}{cells}", " ".repeat(room)));
    }

    pub(crate) fn verdict(&self, verdict: Verdict) -> String {
        let code = match verdict {
            Verdict::Pass => "1;32",
            Verdict::Fail => "1;31",
            Verdict::NotEnoughEvidence => "1;33",
        };
        self.paint(code, show::verdict(verdict))
    }
}

/// A text in one line, without its styles.
pub(super) fn plain(text: &Text) -> String {
    let part = |style: &Style, text: &str| match style {
        Style::Tag => format!("{text}:"),
        Style::Piece => text.replace(' ', "␣"),
        _ => text.to_owned(),
    };
    text.0.iter().map(|span| part(&span.style, &span.text)).collect()
}
