//! Metrics of one kind as a table in words, for the sections that show some.

use hydrometer_audit::Statement;
use hydrometer_metrics::measure::Definition;

use crate::document::{Block, Cell, Column, On, Row, Table, Use};
use crate::show;

/// The metrics that are there with their intervals, and the names of the others.
pub(super) fn numbers(
    statement: &Statement,
    title: &'static str,
    metrics: impl Iterator<Item = &'static Definition>,
    on: On,
) -> Vec<Block> {
    let (there, missing): (Vec<&str>, Vec<&str>) =
        metrics.map(|metric| metric.id).partition(|id| show::estimate(statement, id).is_some());
    let row = |id: &&str| {
        let [value, interval, floor, _] = Cell::of_estimate(id, show::estimate(statement, id)?);
        Some(Row::new([show::as_judged(statement, id).into(), value, interval, floor]))
    };
    let table = Table {
        title: Some(title),
        caption: format!("{title} in numbers").into(),
        label: format!("{title}, table"),
        style: "numbers stack",
        columns: vec![
            Column::new(Use::Name, "Metric"),
            Column::new(Use::Value, "Value"),
            Column::new(Use::Range, "Interval"),
            Column::new(Use::Number, "Teacher itself"),
        ],
        rows: there.iter().filter_map(row).collect(),
    };
    let names: Vec<String> = missing.into_iter().map(show::metric).collect();
    let missing = (!names.is_empty()).then(|| Block::paragraph(format!("Not measured: {}.", names.join(", "))));
    std::iter::once(Block::table(table)).chain(missing).map(|block| block.on(on)).collect()
}
