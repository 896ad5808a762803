//! Tables: a column says what its cells are, and the style follows from that.

use hydrometer_metrics::Interval;
use maud::{Markup, html};

use super::text::line;
use crate::document::{Cell, Column, Medium, Note, Row, Table, Tone, Use};
use crate::plot::ruling;
use crate::show;
use crate::text::visible;

/// A column and its place among all columns of the table.
type Placed<'a> = (usize, &'a Column);

/// Whether cells carry the head of their column: where a narrow page stands them one under the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Labels {
    Shown,
    None,
}

/// The table in a box that scrolls by itself.
pub(super) fn table(table: &Table) -> Markup {
    let (columns, rows) = table.shown(Medium::Page);
    let has = |style: &str| table.style.split(' ').any(|one| one == style);
    let scroll = if has("tall") { "scroll tall" } else { "scroll" };
    let labels = if has("stack") { Labels::Shown } else { Labels::None };
    let styles: Vec<&str> = table.style.split(' ').filter(|style| *style != "tall").collect();
    html! {
        @if let Some(title) = table.title { h3 { (title) } }
        div class=(scroll) tabindex="0" role="region" aria-label=(visible(&table.label)) {
            table class=(styles.join(" ")) {
                caption { (line(&table.caption)) }
                thead { tr { @for (_, column) in &columns { (head(column)) } } }
                tbody { @for row in rows { (body(row, &columns, labels)) } }
            }
        }
    }
}

fn head(column: &Column) -> Markup {
    let class = match column.role {
        Use::Value | Use::Number => Some("num"),
        Use::Plot => Some("plot"),
        Use::Teacher => Some("teacher"),
        Use::Student => Some("student"),
        Use::Name | Use::Range | Use::Wanted | Use::Words => None,
    };
    html! {
        th class=[class] scope="col" {
            @match &column.axis {
                Some(axis) => { span.hidden { (visible(&column.head)) } (axis) }
                None => (visible(&column.head)),
            }
        }
    }
}

fn body(row: &Row, columns: &[Placed<'_>], labels: Labels) -> Markup {
    let notes: Vec<&Note> = row.notes.iter().filter(|note| note.on.contains(&Medium::Page)).collect();
    let missing = row.cells.iter().any(|cell| matches!(cell, Cell::Missing(Some(_))));
    let class = match row.tone {
        Tone::Marked => Some("differs"),
        Tone::Quiet => Some("unmeasured"),
        Tone::Plain if missing => Some("unmeasured"),
        Tone::Plain if !notes.is_empty() => Some("main"),
        Tone::Plain => None,
    };
    html! {
        tr class=[class] {
            @for (at, (place, column)) in columns.iter().enumerate() {
                @match (&row.cells[*place], column.role) {
                    (Cell::Covered, _) => {}
                    (cell, Use::Name) => {
                        th scope="row" {
                            @if let Some(swatch) = &row.swatch { span.swatch { (swatch) } " " }
                            (content(cell))
                        }
                    }
                    (cell, _) => (data(cell, column, span(row, &columns[at..]), labels)),
                }
            }
        }
        @for note in notes { tr.note { td colspan=(columns.len()) { (line(&note.text)) } } }
    }
}

/// Columns that the first of these cells takes up.
fn span(row: &Row, columns: &[Placed<'_>]) -> usize {
    1 + columns[1..].iter().take_while(|(place, _)| matches!(row.cells[*place], Cell::Covered)).count()
}

fn data(cell: &Cell, column: &Column, span: usize, labels: Labels) -> Markup {
    let class = match column.role {
        _ if span > 1 => None,
        Use::Value => Some("num value"),
        Use::Number => Some("num"),
        Use::Range => Some("range"),
        Use::Plot => Some("plot"),
        Use::Wanted => Some("wanted"),
        Use::Teacher => Some("teacher"),
        Use::Student => Some("student"),
        Use::Name | Use::Words => None,
    };
    let label = match (cell, labels) {
        (Cell::Missing(Some(_)), _) | (_, Labels::None) => None,
        _ => Some(column.label.map_or_else(|| visible(&column.head), str::to_owned)),
    };
    html! {
        td class=[class] colspan=[(span > 1).then_some(span)] data-label=[label] title=[method(cell)] { (content(cell)) }
    }
}

fn method(cell: &Cell) -> Option<&'static str> {
    let (Cell::Interval(Some(Interval { method, .. })) | Cell::AtLevel(Some(Interval { method, .. }))) = cell else {
        return None;
    };
    Some(show::method(*method))
}

fn content(cell: &Cell) -> Markup {
    match cell {
        Cell::Text(text) => line(text),
        Cell::Counted(n, excluded) => html! {
            (show::count(*n))
            @for left in excluded { span.excluded { (show::count(left.items)) " left out: " (visible(&left.reason)) } }
        },
        Cell::Estimate(estimate) => html! {
            (show::number(estimate.value)) " " span.range { (show::interval(estimate.interval.as_ref())) }
        },
        Cell::Verdict(Some(verdict)) => ruling(*verdict),
        Cell::Verdict(None) => html! { span.quiet { "no gate" } },
        Cell::Drawn(markup) => html! { (markup) },
        Cell::Missing(reason) => html! {
            span.not { "not measured" }
            @if let Some(reason) = reason { " " (visible(reason)) }
        },
        Cell::Number(_)
        | Cell::Itself(..)
        | Cell::Count(_)
        | Cell::Families(..)
        | Cell::Interval(_)
        | Cell::AtLevel(_)
        | Cell::Sign(_)
        | Cell::Covered => {
            html! { (cell.own_words().unwrap_or_default()) }
        }
    }
}
