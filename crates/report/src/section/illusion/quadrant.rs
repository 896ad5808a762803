//! Surface against judgment in one picture: a kind of boundary is a point with both of its intervals.

use hydrometer_audit::Statement;
use hydrometer_audit::statement::{Illusion, stratum_name};
use hydrometer_metrics::Estimate;
use hydrometer_metrics::measure::illusion::{JUDGMENT_COPIED, SURFACE_COPIED};
use maud::{Markup, html};

use crate::plot::{Scale, anchor, extent, percent};
use crate::show;

/// A point: what it is, both numbers, and whether it stands for all prompts.
pub(super) struct Point<'a> {
    name: &'static str,
    surface: &'a Estimate,
    judgment: &'a Estimate,
    whole: bool,
}

/// The points that can be drawn, all prompts last.
pub(super) fn points<'a>(statement: &'a Statement, illusion: &'a Illusion) -> Vec<Point<'a>> {
    let strata = illusion.strata.iter().filter_map(|stratum| {
        let (surface, judgment) = (stratum.surface.as_ref()?, stratum.judgment.as_ref()?);
        Some(Point { name: stratum_name(stratum.stratum), surface, judgment, whole: false })
    });
    let both = show::estimate(statement, SURFACE_COPIED.id).zip(show::estimate(statement, JUDGMENT_COPIED.id));
    let whole = both.map(|(surface, judgment)| Point { name: "all", surface, judgment, whole: true });
    strata.chain(whole).collect()
}

pub(super) fn picture(points: &[Point<'_>]) -> Markup {
    let scale = |of: for<'p> fn(&'p Point<'_>) -> &'p Estimate| {
        // What is below 0 is farther away than at the start: it is drawn at the edge.
        Scale::covering(points.iter().flat_map(|point| extent(of(point))).map(|end| end.max(-1.0)).chain([0.0, 1.0]))
    };
    let (across, up) = (scale(|point| point.surface), scale(|point| point.judgment));
    let x = |value: f64| percent(across.at(value));
    let y = |value: f64| percent(100.0 - up.at(value));
    let said = in_words(points);
    html! {
        figure.curve {
            figcaption { "Judgment against surface" }
            svg.chart width="100%" height="330" role="img" aria-labelledby="quadrant-title quadrant-desc" {
                title id="quadrant-title" { "Judgment copied against surface copied" }
                desc id="quadrant-desc" { (said) }
                svg x="52" y="12" width="84%" height="270" overflow="visible" {
                    @for (value, label) in across.graduation() {
                        line.grid x1=(x(value)) x2=(x(value)) y1="0" y2="100%" {}
                        @if let Some(label) = label {
                            text.label x=(x(value)) y="100%" dy="18" text-anchor=(anchor(across.at(value))) { (label) }
                        }
                    }
                    @for (value, label) in up.graduation() {
                        line.grid x1="0" x2="100%" y1=(y(value)) y2=(y(value)) {}
                        @if let Some(label) = label {
                            text.label x="-8" y=(y(value)) dy="4" text-anchor="end" { (label) }
                        }
                    }
                    line.bound x1=(x(0.0)) x2=(x(1.0)) y1=(y(0.0)) y2=(y(1.0)) { title { "no illusion: both copied alike" } }
                    text.label x="50%" y="100%" dy="40" text-anchor="middle" { "surface copied → judgment copied ↑" }
                    text.label x="99%" y="100%" dy="-8" text-anchor="end" { "sounds like it, judges otherwise ↘" }
                    text.label x="1%" y="0" dy="14" { "↖ judges like it, sounds otherwise" }
                    @for point in points { (cross(point, &x, &y)) }
                }
            }
            ul.legend aria-label="Signs of the picture" {
                li { svg.key width="26" height="16" aria-hidden="true" { line.interval x1="2" x2="24" y1="8" y2="8" {} circle.point cx="13" cy="8" r="5.5" {} } " all prompts, with intervals" }
                li { svg.key width="26" height="16" aria-hidden="true" { circle.dot.student cx="13" cy="8" r="3.5" {} } " a kind of boundary, with intervals" }
                li { svg.key width="26" height="16" aria-hidden="true" { line.bound x1="2" x2="24" y1="14" y2="2" {} } " both copied alike" }
            }
        }
    }
}

fn cross(point: &Point<'_>, x: &dyn Fn(f64) -> String, y: &dyn Fn(f64) -> String) -> Markup {
    let (at_x, at_y) = (x(point.surface.value), y(point.judgment.value));
    let line = if point.whole { "interval" } else { "spread student" };
    html! {
        @if let Some(interval) = &point.surface.interval {
            line class=(line) x1=(x(interval.low)) x2=(x(interval.high)) y1=(at_y) y2=(at_y) {}
        }
        @if let Some(interval) = &point.judgment.interval {
            line class=(line) x1=(at_x) x2=(at_x) y1=(y(interval.low)) y2=(y(interval.high)) {}
        }
        circle class=(if point.whole { "point" } else { "dot student" }) cx=(at_x) cy=(at_y) r=(if point.whole { "5.5" } else { "3.5" }) {
            title { (said(point)) }
        }
        @if !point.whole { text.label x=(at_x) y=(at_y) dx="6" dy="-6" { (point.name) } }
    }
}

fn said(point: &Point<'_>) -> String {
    format!(
        "{}: surface {} {}, judgment {} {}",
        point.name,
        show::number(point.surface.value),
        show::interval(point.surface.interval.as_ref()),
        show::number(point.judgment.value),
        show::interval(point.judgment.interval.as_ref())
    )
}

/// The picture as a sentence.
pub(super) fn in_words(points: &[Point<'_>]) -> String {
    points.iter().map(said).collect::<Vec<_>>().join("; ")
}
