//! Do stated probabilities come true.

use hydrometer_metrics::calibration::ReliabilityBin;
use hydrometer_metrics::measure::{Definition, Group, group};
use maud::{Markup, html};

use super::source::Source;
use crate::document::{Block, Cell, Column, Fact, Fold, PAGE, Row, Section, State, Style, Table, Text, Use};
use crate::plot::percent;
use crate::show;

pub(super) fn section(source: &Source<'_>) -> Section {
    let statement = source.statement;
    let section = Section::new("calibration", "Calibration").on(PAGE);
    let Some(calibration) = &statement.calibration else {
        return section.with(Block::absent("Not measured: no choice of this suite has a truth."));
    };
    let (teacher, student) = (&calibration.teacher, &calibration.student);
    let pair = html! { div.pair { (diagram("Teacher", "teacher", teacher)) (diagram("Student", "student", student)) } };
    let in_words = format!("Teacher: {}. Student: {}.", said(teacher), said(student));
    let fact = |metric: &Definition| {
        let estimate = show::estimate(statement, metric.id)?;
        let interval = show::interval(estimate.interval.as_ref());
        let text = Text::from(show::number(estimate.value)).words(" ").and(Style::Range, interval);
        Some(Fact::new(metric.text.name, text))
    };
    section
        .with(Block::lead(
            "Each point is a bin of options by stated probability; on the diagonal, what a model says with 70 % comes \
             true in 70 %. The larger a point, the more options it stands for.",
        ))
        .with(Block::figure(pair, in_words))
        .with(Block::facts(group(Group::Calibration).filter_map(fact)))
        .with(Block::fold(Fold {
            title: Text::default(),
            about: "The bins as a table".into(),
            state: State::Closed,
            style: "",
            blocks: vec![Block::table(bins("Teacher", teacher)), Block::table(bins("Student", student))],
        }))
}

fn said(bins: &[ReliabilityBin]) -> String {
    let points = bins.iter().filter_map(|bin| Some((bin.confidence?, bin.accuracy?, bin.items)));
    let said = points.map(|(stated, true_, items)| {
        let items = show::counted(items, "option");
        format!("stated {}, true {}, {items}", show::number(stated), show::number(true_))
    });
    said.collect::<Vec<_>>().join("; ")
}

fn diagram(name: &str, class: &str, bins: &[ReliabilityBin]) -> Markup {
    let most = bins.iter().map(|b| b.items).max().unwrap_or(1).max(1) as f64;
    let points = bins.iter().filter_map(|b| Some((b.confidence?, b.accuracy?, b.items)));
    let y = |value: f64| percent(100.0 * (1.0 - value.clamp(0.0, 1.0)));
    let x = |value: f64| percent(100.0 * value.clamp(0.0, 1.0));
    html! {
        figure.reliability {
            figcaption class=(class) { (name) }
            svg.chart width="100%" height="270" role="img" aria-labelledby={ "reliability-" (class) } {
                title id={ "reliability-" (class) } { "Reliability of the " (name.to_lowercase()) }
                desc { (said(bins)) }
                svg x="44" y="14" width="80%" height="204" overflow="visible" {
                    @for step in [0.0, 0.25, 0.5, 0.75, 1.0] {
                        line.grid x1="0" x2="100%" y1=(y(step)) y2=(y(step)) {}
                        text.label x="-8" y=(y(step)) dy="4" text-anchor="end" { (step) }
                        text.label x=(x(step)) y="100%" dy="18" text-anchor="middle" { (step) }
                    }
                    text.label x="50%" y="100%" dy="40" text-anchor="middle" { "stated probability → share that came true ↑" }
                    line.diagonal x1="0" y1="100%" x2="100%" y2="0" {}
                    @for (confidence, accuracy, items) in points {
                        line class={ "drop " (class) } x1=(x(confidence)) x2=(x(confidence)) y1=(y(confidence)) y2=(y(accuracy)) {}
                        circle class=(class) cx=(x(confidence)) cy=(y(accuracy)) r=(format!("{:.1}", 3.0 + 7.0 * (items as f64 / most).sqrt())) {}
                    }
                }
            }
        }
    }
}

fn bins(name: &'static str, bins: &[ReliabilityBin]) -> Table {
    let row = |bin: &ReliabilityBin| {
        let range = format!("{:.1} to {:.1}", bin.low, bin.high);
        Row::new([range.into(), Cell::Count(bin.items), Cell::Number(bin.confidence), Cell::Number(bin.accuracy)])
    };
    Table {
        title: None,
        caption: name.into(),
        label: format!("Reliability bins of the {}, table", name.to_lowercase()),
        style: "numbers",
        columns: vec![
            Column::new(Use::Name, "Bin"),
            Column::new(Use::Number, "Options"),
            Column::new(Use::Number, "Stated"),
            Column::new(Use::Number, "Came true"),
        ],
        rows: bins.iter().map(row).collect(),
    }
}
