//! Do stated probabilities come true, and who is right where there is a truth.

use hydrometer_audit::Statement;
use hydrometer_audit::statement::TruthCells;
use hydrometer_metrics::calibration::ReliabilityBin;
use maud::{Markup, html};

use super::absent;
use super::plot::percent;
use crate::show;

const METRICS: [&str; 5] = ["brier_teacher", "brier_student", "ece2_teacher", "ece2_student", "calibration_slope"];

/// Reliability of both models.
pub(super) fn calibration(statement: &Statement) -> Markup {
    let Some(calibration) = &statement.calibration else {
        return absent("Not measured: no choice of this suite has a truth.");
    };
    html! {
        p.lead {
            "Each point is a bin of options by stated probability; on the diagonal, what a model says with 70 % comes true in 70 %. "
            "The larger a point, the more options it stands for."
        }
        div.pair {
            (diagram("Teacher", "teacher", &calibration.teacher))
            (diagram("Student", "student", &calibration.student))
        }
        dl.inline {
            @for id in METRICS {
                @if let Some(estimate) = show::find_metric(statement, id).and_then(|m| m.estimate.as_ref()) {
                    div { dt { (show::metric(id)) } dd { (show::number(estimate.value)) " " span.range { (show::interval(estimate)) } } }
                }
            }
        }
        details {
            summary { "The bins as a table" }
            div.scroll tabindex="0" role="region" aria-label="Reliability bins, table" {
                (bins("Teacher", &calibration.teacher))
                (bins("Student", &calibration.student))
            }
        }
    }
}

fn diagram(name: &str, class: &str, bins: &[ReliabilityBin]) -> Markup {
    let most = bins.iter().map(|b| b.items).max().unwrap_or(1).max(1) as f64;
    let points = bins.iter().filter_map(|b| Some((b.confidence?, b.accuracy?, b.items)));
    let said = points
        .clone()
        .map(|(c, a, n)| {
            format!("stated {}, true {}, {}", show::number(c), show::number(a), show::counted(n, "option"))
        })
        .collect::<Vec<_>>();
    let y = |value: f64| percent(100.0 * (1.0 - value.clamp(0.0, 1.0)));
    let x = |value: f64| percent(100.0 * value.clamp(0.0, 1.0));
    html! {
        figure.reliability {
            figcaption class=(class) { (name) }
            svg.chart width="100%" height="270" role="img" aria-labelledby={ "reliability-" (class) } {
                title id={ "reliability-" (class) } { "Reliability of the " (name.to_lowercase()) }
                desc { (said.join("; ")) }
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

fn bins(name: &str, bins: &[ReliabilityBin]) -> Markup {
    let shown = |value: Option<f64>| value.map_or_else(|| "–".into(), show::number);
    html! {
        table.numbers {
            caption { (name) }
            thead { tr { th scope="col" { "Bin" } th.num scope="col" { "Options" } th.num scope="col" { "Stated" } th.num scope="col" { "Came true" } } }
            tbody {
                @for bin in bins {
                    tr {
                        th scope="row" { (format!("{:.1} to {:.1}", bin.low, bin.high)) }
                        td.num { (show::count(bin.items)) }
                        td.num { (shown(bin.confidence)) }
                        td.num { (shown(bin.accuracy)) }
                    }
                }
            }
        }
    }
}

/// The cells of right and wrong.
pub(super) fn truth(cells: Option<&TruthCells>) -> Markup {
    let Some(cells) = cells else { return absent("Not measured: no choice of this suite has a truth.") };
    let both_wrong = cells.both_wrong_same + cells.both_wrong_different;
    let all = (cells.both_right + cells.lost + cells.gained + both_wrong).max(1) as f64;
    let cell = |class: &str, name: &str, n: u64, note: Markup| {
        html! {
            td class=(class) {
                span.cell { (name) } " "
                span.big { (show::count(n)) } " "
                span.quiet { (format!("{:.1} %", 100.0 * n as f64 / all)) }
                (note)
            }
        }
    };
    html! {
        p.lead { "Fidelity is not quality: the same distance can be losses or gains." }
        table.truth {
            caption { "Choices with a truth, " (show::count(all as u64)) }
            thead { tr { td {} th scope="col" { "Student right" } th scope="col" { "Student wrong" } } }
            tbody {
                tr {
                    th scope="row" { "Teacher right" }
                    (cell("same", "both right", cells.both_right, html! {}))
                    (cell("lost", "lost", cells.lost, html! {}))
                }
                tr {
                    th scope="row" { "Teacher wrong" }
                    (cell("gained", "gained", cells.gained, html! {}))
                    (cell("same", "both wrong", both_wrong, html! {
                        span.split {
                            (show::count(cells.both_wrong_same)) " with the same answer, "
                            (show::count(cells.both_wrong_different)) " with different ones"
                        }
                    }))
                }
            }
        }
    }
}
