//! Tables in few columns: as wide as what stands in them; what does not fit goes, and names are never cut.

use super::page::{Page, plain};
use crate::document::{Cell, Column, Fit, Medium, Row, Table, Use};
use crate::show;
use crate::text::{columns, cut, left, right, visible};

/// Spaces between columns.
const GAP: usize = 2;
/// Least room for names before other columns give way.
const NAMES: usize = 20;
/// Least width to which a column gives way.
const NARROW: usize = 8;

/// A column with the width that its cells want.
struct Wide<'a> {
    place: usize,
    column: &'a Column,
    width: usize,
}

/// The table under its heading, which stands in the line of its heads.
pub(super) fn table(page: &mut Page, title: &str, table: &Table) {
    let (shown, rows) = table.shown(Medium::Terminal);
    let is_name = |column: &Column| column.role == Use::Name;
    let name = shown.iter().find(|(_, column)| is_name(column)).map(|(place, _)| *place);
    let names: Vec<String> = rows.iter().map(|row| name.map_or_else(String::new, |at| named(&row.cells[at]))).collect();
    let mut wide: Vec<Wide<'_>> = shown
        .into_iter()
        .filter(|(_, column)| !is_name(column))
        .map(|(place, column)| Wide { place, column, width: width(place, column, &rows) })
        .collect();
    let title = title.to_uppercase();
    let longest = names.iter().map(|name| columns(name)).chain([columns(&title)]).max().unwrap_or(0);
    let room = fit(page.width, longest, &mut wide);

    let heads: String =
        wide.iter().map(|wide| gap(&aligned(wide, &visible(&wide.column.head).to_uppercase()))).collect();
    if columns(&title) <= room {
        page.heading(&format!("{}{heads}", left(&title, room)));
    } else {
        page.heading(&title);
        page.line(&format!("{}{heads}", " ".repeat(room)));
    }
    for (row, name) in rows.iter().zip(&names) {
        line(page, row, name, room, &wide);
        for note in row.notes.iter().filter(|note| note.on.contains(&Medium::Terminal)) {
            page.paragraph("      ", &plain(&note.text));
        }
    }
}

fn named(cell: &Cell) -> String {
    format!("  {}", words(cell))
}

/// What a cell says.
fn words(cell: &Cell) -> String {
    cell.own_words().unwrap_or_else(|| match cell {
        Cell::Text(text) => visible(&plain(text)),
        Cell::Counted(n, excluded) => {
            let left_out = excluded.iter().map(|left| format!(", {} left out", show::count(left.items)));
            format!("{}{}", show::count(*n), left_out.collect::<String>())
        }
        Cell::Missing(reason) => format!("not measured: {}", visible(reason.as_deref().unwrap_or("no reason"))),
        _ => String::new(),
    })
}

fn width(place: usize, column: &Column, rows: &[&Row]) -> usize {
    let cells = rows.iter().map(|row| match &row.cells[place] {
        // The rest of the line is its own.
        Cell::Missing(Some(_)) => 0,
        cell => columns(&words(cell)),
    });
    cells.chain([columns(&visible(&column.head))]).max().unwrap_or(0)
}

/// Room for the names. Columns that may go are dropped from the right until the rest fits; then names get lines of their
/// own; then the widest columns are cut.
fn fit(width: usize, longest: usize, wide: &mut Vec<Wide<'_>>) -> usize {
    let taken = |wide: &[Wide<'_>]| wide.iter().map(|wide| GAP + wide.width).sum::<usize>();
    while longest + taken(wide) > width {
        let Some(last) = wide.iter().rposition(|wide| wide.column.fit == Fit::IfRoom) else { break };
        wide.remove(last);
    }
    while NAMES + taken(wide) > width {
        let over = NAMES + taken(wide) - width;
        let Some(widest) = wide.iter_mut().max_by_key(|wide| wide.width).filter(|wide| wide.width > NARROW) else {
            break;
        };
        widest.width -= over.min(widest.width - NARROW).min(widest.width.div_ceil(2));
    }
    longest.min(width.saturating_sub(taken(wide)))
}

fn aligned(wide: &Wide<'_>, text: &str) -> String {
    match wide.column.role {
        Use::Value | Use::Number => right(text, wide.width),
        _ => left(text, wide.width),
    }
}

fn gap(cell: &str) -> String {
    format!("{}{cell}", " ".repeat(GAP))
}

fn line(page: &mut Page, row: &Row, name: &str, room: usize, wide: &[Wide<'_>]) {
    let missing = wide.iter().map(|wide| &row.cells[wide.place]).find(|cell| matches!(cell, Cell::Missing(Some(_))));
    if let Some(missing) = missing {
        let mut first = left(name, room);
        if columns(name) > room {
            page.line(&cut(name, page.width));
            first = " ".repeat(room);
        }
        return page.paragraph(&format!("{first}{}", " ".repeat(GAP)), &words(missing));
    }
    let cells = wide.iter().map(|wide| {
        let cell = &row.cells[wide.place];
        let text = aligned(wide, &words(cell));
        match cell {
            // Only the words are painted, and never cut: there is always room for a verdict.
            Cell::Verdict(Some(verdict)) => gap(&text.replacen(&words(cell), &page.verdict(*verdict), 1)),
            _ => gap(&text),
        }
    });
    let cells = cells.collect::<String>();
    page.named(name, room, &cells);
}
