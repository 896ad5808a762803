//! What to look at first, most important first, each with its evidence and a next step.

use hydrometer_audit::statement;

use super::source::Source;
use crate::document::{Block, EVERYWHERE, Finding, PAGE, PAGE_AND_COMMENT, PAGE_AND_TERMINAL, SHORT, Section};

/// Findings that the short formats show.
const FINDINGS: usize = 5;
/// Pieces of evidence that a comment shows of each.
const EVIDENCE: usize = 3;

pub(super) fn section(source: &Source<'_>) -> Section {
    let findings = &source.statement.findings;
    let section = Section::new("findings", "Findings").closing();
    if findings.is_empty() {
        return section.with(Block::absent("Nothing stood out.").on(PAGE_AND_TERMINAL));
    }
    let shown = findings.iter().enumerate().map(|(at, found)| finding(at, found));
    let more = (findings.len() > FINDINGS).then(|| {
        let more = format!("{} more in the report.", findings.len() - FINDINGS);
        Block::paragraph(more).on(SHORT)
    });
    section.with(Block::findings(shown)).with_all(more)
}

fn finding(at: usize, found: &statement::Finding) -> Finding {
    let evidence = found.evidence.iter().enumerate();
    let on = |at| if at < EVIDENCE { PAGE_AND_COMMENT } else { PAGE };
    Finding {
        severity: found.severity,
        title: found.title.clone(),
        detail: found.detail.clone(),
        next_step: found.next_step.clone(),
        evidence: evidence.map(|(at, evidence)| (on(at), evidence.clone())).collect(),
        on: if at < FINDINGS { EVERYWHERE } else { PAGE },
    }
}
