//! Steps: micro-batches through the network, their gradients added, one move of the weights.

use std::ops::Range;

use hydrometer_metrics::FamilyTable;
use hydrometer_models::{Block, Model, Scorer, Scores, Sequence};

use super::head::{Head, RowSums, Target};
use super::optimiser::{AdamW, AdamWSettings};
use super::{Sample, Schedule};
use crate::DistillError;
use crate::chance::seed_of;
use crate::losses::{Divergence, Objective, Soft};
use crate::network::{Network, Tensors};

/// Settings of the trainer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainerSettings {
    /// What is made small.
    pub objective: Objective,
    /// The optimiser's.
    pub optimiser: AdamWSettings,
    /// The learning rate.
    pub schedule: Schedule,
    /// Most tokens that go through the network at once; a step adds the gradients of as many as it takes.
    pub micro_tokens: usize,
    /// Seed of what is drawn of the teacher.
    pub seed: u64,
}

/// A teacher that shows its logits while the student learns.
#[derive(Clone, Copy)]
pub struct Teacher<'a>(&'a dyn Scores);

impl<'a> Teacher<'a> {
    /// The model, where its tokens and rows are the student's.
    ///
    /// # Errors
    /// A model without logits, or with a vocabulary of another size.
    pub fn of(model: &'a dyn Model, vocab: usize) -> Result<Teacher<'a>, DistillError> {
        let scorer = Scorer::of(model).map_err(hydrometer_models::ModelError::from)?;
        let width = scorer.identity.logit_width() as usize;
        if width != vocab {
            let reason = format!("the teacher has {width} logits a position, the student {vocab}");
            return Err(DistillError::Pair { reason });
        }
        Ok(Teacher(scorer.scores))
    }
}

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepReport {
    /// Sums over the tokens that were learnt.
    pub sums: RowSums,
    /// All tokens that went through the network.
    pub tokens: u64,
    /// Length of the gradient before clipping.
    pub gradient: f64,
    /// Learning rate.
    pub rate: f64,
}

/// What held-out samples say, per family: Σ KL, Σ cross-entropy, tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldOut(pub FamilyTable);

/// A student and what its training needs from step to step.
pub struct Trainer {
    /// The student.
    pub network: Network,
    /// Its optimiser.
    pub optimiser: AdamW,
    /// Steps done.
    pub step: u64,
    settings: TrainerSettings,
    gradient: Tensors,
}

/// Samples that go through the network together.
struct Packed {
    tokens: Vec<u32>,
    sequences: Vec<Range<usize>>,
    targets: Vec<Target>,
    block: Block,
}

impl Trainer {
    /// A trainer at its first step.
    #[must_use]
    pub fn new(network: Network, settings: TrainerSettings) -> Trainer {
        let zeros = || Tensors::zeros(&network.config);
        let (mean, square, gradient) = (zeros(), zeros(), zeros());
        let optimiser = AdamW::new(settings.optimiser, mean, square);
        Trainer { network, optimiser, step: 0, settings, gradient }
    }

    /// One step. Every learnt token of the whole batch weighs alike, however it is cut into micro-batches.
    ///
    /// # Errors
    /// The teacher fails, or loss or gradient are not finite: the weights are then those of before.
    pub fn step(&mut self, batch: &[&Sample], teacher: Option<Teacher<'_>>) -> Result<StepReport, DistillError> {
        let targets: usize = batch.iter().map(|sample| sample.targets()).sum();
        let factor = 1.0 / targets.max(1) as f64;
        self.gradient.clear();
        let mut report = StepReport { rate: self.settings.schedule.rate(self.step), ..StepReport::default() };
        for (index, samples) in micro_batches(batch, self.settings.micro_tokens).into_iter().enumerate() {
            let packed = Packed::of(samples, seed_of("draws", &[self.settings.seed, self.step, index as u64]));
            let tape = self.network.forward(&packed.tokens, &packed.sequences);
            let rows = packed.teacher(teacher, &self.settings.objective)?;
            let head = Head {
                network: &self.network,
                objective: &self.settings.objective,
                targets: &packed.targets,
                teacher: rows,
            };
            let (sums, d_stream) = head.learn(&tape, factor, &mut self.gradient)?;
            self.network.backward(&tape, d_stream, &mut self.gradient);
            report.sums.merge(sums);
            report.tokens += packed.tokens.len() as u64;
        }
        let step = self.step + 1;
        if !report.sums.loss.is_finite() {
            return Err(DistillError::Diverged { step, what: "loss" });
        }
        if !self.gradient.all().iter().all(|tensor| tensor.2.iter().all(|g| g.is_finite())) {
            return Err(DistillError::Diverged { step, what: "gradient" });
        }
        report.gradient = self.optimiser.step(&mut self.network.weights, &self.gradient, report.rate, step);
        self.step = step;
        Ok(report)
    }

    /// The gradient of the last step, before clipping: of the mean loss over its learnt tokens.
    #[must_use]
    pub fn gradient(&self) -> &Tensors {
        &self.gradient
    }

    /// KL(teacher ‖ student) at temperature 1 and cross-entropy over held-out samples.
    ///
    /// # Errors
    /// The teacher fails.
    pub fn evaluate(&self, samples: &[&Sample], teacher: Teacher<'_>) -> Result<HeldOut, DistillError> {
        let objective =
            Objective { hard: 0.0, soft: Some(Soft { divergence: Divergence::ForwardKl, temperature: 1.0 }) };
        let mut table = FamilyTable::new(3);
        for samples in micro_batches(samples, self.settings.micro_tokens) {
            let packed = Packed::of(samples, 0);
            let tape = self.network.forward(&packed.tokens, &packed.sequences);
            let rows = packed.teacher(Some(teacher), &objective)?;
            let targets = &packed.targets;
            let head = Head { network: &self.network, objective: &objective, targets, teacher: rows };
            let mut whose = samples.iter().flat_map(|sample| sample.rows().map(|_| sample.family.as_str()));
            head.measure(&tape, |row| {
                if let Some(family) = whose.next() {
                    table.add(family, &[row.divergence, row.cross_entropy, 1.0], 1);
                }
            })?;
        }
        Ok(HeldOut(table))
    }
}

impl Packed {
    fn of(samples: &[&Sample], seed: u64) -> Packed {
        let mut packed =
            Packed { tokens: Vec::new(), sequences: Vec::new(), targets: Vec::new(), block: Block::default() };
        for sample in samples {
            let first = packed.tokens.len();
            packed.tokens.extend_from_slice(&sample.tokens);
            packed.sequences.push(first..packed.tokens.len());
            let rows: Vec<u32> = sample.rows().collect();
            packed.targets.extend(rows.iter().map(|&row| {
                let row = row as usize;
                Target {
                    row: first + row,
                    token: sample.tokens[row + 1],
                    seed: seed.wrapping_add((first + row) as u64),
                }
            }));
            packed.block.sequences.push(Sequence { tokens: sample.tokens.clone(), rows });
        }
        packed
    }

    /// The teacher's rows, where the objective reads them.
    fn teacher<'t>(
        &self,
        teacher: Option<Teacher<'t>>,
        objective: &Objective,
    ) -> Result<Option<Box<dyn hydrometer_models::Logits + 't>>, DistillError> {
        let wanted = objective.soft.is_some() && objective.hard < 1.0 && !self.targets.is_empty();
        match (wanted, teacher) {
            (false, _) => Ok(None),
            (true, Some(Teacher(scores))) => Ok(Some(scores.score(&self.block)?)),
            (true, None) => {
                Err(DistillError::Pair { reason: "the loss needs a teacher, and there is none".to_owned() })
            }
        }
    }
}

/// Samples in order, as many at once as have at most `tokens` tokens; one that has more goes alone.
fn micro_batches<'a, 's>(samples: &'a [&'s Sample], tokens: usize) -> Vec<&'a [&'s Sample]> {
    let mut batches = Vec::new();
    let (mut first, mut held) = (0, 0);
    for (index, sample) in samples.iter().enumerate() {
        if index > first && held + sample.tokens.len() > tokens {
            batches.push(&samples[first..index]);
            (first, held) = (index, 0);
        }
        held += sample.tokens.len();
    }
    if first < samples.len() {
        batches.push(&samples[first..]);
    }
    batches
}
