//! Every number of the statement with the notes that say how to read it, from the metric catalogue.

use std::collections::BTreeSet;

use hydrometer_audit::Statement;
use hydrometer_audit::statement::Metric;
use hydrometer_metrics::catalog::{METRICS, MetricInfo};
use hydrometer_metrics::compat::Compat;
use maud::{Markup, html};

use super::absent;
use crate::show;
use crate::text::visible;

/// Every metric over the whole suite.
pub(super) fn numbers(statement: &Statement) -> Markup {
    if statement.metrics.is_empty() {
        return absent("No metric was computed.");
    }
    html! {
        div.scroll tabindex="0" role="region" aria-label="Every metric, table" {
            table.numbers.all {
                caption { "All metrics over the whole suite, with their " (show::level(statement)) " intervals" }
                thead {
                    tr {
                        th scope="col" { "Metric" }
                        th.num scope="col" { "Value" }
                        th scope="col" { "Interval" }
                        th.num scope="col" { "Floor" }
                        th.num scope="col" { "Families" }
                        th.num scope="col" { "Items" }
                        th scope="col" { "Unit" }
                    }
                }
                tbody { @for metric in &statement.metrics { (number_row(metric)) } }
            }
        }
    }
}

fn number_row(metric: &Metric) -> Markup {
    let name = html! { th scope="row" { a href={ "#about-" (metric.id) } { (show::metric(&metric.id)) } } };
    let Some(estimate) = &metric.estimate else {
        let missing = metric.missing.as_deref().unwrap_or("No reason was given.");
        return html! { tr.unmeasured { (name) td colspan="6" { span.not { "not measured" } " " (visible(missing)) } } };
    };
    html! {
        tr {
            (name)
            td.num.value { (show::number(estimate.value)) }
            td.range title=(estimate.interval.as_ref().map_or("", |i| show::method(i.method))) { (show::interval(estimate)) }
            td.num { (show::floor(estimate)) }
            td.num { (show::count(estimate.n_families)) }
            td.num {
                (show::count(estimate.n_items))
                @for excluded in &estimate.excluded {
                    span.excluded { (show::count(excluded.items)) " left out: " (visible(&excluded.reason)) }
                }
            }
            td { (show::unit(&metric.id)) }
        }
    }
}

/// The block of `llama-perplexity --kl-divergence`.
pub(super) fn compat(compat: Option<&Compat>) -> Markup {
    let Some(compat) = compat else {
        return absent(
            "Not available: it needs full windows, scored from their middle on as that tool does, and every logit of both models.",
        );
    };
    html! {
        p.lead {
            "Computed as " code { "llama-perplexity --kl-divergence" } " computes them, over "
            (show::counted(compat.tokens, "token")) " in " (show::counted(compat.chunks, "chunk")) " of "
            (show::count(u64::from(compat.n_ctx))) ". Its errors take tokens as independent and are therefore too small; "
            "the intervals elsewhere in this report are not."
        }
        pre.scroll tabindex="0" role="region" aria-label="llama.cpp-compatible block" { (crate::compat(compat)) }
    }
}

/// Notes of this run, then a note per metric.
pub(super) fn method(statement: &Statement) -> Markup {
    html! {
        @if !statement.notes.is_empty() {
            h3 { "Notes on this run" }
            ul.notes { @for note in &statement.notes { li { (visible(note)) } } }
        }
        h3 { "How intervals are made" }
        p {
            "The probe family is the statistical unit: paraphrases, chunks of one document and rungs of one ladder share one. "
            "Every interval comes from sums per family. Hold the pointer over an interval in “Every metric” to see its method; "
            "the statement and the CSV name it too."
        }
        (methods(statement))
        h3 { "The metrics" }
        div.catalogue { @for info in shown(statement) { (note(info)) } }
    }
}

fn methods(statement: &Statement) -> Markup {
    let estimates = statement.metrics.iter().filter_map(|m| Some((m, m.estimate.as_ref()?.interval.as_ref()?)));
    let mut used: Vec<(&str, u64)> = Vec::new();
    for (_, interval) in estimates {
        let name = show::method(interval.method);
        match used.iter_mut().find(|(known, _)| *known == name) {
            Some((_, n)) => *n += 1,
            None => used.push((name, 1)),
        }
    }
    html! { @if !used.is_empty() { ul.notes { @for (name, n) in used { li { (name) ": " (show::count(n)) @if n == 1 { " metric" } @else { " metrics" } } } } } }
}

/// Catalogue entries of everything that the report shows, in the catalogue's order.
fn shown(statement: &Statement) -> Vec<&'static MetricInfo> {
    let ids: BTreeSet<&str> = (statement.headline.iter().map(|h| h.id.as_str()))
        .chain(statement.metrics.iter().map(|m| m.id.as_str()))
        .chain(statement.gates.iter().map(|g| g.metric.as_str()))
        .chain(statement.slices.iter().map(|s| s.metric.as_str()))
        .chain(statement.quantiles.iter().map(|q| q.metric.as_str()))
        .collect();
    METRICS.iter().filter(|info| ids.contains(info.id)).collect()
}

fn note(info: &MetricInfo) -> Markup {
    html! {
        article id={ "about-" (info.id) } {
            h4 { (info.name) " " code { (info.id) } }
            p { (info.what) }
            p.misleads { span.tag { "Misleads" } " " (info.misleads) }
            p.formula { code { (info.formula) } }
            p.quiet {
                (info.range) @if !info.unit.is_empty() { ", " (info.unit) } ", " (info.direction.words()) ". " (info.source)
            }
        }
    }
}

/// What to write where this statement is quoted.
pub(super) fn cite(statement: &Statement) -> Markup {
    html! {
        p { "Quote the verdict together with the run, the suite and both models: a number without them cannot be repeated." }
        blockquote.cite {
            "Distillation Loss Statement, " bdi { (visible(&statement.student.name)) } " against "
            bdi { (visible(&statement.teacher.name)) } ": " (show::verdict(statement.verdict)) ". hydrometer "
            (statement.hydrometer) ", suite " bdi { (visible(&statement.suite.name)) } " "
            code.hash { (visible(&statement.suite.hash)) } ", run " code.hash { (visible(&statement.run)) } "."
        }
    }
}
