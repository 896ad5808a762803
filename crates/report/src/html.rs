//! The statement as one HTML file: no request, no script, light, dark and print.

mod answers;
mod calibration;
mod choices;
mod documents;
mod evidence;
mod findings;
mod forest;
mod headline;
mod identities;
mod method;
mod plot;
mod retention;

use hydrometer_audit::Statement;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::measured::Measured;
use crate::show;
use crate::text::visible;

const STYLE: &str = include_str!("html/style.css");
/// Nothing may be loaded, run, framed or sent; only the style sheet inside the file applies.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// One section of the report.
struct Section {
    id: &'static str,
    title: &'static str,
    body: Markup,
}

/// The whole report as one file. It needs no network, no script and no other file.
#[must_use]
pub fn html(statement: &Statement, measured: Option<&Measured>) -> String {
    let sections = sections(statement, measured);
    let title = format!(
        "{}: {} against {}",
        show::verdict(statement.verdict),
        visible(&statement.student.name),
        visible(&statement.teacher.name)
    );
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="generator" content={ "hydrometer " (statement.hydrometer) };
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#headline" { "Skip to the numbers" }
                (headline::masthead(statement))
                div.frame {
                    nav aria-label="Contents" {
                        ol { @for section in &sections { li { a href={ "#" (section.id) } { (section.title) } } } }
                    }
                    main {
                        @for section in &sections {
                            section id=(section.id) aria-labelledby={ (section.id) "-title" } {
                                h2 id={ (section.id) "-title" } { (section.title) }
                                (section.body)
                            }
                        }
                    }
                }
                footer {
                    p {
                        "Issued by hydrometer " (statement.hydrometer) ", format " code { (statement.format) }
                        ". This page computes nothing and loads nothing: every number is in "
                        code { "statement.json" } " of run " code.hash { (statement.run) } "."
                    }
                }
            }
        }
    }
    .into_string()
}

fn sections(statement: &Statement, measured: Option<&Measured>) -> Vec<Section> {
    let section = |id, title, body| Section { id, title, body };
    let mut sections = vec![
        section("headline", "Seven numbers", headline::table(statement)),
        section("findings", "Findings", findings::findings(&statement.findings)),
        section("gates", "Gates", headline::gates(statement)),
        section("retention", "Retention by probability band", retention::bands(&statement.bands)),
        section("quantiles", "Where the divergence lies", retention::quantiles(&statement.quantiles)),
        section("slices", "Slice by slice", forest::forest(statement)),
        section("answers", "Sampled answers", answers::summary(statement)),
        section("calibration", "Calibration", calibration::calibration(statement)),
        section("truth", "Right and wrong", calibration::truth(statement.truth.as_ref())),
        section("choices", "Choices side by side", choices::choices(&statement.choices)),
        section("answer-cases", "Answers side by side", answers::cases(&statement.answer_cases)),
        section("documents", "Worst documents, token by token", documents::documents(&statement.worst_documents)),
        section("metrics", "Every metric", method::numbers(statement)),
        section("compat", "llama.cpp-compatible numbers", method::compat(statement.compat.as_ref())),
        section("identities", "Who was compared", identities::identities(statement)),
        section("cost", "Cost", identities::cost(&statement.cost, measured)),
        section("method", "Method", method::method(statement)),
        section("cite", "How to cite", method::cite(statement)),
    ];
    if let Some(deciding) = &statement.deciding {
        sections.insert(3, section("evidence", "Evidence over families", evidence::evidence(deciding)));
    }
    sections
}

/// Foreign text inline: visible controls, isolated direction, escaped.
fn foreign(text: &str) -> Markup {
    html! { bdi.foreign { (visible(text)) } }
}

/// A sentence in place of what this run did not measure.
fn absent(text: &str) -> Markup {
    html! { p.absent { (text) } }
}

/// A verdict: a sign, the words, a colour.
fn verdict(verdict: hydrometer_metrics::Verdict) -> Markup {
    use hydrometer_metrics::Verdict::{Fail, NotEnoughEvidence, Pass};
    let (class, sign) = match verdict {
        Pass => ("verdict pass", "✓"),
        Fail => ("verdict fail", "✕"),
        NotEnoughEvidence => ("verdict open", "?"),
    };
    html! { span class=(class) { span.sign aria-hidden="true" { (sign) } " " (show::verdict(verdict)) } }
}
