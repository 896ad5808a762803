//! A recipe carried out: the teacher opened, the data looked at, every arm trained, measured and written.
//!
//! The folder of a run holds `run.json` (what it was begun with), `start/` (the student before training), and for each arm
//! `checkpoint.safetensors` and the one before, `metrics.jsonl`, `student/`, its other forms and `exports.json` and, at its end, `held_out.json` and `result.json`.

mod checkpoints;
mod completions;
mod course;
mod exports;
mod lines;
mod measured;
mod pair;
mod plan;
mod tensorboard;

use std::fs;
use std::path::Path;

use hydrometer_answers::{RunError, durable};
use hydrometer_models::Checkpoint;
use hydrometer_probes::strangers::read_file;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::DistillError;
use crate::data::Batches;
use crate::export::{Exported, Unwritten, adapter, hugging_face, possible};
use crate::network::is_aid;
use crate::recipe::Arm;
use crate::train::{Progress, Sample, StepReport, Trainer};
use checkpoints::{Checkpoints, Resumed};
use completions::Completions;
use course::Course;
use tensorboard::EventLog;

pub use completions::Completion;
pub use measured::{Difference, Measured};
pub use plan::Plan;

const RUN: &str = "run.json";
const BEST: &str = "best.safetensors";
const METRICS: &str = "metrics.jsonl";
const HELD_OUT: &str = "held_out.json";
const COMPLETIONS: &str = "completions.jsonl";
const RESULT: &str = "result.json";

/// Who watches a run.
pub trait Observer {
    /// An arm begins, or goes on, at this step.
    fn begins(&mut self, arm: Arm, step: u64, steps: u64);
    /// The newest checkpoint of an arm is damaged: it goes on from the one before, at this step.
    fn went_back(&mut self, _arm: Arm, _step: u64, _damaged: &DistillError) {}
    /// A step is done.
    fn stepped(&mut self, arm: Arm, step: u64, report: &StepReport);
    /// The student was measured on held-out documents.
    fn measured(&mut self, arm: Arm, step: u64, held_out: &Measured);
    /// The student went on with held-out prompts.
    fn completed(&mut self, arm: Arm, step: u64, completions: &[Completion]);
    /// The teacher has given so many of the answers that it is asked for.
    fn answered(&mut self, done: u64, of: u64);
    /// Whether to stop at the next step, with a checkpoint.
    fn interrupted(&self) -> bool;
    /// Seconds since 1970, for the log that TensorBoard opens; `None` where nobody has a clock: then the log has no speed.
    fn now(&self) -> Option<f64> {
        None
    }
}

/// What became of an arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmResult {
    /// The arm.
    pub arm: Arm,
    /// Steps.
    pub steps: u64,
    /// The step whose weights the student has: the last, or with patience the one of the smallest held-out KL divergence.
    pub best: u64,
    /// Tokens that went through the student.
    pub tokens: u64,
    /// Before training and after; `None` where nothing was held out.
    pub start: Option<Measured>,
    /// After training.
    pub end: Option<Measured>,
}

/// What became of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Its arms, in the order of the recipe.
    pub arms: Vec<ArmResult>,
    /// How the first arm differs from each of the others on the same held-out documents: whether distillation helped.
    pub differences: Vec<Difference>,
    /// The students in every form that the recipe names, each beside the trained weights.
    pub exports: Vec<Exported>,
    /// Forms that cannot hold a student.
    pub unwritten: Vec<Unwritten>,
}

impl Plan {
    /// Number of weights of the student, and of those that learn: its own, or those of its adapters.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn student_parameters(&self) -> Result<(usize, usize), DistillError> {
        let (network, _) = self.learner(Arm::Distilled)?;
        let count = |of: &dyn Fn(&str) -> bool| -> usize {
            network.weights.all().iter().filter(|tensor| of(&tensor.0)).map(|tensor| tensor.2.len()).sum()
        };
        let projectors = count(&|name| is_aid(name) && !name.contains(".lora_"));
        Ok((network.weights.len() - count(&is_aid), network.learning() - projectors))
    }

    /// Trains every arm that is not finished, each from where its checkpoint stands.
    ///
    /// # Errors
    /// Data that were refused, a folder of another run, a model that fails, a disk that is full, or an interruption: the same
    /// call goes on.
    pub fn run(&self, out: &Path, observer: &mut dyn Observer) -> Result<Outcome, DistillError> {
        if let Some(refusal) = self.data.refusal() {
            return Err(DistillError::Pair { reason: format!("data: {}", refusal.what) });
        }
        fs::create_dir_all(out).map_err(RunError::io("create", out))?;
        let _lock = durable::Lock::take(out, ".lock")?;
        let text = self.teacher_text(observer)?;
        self.begun_with(out, &text)?;
        let (network, origin) = self.start()?;
        let origin = origin.as_ref().unwrap_or(self.speaker());
        if !out.join("start/config.json").exists() {
            hugging_face(&out.join("start"), &network, origin)?;
        }
        possible(&out.join("start"), &self.recipe.export.formats)?;
        drop(network);
        let mut arms = Vec::new();
        for &arm in &self.recipe.arms {
            let samples = if arm == Arm::TeacherText { &text } else { &self.data.train };
            arms.push(self.arm(arm, out, samples, origin, observer)?);
        }
        let differences = self.differences(out)?;
        let mut unwritten = Vec::new();
        let exports = self.exports(out, &arms, &differences, &mut unwritten)?;
        Ok(Outcome { arms, differences, exports, unwritten })
    }

    /// Refuses a folder that was begun with something else.
    fn begun_with(&self, out: &Path, text: &[Sample]) -> Result<(), DistillError> {
        let identity = self.identity();
        let now = json!({
            "format": "hydrometer.distill-run/2",
            "recipe": self.recipe.hash(),
            "data": self.data.hash,
            "teacher": identity.weights,
            "engine": serde_json::to_value(&identity.engine).unwrap_or_default(),
            "cache": self.cache.as_ref().map(|cache| json!([cache.identity().key(), cache.codec()])),
            "teacher_text": (!text.is_empty()).then(|| hash_of(text)),
        });
        let path = out.join(RUN);
        if !path.exists() {
            return Ok(durable::replace(&path, format!("{now:#}\n").as_bytes())?);
        }
        let bytes = read_file(&path).map_err(RunError::io("read", &path))?;
        let there: serde_json::Value = serde_json::from_slice(&bytes)
            .map_err(|error| DistillError::data(&path, "file", "the JSON of a run", error.to_string()))?;
        for what in ["format", "recipe", "data", "teacher", "engine", "cache", "teacher_text"] {
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
        out: &Path,
        samples: &[Sample],
        origin: &Checkpoint,
        observer: &mut dyn Observer,
    ) -> Result<ArmResult, DistillError> {
        let (base, folder) = (&out.join("start"), &out.join(arm.name()));
        fs::create_dir_all(folder).map_err(RunError::io("create", folder))?;
        durable::remove_leftovers(&[folder])?;
        if let Some(result) = finished(&folder.join(RESULT))? {
            return Ok(result);
        }
        let train = &self.recipe.train;
        let (network, hidden) = self.learner(arm)?;
        let vocab = network.config.vocab;
        let (teacher, learnt_from) = (self.teacher(vocab)?, self.learnt_from(arm, vocab)?);
        let mut trainer = Trainer::new(network, self.recipe.settings(arm)).with_hidden(hidden);
        let (checkpoints, metrics) = (Checkpoints::of(folder), folder.join(METRICS));
        let resumed = checkpoints.load(&mut trainer)?;
        let begun = resumed.is_some();
        if let Some(Resumed { damaged: Some(damaged), .. }) = &resumed {
            observer.went_back(arm, trainer.step, damaged);
        }
        let mut progress = resumed.map_or(Progress::default(), |resumed| resumed.progress);
        let mut course = Course::of(lines::keep(&metrics, begun.then_some(trainer.step))?, train.patience);
        let mut over = course.is_over();
        observer.begins(arm, trainer.step, train.steps);
        let held_out = self.measured_samples();
        let completions = match train.completions_every {
            Some(every) => {
                let (path, step) = (folder.join(COMPLETIONS), begun.then_some(trainer.step));
                Some(Completions::new(&path, every, origin.tokenizer()?, &held_out, step)?)
            }
            None => None,
        };
        let best = folder.join(BEST);
        let events = EventLog::open(&folder.join(tensorboard::FILE), begun.then_some(trainer.step), observer.now())?;
        let mut tell =
            |trainer: &Trainer, report: Option<&StepReport>, progress: Progress, observer: &mut dyn Observer| {
                let step = trainer.step;
                let due = step.is_multiple_of(train.evaluate_every) || step == train.steps;
                let mut found = None;
                if due && !held_out.is_empty() {
                    found = Measured::of(&trainer.evaluate(&held_out, teacher)?);
                }
                durable::append_line(&metrics, &lines::line(step, report, progress.tokens, found.as_ref()))?;
                events.append(step, observer.now(), report, found.as_ref())?;
                let said = completions.as_ref().map_or(Ok(Vec::new()), |all| all.at(step, &trainer.network))?;
                if !said.is_empty() {
                    observer.completed(arm, step, &said);
                }
                if let Some(found) = found {
                    observer.measured(arm, step, &found);
                    if course.took(step, &found) && train.patience.is_some() {
                        trainer.save(&best, progress)?;
                    }
                }
                Ok::<_, DistillError>(course.is_over())
            };
        if trainer.step == 0 && !begun {
            over = tell(&trainer, None, progress, observer)?;
            checkpoints.save(&trainer, progress)?;
        }
        let mut batches = Batches::new(samples, train.batch_tokens, train.seed, progress.position);
        while !over && trainer.step < train.steps {
            if observer.interrupted() {
                progress.position = batches.position;
                checkpoints.save(&trainer, progress)?;
                return Err(DistillError::Interrupted { step: trainer.step });
            }
            let before = observer.now();
            let report = trainer.step(&batches.next_batch(), Some(learnt_from))?;
            events.seconds.set(before.zip(observer.now()).map(|(before, after)| after - before));
            progress = Progress { tokens: progress.tokens + report.tokens, position: batches.position };
            observer.stepped(arm, trainer.step, &report);
            over = tell(&trainer, Some(&report), progress, observer)?;
            if over || trainer.step.is_multiple_of(train.checkpoint_every) || trainer.step == train.steps {
                checkpoints.save(&trainer, progress)?;
            }
        }
        let steps = trainer.step;
        if best.exists() {
            trainer.load(&best)?;
        }
        let end = if held_out.is_empty() { None } else { Some(trainer.evaluate(&held_out, teacher)?) };
        if let Some(end) = &end {
            measured::write(&folder.join(HELD_OUT), end)?;
        }
        if let Some(lora) = &self.recipe.lora {
            adapter(&folder.join("adapter"), &trainer.network, lora, base)?;
        }
        hugging_face(&folder.join("student"), &trainer.network, origin)?;
        let (start, end) = (course.start, end.as_ref().and_then(Measured::of));
        let result = ArmResult { arm, steps, best: trainer.step, tokens: progress.tokens, start, end };
        let text = serde_json::to_string_pretty(&result).unwrap_or_default();
        durable::replace(&folder.join(RESULT), (text + "\n").as_bytes())?;
        Ok(result)
    }

    /// The first arm against each of the others.
    fn differences(&self, out: &Path) -> Result<Vec<Difference>, DistillError> {
        let mut tables = Vec::new();
        for &arm in &self.recipe.arms {
            let path = out.join(arm.name()).join(HELD_OUT);
            if path.exists() {
                tables.push((arm, measured::read(&path)?));
            }
        }
        let Some(((first, of_first), others)) = tables.split_first() else { return Ok(Vec::new()) };
        Ok(others.iter().flat_map(|(arm, table)| measured::differences((*arm, table), (*first, of_first))).collect())
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

/// BLAKE3 of samples, in order.
fn hash_of(samples: &[Sample]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("hydrometer teacher text 1");
    for sample in samples {
        hasher.update(&(sample.tokens.len() as u64).to_le_bytes());
        for (token, learnt) in sample.tokens.iter().zip(&sample.learnt) {
            hasher.update(&token.to_le_bytes()).update(&[u8::from(*learnt)]);
        }
    }
    format!("blake3:{}", hasher.finalize().to_hex())
}

fn finished(path: &Path) -> Result<Option<ArmResult>, DistillError> {
    if !path.exists() {
        return Ok(None);
    }
    let bytes = read_file(path).map_err(RunError::io("read", path))?;
    let result = serde_json::from_slice(&bytes);
    result.map(Some).map_err(|error| DistillError::data(path, "file", "the result of an arm", error.to_string()))
}
