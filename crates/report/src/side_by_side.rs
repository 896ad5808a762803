//! Two statements side by side, for runs of which no folder is there: without families nothing can be paired.

use std::fmt::Write as _;

use hydrometer_audit::Statement;
use hydrometer_metrics::measure::answers::GAP_CLOSED;
use hydrometer_metrics::measure::find;
use hydrometer_metrics::{Estimate, Verdict};
use serde::Serialize;

use crate::compare::signed;
use crate::markdown::{code, prose};
use crate::section::drawn;
use crate::show;
use crate::terminal::{Page, TerminalOptions};
use crate::text::{left, right, visible};

/// Two statements, metric by metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SideBySide {
    /// The first run.
    pub a: Side,
    /// The second run.
    pub b: Side,
    /// Why the numbers of the two runs do not answer the same question; empty when they do.
    pub obstacles: Vec<String>,
    /// The metrics that at least one run measured, in the order of the first statement, then of the second.
    pub rows: Vec<Row>,
}

/// What a comparison says of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// The student's name.
    pub student: String,
    /// The run's identity.
    pub run: String,
    /// Its verdict.
    pub verdict: Verdict,
}

/// One metric in both runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Identifier in the metric catalogue.
    pub metric: String,
    /// In the first run.
    pub a: Option<Estimate>,
    /// In the second run.
    pub b: Option<Estimate>,
    /// B − A, where both measured it.
    pub difference: Option<f64>,
    /// What the difference says.
    pub reading: Reading,
}

/// What a difference says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// The intervals are apart and the second run is better.
    BBetter,
    /// The intervals are apart and the first run is better.
    ABetter,
    /// The intervals are apart and the metric has no better side, or both are equally far from its best value.
    Differs,
    /// The intervals overlap.
    Overlap,
    /// One run did not measure it, there is no interval, or the runs are not comparable.
    NotComparable,
}

impl Reading {
    /// For people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::BBetter => "B better",
            Self::ABetter => "A better",
            Self::Differs => "differs",
            Self::Overlap => "intervals overlap",
            Self::NotComparable => "not comparable",
        }
    }
}

const CAUTION: &str = "“Better” means that the two intervals do not overlap. Statements have no families: give the two run \
                       folders to pair the runs family by family, which finds smaller differences.";
/// Said in place of rows of which none can say anything.
const ONE_FAMILY: &str = "one family: it allows no interval, so nothing can be said of the difference; ask more families \
                          (documents or unrelated probes).";

impl SideBySide {
    /// Sets two statements side by side.
    #[must_use]
    pub fn of(a: &Statement, b: &Statement) -> Self {
        let obstacles = obstacles(a, b);
        let comparable = obstacles.is_empty();
        let mut ids: Vec<&str> = a.metrics.iter().map(|m| m.id.as_str()).collect();
        ids.extend(b.metrics.iter().map(|m| m.id.as_str()).filter(|id| !a.metrics.iter().any(|m| m.id == *id)));
        let estimate = |s: &Statement, id: &str| show::find_metric(s, id).and_then(|m| m.estimate.clone());
        // A gap that starts elsewhere is another gap.
        let start = |s: &Statement| {
            (s.answers.as_ref().and_then(|answers| answers.gap_base), s.base.as_ref().map(|base| base.weights.clone()))
        };
        let same_start = start(a) == start(b);
        let comparable = |id: &str| comparable && (id != GAP_CLOSED.id || same_start);
        let rows = ids.into_iter().map(|id| row(id, estimate(a, id), estimate(b, id), comparable(id)));
        let rows = rows.filter(|row| row.a.is_some() || row.b.is_some()).collect();
        Self { a: Side::of(a), b: Side::of(b), obstacles, rows }
    }
}

impl SideBySide {
    /// Whether both runs measured something, and nothing over more than one family.
    fn is_of_one_family(&self) -> bool {
        let both = || self.rows.iter().filter_map(|row| row.a.as_ref().zip(row.b.as_ref()));
        // A number that no family carries alone rests on many.
        both().any(|(a, b)| a.n_families == 1 || b.n_families == 1)
            && both().all(|(a, b)| a.n_families < 2 && b.n_families < 2)
    }
}

impl Side {
    fn of(statement: &Statement) -> Self {
        Self { student: statement.student.name.clone(), run: statement.run.clone(), verdict: statement.verdict }
    }
}

fn obstacles(a: &Statement, b: &Statement) -> Vec<String> {
    let mut found = Vec::new();
    let mut differ = |what: &str, a: &str, b: &str| {
        if a != b {
            found.push(format!("{what} differ: {a} against {b}"));
        }
    };
    differ("the teachers' weights", &a.teacher.weights, &b.teacher.weights);
    let none = || "none".to_owned();
    let tokenizer = |s: &Statement| s.teacher.tokenizer.clone().unwrap_or_else(|| "unknown".to_owned());
    differ("the teachers' tokenizers", &tokenizer(a), &tokenizer(b));
    let surgery = |s: &Statement| s.teacher.surgery.clone().unwrap_or_else(none);
    differ("the defects planted in the teachers", &surgery(a), &surgery(b));
    let template = |s: &Statement| s.teacher.template.clone().unwrap_or_else(none);
    differ("the teachers' chat templates", &template(a), &template(b));
    let meaning = |s: &Statement| match s.answers.as_ref().and_then(|answers| answers.meaning.as_ref()) {
        Some(meaning) => {
            format!("sentence encoder {}, cosine at least {}", meaning.encoder.key(), meaning.least_cosine)
        }
        None => "alike in spelling".to_owned(),
    };
    differ("the rules for answers that mean the same", &meaning(a), &meaning(b));
    differ("the suites", &a.suite.hash, &b.suite.hash);
    differ("the context windows", &a.suite.n_ctx.to_string(), &b.suite.n_ctx.to_string());
    differ("the numbers of option orders", &a.suite.rotations.to_string(), &b.suite.rotations.to_string());
    let settings = |s: &Statement| s.answers.as_ref().and_then(|answers| answers.settings.clone());
    let sampling = |s: &Statement| settings(s).map_or_else(none, |settings| drawn(&settings.parameters));
    differ("the ways of sampling answers", &sampling(a), &sampling(b));
    differ("the evidence regimes", &a.regime.id, &b.regime.id);
    found
}

fn row(id: &str, a: Option<Estimate>, b: Option<Estimate>, comparable: bool) -> Row {
    let difference = a.as_ref().zip(b.as_ref()).map(|(a, b)| b.value - a.value);
    let reading = match (&a, &b) {
        (Some(a), Some(b)) if comparable => reading(id, a, b),
        _ => Reading::NotComparable,
    };
    Row { metric: id.to_owned(), a, b, difference, reading }
}

fn reading(id: &str, a: &Estimate, b: &Estimate) -> Reading {
    let (Some(in_a), Some(in_b)) = (&a.interval, &b.interval) else { return Reading::NotComparable };
    if in_a.low <= in_b.high && in_b.low <= in_a.high {
        return Reading::Overlap;
    }
    let distance = |value: f64| find(id)?.direction.loss(value);
    match distance(a.value).zip(distance(b.value)) {
        Some((a, b)) if b < a => Reading::BBetter,
        Some((a, b)) if a < b => Reading::ABetter,
        _ => Reading::Differs,
    }
}

/// The comparison for a terminal. `options.files` and `options.measured` are not used.
#[must_use]
pub fn side_by_side_terminal(comparison: &SideBySide, options: &TerminalOptions<'_>) -> String {
    let mut page = Page::new(options.width, options.color);
    for (name, side) in [("A", &comparison.a), ("B", &comparison.b)] {
        let verdict = page.verdict(side.verdict);
        let student = left(&visible(&side.student), 36);
        page.line(&format!("{name}  {student}  {verdict}"));
    }
    if !comparison.obstacles.is_empty() {
        page.heading("NOT COMPARABLE");
        for obstacle in &comparison.obstacles {
            page.paragraph("  - ", obstacle);
        }
    }
    if comparison.is_of_one_family() {
        page.gap();
        page.paragraph("", ONE_FAMILY);
        return page.text;
    }
    let name = (page.width - 52).min(40);
    let heads = [right("A", 11), right("B", 11), right("B − A", 11)].concat();
    page.heading(&format!("{}{heads}  READING", left("METRIC", name)));
    let shown = |estimate: &Option<Estimate>| estimate.as_ref().map_or_else(|| "–".into(), |e| show::number(e.value));
    let interval = |estimate: &Option<Estimate>| {
        estimate.as_ref().map_or_else(String::new, |e| show::interval(e.interval.as_ref()))
    };
    for row in &comparison.rows {
        let cells = format!(
            "{}{}{}  {}",
            right(&shown(&row.a), 11),
            right(&shown(&row.b), 11),
            right(&row.difference.map_or_else(|| "–".into(), signed), 11),
            row.reading.words()
        );
        page.named(&format!("  {}", show::metric(&row.metric)), name, &cells);
        page.paragraph("      ", &format!("A {}  B {}", interval(&row.a), interval(&row.b)));
    }
    page.gap();
    page.paragraph("", CAUTION);
    page.text
}

/// The comparison as GitHub-flavoured Markdown.
#[must_use]
pub fn side_by_side_markdown(comparison: &SideBySide) -> String {
    let mut page = String::from("| | Student | Verdict |\n|---|---|---|\n");
    for (name, side) in [("A", &comparison.a), ("B", &comparison.b)] {
        let verdict = format!("{} {}", show::sign(side.verdict), show::verdict(side.verdict));
        let _ = writeln!(page, "| {name} | {} | {verdict} |", code(&side.student));
    }
    if !comparison.obstacles.is_empty() {
        page.push_str("\n**Not comparable:**\n\n");
        for obstacle in &comparison.obstacles {
            let _ = writeln!(page, "- {}", prose(obstacle));
        }
    }
    if comparison.is_of_one_family() {
        let _ = writeln!(page, "\n{ONE_FAMILY}");
        return page;
    }
    page.push_str("\n| Metric | A | | B | | B − A | Reading |\n|---|--:|---|--:|---|--:|---|\n");
    for row in &comparison.rows {
        let cells = |estimate: &Option<Estimate>| match estimate {
            Some(e) => format!("{} | {}", show::number(e.value), show::interval(e.interval.as_ref())),
            None => "– | not measured".into(),
        };
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} |",
            prose(&show::metric(&row.metric)),
            cells(&row.a),
            cells(&row.b),
            row.difference.map_or_else(|| "–".into(), signed),
            row.reading.words()
        );
    }
    let _ = writeln!(page, "\n{CAUTION}");
    page
}
