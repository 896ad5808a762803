//! The top of the page: who, the verdict, the seven numbers, and the gates behind the verdict.

use hydrometer_audit::Statement;
use hydrometer_audit::statement::{Gate, Headline};
use hydrometer_metrics::Verdict;
use maud::{Markup, html};

use super::plot::{Scale, extent, graduated};
use super::{foreign, verdict};
use crate::show;
use crate::text::visible;

/// The verdict, in words, before anything else.
pub(super) fn masthead(statement: &Statement) -> Markup {
    let suite = &statement.suite;
    let class = match statement.verdict {
        Verdict::Pass => "masthead pass",
        Verdict::Fail => "masthead fail",
        Verdict::NotEnoughEvidence => "masthead open",
    };
    html! {
        header class=(class) {
            p.kind { "Distillation Loss Statement" }
            h1 {
                span.student { (foreign(&statement.student.name)) }
                " "
                span.against { "against its teacher" }
                " "
                span.teacher { (foreign(&statement.teacher.name)) }
            }
            div.ruling {
                p.word { (verdict(statement.verdict)) }
                p.line { (visible(&statement.verdict_line)) }
            }
            dl.facts {
                div { dt { "Suite" } dd { (foreign(&suite.name)) } }
                div { dt { "Families" } dd { (show::count(suite.families)) } }
                div { dt { "Positions" } dd { (show::count(suite.positions)) } }
                div { dt { "Choices" } dd { (show::count(suite.choices)) } }
                @if suite.prompts > 0 { div { dt { "Prompts" } dd { (show::count(suite.prompts)) } } }
                div { dt { "Evidence" } dd title=(visible(&statement.regime.meaning)) { (visible(&statement.regime.id)) } }
            }
        }
    }
}

/// The seven headline numbers.
pub(super) fn table(statement: &Statement) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Seven numbers, table" {
            table.numbers.stack {
                caption {
                    "Value with its " (show::level(statement)) " interval. The floor (or ceiling) is the same number for the teacher "
                    "measured against itself: no student can be asked to do better."
                }
                thead {
                    tr {
                        th scope="col" { "Number" }
                        th.num scope="col" { "Value" }
                        th scope="col" { "Interval" }
                        th.plot scope="col" { "On its scale" }
                        th.num scope="col" { "Floor" }
                        th.num scope="col" { "Families" }
                        th scope="col" { "Verdict" }
                    }
                }
                tbody { @for row in &statement.headline { (headline_row(statement, row)) } }
            }
        }
        (legend())
    }
}

fn headline_row(statement: &Statement, row: &Headline) -> Markup {
    let name = show::metric(&row.id);
    let Some(estimate) = &row.estimate else {
        let missing = row.missing.as_deref().unwrap_or("No reason was given.");
        return html! {
            tr.unmeasured {
                th scope="row" { (name) }
                td colspan="6" { span.not { "not measured" } " " (visible(missing)) }
            }
        };
    };
    let bounds = statement.gates.iter().find(|g| g.metric == row.id).map_or((None, None), |g| (g.at_least, g.at_most));
    let scale = Scale::covering(extent(estimate).chain([bounds.0, bounds.1].into_iter().flatten()).chain([0.0]))
        .within(&row.id);
    html! {
        tr {
            th scope="row" { (name) }
            td.num.value data-label="Value" { (show::number(estimate.value)) }
            td.range data-label="Interval" { (show::interval(estimate)) }
            td.plot data-label="Scale" { (graduated(&name, estimate, scale, bounds)) }
            td.num data-label="Floor" { (show::floor(estimate)) }
            td.num data-label="Families" { (show::count(estimate.n_families)) }
            td data-label="Verdict" {
                @match row.verdict { Some(v) => (verdict(v)), None => span.quiet { "no gate" } }
            }
        }
    }
}

fn legend() -> Markup {
    html! {
        ul.legend aria-label="Signs used in the drawings" {
            li { svg.key width="26" height="16" aria-hidden="true" { line.interval x1="2" x2="24" y1="8" y2="8" {} circle.point cx="13" cy="8" r="4.5" {} } " value and interval" }
            li { svg.key width="26" height="16" aria-hidden="true" { line.floor x1="13" x2="13" y1="1" y2="15" {} } " teacher against itself" }
            li { svg.key width="26" height="16" aria-hidden="true" { rect.accepted x="6" y="1" width="20" height="14" {} line.bound x1="6" x2="6" y1="0" y2="16" {} } " accepted by the gate" }
        }
    }
}

/// Every gate of the policy.
pub(super) fn gates(statement: &Statement) -> Markup {
    if statement.gates.is_empty() {
        let none = show::no_gates(statement);
        return html! { p.absent { "Gates: " (none) ". Nothing could pass or fail." } };
    }
    html! {
        p.lead {
            "A gate passes when the whole interval clears its bound, fails when the whole interval misses it, and is "
            "otherwise undecided."
        }
        div.scroll tabindex="0" role="region" aria-label="Gates, table" {
            table.numbers.stack {
                caption { "Gates of the policy, in its order" }
                thead {
                    tr {
                        th scope="col" { "Metric" }
                        th scope="col" { "Wanted" }
                        th.num scope="col" { "Found" }
                        th scope="col" { "Interval" }
                        th.plot scope="col" { "On its scale" }
                        th scope="col" { "Verdict" }
                    }
                }
                @for gate in &statement.gates { (gate_rows(gate)) }
            }
        }
    }
}

fn gate_rows(gate: &Gate) -> Markup {
    let name = show::metric(&gate.metric);
    let bounds = (gate.at_least, gate.at_most);
    let ends = [bounds.0, bounds.1].into_iter().flatten();
    html! {
        tbody {
            tr.main {
                th scope="row" { (name) }
                td.wanted data-label="Wanted" { (show::bounds(gate)) }
                @match &gate.estimate {
                    Some(estimate) => {
                        td.num.value data-label="Found" { (show::number(estimate.value)) }
                        td.range data-label="Interval" { (show::interval(estimate)) }
                        td.plot data-label="Scale" {
                            (graduated(&name, estimate, Scale::covering(extent(estimate).chain(ends)).within(&gate.metric), bounds))
                        }
                    }
                    None => { td colspan="3" { span.not { "not measured" } } }
                }
                td data-label="Verdict" { (verdict(gate.verdict)) }
            }
            tr.note {
                td colspan="6" {
                    (visible(&gate.explanation))
                    @if let Some(more) = gate.more_families {
                        " " strong { "About " (show::counted(more, "more family")) " would decide it if the value stays." }
                    }
                    @if let Some(seen) = show::detectable(gate) { " It " (seen) "." }
                }
            }
        }
    }
}
