//! Slice by slice: a point and an interval for each part of the suite, the ones that differ marked.

use hydrometer_audit::Statement;
use hydrometer_audit::statement::Slice;
use hydrometer_metrics::Estimate;
use hydrometer_metrics::measure::{Direction, find};
use maud::{Markup, html};

use super::source::Source;
use crate::document::{Block, Cell, Column, Fold, PAGE, Record, Row, Section, State, Style, Table, Text, Tone, Use};
use crate::plot::{Scale, axis, extent, percent, strip};
use crate::show;

pub(super) fn section(source: &Source<'_>) -> Section {
    let slices = &source.statement.slices;
    let section = Section::new("slices", "Slice by slice").on(PAGE).with_records(slices.iter().map(record));
    if slices.is_empty() {
        return section.with(Block::absent("The suite has no slices with enough families."));
    }
    // One forest per metric, in the order in which the metrics first appear.
    let mut metrics: Vec<&str> = Vec::new();
    for slice in slices {
        if !metrics.contains(&slice.metric.as_str()) {
            metrics.push(&slice.metric);
        }
    }
    let states = std::iter::once(State::Open).chain(std::iter::repeat(State::Closed));
    section
        .with(Block::lead(
            "Slices overlap: one document can be in several. “Differs” means that the slice is not like the rest of the \
             suite, at a false discovery rate of 5 % over all slices of this page (Benjamini–Hochberg).",
        ))
        .with_all(metrics.iter().zip(states).map(|(metric, state)| forest(source.statement, metric, state)))
}

fn forest(statement: &Statement, metric: &str, state: State) -> Block {
    let mut slices: Vec<&Slice> = statement.slices.iter().filter(|slice| slice.metric == metric).collect();
    slices.sort_by(|a, b| badness(metric, &b.estimate).total_cmp(&badness(metric, &a.estimate)));
    let differ = slices.iter().filter(|slice| slice.differs).count();
    let all = show::counted(slices.len() as u64, "slice");
    Block::fold(Fold {
        title: show::metric(metric).into(),
        about: Text::of(Style::Quiet, format!("{all}, {differ} differ")),
        state,
        style: "forest",
        blocks: vec![Block::table(table(statement, metric, &slices))],
    })
}

fn table(statement: &Statement, metric: &str, slices: &[&Slice]) -> Table {
    let whole = show::estimate(statement, metric);
    let scale = Scale::covering(slices.iter().flat_map(|s| extent(&s.estimate)).chain(whole.map(|w| w.value)));
    let name = show::metric(metric);
    let line = if whole.is_some() { "; the vertical line is the whole suite" } else { "" };
    Table {
        title: None,
        caption: format!("{name} per slice, worst first{line}").into(),
        label: format!("Slices of {name}"),
        style: "numbers forest tall",
        columns: vec![
            Column::new(Use::Name, "Slice"),
            Column::new(Use::Plot, "Drawn").axis(axis(scale)),
            Column::new(Use::Value, "Value"),
            Column::new(Use::Range, "Interval"),
            Column::new(Use::Number, "Families").if_room(),
            Column::new(Use::Words, "Against the rest"),
        ],
        rows: slices.iter().map(|slice| row(slice, scale, whole)).collect(),
    }
}

fn row(slice: &Slice, scale: Scale, whole: Option<&Estimate>) -> Row {
    let p = slice.p_value.map_or_else(|| "too few families".into(), |p| format!("p {}", show::probability(p)));
    let against = match slice.differs {
        true => Text::of(Style::Strong, "◆ differs").words(" ").and(Style::Quiet, p),
        false => Text::of(Style::Quiet, p),
    };
    let [value, interval, _, families] = Cell::of_estimate(&slice.metric, &slice.estimate);
    let drawn = Cell::Drawn(drawing(slice, scale, whole));
    let name = Cell::Text(Text::foreign(&slice.name));
    let tone = if slice.differs { Tone::Marked } else { Tone::Plain };
    Row::new([name, drawn, value, interval, families, against.into()]).tone(tone)
}

fn drawing(slice: &Slice, scale: Scale, whole: Option<&Estimate>) -> Markup {
    html! {
        div.layered {
            @if let Some(whole) = whole {
                @let at = percent(scale.at(whole.value));
                svg.reference width="100%" height="26" aria-hidden="true" { line.whole x1=(at) x2=(at) y1="0" y2="26" {} }
            }
            (strip(&slice.name, &slice.estimate, scale, (None, None)))
        }
    }
}

/// Larger is worse, by the metric's own direction.
fn badness(metric: &str, estimate: &Estimate) -> f64 {
    match find(metric).map_or(Direction::Neither, |info| info.direction) {
        Direction::Higher => -estimate.value,
        Direction::Lower | Direction::Neither => estimate.value,
        Direction::One => (estimate.value - 1.0).abs(),
        Direction::Zero => estimate.value.abs(),
    }
}

fn record(slice: &Slice) -> Record {
    Record {
        slice: slice.name.clone(),
        estimate: Some(slice.estimate.clone()),
        p_value: slice.p_value,
        differs: Some(slice.differs),
        ..Record::new("slice", &slice.metric)
    }
}
