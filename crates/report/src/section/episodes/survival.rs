//! How long what was agreed holds, as a picture: Kaplan and Meier's curves of teacher and student.

use hydrometer_audit::statement::SurvivalCurves;
use hydrometer_metrics::Estimate;
use hydrometer_metrics::measure::episodes::SURVIVAL_RATIO;
use maud::{Markup, html};

use crate::document::Record;
use crate::plot::{Scale, anchor, percent};
use crate::show;

const TITLE: &str = "Runs in which nothing that was agreed is violated yet";

/// Both curves as steps over turns.
pub(super) fn picture(curves: &SurvivalCurves) -> Markup {
    let across = Scale::covering([0.0, curves.teacher.len() as f64]);
    let x = |turn: usize| percent(across.at(turn as f64));
    let y = |share: f64| percent(100.0 * (1.0 - share.clamp(0.0, 1.0)));
    html! {
        figure.curve {
            figcaption { (TITLE) }
            svg.chart.survival width="100%" height="240" role="img" aria-label=(in_words(curves)) {
                title { (TITLE) }
                desc { (in_words(curves)) }
                svg x="44" y="10" width="84%" height="176" overflow="visible" {
                    @for step in [0.0, 0.25, 0.5, 0.75, 1.0] {
                        line.grid x1="0" x2="100%" y1=(y(step)) y2=(y(step)) {}
                        text.label x="-8" y=(y(step)) dy="4" text-anchor="end" { (step) }
                    }
                    @for (value, label) in across.graduation() {
                        line.grid x1=(percent(across.at(value))) x2=(percent(across.at(value))) y1="0" y2="100%" {}
                        @if let Some(label) = label {
                            text.label x=(percent(across.at(value))) y="100%" dy="18" text-anchor=(anchor(across.at(value))) { (label) }
                        }
                    }
                    @for (class, curve) in [("teacher", &curves.teacher), ("student", &curves.student)] {
                        @for (at, estimate) in curve.iter().enumerate() {
                            @let before = if at == 0 { 1.0 } else { curve[at - 1].value };
                            line class={ "line " (class) } x1=(x(at)) x2=(x(at + 1)) y1=(y(before)) y2=(y(before)) {}
                            line class={ "line " (class) } x1=(x(at + 1)) x2=(x(at + 1)) y1=(y(before)) y2=(y(estimate.value)) {}
                            @if let Some(interval) = estimate.interval {
                                line class={ "spread " (class) } x1=(x(at + 1)) x2=(x(at + 1)) y1=(y(interval.low)) y2=(y(interval.high)) {
                                    title { (class) " after turn " (at + 1) ": " (show::number(estimate.value)) " " (show::interval(Some(&interval))) }
                                }
                            }
                        }
                    }
                    text.label x="50%" y="100%" dy="40" text-anchor="middle" { "turn → share of runs ↑" }
                }
            }
            ul.legend aria-label="Signs of the picture" {
                @for model in ["teacher", "student"] {
                    li { svg.key width="26" height="16" aria-hidden="true" { line class={ "line " (model) } x1="1" x2="25" y1="8" y2="8" {} } " " (model) }
                }
            }
        }
    }
}

/// The picture as a sentence.
pub(super) fn in_words(curves: &SurvivalCurves) -> String {
    let last = |curve: &[Estimate]| curve.last().map_or_else(|| "–".into(), |last| show::number(last.value));
    format!(
        "{TITLE}, after {}: teacher {}, student {}",
        show::counted(curves.teacher.len() as u64, "turn"),
        last(&curves.teacher),
        last(&curves.student)
    )
}

/// Every step of both curves.
pub(super) fn records(curves: &SurvivalCurves) -> impl Iterator<Item = Record> {
    let models = [("teacher", &curves.teacher), ("student", &curves.student)];
    models.into_iter().flat_map(|(model, curve)| {
        curve.iter().enumerate().map(move |(at, estimate)| Record {
            slice: format!("{model}, after turn {}", at + 1),
            estimate: Some(estimate.clone()),
            ..Record::new("survival", SURVIVAL_RATIO.id)
        })
    })
}
