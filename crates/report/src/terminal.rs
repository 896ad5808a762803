//! The statement on a terminal: verdict first, understandable without colour, never wider than asked.

use hydrometer_answers::ModelIdentity;
use hydrometer_audit::Statement;
use hydrometer_audit::statement::{Finding, Headline, Pairing, Secondary};
use hydrometer_metrics::Verdict;

use crate::measured::Measured;
use crate::show;
use crate::text::{columns, cut, left, right, visible, wrap};

const FINDINGS: usize = 5;
const NARROWEST: usize = 72;
/// From here on every column of the tables fits.
const ROOMY: usize = 90;
const WIDEST: usize = 100;

/// Whether escape sequences for colour may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Plain text.
    Never,
    /// ANSI colours; the words stay the same.
    Always,
}

/// What the statement itself does not know about where it is shown.
#[derive(Clone, Debug)]
pub struct TerminalOptions<'a> {
    /// Columns of the terminal; used between 72 and 100.
    pub width: usize,
    /// Colour or none.
    pub color: Color,
    /// What lies where, as label and path: printed last.
    pub files: &'a [(&'a str, String)],
    /// Measured cost, where there is one.
    pub measured: Option<Measured>,
}

/// The statement for a terminal, with a newline at the end.
#[must_use]
pub fn terminal(statement: &Statement, options: &TerminalOptions<'_>) -> String {
    let mut page = Page::new(options.width, options.color);
    verdict(&mut page, statement);
    subject(&mut page, statement);
    headline(&mut page, statement);
    gates(&mut page, statement);
    answers(&mut page, statement);
    findings(&mut page, &statement.findings);
    notes(&mut page, &statement.notes);
    cost(&mut page, statement, options.measured.as_ref());
    files(&mut page, options.files);
    page.text
}

/// Lines that fit, with colour where it is wanted.
pub(crate) struct Page {
    pub(crate) width: usize,
    color: Color,
    pub(crate) text: String,
}

impl Page {
    pub(crate) fn new(width: usize, color: Color) -> Self {
        Self { width: width.clamp(NARROWEST, WIDEST), color, text: String::new() }
    }

    /// One line, already laid out. Spaces at its end are dropped.
    pub(crate) fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    pub(crate) fn gap(&mut self) {
        self.text.push('\n');
    }

    pub(crate) fn heading(&mut self, heading: &str) {
        self.gap();
        let heading = self.paint("1", heading);
        self.line(&heading);
    }

    /// A paragraph with its first line after `first` and the others under it.
    pub(crate) fn paragraph(&mut self, first: &str, text: &str) {
        let indent = columns(first);
        for (at, line) in wrap(&visible(text), self.width.saturating_sub(indent)).iter().enumerate() {
            let lead = if at == 0 { first.to_owned() } else { " ".repeat(indent) };
            self.line(&format!("{lead}{line}"));
        }
    }

    pub(crate) fn paint(&self, code: &str, text: &str) -> String {
        match self.color {
            Color::Always => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Color::Never => text.to_owned(),
        }
    }

    /// One row of a table: the cells after a name of `room` columns; a longer name gets a line of its own.
    pub(crate) fn named(&mut self, name: &str, room: usize, cells: &str) {
        if columns(name) <= room {
            return self.line(&format!("{}{cells}", left(name, room)));
        }
        let name = cut(name, self.width);
        self.line(&name);
        self.line(&format!("{}{cells}", " ".repeat(room)));
    }

    pub(crate) fn verdict(&self, verdict: Verdict) -> String {
        let code = match verdict {
            Verdict::Pass => "1;32",
            Verdict::Fail => "1;31",
            Verdict::NotEnoughEvidence => "1;33",
        };
        self.paint(code, show::verdict(verdict))
    }
}

fn verdict(page: &mut Page, statement: &Statement) {
    let words = show::verdict(statement.verdict);
    let indent = columns(words) + 2;
    let painted = page.verdict(statement.verdict);
    for (at, line) in wrap(&visible(&statement.verdict_line), page.width - indent).iter().enumerate() {
        let lead = if at == 0 { format!("{painted}  ") } else { " ".repeat(indent) };
        page.line(&format!("{lead}{line}"));
    }
}

fn subject(page: &mut Page, statement: &Statement) {
    page.gap();
    page.paragraph("  teacher   ", &model(&statement.teacher));
    page.paragraph("  student   ", &model(&statement.student));
    if let Some(base) = &statement.base {
        page.paragraph("  base      ", &model(base));
    }
    page.paragraph("  suite     ", &format!("{}: {}", statement.suite.name, show::asked(&statement.suite)));
    page.paragraph("  evidence  ", &format!("{}: {}", statement.regime.id, statement.regime.meaning));
    match &statement.pairing {
        Pairing::Same => {}
        Pairing::Padded { shared } => {
            page.paragraph(
                "  tokens    ",
                &format!("the same up to padding, {} shared", show::count(u64::from(*shared))),
            );
        }
        // Nothing was refused, and the evidence says the same.
        Pairing::Different { .. } if show::is_given(&statement.teacher) => {}
        Pairing::Different { reason } => {
            page.paragraph("  tokens    ", &format!("different vocabularies, token metrics refused: {reason}"));
        }
    }
}

fn model(model: &ModelIdentity) -> String {
    // Nothing is known of such a model but its name.
    if show::is_given(model) {
        return format!("{} (given answers)", model.name);
    }
    let surgery = model.surgery.as_ref().map_or_else(String::new, |s| format!(", planted: {s}"));
    let parameters = match model.parameters {
        0 => "no parameters".to_owned(),
        n => format!("{} parameters", show::parameters(n)),
    };
    format!(
        "{} ({}, {parameters}, {}, {}){surgery}",
        model.name, model.architecture, model.quantization, model.engine.precision
    )
}

fn headline(page: &mut Page, statement: &Statement) {
    let interval = format!("{} INTERVAL", show::level(statement));
    page.heading(&headline_cells(page.width, ["SEVEN NUMBERS", "VALUE", &interval, "FLOOR", "FAMILIES", "VERDICT"]));
    for row in &statement.headline {
        headline_row(page, row);
    }
}

/// Name, value, interval, floor, families and verdict as one line; floor and families only where there is room.
fn headline_cells(width: usize, [name, value, interval, floor, families, verdict]: [&str; 6]) -> String {
    let more = match width {
        ROOMY.. => format!("{}{}", right(floor, 7), right(families, 10)),
        _ => String::new(),
    };
    format!("{}{}  {}{more}  {verdict}", left(name, 23), right(value, 8), left(interval, 18))
}

fn headline_row(page: &mut Page, row: &Headline) {
    let name = format!("  {}", show::metric(&row.id));
    let Some(estimate) = &row.estimate else {
        let missing = row.missing.as_deref().unwrap_or("no reason was given");
        page.paragraph(&left(&name, 25), &format!("not measured: {missing}"));
        return;
    };
    let cells = [
        &name,
        &show::number(estimate.value),
        &show::interval(estimate),
        &show::floor(estimate),
        &show::count(estimate.n_families),
        &row.verdict.map_or_else(|| "no gate".into(), |v| page.verdict(v)),
    ];
    page.line(&headline_cells(page.width, cells.map(String::as_str)));
}

fn gates(page: &mut Page, statement: &Statement) {
    let room = gate_name(page.width);
    let cells = gate_cells(page.width, ["WANTED", "FOUND", "INTERVAL", "VERDICT"]);
    page.heading(&format!("{}{cells}", left("GATES", room)));
    if statement.gates.is_empty() {
        page.paragraph("  ", show::no_gates(statement));
    }
    for gate in &statement.gates {
        let found = gate.estimate.as_ref();
        let cells = [
            &show::bounds(gate),
            &found.map_or_else(|| "–".into(), |e| show::number(e.value)),
            &found.map_or_else(String::new, show::interval),
            &page.verdict(gate.verdict),
        ];
        let cells = gate_cells(page.width, cells.map(String::as_str));
        page.named(&format!("  {}", show::metric(&gate.metric)), room, &cells);
        if let Some(more) = show::more_families(gate) {
            page.paragraph("      ", &more);
        }
        if let Some(seen) = show::detectable(gate) {
            page.paragraph("      ", &seen);
        }
    }
}

/// Columns for the name of a gate's metric.
fn gate_name(width: usize) -> usize {
    width - if width >= ROOMY { 62 } else { 43 }
}

/// Bounds, value, interval and verdict; the interval only where there is room.
fn gate_cells(width: usize, [wanted, found, interval, verdict]: [&str; 4]) -> String {
    let more = if width >= ROOMY { left(interval, 19) } else { String::new() };
    let wanted = cut(wanted, 14);
    format!(" {wanted}{} {more}{verdict}", right(found, 22 - columns(&wanted)))
}

/// What a table of seven numbers does not say about sampled answers.
fn answers(page: &mut Page, statement: &Statement) {
    let Some(answers) = &statement.answers else { return };
    let cells = |value: &str, interval: &str, floor: &str| {
        format!("{}  {}{}", right(value, 9), left(interval, 20), right(floor, 9))
    };
    let room = 39.min(page.width - 40);
    page.heading(&format!("{}{}", left("ANSWERS", room), cells("VALUE", "INTERVAL", "FLOOR")));
    let mut missing = Vec::new();
    for id in show::ANSWERS {
        match show::estimate(statement, id) {
            Some(e) => {
                let cells = cells(&show::number(e.value), &show::interval(e), &show::floor(e));
                page.named(&format!("  {}", show::metric(id)), room, &cells);
            }
            None => missing.push(show::metric(id)),
        }
    }
    if !missing.is_empty() {
        page.paragraph("  not measured: ", &missing.join(", "));
    }
    page.paragraph("  ", &show::match_test(answers.match_p_value));
    let (prompts, checked) = (show::counted(answers.prompts, "prompt"), show::count(answers.checked));
    page.paragraph(
        "  ",
        &format!("{prompts}, {checked} of them checked; {}.", show::sampling(answers.settings.as_ref())),
    );
    if let Some(meaning) = show::meaning(answers) {
        page.paragraph("  ", &meaning);
    }
    if let Some(base) = answers.gap_base {
        page.paragraph("  ", show::gap_base(base));
    }
    for way in &answers.degenerate {
        page.paragraph("  degenerate: ", way);
    }
    secondary(page, &answers.secondary);
}

/// Described, never gated.
fn secondary(page: &mut Page, measures: &[Secondary]) {
    if measures.iter().all(|measure| measure.student.is_none()) {
        return;
    }
    let cells = |[student, teacher, rerun]: [&str; 3]| {
        format!("{}{}{}", right(student, 9), right(teacher, 10), right(rerun, 15))
    };
    let room = 39.min(page.width - 40);
    page.heading(&format!("{}{}", left("SECONDARY", room), cells(["STUDENT", "TEACHER", "TEACHER AGAIN"])));
    for measure in measures.iter().filter(|measure| measure.student.is_some()) {
        let [student, teacher, rerun] = show::secondary(measure);
        page.named(&format!("  {}", show::metric(&measure.id)), room, &cells([&student, &teacher, &rerun]));
    }
    page.paragraph("  ", &show::secondary_note(measures));
}

fn findings(page: &mut Page, findings: &[Finding]) {
    page.heading("FINDINGS");
    if findings.is_empty() {
        page.paragraph("  ", "none");
    }
    for (at, finding) in findings.iter().take(FINDINGS).enumerate() {
        let lead = format!("  {}. ", at + 1);
        page.paragraph(&lead, &format!("[{}] {}", show::severity(finding.severity), finding.title));
        page.paragraph("     next: ", &finding.next_step);
    }
    if findings.len() > FINDINGS {
        page.paragraph("  ", &format!("{} more in the report", findings.len() - FINDINGS));
    }
}

/// What a reader of the numbers must know.
fn notes(page: &mut Page, notes: &[String]) {
    if !notes.is_empty() {
        page.heading("NOTES");
    }
    for note in notes {
        page.paragraph("  - ", note);
    }
}

fn cost(page: &mut Page, statement: &Statement, measured: Option<&Measured>) {
    let tokens = format!(
        "{} by the teacher (of which {} for the noise floor), {} by the student",
        show::counted(statement.cost.teacher_tokens, "token"),
        show::count(statement.cost.floor_tokens),
        show::count(statement.cost.student_tokens),
    );
    let cost = &statement.cost;
    let answers = match cost.teacher_answer_tokens + cost.student_answer_tokens {
        0 => String::new(),
        _ => format!(
            "; in answers {} by the teacher, {} by the student{}",
            show::count(cost.teacher_answer_tokens),
            show::count(cost.student_answer_tokens),
            show::of_base(cost)
        ),
    };
    let measured = measured.map_or_else(String::new, |m| format!("; {}, peak memory {}", m.time(), m.memory()));
    page.heading("COST");
    page.paragraph("  ", &format!("{tokens}{answers}{measured}"));
}

fn files(page: &mut Page, files: &[(&str, String)]) {
    if files.is_empty() {
        return;
    }
    page.heading("FILES");
    for (label, path) in files {
        page.paragraph(&format!("  {} ", left(label, 11)), path);
    }
}
