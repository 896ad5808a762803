//! Tables: one line per row, whatever stands in it.

use std::fmt::Write as _;

use super::escape::{inline, prose};
use crate::document::{Cell, Column, Medium, Row, Table, Use};
use crate::show;

/// The table with its title over the names, and an empty line after it.
pub(super) fn table(title: &str, table: &Table) -> String {
    let (columns, rows) = table.shown(Medium::Comment);
    let head = |column: &Column| match column.role {
        Use::Name if !title.is_empty() => prose(title),
        _ => prose(&column.head),
    };
    let rule = |column: &Column| match column.role {
        Use::Value | Use::Number => "--:",
        Use::Range => ":-:",
        _ => "---",
    };
    let mut page = String::new();
    let heads: Vec<String> = columns.iter().map(|(_, column)| head(column)).collect();
    let _ = writeln!(page, "{}", row_of(&heads));
    let rules: Vec<&str> = columns.iter().map(|(_, column)| rule(column)).collect();
    let _ = writeln!(page, "|{}|", rules.join("|"));
    for row in rows {
        let mut cells: Vec<String> = columns.iter().map(|(place, _)| cell(&row.cells[*place])).collect();
        if let Some(last) = cells.last_mut() {
            last.push_str(&notes(row));
        }
        let _ = writeln!(page, "{}", row_of(&cells));
    }
    page.push('\n');
    page
}

/// `| a | b |`, with one space in an empty cell.
fn row_of(cells: &[String]) -> String {
    let cells = cells.iter().map(|cell| if cell.is_empty() { " ".to_owned() } else { format!(" {cell} ") });
    format!("|{}|", cells.collect::<Vec<_>>().join("|"))
}

fn notes(row: &Row) -> String {
    let notes = row.notes.iter().filter(|note| note.on.contains(&Medium::Comment));
    notes.map(|note| format!(", {}", inline(&note.text))).collect()
}

fn cell(cell: &Cell) -> String {
    cell.own_words().unwrap_or_else(|| match cell {
        Cell::Text(text) => inline(text),
        Cell::Counted(n, excluded) => {
            let left = excluded.iter().map(|left| format!("{} left out: {}", show::count(left.items), left.reason));
            let left = left.map(|left| format!(", {}", prose(&left))).collect::<String>();
            format!("{}{left}", show::count(*n))
        }
        Cell::Missing(reason) => prose(&format!("not measured: {}", reason.as_deref().unwrap_or("no reason"))),
        _ => String::new(),
    })
}
