//! The statement for a pull request: GitHub-flavoured Markdown, short, details folded away.

use std::fmt::Write as _;

use hydrometer_audit::Statement;
use hydrometer_audit::statement::{Finding, Headline, Secondary};
use hydrometer_metrics::Verdict;

use crate::show;
use crate::text::visible;

const FINDINGS: usize = 5;
const EVIDENCE: usize = 3;

/// The statement as a comment for a pull request. Text of models appears only inside `<code>`, as entities: no
/// mention, link, table, HTML or formatting in it takes effect.
#[must_use]
pub fn markdown(statement: &Statement) -> String {
    let mut page = String::new();
    let _ = writeln!(
        page,
        "### {} {}: {} against {}\n",
        mark(statement.verdict),
        show::verdict(statement.verdict),
        code(&statement.student.name),
        code(&statement.teacher.name)
    );
    let _ = writeln!(page, "{}\n", prose(&statement.verdict_line));
    headline(&mut page, statement);
    gates(&mut page, statement);
    answers(&mut page, statement);
    findings(&mut page, &statement.findings);
    for note in &statement.notes {
        let _ = writeln!(page, "- {}", prose(note));
    }
    footer(&mut page, statement);
    page
}

pub(crate) fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✅",
        Verdict::Fail => "❌",
        Verdict::NotEnoughEvidence => "❔",
    }
}

fn headline(page: &mut String, statement: &Statement) {
    let _ = writeln!(page, "| Headline | Value | {} interval | Floor | Families | Verdict |", show::level(statement));
    page.push_str("|---|--:|:-:|--:|--:|---|\n");
    let (measured, missing): (Vec<&Headline>, Vec<&Headline>) =
        statement.headline.iter().partition(|h| h.estimate.is_some());
    for row in measured {
        if let Some(estimate) = &row.estimate {
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} | {} | {} |",
                prose(&show::metric(&row.id)),
                show::number(estimate.value),
                show::interval(estimate),
                show::floor(estimate),
                show::count(estimate.n_families),
                row.verdict.map_or("no gate", show::verdict)
            );
        }
    }
    if !missing.is_empty() {
        page.push_str("\n<details><summary>Not measured: ");
        let names: Vec<String> = missing.iter().map(|h| prose(&show::metric(&h.id))).collect();
        let _ = writeln!(page, "{}</summary>\n", names.join(", "));
        for row in missing {
            let why = row.missing.as_deref().unwrap_or("no reason was given");
            let _ = writeln!(page, "- **{}**: {}", prose(&show::metric(&row.id)), prose(why));
        }
        page.push_str("\n</details>\n");
    }
    page.push('\n');
}

fn gates(page: &mut String, statement: &Statement) {
    let gates = &statement.gates;
    if gates.is_empty() {
        let _ = writeln!(page, "Gates: {}.\n", prose(show::no_gates(statement)));
        return;
    }
    let passed = gates.iter().filter(|g| g.verdict == Verdict::Pass).count();
    let open = if passed == gates.len() { "" } else { " open" };
    let _ = writeln!(page, "<details{open}><summary>Gates: {passed} of {} pass</summary>\n", gates.len());
    page.push_str("| | Gate | Wanted | Found | Interval | Verdict |\n|---|---|---|--:|:-:|---|\n");
    for gate in gates {
        let found = gate.estimate.as_ref();
        let note = show::more_families(gate).or_else(|| show::detectable(gate)).map(|note| format!(", {note}"));
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} | {}{} |",
            mark(gate.verdict),
            prose(&show::metric(&gate.metric)),
            show::bounds(gate),
            found.map_or_else(|| "–".into(), |e| show::number(e.value)),
            found.map_or_else(|| "–".into(), show::interval),
            show::verdict(gate.verdict),
            note.unwrap_or_default()
        );
    }
    page.push_str("\n</details>\n\n");
}

fn answers(page: &mut String, statement: &Statement) {
    let Some(answers) = &statement.answers else { return };
    let _ = writeln!(
        page,
        "<details><summary>Answers to {}, {} of them checked</summary>\n",
        show::counted(answers.prompts, "prompt"),
        show::count(answers.checked)
    );
    page.push_str("| Answers | Value | Interval | Floor |\n|---|--:|:-:|--:|\n");
    for (id, estimate) in show::ANSWERS.iter().filter_map(|id| Some((id, show::estimate(statement, id)?))) {
        let (value, interval) = (show::number(estimate.value), show::interval(estimate));
        let _ = writeln!(page, "| {} | {value} | {interval} | {} |", prose(&show::metric(id)), show::floor(estimate));
    }
    let test = show::match_test(answers.match_p_value);
    let _ = writeln!(page, "\n{} {}.\n", prose(&test), prose(&show::sampling(answers.settings.as_ref())));
    if let Some(meaning) = show::meaning(answers) {
        let _ = writeln!(page, "{}\n", prose(&meaning));
    }
    if let Some(base) = answers.gap_base {
        let _ = writeln!(page, "{}\n", prose(show::gap_base(base)));
    }
    for way in &answers.degenerate {
        let _ = writeln!(page, "- **Degenerate**: {}", prose(way));
    }
    secondary(page, &answers.secondary);
    page.push_str("\n</details>\n\n");
}

/// Described, never gated.
fn secondary(page: &mut String, measures: &[Secondary]) {
    if measures.is_empty() {
        return;
    }
    page.push_str("\n| Secondary measures | Student | Teacher | Teacher again |\n|---|--:|--:|--:|\n");
    for measure in measures {
        let _ = writeln!(page, "| {} | {} |", prose(&show::metric(&measure.id)), show::secondary(measure).join(" | "));
    }
    let _ = writeln!(page, "\n{}", prose(&show::secondary_note(measures)));
}

fn findings(page: &mut String, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    page.push_str("#### Findings\n\n");
    for (at, finding) in findings.iter().take(FINDINGS).enumerate() {
        let _ = writeln!(
            page,
            "{}. **{}** ({}). {} *Next:* {}",
            at + 1,
            prose(&finding.title),
            show::severity(finding.severity),
            prose(&finding.detail),
            prose(&finding.next_step)
        );
        if finding.evidence.is_empty() {
            continue;
        }
        page.push_str(
            "\n   <details><summary>Evidence</summary>\n\n   | Where | Teacher | Student |\n   |---|---|---|\n",
        );
        for evidence in finding.evidence.iter().take(EVIDENCE) {
            let _ = writeln!(
                page,
                "   | {} | {} | {} |",
                code(&evidence.place),
                code(&evidence.teacher),
                code(&evidence.student)
            );
        }
        page.push_str("\n   </details>\n\n");
    }
    if findings.len() > FINDINGS {
        let _ = writeln!(page, "\n{} more in the report.", findings.len() - FINDINGS);
    }
    page.push('\n');
}

fn footer(page: &mut String, statement: &Statement) {
    let _ = writeln!(
        page,
        "<sub>hydrometer {} · suite {} · {} · evidence {} · run {}</sub>",
        prose(&statement.hydrometer),
        code(&statement.suite.name),
        show::asked(&statement.suite),
        prose(&statement.regime.id),
        code(&short(&statement.run))
    );
}

/// A hash, cut for people.
pub(crate) fn short(hash: &str) -> String {
    let (kind, digits) = hash.split_once(':').unwrap_or(("", hash));
    let digits: String = digits.chars().take(12).collect();
    if kind.is_empty() { digits } else { format!("{kind}:{digits}") }
}

/// Foreign text as code: inside it GitHub makes no mentions, references or links.
pub(crate) fn code(text: &str) -> String {
    let limit = 160;
    let text = visible(text);
    let cut: String = text.chars().take(limit).collect();
    let more = if text.chars().count() > limit { "…" } else { "" };
    format!("<code>{}{more}</code>", prose(&cut))
}

/// Text in which every character that Markdown or HTML could act on is an entity.
pub(crate) fn prose(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '@' | '#' => {
                // An entity is decoded before GitHub looks for mentions and references: a zero-width space parts it.
                let _ = write!(safe, "&#{};&#8203;", c as u32);
            }
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '"' | '\'' | '!' | '$' => {
                let _ = write!(safe, "&#{};", c as u32);
            }
            // `https:` and `www.` would become links.
            ':' => safe.push_str("&#58;"),
            '.' if safe.to_ascii_lowercase().ends_with("www") => safe.push_str("&#46;"),
            _ => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expect: &str) {
        assert_eq!(prose(input), expect);
    }

    #[test]
    fn nothing_in_foreign_text_takes_effect() {
        check("a|b", "a&#124;b");
        check("`x`", "&#96;x&#96;");
        check("<script>", "&#60;script&#62;");
        check("@octocat #12", "&#64;&#8203;octocat &#35;&#8203;12");
        check("https://x www.x", "https&#58;//x www&#46;x");
        check("two\nlines", "two↵lines");
    }
}
