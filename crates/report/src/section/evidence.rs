//! Deciding early: how the evidence of each watched gate grew over families, and what stopping saved.

mod looks;

use hydrometer_audit::statement::{EvidencePoint, Spent, Watched};
use maud::{Markup, html};

use super::source::Source;
use crate::document::{Block, PAGE, Section};
use crate::plot::ruling;
use crate::show;

/// Height and width of a drawing in its own units.
const SIZE: (f64, f64) = (1000.0, 100.0);

/// Without blocks, and thus not shown, where the whole suite was looked at once.
pub(super) fn section(source: &Source<'_>) -> Section {
    let section = Section::new("evidence", "Evidence over families").on(PAGE);
    let Some(deciding) = &source.statement.deciding else { return section };
    let tokens = spent("tokens of the teacher", deciding.teacher_tokens);
    let answers = spent("answers of the teacher", deciding.teacher_answers);
    let looked = (!deciding.looked.is_empty()).then(|| Block::table(looks::table(&deciding.looked)));
    section
        .with(Block::lead(format!(
            "Each gate was watched while the run went on, most of them family by family. Such a gate is decided when the evidence for one side reaches its line; a \
             wrong verdict has a chance of at most {} %, however often one looks.",
            show::number(100.0 * deciding.alpha)
        )))
        .with_all(deciding.gates.iter().map(|watched| Block::figure(gate(watched), in_words(watched))))
        .with_all(looked)
        .with(Block::paragraph(format!("{tokens}; {answers}.")))
}

fn spent(what: &str, of: Spent) -> String {
    format!("{} {what} spent, {} saved", show::count(of.spent), show::count(of.saved))
}

fn decided(watched: &Watched) -> String {
    let families = show::counted(watched.families, "family");
    match watched.decided_after {
        Some(after) => format!("decided after {} of {families}", show::count(after)),
        None => format!("not decided after {families}"),
    }
}

fn in_words(watched: &Watched) -> String {
    format!("{}: {} {}", show::metric(&watched.metric), show::verdict(watched.verdict), decided(watched))
}

fn gate(watched: &Watched) -> Markup {
    let name = show::metric(&watched.metric);
    let values = watched.evidence.iter().flat_map(|point| [point.pass, point.fail]);
    let low = values.clone().fold(-1.0, f64::min);
    let high = values.fold(1.2 * watched.threshold, f64::max);
    let y = |nats: f64| format!("{:.1}", SIZE.1 * (high - nats) / (high - low));
    let line = |of: fn(&EvidencePoint) -> f64| {
        let x = |families: u64| SIZE.0 * families as f64 / watched.families.max(1) as f64;
        let points = watched.evidence.iter().map(|point| format!("{:.1},{}", x(point.families), y(of(point))));
        points.collect::<Vec<_>>().join(" ")
    };
    let said = decided(watched);
    html! {
        figure {
            figcaption { (name) ": " (ruling(watched.verdict)) " " (said) }
            svg.chart width="100%" height="120" role="img" aria-label={ "Evidence on " (name) " over families: " (said) }
                viewBox={ "0 0 " (SIZE.0) " " (SIZE.1) } preserveAspectRatio="none" {
                line.grid x1="0" x2=(SIZE.0) y1=(y(0.0)) y2=(y(0.0)) vector-effect="non-scaling-stroke" {}
                line.diagonal x1="0" x2=(SIZE.0) y1=(y(watched.threshold)) y2=(y(watched.threshold)) vector-effect="non-scaling-stroke" {}
                polyline.evidence.pass points=(line(|point| point.pass)) {}
                polyline.evidence.fail points=(line(|point| point.fail)) {}
            }
            p.quiet { "Left to right: families. Upwards: evidence; solid for PASS, dotted for FAIL; the dashed line decides." }
        }
    }
}

#[cfg(test)]
mod tests {
    use hydrometer_metrics::Verdict;

    use super::*;

    #[test]
    fn both_sides_are_drawn_inside_the_picture() {
        let evidence = (1..=9u64).map(|n| EvidencePoint { families: n, pass: 0.4 * n as f64, fail: -0.5 * n as f64 });
        let watched = Watched {
            detectable: None,
            metric: "top1_agreement".into(),
            at_least: Some(0.8),
            at_most: None,
            verdict: Verdict::Pass,
            families: 9,
            decided_after: Some(8),
            threshold: 3.0,
            evidence: evidence.collect(),
        };
        let page = gate(&watched).into_string();
        let lines: Vec<_> = page.split("points=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or("")).collect();
        assert_eq!(lines.len(), 2, "{page}");
        for point in lines.iter().flat_map(|line| line.split(' ')) {
            let (x, y) = point.split_once(',').map(|(x, y)| (x.parse(), y.parse())).unwrap_or((Ok(-1.0), Ok(-1.0)));
            assert!(x.is_ok_and(|x: f64| (0.0..=SIZE.0).contains(&x)), "{point}");
            assert!(y.is_ok_and(|y: f64| (0.0..=SIZE.1).contains(&y)), "{point}");
        }
        assert!(page.contains("decided after 8 of 9 families"), "{page}");
        assert!(spent("answers", Spent { spent: 1_200, saved: 8_800 }).contains("8,800 saved"));
    }
}
