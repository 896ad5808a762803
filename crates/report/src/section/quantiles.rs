//! How the divergence is spread over positions, against the noise floor.

use hydrometer_audit::statement::Quantiles;
use hydrometer_metrics::compat::Percentile;
use maud::{Markup, html};

use super::source::Source;
use crate::document::{Block, Cell, Column, PAGE, Record, Row, Section, Table, Tone, Use};
use crate::plot::{anchor, percent};
use crate::show;

pub(super) fn section(source: &Source<'_>) -> Section {
    let quantiles = &source.statement.quantiles;
    let section = Section::new("quantiles", "Where the divergence lies")
        .on(PAGE)
        .with_records(quantiles.iter().flat_map(records));
    let Some(first) = quantiles.first() else {
        return section.with(Block::absent("Not measured: this run kept no exact numbers of single positions."));
    };
    section
        .with(Block::lead(
            "Percentiles over scored positions, on a logarithmic axis. A mean is often made by few positions: the distance \
             between the median and the right-hand end says how few. The dashed line is the teacher against itself.",
        ))
        .with(Block::figure(curve(first), format!("{}: {}", show::metric(&first.metric), said(first))))
        .with(Block::table(table(quantiles, first)))
}

fn table(quantiles: &[Quantiles], first: &Quantiles) -> Table {
    let numbers = |points: &[Percentile]| {
        // A table is as wide as its first row.
        let mut cells: Vec<Cell> = points.iter().map(|p| Cell::Number(Some(p.value))).collect();
        cells.resize(first.points.len(), Cell::Number(None));
        cells
    };
    let name = |name: String| std::iter::once(Cell::from(name));
    let rows = quantiles.iter().flat_map(|one| {
        let row = Row::new(name(show::metric(&one.metric)).chain(numbers(&one.points)));
        let floor = Row::new(name("teacher against itself".into()).chain(numbers(&one.floor))).tone(Tone::Quiet);
        std::iter::once(row).chain((!one.floor.is_empty()).then_some(floor))
    });
    let heads = first.points.iter().map(|point| Column::new(Use::Number, rank(point)));
    Table {
        title: None,
        caption: "Percentiles over positions, nats per token".into(),
        label: "Percentiles, table".into(),
        style: "numbers percentiles",
        columns: std::iter::once(Column::new(Use::Name, "Quantity")).chain(heads).collect(),
        rows: rows.collect(),
    }
}

fn said(quantiles: &Quantiles) -> String {
    let said = quantiles.points.iter().map(|p| format!("{}: {}", rank(p), show::number(p.value)));
    said.collect::<Vec<_>>().join("; ")
}

fn records(quantiles: &Quantiles) -> impl Iterator<Item = Record> {
    quantiles.points.iter().map(|point| Record {
        slice: format!("{} %", point.percent),
        value: Some(point.value),
        floor: quantiles.floor.iter().find(|f| f.percent == point.percent).map(|f| f.value),
        ..Record::new("percentile", &quantiles.metric)
    })
}

/// Decades that a logarithmic axis covers.
struct Decades {
    low: i32,
    high: i32,
}

impl Decades {
    const LOWEST: i32 = -9;

    fn of(quantiles: &Quantiles) -> Self {
        let values = quantiles.points.iter().chain(&quantiles.floor).map(|p| p.value).filter(|v| *v > 0.0);
        let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(l, h), v| (l.min(v), h.max(v)));
        if low > high {
            return Self { low: -3, high: 0 };
        }
        let low = (low.log10().floor() as i32).max(Self::LOWEST);
        Self { low, high: (high.log10().ceil() as i32).max(low + 1) }
    }

    /// Height in per cent from the top; what is zero lies on the bottom line.
    fn at(&self, value: f64) -> f64 {
        if value <= 0.0 {
            return 100.0;
        }
        let share = (value.log10() - f64::from(self.low)) / f64::from(self.high - self.low);
        100.0 * (1.0 - share.clamp(0.0, 1.0))
    }
}

fn curve(quantiles: &Quantiles) -> Markup {
    let name = show::metric(&quantiles.metric);
    let decades = Decades::of(quantiles);
    let across = |at: usize, of: usize| if of < 2 { 50.0 } else { 100.0 * at as f64 / (of - 1) as f64 };
    let n = quantiles.points.len();
    let every = ((decades.high - decades.low) / 5).max(1);
    html! {
        figure.curve {
            figcaption { (name) ", nats per position" }
            svg.chart width="100%" height="250" role="img" aria-labelledby="curve-title curve-desc" {
                title id="curve-title" { (name) " by percentile of positions, student and floor" }
                desc id="curve-desc" { (said(quantiles)) }
                svg x="52" y="12" width="84%" height="204" overflow="visible" {
                    @for decade in (decades.low..=decades.high).step_by(every as usize) {
                        @let y = decades.at(10f64.powi(decade));
                        line.grid x1="0" x2="100%" y1=(percent(y)) y2=(percent(y)) {}
                        text.label x="-8" y=(percent(y)) dy="4" text-anchor="end" { "10" tspan.exponent dy="-4" { (decade.to_string().replace('-', "−")) } }
                    }
                    @for (at, point) in quantiles.points.iter().enumerate() {
                        text.label x=(percent(across(at, n))) y="100%" dy="22" text-anchor=(anchor(across(at, n))) { (rank(point)) }
                    }
                    (line("floor", &quantiles.floor, &decades, across))
                    (line("student", &quantiles.points, &decades, across))
                }
            }
            ul.legend aria-label="Lines of the chart" {
                li { svg.key width="26" height="16" aria-hidden="true" { line.student x1="1" x2="25" y1="8" y2="8" {} circle.student cx="13" cy="8" r="4" {} } " student against teacher" }
                @if !quantiles.floor.is_empty() {
                    li { svg.key width="26" height="16" aria-hidden="true" { line.floor x1="1" x2="25" y1="8" y2="8" {} } " teacher against itself" }
                }
            }
        }
    }
}

fn line(class: &str, points: &[Percentile], decades: &Decades, across: impl Fn(usize, usize) -> f64) -> Markup {
    let n = points.len();
    html! {
        @for (at, pair) in points.windows(2).enumerate() {
            line class=(class) x1=(percent(across(at, n))) y1=(percent(decades.at(pair[0].value)))
                x2=(percent(across(at + 1, n))) y2=(percent(decades.at(pair[1].value))) {}
        }
        @for (at, point) in points.iter().enumerate() {
            circle class=(class) cx=(percent(across(at, n))) cy=(percent(decades.at(point.value))) r="4" {}
        }
    }
}

fn rank(point: &Percentile) -> String {
    match point.percent {
        p if p >= 100.0 => "max".into(),
        p if (p - 50.0).abs() < 1e-9 => "median".into(),
        p => format!("{p} %"),
    }
}
