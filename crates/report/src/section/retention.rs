//! What is kept of the teacher's distribution, band by band, and what the student put there.

use hydrometer_audit::statement::Band;
use hydrometer_metrics::Estimate;
use maud::{Markup, html};

use super::source::Source;
use crate::document::{Block, Cell, Column, PAGE, Record, Row, Section, Table, Use};
use crate::plot::{Edge, cut, percent, tick};
use crate::show;
use crate::text::visible;

pub(super) fn section(source: &Source<'_>) -> Section {
    let bands = &source.statement.bands;
    let section = Section::new("retention", "Retention by probability band")
        .on(PAGE)
        .with_records(bands.iter().flat_map(records));
    if bands.is_empty() {
        return section.with(Block::absent("Not measured: this run compared no token distributions."));
    }
    section
        .with(Block::lead(
            "Of the probability that the teacher gives to each part of its distribution, the share the student keeps, and \
             what the student puts there beyond the teacher's own. The last band is shown and never gated: its tokens \
             are too rare.",
        ))
        .with(Block::table(table(bands)))
}

fn table(bands: &[Band]) -> Table {
    let widest = bands.iter().filter_map(|band| band.invented.as_ref()).map(|e| e.value).fold(1.0, f64::max);
    let row = |band: &Band| {
        let [kept, kept_value] = measured("Kept", &band.name, band.kept.as_ref(), 1.0, "kept");
        let [invented, value] = measured("Invented", &band.name, band.invented.as_ref(), widest, "invented");
        Row::new([band.name.clone().into(), Cell::Number(Some(band.mass)), kept, kept_value, invented, value])
    };
    Table {
        title: None,
        caption: "Retention from the head of the teacher's distribution to its tail".into(),
        label: "Retention, table".into(),
        style: "numbers bands stack",
        columns: vec![
            Column::new(Use::Name, "Band"),
            Column::new(Use::Number, "Teacher's mass"),
            Column::new(Use::Plot, "Kept, 0 to 1").label("Kept, drawn"),
            Column::new(Use::Number, "Kept"),
            Column::new(Use::Plot, format!("Invented, 0 to {}", tick((widest * 100.0).round() / 100.0)))
                .label("Invented, drawn"),
            Column::new(Use::Number, "Invented"),
        ],
        rows: bands.iter().map(row).collect(),
    }
}

fn measured(label: &str, band: &str, estimate: Option<&Estimate>, full: f64, class: &str) -> [Cell; 2] {
    match estimate {
        Some(estimate) => [Cell::Drawn(bar(label, band, estimate, full, class)), Cell::Estimate(estimate.clone())],
        None => [Cell::Missing(None), Cell::Covered],
    }
}

fn bar(label: &str, band: &str, estimate: &Estimate, full: f64, class: &str) -> Markup {
    let at = |value: f64| (100.0 * value / full).clamp(0.0, 100.0);
    let interval = show::interval(estimate.interval.as_ref());
    let said = format!("{label}, {}: {} {interval}", visible(band), show::number(estimate.value));
    html! {
        svg.bar width="100%" height="22" role="img" aria-label=(said) {
            title { (said) }
            rect.track x="0" y="4" width="100%" height="14" {}
            rect class=(class) x="0" y="4" width=(percent(at(estimate.value))) height="14" {}
            @if let Some(interval) = &estimate.interval {
                line.over x1=(percent(at(interval.low))) x2=(percent(at(interval.high))) y1="11" y2="11" {}
                @for end in [interval.low, interval.high] {
                    @if end <= full * (1.0 + 1e-6) {
                        line.over x1=(percent(at(end))) x2=(percent(at(end))) y1="7" y2="15" {}
                    } @else {
                        (cut(Edge::Right, 11.0))
                    }
                }
            }
        }
    }
}

fn records(band: &Band) -> [Record; 3] {
    let part = |metric, estimate: Option<&Estimate>| Record {
        slice: band.name.clone(),
        estimate: estimate.cloned(),
        ..Record::new("band", metric)
    };
    [
        Record { value: Some(band.mass), ..part("mass", None) },
        part("kept", band.kept.as_ref()),
        part("invented", band.invented.as_ref()),
    ]
}
