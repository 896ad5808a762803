//! Gates whose numbers are read off curves: every look at them, and what was seen.

use hydrometer_audit::statement::{Look, Looked};

use crate::document::{Cell, Column, Row, Table, Text, Use};
use crate::show;

pub(super) fn table(looked: &[Looked]) -> Table {
    Table {
        title: None,
        caption: "Gates whose numbers are read off curves, look by look: the first verdict stands".into(),
        label: "Looks, table".into(),
        style: "numbers",
        columns: vec![
            Column::new(Use::Name, "Metric"),
            Column::new(Use::Words, "Look"),
            Column::new(Use::Value, "Families"),
            Column::new(Use::Value, "May err, %"),
            Column::new(Use::Value, "Found"),
            Column::new(Use::Range, "Judged by"),
            Column::new(Use::Words, "Verdict"),
            Column::new(Use::Words, "Not judged"),
        ],
        rows: looked.iter().flat_map(rows).collect(),
    }
}

fn rows(looked: &Looked) -> Vec<Row> {
    if looked.looks.is_empty() {
        let none = format!("none of {}, over {}", looked.planned, show::counted(looked.families, "family"));
        return vec![row(looked, none, None)];
    }
    let of = |(place, look)| row(looked, format!("{} of {}", place + 1, looked.planned), Some(look));
    looked.looks.iter().enumerate().map(of).collect()
}

fn row(looked: &Looked, which: String, look: Option<&Look>) -> Row {
    let missing = look.and_then(|look| look.missing.clone()).unwrap_or_default();
    Row::new([
        Cell::from(show::metric(&looked.metric)),
        which.into(),
        look.map_or(Cell::Number(None), |look| Cell::Count(look.families)),
        Cell::Number(look.map(|look| 100.0 * look.alpha)),
        Cell::Number(look.and_then(|look| look.value)),
        Cell::AtLevel(look.and_then(|look| look.judged)),
        Cell::Verdict(look.map(|look| look.verdict)),
        Text::foreign(missing).into(),
    ])
}
