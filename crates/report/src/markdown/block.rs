//! The blocks of a section, for a pull request: details folded away.

use std::fmt::Write as _;

use super::escape::{code, inline, prose};
use super::table::table;
use crate::document::{Block, Case, Finding, Kind, Medium, Paragraph, Role, Section, State, Text};
use crate::show;

/// A section under its title or folded away; where it begins with a table, the title stands in the table.
pub(crate) fn section(section: &Section, shown: &[&Block]) -> String {
    let body: String = shown.iter().map(|block| one(section.title, block)).collect();
    let begins_with_table = matches!(shown, [Block { kind: Kind::Table(_), .. }, ..]);
    match &section.folded {
        Some((words, state)) => fold(words, *state, &body),
        None if begins_with_table || section.title.is_empty() => body,
        None => format!("#### {}\n\n{body}", prose(section.title)),
    }
}

fn fold(words: &Text, state: State, body: &str) -> String {
    let open = if state == State::Open { " open" } else { "" };
    format!("<details{open}><summary>{}</summary>\n\n{body}</details>\n\n", inline(words))
}

fn one(title: &str, block: &Block) -> String {
    match &block.kind {
        Kind::Heading(text) => format!("#### {}\n\n", inline(text)),
        Kind::Paragraph(said) => paragraph(said),
        Kind::List(items) => list(items.iter().map(inline)),
        Kind::Facts(facts) => list(facts.iter().map(|fact| format!("{}: {}", prose(fact.name), inline(&fact.text)))),
        Kind::Table(one) => table(one.title.unwrap_or(title), one),
        Kind::Findings(all) => findings(all),
        Kind::Figure(figure) if figure.in_words.0.is_empty() => String::new(),
        Kind::Figure(figure) => format!("{}\n\n", inline(&figure.in_words)),
        Kind::Cases(all) => all.iter().map(case).collect(),
        Kind::Strip(strip) => {
            let text: String = strip.tokens.iter().map(|token| token.text.as_str()).collect();
            format!("{}\n\n", code(&text))
        }
        Kind::Fold(one) => {
            let shown = one.blocks.iter().filter(|block| block.on.contains(&Medium::Comment));
            let body: String = shown.map(|block| self::one("", block)).collect();
            let between = if one.title.0.is_empty() { "" } else { " " };
            let Text(title) = one.title.clone().words(between);
            let words = Text(title.into_iter().chain(one.about.0.clone()).collect());
            fold(&words, one.state, &body)
        }
        Kind::Verbatim(_, text) => {
            let lines: Vec<String> = text.lines().map(prose).collect();
            format!("<pre>\n{}\n</pre>\n\n", lines.join("\n"))
        }
        Kind::Entries(all) => list(all.iter().map(|entry| {
            let body = entry.body.iter().map(|said| format!("<br>{}", inline(&said.text)));
            format!("{}{}", inline(&entry.title), body.collect::<String>())
        })),
    }
}

fn paragraph(said: &Paragraph) -> String {
    let text = inline(&said.text);
    match said.role {
        Role::Cite => format!("> {text}\n\n"),
        Role::Imprint => format!("<sub>{text}</sub>\n\n"),
        _ => format!("{text}\n\n"),
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: String = items.map(|item| format!("- {item}\n")).collect();
    format!("{items}\n")
}

fn findings(findings: &[Finding]) -> String {
    let shown = findings.iter().filter(|finding| finding.on.contains(&Medium::Comment));
    let mut page: String = shown.enumerate().map(|(at, one)| finding(at + 1, one)).collect();
    page.push('\n');
    page
}

fn finding(number: usize, finding: &Finding) -> String {
    let mut page = format!(
        "{number}. **{}** ({}). {} *Next:* {}\n",
        prose(&finding.title),
        show::severity(finding.severity),
        prose(&finding.detail),
        prose(&finding.next_step)
    );
    let shown: Vec<_> = finding.evidence.iter().filter(|(on, _)| on.contains(&Medium::Comment)).collect();
    if shown.is_empty() {
        return page;
    }
    page.push_str("\n   <details><summary>Evidence</summary>\n\n   | Where | Teacher | Student |\n   |---|---|---|\n");
    for (_, evidence) in shown {
        let cells = [&evidence.place, &evidence.teacher, &evidence.student].map(|text| code(text));
        let _ = writeln!(page, "   | {} |", cells.join(" | "));
    }
    page.push_str("\n   </details>\n\n");
    page
}

fn case(case: &Case) -> String {
    let (name, _) = case.rows_are;
    let mut page =
        format!("{} {}\n\n| {name} | Teacher | Student |\n|---|--:|--:|\n", code(&case.probe), code(&case.prompt));
    for side in &case.rows {
        let right = side.right.map_or_else(String::new, |right| format!(" ({right})"));
        let (teacher, student) = (100.0 * side.teacher, 100.0 * side.student);
        let _ = writeln!(page, "| {}{right} | {teacher:.0} % | {student:.0} % |", inline(&side.label));
    }
    page.push('\n');
    page
}
