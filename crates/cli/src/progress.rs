//! Watches a collection for the person at the terminal: expected time, throughput, time left, and what it cost.

use std::time::{Duration, Instant};

use hydrometer_answers::{CostEntry, PartKind, PlannedTokens};
use hydrometer_ask::{Ahead, Bought, Keep, Observer, PlanSummary, Role, Turns};
use hydrometer_models::BatchState;
use hydrometer_probes::counted::{counted, grouped};
use hydrometer_report::visible;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use self::lines::Lines;
use crate::commands::spending::{Spending, in_words};
use crate::interrupt::Interrupt;
use crate::terminal::Terminal;

mod audits;
mod lines;

pub use audits::Audits;

/// What is counted.
const TOKEN: &str = "token";
const POSITION: &str = "position";

/// Tokens per second of both models, measured before the start; `None` where not measured.
#[derive(Clone, Copy, Debug)]
pub struct Speeds {
    /// Of the teacher.
    pub teacher: Option<f64>,
    /// Of the student.
    pub student: Option<f64>,
}

/// The observer of one collection.
pub struct Progress<'a> {
    terminal: &'a Terminal,
    interrupt: &'a Interrupt,
    speeds: Speeds,
    /// In front of what lies ahead.
    bound: &'static str,
    /// What is counted: tokens that are scored, or positions that are asked for.
    unit: &'static str,
    bar: ProgressBar,
    unit_started: Instant,
    unit_tokens: u64,
    /// Free answers that are wanted, and the bar over them once the first tokens are there.
    answers: u64,
    answering: Option<ProgressBar>,
    drawn: u64,
    /// Positions that came since the start.
    positions: u64,
    /// Answers under way at once.
    together: usize,
    /// In place of the bar where nobody watches it, with the time at which it began.
    lines: Option<(Lines, Instant)>,
    /// The same of answers, beside their bar, too.
    answer_lines: Option<(Lines, Instant)>,
    /// What endpoints cost, where any is asked.
    spending: Option<Spending>,
    /// What was last said of a batch.
    batch: Option<String>,
}

impl<'a> Progress<'a> {
    /// A silent bar, until the plan is known.
    pub fn new(terminal: &'a Terminal, interrupt: &'a Interrupt, speeds: Speeds) -> Self {
        interrupt.heeded();
        let bar = ProgressBar::hidden();
        let (unit_started, unit_tokens) = (Instant::now(), 0);
        let (bound, unit, answers, answering, drawn) = ("", TOKEN, 0, None, 0);
        let (lines, answer_lines) = (None, None);
        Self {
            terminal,
            interrupt,
            speeds,
            bound,
            unit,
            bar,
            unit_started,
            unit_tokens,
            answers,
            answering,
            drawn,
            positions: 0,
            together: 0,
            lines,
            answer_lines,
            spending: None,
            batch: None,
        }
    }

    /// For a run whose endpoints are paid from this purse.
    pub fn paying(self, spending: Spending) -> Self {
        Self { spending: Some(spending), ..self }
    }

    /// For a run in which so many answers are under way at once.
    pub fn answering_at_once(self, together: usize) -> Self {
        Self { together, ..self }
    }

    /// For distributions that are asked for position by position.
    pub fn counting_positions(self) -> Self {
        Self { unit: POSITION, ..self }
    }

    /// What endpoints cost so far, behind what else is said.
    fn cost(&self) -> String {
        let so_far = self.spending.as_ref().and_then(Spending::so_far);
        so_far.map(|cost| format!(", {cost}")).unwrap_or_default()
    }

    /// What an entry of `cost.jsonl` says.
    fn entry(&mut self, what: &str, unit: Option<u32>) -> CostEntry {
        let entry = CostEntry {
            what: what.to_owned(),
            unit,
            tokens: self.unit_tokens,
            seconds: self.unit_started.elapsed().as_secs_f64(),
            peak_memory: peak_memory(),
            paid: self.spending.as_ref().and_then(Spending::take),
        };
        self.unit_started = Instant::now();
        self.unit_tokens = 0;
        entry
    }

    /// For a run that may stop before the whole suite is asked.
    pub fn that_may_stop_early(self) -> Self {
        Self { bound: "at most ", ..self }
    }

    /// The bar over free answers; the bar over scored tokens ends with the first of them.
    fn answering(&mut self) -> &ProgressBar {
        let (bar, terminal, answers) = (&self.bar, self.terminal, self.answers);
        self.answering.get_or_insert_with(|| {
            bar.finish_and_clear();
            if !terminal.live() {
                return ProgressBar::hidden();
            }
            let bar = ProgressBar::with_draw_target(Some(answers), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} answers  {msg}  {elapsed} gone") {
                bar.set_style(style.progress_chars("━━╌"));
            }
            bar.enable_steady_tick(Duration::from_secs(1));
            bar
        })
    }

    /// The clock of the lines about answers starts with the first of them.
    fn begin_answers(&mut self) {
        if self.answer_lines.is_none() {
            self.answer_lines = Some((Lines::new("answer", self.answers, 0).together(self.together), Instant::now()));
        }
    }

    /// Answers and tokens in a second.
    fn speeds_of_answers(&self) -> String {
        let elapsed = self.answer_lines.as_ref().map(|(_, began)| began.elapsed()).unwrap_or_default();
        let answers = self.answer_lines.as_ref().and_then(|(lines, _)| lines.speed(elapsed));
        let tokens = format!("{:.0} tokens/s", self.drawn as f64 / elapsed.as_secs_f64().max(0.1));
        answers.into_iter().chain([tokens]).collect::<Vec<_>>().join(", ")
    }

    /// Takes the bar off the screen.
    pub fn end(self) {
        self.bar.finish_and_clear();
        if let Some(bar) = self.answering {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Progress<'_> {
    fn planned(&mut self, plan: &PlanSummary) {
        let planned = plan.planned;
        let total = planned.total();
        if plan.units_done == plan.units {
            self.terminal.say("everything was collected earlier; nothing is asked again");
        } else {
            if plan.units_done > 0 {
                self.terminal.say(&format!("resuming: {} of {} units are there", plan.units_done, plan.units));
            }
            let ahead = match self.unit {
                POSITION => format!("{} to ask for", counted(total.saturating_sub(plan.tokens_done), POSITION)),
                _ => expectation(plan, self.speeds),
            };
            self.terminal.say(&format!("{}{ahead}", self.bound));
        }
        if self.terminal.live() {
            self.bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            // Only a template with unknown keys can be refused, and this one is constant.
            let template =
                format!("{{bar:30}} {{percent:>3}} %  {{per_sec}} {}s  {{elapsed}} gone, {{eta}} left", self.unit);
            if let Ok(style) = ProgressStyle::with_template(&template) {
                self.bar.set_style(style.progress_chars("━━╌").with_key("per_sec", per_second));
            }
            self.bar.set_position(plan.tokens_done);
            self.bar.reset_eta();
            self.bar.enable_steady_tick(Duration::from_secs(1));
        }
        self.answers = plan.answers;
        self.unit_started = Instant::now();
        let work =
            |unit, total, before| (!self.terminal.live() && total > before).then(|| Lines::new(unit, total, before));
        self.lines = work(self.unit, total, plan.tokens_done).zip(Some(Instant::now()));
    }

    fn sampled(&mut self, read: u64, drawn: u64) {
        self.unit_tokens += read + drawn;
        self.begin_answers();
        self.drawn += drawn;
        let said = format!("{}{}", self.speeds_of_answers(), self.cost());
        let left = self.answer_lines.as_ref().and_then(|(lines, began)| lines.left(began.elapsed()));
        let left = left.map(|left| format!(", {} left", duration(left))).unwrap_or_default();
        self.answering().set_message(format!("{said}{left}"));
        // Many answers at once come late: that they are drawn is told before the first of them.
        tell(self.terminal, &mut self.answer_lines, 0, &format!(", {said}"));
    }

    fn answered(&mut self, answers: u64) {
        self.answering().inc(answers);
        let said = format!(", {}{}", self.speeds_of_answers(), self.cost());
        tell(self.terminal, &mut self.answer_lines, answers, &said);
    }

    fn spared(&mut self, answers: u64) {
        self.answering().inc(answers);
        self.begin_answers();
        if let Some((lines, _)) = &mut self.answer_lines {
            lines.skip(answers);
        }
    }

    fn progress(&mut self, tokens: u64) {
        self.unit_tokens += tokens;
        self.bar.inc(tokens);
        let more = match (self.unit, &self.lines) {
            (POSITION, Some((_, began))) => {
                self.positions += tokens;
                let speed = self.positions as f64 / began.elapsed().as_secs_f64().max(0.1);
                format!(", {speed:.1} positions/s{}", self.cost())
            }
            _ => String::new(),
        };
        tell(self.terminal, &mut self.lines, tokens, &more);
    }

    fn finished(&mut self, what: PartKind, unit: u32) -> Option<CostEntry> {
        Some(self.entry(what.name(), Some(unit)))
    }

    fn will_pay(&mut self, role: Role, ahead: Ahead) {
        let Some(spending) = &self.spending else { return };
        let Ahead { what, answers, read, drawn, money } = ahead;
        let cost = money.and_then(|money| spending.money(money)).map(|money| format!(", at most {}", in_words(&money)));
        let (cost, most, tokens) = (cost.unwrap_or_default(), grouped(drawn), read + drawn);
        let known = |what| {
            let (answers, read) = (counted(answers, what), grouped(read));
            format!("{answers} to be paid for: about {read} tokens read, at most {most} drawn{cost}")
        };
        let words = match what {
            Bought::Answers => known("answer"),
            Bought::Positions => known("position"),
            Bought::Turns(turns) => {
                let how = match turns {
                    Turns::Alone => "asked one by one".to_owned(),
                    Turns::Together(most) => {
                        format!("asked in a batch for each of {} at most", counted(u64::from(most), "round"))
                    }
                };
                format!(
                    "episodes take {} to be paid for at most, {how}; at most {most} tokens drawn{cost}, and what is read, which grows with every answer \
                     of an episode and is not known before",
                    counted(answers, "answer")
                )
            }
        };
        self.terminal.say(&format!("{role}: {words}"));
        if spending.exceeds(money, tokens) {
            self.terminal
                .warn("that may be more than the budget: the command stops there, and goes on with a higher one");
        }
    }

    fn batch(&mut self, role: Role, state: &BatchState) {
        let BatchState { id, said, answered, failed, questions } = state;
        let failed = if *failed > 0 { format!(", {} without an answer", grouped(*failed)) } else { String::new() };
        let (answered, questions) = (grouped(*answered), counted(*questions, "question"));
        let line =
            format!("{role}: batch {} is {}: {answered} of {questions} answered{failed}", visible(id), visible(said));
        if self.batch.as_ref() != Some(&line) {
            self.terminal.say(&line);
            self.batch = Some(line);
        }
    }

    fn says(&mut self, role: Role, words: &str) {
        self.terminal.warn(&format!("{role}: {words}"));
    }

    fn paid(&mut self, keep: Keep) -> Option<CostEntry> {
        let spending = self.spending.as_ref()?;
        let is_kept = spending.purse.spent().questions > 0 && (keep == Keep::Always || spending.is_much());
        is_kept.then(|| self.entry("answers", None)).filter(|entry| entry.paid.is_some())
    }

    fn interrupted(&self) -> bool {
        self.interrupt.asked()
    }
}

/// Says a line where it is time for one.
fn tell(terminal: &Terminal, lines: &mut Option<(Lines, Instant)>, more: u64, cost: &str) {
    if let Some((lines, began)) = lines
        && let Some(line) = lines.advance(more, began.elapsed())
        && !terminal.live()
    {
        terminal.say(&format!("{line}{cost}"));
    }
}

/// A bar over the chunks of a base file.
pub struct Chunks(ProgressBar);

impl Chunks {
    /// A bar of `total` chunks; 0 where the number is not known before.
    pub fn new(terminal: &Terminal, total: u32) -> Self {
        if !terminal.live() {
            return Self(ProgressBar::hidden());
        }
        let total = (total > 0).then(|| u64::from(total));
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        let template =
            if total.is_some() { "{bar:30} {pos}/{len} chunks, {eta} left" } else { "{pos} chunks, {elapsed}" };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━━╌"));
        }
        bar.enable_steady_tick(Duration::from_secs(1));
        Self(bar)
    }

    /// This many chunks are done.
    pub fn done(&self, chunks: u32) {
        self.0.set_position(u64::from(chunks));
    }

    /// Takes the bar off the screen.
    pub fn end(self) {
        self.0.finish_and_clear();
    }
}

/// A bar over the tensors of a file.
pub struct Tensors(ProgressBar);

impl Tensors {
    /// A bar of `total` bytes that are read.
    pub fn new(terminal: &Terminal, total: u64) -> Self {
        if !terminal.live() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes}  {msg}, {eta} left") {
            bar.set_style(style.progress_chars("━━╌"));
        }
        bar.enable_steady_tick(Duration::from_secs(1));
        Self(bar)
    }

    /// The tensor of this name is written.
    pub fn done(&self, name: &str, bytes: u64) {
        self.0.set_message(name.to_owned());
        self.0.inc(bytes);
    }

    /// Takes the bar off the screen.
    pub fn end(self) {
        self.0.finish_and_clear();
    }
}

fn per_second(state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write) {
    let _ = write!(out, "{:.0}/s", state.per_sec());
}

/// Tokens of answers that are drawn in the time in which one is scored, where dozens are drawn at once: 0.55 to 0.68 was
/// measured for 0.5 and 1.5 billion parameters with AVX-512.
const DRAWN: f64 = 0.6;

/// What lies ahead, in one line.
fn expectation(plan: &PlanSummary, speeds: Speeds) -> String {
    let planned = plan.planned;
    let (teacher, student) = (planned.teacher_tokens, planned.student_tokens);
    let total = planned.total();
    let left = total.saturating_sub(plan.tokens_done);
    if total == 0 {
        return format!(
            "{} wanted; what the answer store holds is not asked again",
            counted(plan.answers, "free answer")
        );
    }
    let control = match planned.control_tokens {
        0 => String::new(),
        tokens => format!(", {} control", grouped(tokens)),
    };
    let (of_teacher, of_student) = (grouped(teacher), grouped(student));
    let work = format!("{} to score ({of_teacher} teacher, {of_student} student{control})", counted(left, "token"));
    let work = match plan.answers {
        0 => work,
        answers => format!("{work}; {}", counted(answers, "free answer")),
    };
    let (Some(fast), Some(slow)) = (speeds.student, speeds.teacher) else { return work };
    // A control student, and one before distillation, is taken to be as fast as the student.
    let seconds = |tokens: &PlannedTokens| {
        tokens.teacher_tokens as f64 / slow + (tokens.student_tokens + tokens.control_tokens) as f64 / fast
    };
    let scoring = seconds(&planned) * left as f64 / total as f64;
    let answers = seconds(&plan.longest) / DRAWN;
    let most = format!("at most {} for answers", duration(answers));
    match (left, plan.answers) {
        (_, 0) => format!("{work}, expected to take {}", duration(scoring)),
        (0, _) => format!("{work}, {most}"),
        _ => format!("{work}, expected to take {} for scoring and {most}", duration(scoring)),
    }
}

/// Seconds in words, no more precise than they can be known.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => "less than a second".to_owned(),
        s if s < 90.0 => format!("about {s:.0} s"),
        s if s < 5400.0 => format!("about {:.0} min", s / 60.0),
        s => format!("about {:.1} h", s / 3600.0),
    }
}

/// Peak resident memory of this process in bytes, where the system tells it in /proc.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_no_more_precise_than_known() {
        let check = |seconds, expected: &str| assert_eq!(duration(seconds), expected);
        check(0.2, "less than a second");
        check(61.0, "about 61 s");
        check(600.0, "about 10 min");
        check(9000.0, "about 2.5 h");
    }
}
