//! Every number of the statement over the whole suite.

use hydrometer_audit::Statement;
use hydrometer_audit::statement::Metric;
use hydrometer_metrics::measure::answers::DISTRIBUTION_MATCH;

use super::source::Source;
use crate::document::{Block, Cell, Column, PAGE, Record, Row, Section, Style, Table, Text, Use};
use crate::show;

pub(super) fn section(source: &Source<'_>) -> Section {
    let statement = source.statement;
    let section = Section::new("metrics", "Every metric")
        .on(PAGE)
        .with_records(statement.metrics.iter().map(|metric| record(statement, metric)));
    if statement.metrics.is_empty() {
        return section.with(Block::absent("No metric was computed."));
    }
    let level = show::level(statement);
    section.with(Block::table(Table {
        title: None,
        caption: format!("All metrics over the whole suite, with their {level} intervals").into(),
        label: "Every metric, table".into(),
        style: "numbers all",
        columns: vec![
            Column::new(Use::Name, "Metric"),
            Column::new(Use::Value, "Value"),
            Column::new(Use::Range, "Interval"),
            Column::new(Use::Number, "Teacher itself"),
            Column::new(Use::Number, "Families"),
            Column::new(Use::Number, "Items"),
            Column::new(Use::Words, "Unit"),
        ],
        rows: statement.metrics.iter().map(|metric| row(statement, metric)).collect(),
    }))
}

fn row(statement: &Statement, metric: &Metric) -> Row {
    // Only what is catalogued has a note to point to.
    let name = match show::catalogued(&metric.id) {
        Some(name) => Text::of(Style::Link(format!("about-{}", metric.id)), name),
        None => show::metric(&metric.id).into(),
    };
    let name = Cell::Text(match show::beside(statement, metric) {
        Some(beside) => name.words(" ").and(Style::Quiet, beside),
        None => name,
    });
    let unit = show::unit(&metric.id).to_owned();
    if let Some(bounds) = &metric.bounds {
        let [value, interval, floor, families] = Cell::of_bounds(bounds);
        return Row::new([name, value, interval, floor, families, Cell::Count(bounds.n_items), unit.into()]);
    }
    let Some(estimate) = &metric.estimate else {
        let why = metric.missing.clone().unwrap_or_else(|| "No reason was given.".into());
        return Row::new([name, Cell::Missing(Some(why))].into_iter().chain(std::iter::repeat_n(Cell::Covered, 5)));
    };
    let [value, interval, floor, families] = Cell::of_estimate(&metric.id, estimate);
    let items = Cell::Counted(estimate.n_items, estimate.excluded.clone());
    Row::new([name, value, interval, floor, families, items, unit.into()])
}

/// Why there is no number, or why no gate rests on it.
fn note(metric: &Metric) -> Option<String> {
    let reservation = || metric.reservation.as_ref().map(|reservation| reservation.reason.clone());
    metric.missing.clone().or_else(reservation)
}

fn record(statement: &Statement, metric: &Metric) -> Record {
    let answers = statement.answers.as_ref().filter(|_| metric.id == DISTRIBUTION_MATCH.id);
    Record {
        estimate: metric.estimate.clone(),
        p_value: answers.and_then(|answers| answers.match_p_value),
        note: note(metric).unwrap_or_default(),
        regime: metric.regime.clone(),
        ..Record::new("metric", &metric.id)
    }
}
