//! The blocks of a section, one after the other.

use hydrometer_audit::statement::{EvidenceItem, Severity};
use maud::{Markup, html};

use super::case::cases;
use super::strip::strip;
use super::table::table;
use super::text::{foreign, line, words};
use crate::document::{Block, Entry, Fact, Finding, Fold, Kind, Medium, Paragraph, Role, State, Text};
use crate::show;
use crate::text::visible;

/// Those of these blocks that the page shows.
pub(super) fn blocks<'a>(blocks: impl IntoIterator<Item = &'a Block>) -> Markup {
    let shown = blocks.into_iter().filter(|block| block.on.contains(&Medium::Page));
    html! { @for block in shown { (one(block)) } }
}

fn one(block: &Block) -> Markup {
    match &block.kind {
        Kind::Heading(text) => html! { h3 { (line(text)) } },
        Kind::Paragraph(said) => paragraph(said),
        Kind::List(items) => html! { ul.notes { @for item in items { li { (line(item)) } } } },
        Kind::Facts(all) => facts("inline", all),
        Kind::Table(one) => table(one),
        Kind::Findings(all) => findings(all),
        Kind::Figure(figure) => html! { (figure.markup) },
        Kind::Cases(all) => cases(all),
        Kind::Strip(one) => strip(one),
        Kind::Fold(one) => fold(one),
        Kind::Verbatim(name, text) => verbatim(name, text),
        Kind::Entries(all) => html! { div.catalogue { @for one in all { (entry(one)) } } },
    }
}

fn paragraph(said: &Paragraph) -> Markup {
    let class = match said.role {
        Role::Plain => None,
        Role::Lead => Some("lead"),
        Role::Absent => Some("absent"),
        Role::Quiet | Role::Imprint => Some("quiet"),
        Role::Alarm => Some("degenerate"),
        Role::Misleads => Some("misleads"),
        Role::Formula => Some("formula"),
        Role::Cite => return html! { blockquote.cite { (line(&said.text)) } },
    };
    html! { p class=[class] { (line(&said.text)) } }
}

/// Names and what stands under each.
pub(super) fn facts(class: &str, facts: &[Fact]) -> Markup {
    let hint = |fact: &Fact| fact.hint.as_deref().map(visible);
    html! {
        dl class=(class) {
            @for fact in facts { div { dt { (fact.name) } dd title=[hint(fact)] { (line(&fact.text)) } } }
        }
    }
}

fn fold(fold: &Fold) -> Markup {
    let (class, Text(title)) = ((!fold.style.is_empty()).then_some(fold.style), &fold.title);
    html! {
        details class=[class] open[fold.state == State::Open] {
            summary { @if !title.is_empty() { h3 { (line(&fold.title)) } } (line(&fold.about)) }
            (blocks(&fold.blocks))
        }
    }
}

fn verbatim(name: &str, text: &str) -> Markup {
    let lines: Vec<String> = text.split('\n').map(visible).collect();
    html! { pre.scroll tabindex="0" role="region" aria-label=(name) { (lines.join("\n")) } }
}

fn entry(entry: &Entry) -> Markup {
    html! {
        article id=(visible(&entry.id)) {
            h4 { (line(&entry.title)) }
            @for said in &entry.body { (paragraph(said)) }
        }
    }
}

fn findings(findings: &[Finding]) -> Markup {
    let class = |severity| match severity {
        Severity::Serious => "serious",
        Severity::Notable => "notable",
        Severity::Informative => "informative",
    };
    let shown = findings.iter().filter(|finding| finding.on.contains(&Medium::Page));
    html! { ol.findings { @for one in shown { li class=(class(one.severity)) { (finding(one)) } } } }
}

fn finding(finding: &Finding) -> Markup {
    let shown = finding.evidence.iter().filter(|(on, _)| on.contains(&Medium::Page));
    let shown: Vec<&EvidenceItem> = shown.map(|(_, evidence)| evidence).collect();
    html! {
        h3 { (visible(&finding.title)) " " span.severity { (show::severity(finding.severity)) } }
        p { (words(&visible(&finding.detail))) }
        p.next { span.tag { "Next" } " " (words(&visible(&finding.next_step))) }
        @if !shown.is_empty() {
            details {
                summary { "Evidence, " (show::counted(shown.len() as u64, "item")) }
                table.evidence.stack {
                    caption.hidden { "Evidence: " (visible(&finding.title)) }
                    thead { tr { th scope="col" { "Where" } th.teacher scope="col" { "Teacher" } th.student scope="col" { "Student" } } }
                    tbody {
                        @for evidence in shown {
                            tr {
                                th scope="row" { (foreign(&evidence.place)) }
                                td.teacher data-label="Teacher" { (foreign(&evidence.teacher)) }
                                td.student data-label="Student" { (foreign(&evidence.student)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
