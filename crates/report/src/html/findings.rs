//! Findings, most important first, each with its evidence and a next step.

use hydrometer_audit::statement::{Finding, Severity};
use maud::{Markup, html};

use super::{absent, foreign};
use crate::show;
use crate::text::visible;

/// All findings.
pub(super) fn findings(findings: &[Finding]) -> Markup {
    if findings.is_empty() {
        return absent("Nothing stood out.");
    }
    html! { ol.findings { @for finding in findings { li class=(class(finding.severity)) { (finding_body(finding)) } } } }
}

fn class(severity: Severity) -> &'static str {
    match severity {
        Severity::Serious => "serious",
        Severity::Notable => "notable",
        Severity::Informative => "informative",
    }
}

fn finding_body(finding: &Finding) -> Markup {
    html! {
        h3 { (visible(&finding.title)) " " span.severity { (show::severity(finding.severity)) } }
        p { (visible(&finding.detail)) }
        p.next { span.tag { "Next" } " " (visible(&finding.next_step)) }
        @if !finding.evidence.is_empty() {
            details {
                summary { "Evidence, " (finding.evidence.len()) @if finding.evidence.len() == 1 { " item" } @else { " items" } }
                table.evidence.stack {
                    caption.hidden { "Evidence: " (visible(&finding.title)) }
                    thead { tr { th scope="col" { "Where" } th.teacher scope="col" { "Teacher" } th.student scope="col" { "Student" } } }
                    tbody {
                        @for evidence in &finding.evidence {
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
