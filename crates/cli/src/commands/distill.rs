//! `hydrometer distill`: a student of a teacher, as a recipe says, with a control that learnt the same tokens without it.

pub(super) mod audited;
mod served;
pub(super) mod shown;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hydrometer_distill::data::{Finding, Lengths, Preflight, Weight};
use hydrometer_distill::train::{KeptTeacher, StepReport};
use hydrometer_distill::{Arm, Completion, DistillError, Measured, Observer, Outcome, Plan, Recipe};
use hydrometer_models::ModelError;
use hydrometer_probes::counted::{counted, grouped};
use hydrometer_report::visible;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::as_json;
use super::canaries::ChangeArguments;
use super::spending::SpendingArguments;
use crate::engine::EngineArguments;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::interrupt::{Interrupt, listen};
use crate::progress::{duration, peak_memory};
use crate::terminal::Terminal;
use served::Served;
use shown::with_interval;

/// Between two lines where nobody watches a bar.
const EVERY: Duration = Duration::from_secs(30);
/// Weight of a step in the loss that is shown.
const FRESH: f64 = 0.1;

/// Flags of `distill`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The recipe: a TOML file that names teacher, student, data, loss and steps (docs/distil.md).
    #[arg(value_name = "RECIPE")]
    recipe: PathBuf,
    /// Folder for checkpoints, measurements and students. The same command goes on where it stopped.
    #[arg(long, value_name = "FOLDER", required_unless_present = "check")]
    out: Option<PathBuf>,
    /// Look at data and student only: what would be trained on, what is left out and why. Exit code 2 where training is refused.
    #[arg(long)]
    check: bool,
    /// Then audit the student before training and every arm on the held-out documents, and set the first arm beside the others.
    #[arg(long, conflicts_with = "check")]
    audit: bool,
    #[command(flatten)]
    spending: SpendingArguments,
    #[command(flatten)]
    change: ChangeArguments,
    #[command(flatten)]
    engine: EngineArguments,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

/// Trains, or looks at the data.
pub fn run(arguments: Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let recipe = Recipe::read(&arguments.recipe).map_err(before)?;
    let interrupt = listen()?;
    terminal.say(&format!("opening teacher {}", recipe.teacher.display()));
    let served = match (recipe.served(), &arguments.out) {
        (Some(_), Some(out)) if !arguments.check => {
            files::outside_runs(&out.join("run.json"))?;
            Some(Served::open(&recipe, out, &arguments.engine, arguments.spending.open()?, terminal)?)
        }
        _ => None,
    };
    let mut plan = match (&served, recipe.served()) {
        (Some(served), _) => Plan::of_answers(recipe.clone(), served.identity().clone()).map_err(before)?,
        (None, Some(address)) => served::looked_at(recipe.clone(), &address)?,
        (None, None) => Plan::new(recipe.clone(), &arguments.engine.options()).map_err(before)?,
    };
    if arguments.check {
        let found = if arguments.json { as_json(&checked(&plan.data))? } else { told(&plan.data) };
        terminal.data(&found)?;
        if plan.data.refusal().is_some() {
            return Ok(Exit::BadInput);
        }
        // A student that cannot be made is refused, too.
        plan.student_parameters().map_err(before)?;
        return Ok(Exit::Done);
    }
    warn_of(&plan.data, terminal);
    let Some(out) = arguments.out else { return Err(Failure::input("no --out: expected a folder")) };
    if arguments.audit {
        audited::possible(&recipe)?;
    }
    files::outside_runs(&out.join("run.json"))?;
    // What will be refused is refused before its answers are paid for.
    if let Some(served) = served.as_ref().filter(|_| plan.data.refusal().is_none()) {
        plan.student_parameters().map_err(before)?;
        let accepted = arguments.change.accepts_a_change();
        plan = served.answers((&recipe, &out), plan, accepted, &interrupt, terminal)?;
        plan = served.distributions((&recipe, &out), plan, accepted, &interrupt, terminal)?;
    }
    let outcome = train(&plan, &out, &interrupt, terminal)?;
    if !arguments.json {
        let tables = [shown::table(&outcome), shown::differences(&outcome), shown::exports(&outcome)];
        terminal.data(&tables.concat())?;
    }
    let mut compared = Vec::new();
    if arguments.audit {
        let documents = std::mem::take(&mut plan.data.held_out_documents);
        drop(plan);
        let engine = arguments.engine.options();
        let whose = (&recipe, served.as_ref());
        compared = audited::every_arm(whose, &documents, &out, &engine, &interrupt, terminal)?;
    } else if let Some(next) = next(&recipe, &out) {
        terminal.say(&next);
    }
    if arguments.json {
        let mut found = serde_json::to_value(&outcome).map_err(Failure::input)?;
        found["out"] = json!(out);
        let audits =
            compared.iter().map(|one| json!({ "a": one.name, "b": recipe.arms[0], "compared": one.comparison }));
        found["audits"] = audits.collect();
        terminal.data(&as_json(&found)?)?;
    } else {
        terminal.data(&compared.into_iter().map(|one| one.text).collect::<String>())?;
    }
    complete(&outcome)
}

/// Whether every form could be written.
fn complete(outcome: &Outcome) -> Result<Exit, Failure> {
    let Some(first) = outcome.unwritten.first() else { return Ok(Exit::Done) };
    let message = format!(
        "{} could not be written; {} as {}: {}",
        counted(outcome.unwritten.len() as u64, "export"),
        first.arm.name(),
        first.form,
        first.reason
    );
    let failure = Failure { exit: Exit::ModelFailed, ..Failure::input(message) };
    Err(failure.hint(
        "the students are trained and everything else is there: take that form out of `export.formats` and repeat the command; \
         `hf`, `gguf:f32` and `gguf:bf16` hold numbers of any size",
    ))
}

/// Trains every arm and leaves a page about them.
///
/// # Errors
/// As [`Plan::run`].
pub(super) fn train(plan: &Plan, out: &Path, interrupt: &Interrupt, terminal: &Terminal) -> Result<Outcome, Failure> {
    let (parameters, learning) = plan.student_parameters().map_err(before)?;
    let learnt: usize = plan.data.train.iter().map(|sample| sample.targets()).sum();
    terminal.say(&format!(
        "a student of {} weights, of which {} learn; {} to learn, {} held out",
        grouped(parameters as u64),
        if learning == parameters { "all".to_owned() } else { grouped(learning as u64) },
        counted(learnt as u64, "token"),
        counted(plan.data.held_out.len() as u64, "sample"),
    ));
    let mut progress = Progress::new(terminal, interrupt);
    let outcome = plan.run(out, &mut progress);
    progress.end();
    let outcome = outcome.map_err(during)?;
    files::write(&out.join("report.md"), shown::page(&outcome, plan.identity(), &plan.data).as_bytes())?;
    Ok(outcome)
}

/// Says what was found in the data.
pub(super) fn warn_of(data: &Preflight, terminal: &Terminal) {
    for finding in data.findings.iter().filter(|finding| finding.weight == Weight::Note) {
        terminal.warn(&headline(finding));
    }
}

/// A finding in one line. What has no place in the files is of the models or of all data.
fn headline(finding: &Finding) -> String {
    let of_documents = !finding.examples.is_empty();
    let count = if of_documents { counted(finding.count, "document") + ": " } else { String::new() };
    count + &visible(&finding.what)
}

/// Nothing was trained yet: whatever is wrong is the input.
pub(super) fn before(error: DistillError) -> Failure {
    let hint = match &error {
        DistillError::Student { hint, .. } => Some(hint.clone()),
        DistillError::Recipe { .. } => Some("docs/distil.md lists every key of a recipe".to_owned()),
        DistillError::Cache { .. } => {
            Some(
                "take a loss that a cache serves (docs/distil.md, a cache as the teacher), or collect another one: \
                 `hydrometer distributions collect --help` lists what it may keep"
                    .to_owned(),
            )
        }
        DistillError::NotCached { missing, samples, .. } if missing == samples && *samples > 1 => Some(
            "none of them is there: was it collected from these files, with this `data.context`, by a teacher with the student's \
             tokenizer and template? Records are found by the tokens of whole samples"
                .to_owned(),
        ),
        DistillError::NotCached { .. } => Some(
            "add them: `hydrometer distributions collect --data FILE --ctx N` with the recipe's files and context; where it was \
             collected from them, its teacher's tokenizer or template makes other tokens of them than the student's"
                .to_owned(),
        ),
        DistillError::Data { .. } => Some("docs/distil.md says which files and records are read".to_owned()),
        DistillError::Model(ModelError::Io { .. }) => {
            Some("paths in a recipe are taken from the folder that the command runs in".to_owned())
        }
        _ => None,
    };
    let failure = Failure::input(error);
    hint.into_iter().fold(failure, Failure::hint)
}

fn during(error: DistillError) -> Failure {
    let exit = match &error {
        DistillError::Interrupted { .. } => Exit::Interrupted,
        DistillError::Folder(error) if error.is_no_room() => Exit::ModelFailed,
        DistillError::Diverged { .. } | DistillError::Model(_) | DistillError::Row(_) => Exit::ModelFailed,
        DistillError::Other { .. } => {
            return Failure::input(error).hint("name another folder with --out, or remove this one");
        }
        _ => return before(error),
    };
    Failure { exit, ..Failure::input(error) }
}

fn sizes(data: &Preflight) -> [(&'static str, u64); 5] {
    let samples = data.train.iter().chain(&data.held_out);
    [
        ("documents", data.documents),
        ("samples_trained", data.train.len() as u64),
        ("samples_held_out", data.held_out.len() as u64),
        ("tokens", samples.clone().map(|sample| sample.tokens.len() as u64).sum()),
        ("tokens_learnt", samples.map(|sample| sample.targets() as u64).sum()),
    ]
}

fn checked(data: &Preflight) -> serde_json::Value {
    let findings: Vec<_> = data
        .findings
        .iter()
        .map(|f| {
            let refuses = f.weight == Weight::Refusal;
            let documents = if f.examples.is_empty() { 0 } else { f.count };
            json!({"what": f.what, "weight": f.weight, "documents": documents, "examples": f.examples, "refuses": refuses})
        })
        .collect();
    let mut found = json!({ "hash": data.hash, "findings": findings, "lengths": data.lengths() });
    for (key, number) in sizes(data) {
        found[key] = number.into();
    }
    found
}

fn told(data: &Preflight) -> String {
    let [(_, documents), (_, trained), (_, held_out), (_, tokens), (_, learnt)] = sizes(data);
    let mut text = format!(
        "{}: {} to train on, {} held out\n{}, of which {} are learnt\n",
        counted(documents, "document"),
        counted(trained, "sample"),
        grouped(held_out),
        counted(tokens, "token"),
        grouped(learnt),
    );
    if let Some(Lengths { p50, p95, max, learnt }) = data.lengths() {
        let [p50, p95, max] = [p50, p95, max].map(|tokens| grouped(tokens as u64));
        text.push_str(&format!(
            "\ntokens a sample\n  half have at most   {p50}\n  95 % have at most   {p95}\n  the longest         {max}\n  \
             share that is learnt {:.1} %\n",
            100.0 * learnt
        ));
    }
    // What is refused first, facts last.
    for (weight, label) in [(Weight::Refusal, "refused"), (Weight::Note, "note"), (Weight::Fact, "fact")] {
        for finding in data.findings.iter().filter(|finding| finding.weight == weight) {
            text.push_str(&format!("\n{label}: {}\n", headline(finding)));
            for example in &finding.examples {
                text.push_str(&format!("  {}\n", visible(example)));
            }
        }
    }
    text
}

/// The audit that says what the student lost; `None` where the teacher is not there to be asked.
fn next(recipe: &Recipe, out: &Path) -> Option<String> {
    if KeptTeacher::is_at(&recipe.teacher) {
        return None;
    }
    let student = |arm: Arm| out.join(arm.name()).join("student").display().to_string();
    let arm = recipe.arms.first().copied().unwrap_or(Arm::Distilled);
    let control = (arm != Arm::HardLabels && recipe.arms.contains(&Arm::HardLabels)).then_some(Arm::HardLabels);
    let control = control.map_or(String::new(), |control| format!(" --control {}", student(control)));
    Some(format!(
        "what did it lose? hydrometer audit --teacher {} --student {} --base {}{control}",
        recipe.teacher.display(),
        student(arm),
        out.join("start").display(),
    ))
}

/// The end of a text that fits in half a line.
fn in_line(text: &str) -> String {
    const MOST: usize = 60;
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    let skipped = text.chars().count().saturating_sub(MOST);
    visible(&text.chars().skip(skipped).collect::<String>())
}

/// Watches a training.
struct Progress<'a> {
    terminal: &'a Terminal,
    interrupt: &'a Interrupt,
    bar: ProgressBar,
    began: Instant,
    told: Instant,
    first: u64,
    steps: u64,
    tokens: u64,
    loss: Option<f64>,
    held_out: String,
}

impl<'a> Progress<'a> {
    fn new(terminal: &'a Terminal, interrupt: &'a Interrupt) -> Self {
        interrupt.heeded();
        let now = Instant::now();
        let (bar, held_out) = (ProgressBar::hidden(), String::new());
        Self { terminal, interrupt, bar, began: now, told: now, first: 0, steps: 0, tokens: 0, loss: None, held_out }
    }

    fn end(self) {
        self.bar.finish_and_clear();
    }

    fn state(&self) -> String {
        let speed = self.tokens as f64 / self.began.elapsed().as_secs_f64().max(0.001);
        state(self.loss, &self.held_out, speed, peak_memory())
    }
}

/// Loss, what was measured last, tokens a second, and the most memory so far in bytes where the system tells it.
fn state(loss: Option<f64>, held_out: &str, speed: f64, memory: Option<u64>) -> String {
    let loss = loss.map_or(String::new(), |loss| format!("loss {loss:.4}, "));
    let memory =
        memory.map_or(String::new(), |bytes| format!(", {:.1} GiB at most", bytes as f64 / f64::from(1 << 30)));
    format!("{loss}{held_out}{} tokens/s{memory}", grouped(speed as u64))
}

/// What was measured on the held-out documents, as the line of progress has it.
fn held_out_now(held_out: &Measured) -> String {
    let Measured { kl_divergence, kl_lower_bound, cross_entropy, .. } = held_out;
    match (kl_divergence, kl_lower_bound) {
        (Some(kl), _) => format!("held-out KL {}, ", with_interval(kl)),
        (None, Some(bound)) => format!("held-out KL at least {}, ", with_interval(bound)),
        (None, None) => format!("held-out cross-entropy {cross_entropy:.4}, "),
    }
}

impl Observer for Progress<'_> {
    fn begins(&mut self, arm: Arm, step: u64, steps: u64) {
        self.bar.finish_and_clear();
        let whence = if step == 0 { String::new() } else { format!(", goes on from step {}", grouped(step)) };
        self.terminal.say(&format!("{}: {}{whence}", arm.name(), counted(steps, "step")));
        let now = Instant::now();
        (self.began, self.told, self.first, self.steps) = (now, now, step, steps);
        (self.tokens, self.loss, self.held_out) = (0, None, String::new());
        self.bar = ProgressBar::hidden();
        if self.terminal.live() {
            self.bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{bar:20} {pos}/{len}  {msg}, {eta} left") {
                self.bar.set_style(style.progress_chars("━━╌"));
            }
            self.bar.set_position(step);
            self.bar.reset_eta();
        }
    }

    fn went_back(&mut self, arm: Arm, step: u64, damaged: &DistillError) {
        let line = format!("{}: {damaged}; going on from the checkpoint before, of step {}", arm.name(), grouped(step));
        self.terminal.warn(&line);
    }

    fn stepped(&mut self, arm: Arm, step: u64, report: &StepReport) {
        let loss = report.sums.mean_loss();
        self.loss = Some(self.loss.map_or(loss, |before| before + FRESH * (loss - before)));
        self.tokens += report.tokens;
        self.bar.set_position(step);
        self.bar.set_message(self.state());
        if !self.terminal.live() && self.told.elapsed() >= EVERY {
            self.told = Instant::now();
            let (done, left) = (step - self.first, self.steps - step);
            let left = self.began.elapsed().as_secs_f64() * left as f64 / done.max(1) as f64;
            let state = self.state();
            self.terminal.say(&format!("{} {step}/{}: {state}, {} left", arm.name(), self.steps, duration(left)));
        }
    }

    fn measured(&mut self, arm: Arm, step: u64, held_out: &Measured) {
        let Measured { kl_divergence, kl_lower_bound, cross_entropy, .. } = held_out;
        self.held_out = held_out_now(held_out);
        let of = |what: &str, kl| format!("KL {what}{}, ", with_interval(kl));
        let kl = kl_divergence.as_ref().map(|kl| of("", kl));
        let kl = kl.or(kl_lower_bound.as_ref().map(|bound| of("at least ", bound))).unwrap_or_default();
        let line = format!("{} step {step}: held-out {kl}cross-entropy {cross_entropy:.4}", arm.name());
        self.bar.suspend(|| self.terminal.say(&line));
    }

    fn completed(&mut self, arm: Arm, step: u64, completions: &[Completion]) {
        for Completion { prompt, completion, .. } in completions {
            let line = format!("{} step {step}: {} … {}", arm.name(), in_line(prompt), in_line(completion));
            self.bar.suspend(|| self.terminal.say(&line));
        }
    }

    fn answered(&mut self, done: u64, of: u64) {
        if self.told.elapsed() >= EVERY || done == of {
            self.told = Instant::now();
            self.terminal.say(&format!("teacher_text: {} of {}", grouped(done), counted(of, "answer")));
        }
    }

    fn interrupted(&self) -> bool {
        self.interrupt.asked()
    }

    fn now(&self) -> Option<f64> {
        SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use hydrometer_metrics::{Estimate, Interval, IntervalMethod};

    use super::*;

    /// The line of progress has the KL's interval and the most memory so far.
    #[test]
    fn the_line_of_progress_has_interval_and_memory() {
        let interval = Some(Interval { low: 0.2, high: 0.31, level: 0.95, method: IntervalMethod::JackknifeT });
        let kl = Estimate {
            value: 0.25,
            interval,
            n_families: 9,
            n_items: 90,
            excluded: Vec::new(),
            floor: None,
            effective_families: None,
            unseen: None,
            student_alone: None,
        };
        let measured =
            |kl_divergence| Measured { kl_divergence, cross_entropy: 3.5, tail_kept: None, kl_lower_bound: None };
        let held_out = held_out_now(&measured(Some(kl)));
        let memory = Some(3 << 29);
        let expected = "loss 1.5000, held-out KL 0.2500 (0.2000 to 0.3100), 1,234 tokens/s, 1.5 GiB at most";
        assert_eq!(state(Some(1.5), &held_out, 1234.5, memory), expected);
        // Where the system does not tell it, nothing stands there.
        let expected = "held-out cross-entropy 3.5000, 9 tokens/s";
        assert_eq!(state(None, &held_out_now(&measured(None)), 9.0, None), expected);
        assert!(peak_memory().is_none_or(|bytes| bytes > 1 << 20));
    }
}
