//! One axis as a picture: success over distance, teacher and student, with the reach marked on it.

use hydrometer_audit::statement::{AxisCurve, RingRow};
use hydrometer_metrics::Estimate;
use maud::{Markup, html};

use super::{name, radius_one};
use crate::plot::{Scale, anchor, percent};
use crate::show;
use crate::text::visible;

/// A model's curve: its style, what it is called, and its estimate in a ring.
struct Line {
    class: &'static str,
    label: &'static str,
    of: fn(&RingRow) -> Option<&Estimate>,
}

/// Behind one another: what matters most last.
const LINES: [Line; 5] = [
    Line { class: "base", label: "before distillation", of: |ring| ring.base.as_ref() },
    Line { class: "control", label: "control student", of: |ring| ring.control.as_ref() },
    Line { class: "ceiling", label: "teacher again", of: |ring| ring.ceiling.as_ref() },
    Line { class: "teacher", label: "teacher", of: |ring| Some(&ring.teacher) },
    Line { class: "student", label: "student", of: |ring| Some(&ring.student) },
];

/// The picture of an axis.
pub(super) fn picture(curve: &AxisCurve) -> Markup {
    let farthest = curve.rings.last().map_or(1.0, |ring| ring.outer);
    let across = Scale::covering([0.0, farthest]);
    let y = |value: f64| percent(100.0 * (1.0 - value.clamp(0.0, 1.0)));
    let x = |radius: f64| percent(across.at(radius));
    let title = format!("Success on {}", visible(&name(curve)));
    let unit = match radius_one(curve) {
        Some(one) => format!("{} in training radii ({one})", visible(&curve.knob)),
        None => visible(&curve.knob),
    };
    let drawn = LINES.iter().filter(|line| curve.rings.iter().any(|ring| (line.of)(ring).is_some()));
    html! {
        figure.curve {
            figcaption { (title) }
            svg.chart.degradation width="100%" height="280" role="img" aria-label=(in_words(curve)) {
                title { (title) }
                desc { (in_words(curve)) }
                svg x="44" y="18" width="84%" height="204" overflow="visible" {
                    @if curve.safe_reach > 0.0 {
                        rect.accepted x="0" y="0" width=(x(curve.safe_reach)) height="100%" {}
                    }
                    @for step in [0.0, 0.25, 0.5, 0.75, 1.0] {
                        line.grid x1="0" x2="100%" y1=(y(step)) y2=(y(step)) {}
                        text.label x="-8" y=(y(step)) dy="4" text-anchor="end" { (step) }
                    }
                    @for (value, label) in across.graduation() {
                        line.grid x1=(x(value)) x2=(x(value)) y1="0" y2="100%" {}
                        @if let Some(label) = label {
                            text.label x=(x(value)) y="100%" dy="18" text-anchor=(anchor(across.at(value))) { (label) }
                        }
                    }
                    @if curve.chance > 0.0 {
                        line.chance x1="0" x2="100%" y1=(y(curve.chance)) y2=(y(curve.chance)) { title { "chance" } }
                    }
                    @if curve.safe_reach > 0.0 {
                        line.bound x1=(x(curve.safe_reach)) x2=(x(curve.safe_reach)) y1="0" y2="100%" { title { "safe reach" } }
                        text.label x=(x(curve.safe_reach)) y="0" dy="-5" text-anchor=(anchor(across.at(curve.safe_reach))) { "safe reach" }
                    }
                    @if let Some(collapse) = curve.collapse {
                        line.collapse x1=(x(collapse)) x2=(x(collapse)) y1="0" y2="100%" { title { "collapse shown from here" } }
                        text.label x=(x(collapse)) y="100%" dy="-6" dx="4" { "lost →" }
                    }
                    @for line in LINES { (drawing(&line, curve, &x, &y)) }
                    text.label x="50%" y="100%" dy="40" text-anchor="middle" { (unit) " → success ↑" }
                }
            }
            ul.legend aria-label="Signs of the picture" {
                @for line in drawn {
                    li { svg.key width="26" height="16" aria-hidden="true" { line class={ "line " (line.class) } x1="1" x2="25" y1="8" y2="8" {} } " " (line.label) }
                }
                @if curve.safe_reach > 0.0 {
                    li { svg.key width="26" height="16" aria-hidden="true" { rect.accepted x="3" y="1" width="20" height="14" {} line.bound x1="23" x2="23" y1="0" y2="16" {} } " shown to hold" }
                }
                @if curve.collapse.is_some() {
                    li { svg.key width="26" height="16" aria-hidden="true" { line.collapse x1="13" x2="13" y1="0" y2="16" {} } " shown to be lost from here on" }
                }
            }
        }
    }
}

/// A model's curve: a point at the mean radius of each ring, with its interval.
fn drawing(line: &Line, curve: &AxisCurve, x: &dyn Fn(f64) -> String, y: &dyn Fn(f64) -> String) -> Markup {
    let points: Vec<_> = curve.rings.iter().filter_map(|ring| Some((ring, (line.of)(ring)?))).collect();
    let main = matches!(line.class, "teacher" | "student");
    html! {
        @for pair in points.windows(2) {
            line class={ "line " (line.class) } x1=(x(pair[0].0.mean)) x2=(x(pair[1].0.mean)) y1=(y(pair[0].1.value)) y2=(y(pair[1].1.value)) {}
        }
        @for (ring, estimate) in &points {
            @if let Some(interval) = estimate.interval.filter(|_| main) {
                line class={ "spread " (line.class) } x1=(x(ring.mean)) x2=(x(ring.mean)) y1=(y(interval.low)) y2=(y(interval.high)) {}
            }
            @if main {
                circle class={ "dot " (line.class) } cx=(x(ring.mean)) cy=(y(estimate.value)) r="4" {
                    title { (line.label) ": " (show::number(estimate.value)) " " (show::interval(estimate.interval.as_ref())) }
                }
            }
        }
    }
}

/// The picture as a sentence.
pub(super) fn in_words(curve: &AxisCurve) -> String {
    let ring = |ring: &RingRow| {
        format!(
            "{}–{}: teacher {}, student {}",
            show::number(ring.inner),
            show::number(ring.outer),
            show::number(ring.teacher.value),
            show::number(ring.student.value)
        )
    };
    let rings: Vec<String> = curve.rings.iter().map(ring).collect();
    let collapse =
        curve.collapse.map_or_else(|| "no collapse shown".into(), |at| format!("lost from {}", show::number(at)));
    format!(
        "{}: safe reach {}, {collapse}; {}",
        visible(&name(curve)),
        show::number(curve.safe_reach),
        rings.join("; ")
    )
}
