//! The blocks of a section, in lines.

use super::page::{Page, plain};
use super::table::table;
use crate::document::{Block, Case, Fact, Finding, Fold, Kind, Medium, Section, Side};
use crate::show;
use crate::text::{columns, cut, left, visible};

/// A section under its title; where it begins with a table, the title stands in the line of the table's heads.
pub(crate) fn section(page: &mut Page, section: &Section, shown: &[&Block]) {
    let begins_with_table = matches!(shown, [Block { kind: Kind::Table(_), .. }, ..]);
    match section.title {
        _ if begins_with_table => {}
        "" => page.gap(),
        title => page.heading(&title.to_uppercase()),
    }
    for block in shown {
        one(page, section.title, block);
    }
}

fn one(page: &mut Page, title: &str, block: &Block) {
    match &block.kind {
        Kind::Heading(text) => page.heading(&cut(&visible(&plain(text)), page.width)),
        Kind::Paragraph(said) => page.paragraph("  ", &plain(&said.text)),
        Kind::List(items) => items.iter().for_each(|item| page.paragraph("  - ", &plain(item))),
        Kind::Facts(all) => facts(page, all),
        Kind::Table(one) => table(page, one.title.unwrap_or(title), one),
        Kind::Findings(all) => findings(page, all),
        Kind::Figure(figure) if figure.in_words.0.is_empty() => {}
        Kind::Figure(figure) => page.paragraph("  ", &plain(&figure.in_words)),
        Kind::Cases(all) => all.iter().for_each(|one| case(page, one)),
        Kind::Strip(strip) => {
            let text: String = strip.tokens.iter().map(|token| token.text.as_str()).collect();
            page.paragraph("  ", &text);
        }
        Kind::Fold(one) => fold(page, one),
        Kind::Verbatim(_, text) => verbatim(page, text),
        Kind::Entries(all) => {
            for entry in all {
                page.paragraph("  ", &plain(&entry.title));
                entry.body.iter().for_each(|said| page.paragraph("    ", &plain(&said.text)));
            }
        }
    }
}

/// Names in a column, and what stands beside each.
fn facts(page: &mut Page, facts: &[Fact]) {
    let room = facts.iter().map(|fact| columns(fact.name)).max().unwrap_or(0);
    for fact in facts {
        page.paragraph(&format!("  {}  ", left(fact.name, room)), &plain(&fact.text));
    }
}

fn findings(page: &mut Page, findings: &[Finding]) {
    let shown = findings.iter().filter(|finding| finding.on.contains(&Medium::Terminal));
    for (at, finding) in shown.enumerate() {
        let lead = format!("  {}. ", at + 1);
        page.paragraph(&lead, &format!("[{}] {}", show::severity(finding.severity), finding.title));
        page.paragraph("     next: ", &finding.next_step);
        for (_, evidence) in finding.evidence.iter().filter(|(on, _)| on.contains(&Medium::Terminal)) {
            page.paragraph("     ", &evidence.place);
            page.paragraph("       teacher  ", &evidence.teacher);
            page.paragraph("       student  ", &evidence.student);
        }
    }
}

fn case(page: &mut Page, case: &Case) {
    page.paragraph("  ", &format!("{} ({}, family {})", case.probe, case.axis, case.family));
    page.paragraph("    ", &case.prompt);
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    for Side { label, right, teacher, student } in &case.rows {
        let right = right.map_or_else(String::new, |right| format!(" ({right})"));
        let (teacher, student) = (percent(*teacher), percent(*student));
        page.paragraph("    - ", &format!("{}{right}: teacher {teacher}, student {student}", plain(label)));
    }
}

fn fold(page: &mut Page, fold: &Fold) {
    let parts = [plain(&fold.title), plain(&fold.about)];
    let words: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    page.paragraph("  ", &words.join("  "));
    for block in fold.blocks.iter().filter(|block| block.on.contains(&Medium::Terminal)) {
        one(page, "", block);
    }
}

fn verbatim(page: &mut Page, text: &str) {
    for line in text.lines() {
        let line = cut(&format!("  {}", visible(line)), page.width);
        page.line(&line);
    }
}
