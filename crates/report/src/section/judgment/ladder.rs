//! One ladder as a small picture: how likely each model decides for the top, rung by rung, and where each turns.

use hydrometer_audit::statement::{LadderRow, LadderRung};
use maud::{Markup, html};

use crate::plot::percent;
use crate::show;
use crate::text::visible;

/// A model: its style, and its probability on a rung.
type Model = (&'static str, fn(&LadderRung) -> f64);

const MODELS: [Model; 2] = [("teacher", |rung| rung.teacher), ("student", |rung| rung.student)];

/// The picture: rungs across, from the bottom; probability upwards; a line at each model's boundary.
pub(super) fn picture(row: &LadderRow) -> Markup {
    let rungs = row.rungs.len().max(1) as f64;
    let x = |rungs_before: f64| percent(100.0 * (rungs_before / rungs).clamp(0.0, 1.0));
    let y = |probability: f64| percent(100.0 * (1.0 - probability.clamp(0.0, 1.0)));
    let middle = |at: usize| x(at as f64 + 0.5);
    let boundaries = [row.teacher_boundary, row.student_boundary];
    html! {
        svg.ladder width="100%" height="44" role="img" aria-label=(in_words(row)) {
            title { (in_words(row)) }
            svg x="2%" y="5" width="96%" height="34" overflow="visible" {
                line.rule x1="0" x2="100%" y1="100%" y2="100%" {}
                @for ((class, of), boundary) in MODELS.iter().zip(boundaries) {
                    @for (at, pair) in row.rungs.windows(2).enumerate() {
                        line class={ "line " (class) } x1=(middle(at)) x2=(middle(at + 1)) y1=(y(of(&pair[0]))) y2=(y(of(&pair[1]))) {}
                    }
                    line class={ "turn " (class) } x1=(x(boundary)) x2=(x(boundary)) y1="0" y2="100%" {}
                }
                @for (at, rung) in row.rungs.iter().enumerate() {
                    @for (class, of) in MODELS {
                        circle class={ "dot " (class) } cx=(middle(at)) cy=(y(of(rung))) r="3" {
                            title { (class) ", " (visible(&rung.turned)) ": " (show::number(of(rung))) }
                        }
                    }
                }
            }
        }
    }
}

/// The picture as a sentence.
pub(super) fn in_words(row: &LadderRow) -> String {
    format!(
        "Of {}, the teacher turns after {}, the student after {}",
        show::counted(row.rungs.len() as u64, "rung"),
        show::number(row.teacher_boundary),
        show::number(row.student_boundary)
    )
}
