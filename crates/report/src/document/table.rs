//! Tables: columns that say what they hold, rows of typed cells.

use hydrometer_audit::statement::KnownWithin;
use hydrometer_metrics::measure::{Definition, Reference, find};
use hydrometer_metrics::{Estimate, Exclusion, Interval, Verdict};
use maud::Markup;

use super::medium::{EVERYWHERE, Medium, On, PAGE};
use super::text::Text;
use crate::show;

/// What a column is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// It names the row.
    Name,
    /// The number that the table is about.
    Value,
    /// Another number.
    Number,
    /// An interval.
    Range,
    /// A drawing.
    Plot,
    /// What was asked for.
    Wanted,
    /// Words.
    Words,
    /// What the teacher is or says.
    Teacher,
    /// What the student is or says.
    Student,
}

/// Whether a column may go where a table would be too wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    Always,
    IfRoom,
}

/// One column.
pub(crate) struct Column {
    pub(crate) head: String,
    /// A shorter head where cells stand one under the other.
    pub(crate) label: Option<&'static str>,
    /// The scale of the drawings under it.
    pub(crate) axis: Option<Markup>,
    pub(crate) role: Use,
    pub(crate) fit: Fit,
    pub(crate) on: On,
}

impl Column {
    pub(crate) fn new(role: Use, head: impl Into<String>) -> Self {
        let on = if role == Use::Plot { PAGE } else { EVERYWHERE };
        Self { head: head.into(), label: None, axis: None, role, fit: Fit::Always, on }
    }

    pub(crate) fn label(self, label: &'static str) -> Self {
        Self { label: Some(label), ..self }
    }

    pub(crate) fn axis(self, axis: Markup) -> Self {
        Self { axis: Some(axis), ..self }
    }

    pub(crate) fn if_room(self) -> Self {
        Self { fit: Fit::IfRoom, ..self }
    }

    pub(crate) fn on(self, on: On) -> Self {
        Self { on, ..self }
    }
}

/// One cell. Numbers are words of the report's own, texts may be anybody's.
#[derive(Clone)]
pub(crate) enum Cell {
    Text(Text),
    /// `None` is a dash.
    Number(Option<f64>),
    Count(u64),
    /// What the teacher against itself has, and the word for what that is beside the number; `None` is a dash.
    Itself(Option<f64>, &'static str),
    /// Families that carry a number, and of how many of equal weight they are worth.
    Families(u64, Option<f64>),
    /// A count and what was left out of it.
    Counted(u64, Vec<Exclusion>),
    Interval(Option<Interval>),
    /// The same with its level, where a table has several.
    AtLevel(Option<Interval>),
    /// A value with its interval beside it.
    Estimate(Estimate),
    /// `None` where there is no gate.
    Verdict(Option<Verdict>),
    /// The sign of a verdict.
    Sign(Verdict),
    Drawn(Markup),
    /// Not measured, with the reason where it is known.
    Missing(Option<String>),
    /// Taken up by the cell before it.
    Covered,
}

impl From<Text> for Cell {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl Cell {
    /// Value, interval, the teacher's own number and families of a metric, in the order in which tables show them.
    pub(crate) fn of_estimate(metric: &str, estimate: &Estimate) -> [Self; 4] {
        let reference = find(metric).and_then(Definition::reference).map_or("", Reference::word);
        [
            Self::Number(Some(estimate.value)),
            Self::Interval(estimate.interval),
            Self::Itself(estimate.floor, reference),
            Self::Families(estimate.n_families, estimate.effective_families),
        ]
    }

    /// The same of a number of which only bounds are known.
    pub(crate) fn of_bounds(bounds: &KnownWithin) -> [Self; 4] {
        [
            format!("{} to {}", show::number(bounds.low), show::number(bounds.high)).into(),
            Self::Interval(bounds.interval),
            Self::Itself(None, ""),
            Self::Families(bounds.n_families, None),
        ]
    }

    /// A cell of numbers or verdicts in words that hold nothing of a model; `None` for what may hold anything.
    pub(crate) fn own_words(&self) -> Option<String> {
        Some(match self {
            Self::Number(value) => value.map_or_else(|| "–".into(), show::number),
            Self::Itself(None, _) => "–".into(),
            Self::Itself(Some(value), "") => show::number(*value),
            Self::Itself(Some(value), word) => format!("{} {word}", show::number(*value)),
            Self::Count(n) => show::count(*n),
            Self::Families(n, effective) => show::families(*n, *effective),
            Self::Interval(interval) => show::interval(interval.as_ref()),
            Self::AtLevel(None) => show::interval(None),
            Self::AtLevel(Some(i)) => format!("{}: {}", show::percent(i.level), show::interval(Some(i))),
            Self::Estimate(e) => format!("{} {}", show::number(e.value), show::interval(e.interval.as_ref())),
            Self::Verdict(verdict) => verdict.map_or("no gate", show::verdict).into(),
            Self::Sign(verdict) => show::sign(*verdict).into(),
            Self::Drawn(_) | Self::Covered => String::new(),
            Self::Missing(None) => "–".into(),
            Self::Text(_) | Self::Counted(..) | Self::Missing(Some(_)) => return None,
        })
    }
}

/// How a row stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Quiet,
    Marked,
}

/// What is said under a row.
#[derive(Clone)]
pub(crate) struct Note {
    pub(crate) text: Text,
    pub(crate) on: On,
}

/// One row: a cell for every column of the table, shown or not.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) cells: Vec<Cell>,
    /// Drawn in front of the name.
    pub(crate) swatch: Option<Markup>,
    pub(crate) notes: Vec<Note>,
    pub(crate) tone: Tone,
    pub(crate) on: On,
}

impl Row {
    pub(crate) fn new(cells: impl IntoIterator<Item = Cell>) -> Self {
        let (notes, tone, on) = (Vec::new(), Tone::Plain, EVERYWHERE);
        Self { cells: cells.into_iter().collect(), swatch: None, notes, tone, on }
    }

    pub(crate) fn note(mut self, text: Text, on: On) -> Self {
        self.notes.push(Note { text, on });
        self
    }

    pub(crate) fn swatch(self, swatch: Markup) -> Self {
        Self { swatch: Some(swatch), ..self }
    }

    pub(crate) fn tone(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }

    pub(crate) fn on(self, on: On) -> Self {
        Self { on, ..self }
    }
}

/// A table.
pub(crate) struct Table {
    /// Stands above it, and over the names where the format has few lines; the section's title where it is `None`.
    pub(crate) title: Option<&'static str>,
    pub(crate) caption: Text,
    /// What it is called where it scrolls by itself.
    pub(crate) label: String,
    /// Names of the page's styles.
    pub(crate) style: &'static str,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Row>,
}

impl Table {
    /// What a medium shows of it: columns by their place, and rows.
    pub(crate) fn shown(&self, medium: Medium) -> (Vec<(usize, &Column)>, Vec<&Row>) {
        let columns = self.columns.iter().enumerate().filter(|(_, column)| column.on.contains(&medium));
        (columns.collect(), self.rows.iter().filter(|row| row.on.contains(&medium)).collect())
    }
}
