//! Two runs compared family by family, as text and as Markdown.

use std::fmt::Write as _;

use hydrometer_audit::Comparison;
use hydrometer_audit::comparison::{Found, Reading, Row, Side};

use crate::markdown::{code, prose};
use crate::show::{self, counted};
use crate::terminal::{Page, TerminalOptions};
use crate::text::{left, right, visible};

/// Said in place of numbers of which none can say anything.
const ONE_FAMILY: &str = "one family: it allows no interval, so nothing can be said of the difference; ask more families \
                          (documents or unrelated probes).";

/// Said where no number is compared.
fn nothing(comparison: &Comparison) -> &'static str {
    match comparison.rows.is_empty() {
        true => "Neither run measured a number, so nothing is compared.",
        false => "No number of the two runs can be compared, for the reasons below.",
    }
}

/// What a reading says.
fn words(reading: Reading) -> &'static str {
    match reading {
        Reading::BBetter => "B better",
        Reading::ABetter => "A better",
        Reading::Differs => "differs",
        Reading::NoDifference => "may be chance",
        Reading::Same => "the same",
        Reading::OneFamily => "one family",
        Reading::NoSpread => "no interval",
        Reading::NotTested => "side by side",
    }
}

/// What was compared, as a sentence.
fn shared(comparison: &Comparison) -> String {
    let lost = |name: &str, side: &Side| match side.left_out {
        0 => String::new(),
        left_out => format!(
            " {} of {name} that the other run was not asked {} left out.",
            counted(left_out, "family"),
            are(left_out)
        ),
    };
    let families = counted(comparison.shared_families, "family");
    format!("Paired over {families} that both runs were asked.{}{}", lost("A", &comparison.a), lost("B", &comparison.b))
}

fn are(count: u64) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// How to read it, as sentences.
fn method(comparison: &Comparison) -> String {
    let percent = |share: f64| format!("{} %", (share * 1000.0).round() / 10.0);
    format!(
        "Interval of B − A at {}: each family is taken out of both runs at once. “Better” and “differs” are named so \
         that at most {} of what is named is chance (Benjamini–Hochberg over all numbers).",
        percent(comparison.level),
        percent(1.0 - comparison.level)
    )
}

/// `B is worse in 24 of 24 families`; `None` where neither way is better, or no family has a number of its own.
fn families(found: &Found) -> Option<String> {
    let families = counted(found.single_families, "family");
    match (found.b_better, found.a_better) {
        (0, 0) => None,
        (worse, 0) => Some(format!("A is worse in {worse} of {families}")),
        (0, worse) => Some(format!("B is worse in {worse} of {families}")),
        (in_a, in_b) => Some(format!("A is worse in {in_a} and B in {in_b} of {families}")),
    }
}

/// The interval, the p-value and the families of a difference.
fn evidence(found: &Found) -> String {
    if found.reading == Reading::NotTested {
        let families = counted(found.families, "family");
        return format!("over {families}; no test pairs the two");
    }
    let interval = match &found.interval {
        Some(interval) => format!("B − A in {}", show::interval(Some(interval))),
        None if found.families == 1 => "one family, no interval".to_owned(),
        None if found.families == 0 => {
            "without any one family it is the same, so that nothing tells what chance does".to_owned()
        }
        None => "every family differs alike".to_owned(),
    };
    let p = found.adjusted_p_value.map(|p| match p {
        p if p < 0.001 => "p < 0.001".to_owned(),
        p => format!("p = {}", show::probability(p)),
    });
    [Some(interval), p, families(found)].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The rows with a difference to show.
fn differing(comparison: &Comparison) -> impl Iterator<Item = (&Row, &Found)> {
    let rows = comparison.rows.iter().filter_map(|row| Some((row, row.found.as_ref()?)));
    rows.filter(|(_, found)| found.reading != Reading::Same)
}

/// The numbers that are the same in every family, by name.
fn same(comparison: &Comparison) -> Vec<String> {
    let same = |row: &&Row| row.found.as_ref().is_some_and(|found| found.reading == Reading::Same);
    comparison.rows.iter().filter(same).map(|row| show::metric(&row.metric)).collect()
}

/// Why numbers are not compared, with their names.
fn missing(comparison: &Comparison) -> Vec<(&str, Vec<String>)> {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for row in &comparison.rows {
        let Some(reason) = row.missing.as_deref() else { continue };
        let name = show::metric(&row.metric);
        match reasons.iter_mut().find(|(other, _)| *other == reason) {
            Some((_, names)) => names.push(name),
            None => reasons.push((reason, vec![name])),
        }
    }
    reasons
}

/// The comparison for a terminal. `options.files` and `options.measured` are not used.
#[must_use]
pub fn compare_terminal(comparison: &Comparison, options: &TerminalOptions<'_>) -> String {
    let mut page = Page::new(options.width, options.color);
    for (name, side) in [("A", &comparison.a), ("B", &comparison.b)] {
        let verdict = page.verdict(side.verdict);
        let student = left(&visible(&side.student), 36);
        page.line(&format!("{name}  {student}  {verdict}"));
    }
    page.gap();
    page.paragraph("", &shared(comparison));
    for caution in &comparison.cautions {
        page.paragraph("", caution);
    }
    let (of_one, of_nothing) = (comparison.is_of_one_family(), comparison.is_of_nothing());
    if of_one {
        page.paragraph("", ONE_FAMILY);
    } else if of_nothing {
        page.paragraph("", nothing(comparison));
    }
    let name = (page.width - 52).min(40);
    let heads = [right("A", 11), right("B", 11), right("B − A", 11)].concat();
    let mut rows = differing(comparison).filter(|_| !of_one).peekable();
    if rows.peek().is_some() {
        page.heading(&format!("{}{heads}  READING", left("METRIC", name)));
    }
    for (row, found) in rows {
        let cells = format!(
            "{}{}{}  {}",
            right(&show::number(found.a), 11),
            right(&show::number(found.b), 11),
            right(&signed(found.difference), 11),
            words(found.reading)
        );
        page.named(&format!("  {}", show::metric(&row.metric)), name, &cells);
        page.paragraph("      ", &evidence(found));
    }
    let same = same(comparison);
    if !same.is_empty() {
        page.heading("THE SAME IN EVERY FAMILY");
        page.paragraph("  ", &format!("{}.", same.join(", ")));
    }
    let missing = missing(comparison);
    if !missing.is_empty() {
        page.heading("NOT COMPARED");
        for (reason, names) in missing {
            page.paragraph("  - ", &format!("{}: {reason}.", names.join(", ")));
        }
    }
    if !of_one && !of_nothing {
        page.gap();
        page.paragraph("", &method(comparison));
    }
    page.text
}

/// The comparison as GitHub-flavoured Markdown.
#[must_use]
pub fn compare_markdown(comparison: &Comparison) -> String {
    let mut page = String::from("| | Student | Verdict |\n|---|---|---|\n");
    for (name, side) in [("A", &comparison.a), ("B", &comparison.b)] {
        let verdict = format!("{} {}", show::sign(side.verdict), show::verdict(side.verdict));
        let _ = writeln!(page, "| {name} | {} | {verdict} |", code(&side.student));
    }
    let _ = writeln!(page, "\n{}", prose(&shared(comparison)));
    for caution in &comparison.cautions {
        let _ = writeln!(page, "\n{}", prose(caution));
    }
    let (of_one, of_nothing) = (comparison.is_of_one_family(), comparison.is_of_nothing());
    if of_one {
        let _ = writeln!(page, "\n{ONE_FAMILY}");
    } else if of_nothing {
        let _ = writeln!(page, "\n{}", nothing(comparison));
    }
    let mut rows = differing(comparison).filter(|_| !of_one).peekable();
    if rows.peek().is_some() {
        page.push_str("\n| Metric | A | B | B − A | Reading | Evidence |\n|---|--:|--:|--:|---|---|\n");
    }
    for (row, found) in rows {
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} |",
            prose(&show::metric(&row.metric)),
            show::number(found.a),
            show::number(found.b),
            signed(found.difference),
            words(found.reading),
            prose(&evidence(found))
        );
    }
    let same = same(comparison);
    if !same.is_empty() {
        let _ = writeln!(page, "\nThe same in every family: {}.", prose(&same.join(", ")));
    }
    let missing = missing(comparison);
    if !missing.is_empty() {
        page.push_str("\n**Not compared:**\n\n");
        for (reason, names) in missing {
            let _ = writeln!(page, "- {}", prose(&format!("{}: {reason}.", names.join(", "))));
        }
    }
    if !of_one && !of_nothing {
        let _ = writeln!(page, "\n{}", prose(&method(comparison)));
    }
    page
}

/// A difference with its sign.
pub(crate) fn signed(value: f64) -> String {
    if value > 0.0 { format!("+{}", show::number(value)) } else { show::number(value) }
}
