//! A recipe carried out: the teacher opened, the data looked at, every arm trained, measured and written.
//!
//! The folder of a run holds `run.json` (what it was begun with), `start/` (the student before training), and for each arm
//! `checkpoint.safetensors`, `metrics.jsonl`, `student/` and, at its end, `result.json`.

use std::fs;
use std::path::Path;

use hydrometer_answers::{RunError, durable};
use hydrometer_metrics::Estimate;
use hydrometer_metrics::stats::limits::{Limits, Shape};
use hydrometer_models::{Checkpoint, Decoder, EngineOptions, Model};
use hydrometer_probes::strangers::read_file;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::data::{Batches, Encoder, Preflight, preflight, read};
use crate::export::hugging_face;
use crate::network::Network;
use crate::recipe::{Arm, Recipe};
use crate::train::{HeldOut, Progress, Sample, StepReport, Teacher, Trainer};
use crate::{DistillError, chance};

/// Level of the intervals.
const LEVEL: f64 = 0.95;
const RUN: &str = "run.json";
const CHECKPOINT: &str = "checkpoint.safetensors";
const METRICS: &str = "metrics.jsonl";
const RESULT: &str = "result.json";

/// Who watches a run.
pub trait Observer {
    /// An arm begins, or goes on, at this step.
    fn begins(&mut self, arm: Arm, step: u64, steps: u64);
    /// A step is done.
    fn stepped(&mut self, arm: Arm, step: u64, report: &StepReport);
    /// The student was measured on held-out documents.
    fn measured(&mut self, arm: Arm, step: u64, held_out: &Measured);
    /// Whether to stop at the next step, with a checkpoint.
    fn interrupted(&self) -> bool;
}

/// What held-out documents say of a student.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// KL(teacher ‖ student) at temperature 1, nats a token, with its interval over documents.
    pub kl_divergence: Estimate,
    /// −ln q of the text's tokens, nats.
    pub cross_entropy: f64,
}

/// What became of an arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmResult {
    /// The arm.
    pub arm: Arm,
    /// Steps.
    pub steps: u64,
    /// Tokens that went through the student.
    pub tokens: u64,
    /// Before training and after; `None` where nothing was held out.
    pub start: Option<Measured>,
    /// After training.
    pub end: Option<Measured>,
}

/// A recipe whose models are open and whose data are read.
pub struct Plan {
    recipe: Recipe,
    checkpoint: Checkpoint,
    teacher: Decoder,
    /// The data, and what was found in them.
    pub data: Preflight,
}

impl Plan {
    /// Opens the teacher and reads the data.
    ///
    /// # Errors
    /// A model or a file that cannot be used; a context that the teacher does not have.
    pub fn new(recipe: Recipe, options: &EngineOptions) -> Result<Plan, DistillError> {
        let checkpoint = Checkpoint::open(&recipe.teacher)?;
        let teacher = Decoder::open(&checkpoint, options)?;
        let context = checkpoint.config.context;
        if recipe.data.context > context {
            let reason = format!("the recipe's context is {}, the teacher's {context}", recipe.data.context);
            return Err(DistillError::Pair { reason });
        }
        let tokenizer = checkpoint.tokenizer()?;
        let template = checkpoint.template()?;
        let Some(end) = tokenizer.eos().or_else(|| tokenizer.ends().first().copied()) else {
            let reason = "the teacher's tokenizer has no end-of-text token, so its student could never learn to stop";
            return Err(DistillError::Pair { reason: reason.to_owned() });
        };
        let (mut documents, mut left_out) = (Vec::new(), Vec::new());
        for path in &recipe.data.files {
            let (some, wrong) = read(path, recipe.data.format)?;
            documents.extend(some);
            left_out.extend(wrong);
        }
        let encoder = Encoder { tokenizer: &tokenizer, template: template.as_ref(), end, context: recipe.data.context };
        let data = preflight(&encoder, &documents, &left_out, recipe.data.held_out);
        Ok(Plan { recipe, checkpoint, teacher, data })
    }

    /// The student before it learns anything, and whose tokenizer it has.
    fn start(&self) -> Result<(Network, Option<Checkpoint>), DistillError> {
        let seed = chance::seed_of("weights", &[self.recipe.train.seed]);
        let (network, origin) = self.recipe.student.build(&self.checkpoint, seed)?;
        if self.recipe.data.context > network.config.context {
            let (asked, there) = (self.recipe.data.context, network.config.context);
            return Err(DistillError::Pair {
                reason: format!("the recipe's context is {asked}, the student's {there}"),
            });
        }
        Teacher::of(&self.teacher, network.config.vocab)?;
        Ok((network, origin))
    }

    /// Number of weights of the student.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn student_parameters(&self) -> Result<usize, DistillError> {
        Ok(self.start()?.0.weights.len())
    }

    /// Trains every arm that is not finished, each from where its checkpoint stands.
    ///
    /// # Errors
    /// Data that were refused, a folder of another run, a model that fails, a disk that is full, or an interruption: the same
    /// call goes on.
    pub fn run(&self, out: &Path, observer: &mut dyn Observer) -> Result<Vec<ArmResult>, DistillError> {
        if let Some(refusal) = self.data.refusal() {
            return Err(DistillError::Pair { reason: format!("data: {}", refusal.what) });
        }
        fs::create_dir_all(out).map_err(RunError::io("create", out))?;
        let _lock = durable::Lock::take(out, ".lock")?;
        self.begun_with(out)?;
        let (network, origin) = self.start()?;
        let origin = origin.as_ref().unwrap_or(&self.checkpoint);
        if !out.join("start/config.json").exists() {
            hugging_face(&out.join("start"), &network, origin)?;
        }
        drop(network);
        self.recipe.arms.iter().map(|&arm| self.arm(arm, &out.join(arm.name()), origin, observer)).collect()
    }

    /// Refuses a folder that was begun with something else.
    fn begun_with(&self, out: &Path) -> Result<(), DistillError> {
        let now = json!({
            "format": "hydrometer.distill-run/1",
            "recipe": self.recipe.hash(),
            "data": self.data.hash,
            "teacher": self.teacher.identity().weights,
            "engine": serde_json::to_value(&self.teacher.identity().engine).unwrap_or_default(),
        });
        let path = out.join(RUN);
        if !path.exists() {
            return Ok(durable::replace(&path, format!("{now:#}\n").as_bytes())?);
        }
        let bytes = read_file(&path).map_err(RunError::io("read", &path))?;
        let there: serde_json::Value = serde_json::from_slice(&bytes)
            .map_err(|error| DistillError::data(&path, "file", "the JSON of a run", error.to_string()))?;
        for what in ["format", "recipe", "data", "teacher", "engine"] {
            if there[what] != now[what] {
                let (expected, found) = (there[what].to_string(), now[what].to_string());
                return Err(DistillError::Other { path: out.display().to_string(), what, expected, found });
            }
        }
        Ok(())
    }

    fn arm(
        &self,
        arm: Arm,
        folder: &Path,
        origin: &Checkpoint,
        observer: &mut dyn Observer,
    ) -> Result<ArmResult, DistillError> {
        fs::create_dir_all(folder).map_err(RunError::io("create", folder))?;
        durable::remove_leftovers(&[folder])?;
        if let Some(result) = finished(&folder.join(RESULT))? {
            return Ok(result);
        }
        let train = &self.recipe.train;
        let (network, _) = self.start()?;
        let teacher = Teacher::of(&self.teacher, network.config.vocab)?;
        let mut trainer = Trainer::new(network, self.recipe.settings(arm));
        let (checkpoint, metrics) = (folder.join(CHECKPOINT), folder.join(METRICS));
        let mut progress = Progress::default();
        if checkpoint.exists() {
            progress = trainer.load(&checkpoint)?;
        }
        keep_lines(&metrics, trainer.step, checkpoint.exists())?;
        observer.begins(arm, trainer.step, train.steps);
        let held_out = self.measured_samples();
        let tell = |trainer: &Trainer, report: Option<&StepReport>, tokens: u64, observer: &mut dyn Observer| {
            let step = trainer.step;
            let due = step.is_multiple_of(train.evaluate_every) || step == train.steps;
            let found = if due && !held_out.is_empty() { measure(trainer, &held_out, teacher)? } else { None };
            if let Some(found) = &found {
                observer.measured(arm, step, found);
            }
            durable::append_line(&metrics, &line(step, report, tokens, found.as_ref()))?;
            Ok::<_, DistillError>(())
        };
        if trainer.step == 0 && !checkpoint.exists() {
            tell(&trainer, None, 0, observer)?;
            trainer.save(&checkpoint, progress)?;
        }
        let Progress { position, .. } = progress;
        let mut batches = Batches::new(&self.data.train, train.batch_tokens, train.seed, position);
        while trainer.step < train.steps {
            if observer.interrupted() {
                progress.position = batches.position;
                trainer.save(&checkpoint, progress)?;
                return Err(DistillError::Interrupted { step: trainer.step });
            }
            let report = trainer.step(&batches.next_batch(), Some(teacher))?;
            progress = Progress { tokens: progress.tokens + report.tokens, position: batches.position };
            observer.stepped(arm, trainer.step, &report);
            tell(&trainer, Some(&report), progress.tokens, observer)?;
            if trainer.step.is_multiple_of(train.checkpoint_every) || trainer.step == train.steps {
                trainer.save(&checkpoint, progress)?;
            }
        }
        hugging_face(&folder.join("student"), &trainer.network, origin)?;
        let (start, end) = ends(&metrics, train.steps)?;
        let result = ArmResult { arm, steps: train.steps, tokens: progress.tokens, start, end };
        let text = serde_json::to_string_pretty(&result).unwrap_or_default();
        durable::replace(&folder.join(RESULT), (text + "\n").as_bytes())?;
        Ok(result)
    }

    /// Held-out samples, whole documents by rising hash, up to as many tokens as the recipe says.
    fn measured_samples(&self) -> Vec<&Sample> {
        let mut samples: Vec<&Sample> = self.data.held_out.iter().collect();
        samples.sort_by(|a, b| a.family.cmp(&b.family));
        let mut tokens = 0;
        samples.retain(|sample| {
            let fits = tokens < self.recipe.train.evaluate_tokens;
            tokens += sample.tokens.len();
            fits
        });
        samples
    }
}

fn measure(trainer: &Trainer, samples: &[&Sample], teacher: Teacher<'_>) -> Result<Option<Measured>, DistillError> {
    let HeldOut(table) = trainer.evaluate(samples, teacher)?;
    let ratio = |column: usize| move |sums: &[f64]| (sums[2] > 0.0).then(|| sums[column] / sums[2]);
    // A document weighs by its tokens, and a divergence is never below 0.
    let limits = |column| Limits::new(&table, Shape::AMOUNT, |sums: &[f64]| sums[2], ratio(column));
    let mut kl_divergence = limits(0).map(|limits| limits.estimate(LEVEL, table.items()));
    if let Some(interval) = kl_divergence.as_mut().and_then(|estimate| estimate.interval.as_mut()) {
        interval.low = interval.low.max(0.0);
    }
    let cross_entropy = limits(1).map(|limits| limits.value());
    Ok(kl_divergence.zip(cross_entropy).map(|(kl_divergence, cross_entropy)| Measured { kl_divergence, cross_entropy }))
}

fn line(step: u64, report: Option<&StepReport>, tokens: u64, held_out: Option<&Measured>) -> String {
    let mut line = json!({ "step": step, "tokens": tokens });
    if let Some(StepReport { sums, gradient, rate, .. }) = report {
        let mean = |sum: f64| sum / sums.rows.max(1) as f64;
        line["loss"] = json!(mean(sums.loss));
        line["cross_entropy"] = json!(mean(sums.cross_entropy));
        line["divergence"] = json!(mean(sums.divergence));
        line["gradient"] = json!(gradient);
        line["learning_rate"] = json!(rate);
    }
    if let Some(held_out) = held_out {
        line["held_out"] = json!(held_out);
    }
    line.to_string()
}

/// One line of the metrics, as far as it is read again.
#[derive(Deserialize)]
struct Line {
    step: u64,
    held_out: Option<Measured>,
}

fn lines(path: &Path) -> Result<Vec<(String, Line)>, DistillError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    durable::drop_torn_line(path)?;
    let bytes = read_file(path).map_err(RunError::io("read", path))?;
    let parse = |(number, text): (usize, &str)| {
        let wrong = |error: serde_json::Error| {
            DistillError::data(path, format!("line {}", number + 1), "the metrics of a step", error.to_string())
        };
        serde_json::from_str(text).map(|line| (text.to_owned(), line)).map_err(wrong)
    };
    String::from_utf8_lossy(&bytes).lines().enumerate().map(parse).collect()
}

/// Takes away the lines of steps that will be done again.
fn keep_lines(path: &Path, step: u64, begun: bool) -> Result<(), DistillError> {
    let kept = lines(path)?.into_iter().filter(|(_, line)| begun && line.step <= step);
    let text: String = kept.map(|(text, _)| text + "\n").collect();
    Ok(durable::replace(path, text.as_bytes())?)
}

/// What was measured before the first step and after the last.
fn ends(path: &Path, steps: u64) -> Result<(Option<Measured>, Option<Measured>), DistillError> {
    let (mut start, mut end) = (None, None);
    for (_, line) in lines(path)? {
        match line.step {
            0 => start = line.held_out,
            step if step == steps => end = line.held_out,
            _ => {}
        }
    }
    Ok((start, end))
}

fn finished(path: &Path) -> Result<Option<ArmResult>, DistillError> {
    if !path.exists() {
        return Ok(None);
    }
    let bytes = read_file(path).map_err(RunError::io("read", path))?;
    let result = serde_json::from_slice(&bytes);
    result.map(Some).map_err(|error| DistillError::data(path, "file", "the result of an arm", error.to_string()))
}
