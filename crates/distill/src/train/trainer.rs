//! Steps: micro-batches through the network, their gradients added, one move of the weights.

use std::ops::Range;

use hydrometer_metrics::FamilyTable;
use hydrometer_models::{Block, Sequence};
use rayon::prelude::*;

use super::head::{Head, Learnt, RowSums, Target};
use super::hidden::Read;
use super::optimiser::{AdamW, AdamWSettings};
use super::teacher::Rows;
use super::{HiddenStates, Sample, Schedule, Teacher};
use crate::DistillError;
use crate::chance::seed_of;
use crate::losses::{Objective, TokenWeights};
use crate::network::{Network, Remember, Sheet, Tensors};

/// Settings of the trainer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainerSettings {
    /// What is made small.
    pub objective: Objective,
    /// How much each token counts in it.
    pub weights: TokenWeights,
    /// The optimiser's.
    pub optimiser: AdamWSettings,
    /// The learning rate.
    pub schedule: Schedule,
    /// Most tokens that go through the network at once; a step adds the gradients of as many as it takes.
    pub micro_tokens: usize,
    /// What is kept of every layer until the way back.
    pub remember: Remember,
    /// Seed of what is drawn of the teacher.
    pub seed: u64,
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

/// What held-out samples say, per family: the sums of [`HeldOut::COLUMNS`].
#[derive(Clone, Debug, PartialEq)]
pub struct HeldOut(pub FamilyTable);

impl HeldOut {
    /// KL(teacher ‖ student), −ln q of the text's token, tokens; beyond the teacher's 0.9 nucleus what the student keeps of its
    /// mass, and that mass; tokens at which the teacher's distribution is known; of a teacher that lists its most probable tokens and
    /// no draw, KL over the listed ones and one cell for all others, and tokens at which they are listed.
    pub const COLUMNS: [&'static str; 8] = [
        "kl_divergence",
        "cross_entropy",
        "tokens",
        "tail_kept",
        "tail_mass",
        "tokens_known",
        "kl_lower_bound",
        "tokens_listed",
    ];
}

/// A student and what its training needs from step to step.
pub struct Trainer {
    /// The student.
    pub network: Network,
    /// Its optimiser.
    pub optimiser: AdamW,
    /// Steps done.
    pub step: u64,
    settings: TrainerSettings,
    hidden: Option<HiddenStates>,
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
        let zeros = || network.weights.zeros_of(|name| network.learns(name));
        let (mean, square, gradient) = (zeros(), zeros(), zeros());
        let optimiser = AdamW::new(settings.optimiser, mean, square);
        Trainer { network, optimiser, step: 0, settings, hidden: None, gradient }
    }

    /// The loss has hidden states as another term. Layers are there: whoever names them has looked.
    #[must_use]
    pub fn with_hidden(self, hidden: Option<HiddenStates>) -> Trainer {
        Trainer { hidden, ..self }
    }

    /// One step. The loss is Σ weight · loss / Σ weight over the learnt tokens of the whole batch, however it is cut into
    /// micro-batches.
    ///
    /// # Errors
    /// The teacher fails, or loss or gradient are not finite: the weights are then those of before.
    pub fn step(&mut self, batch: &[&Sample], teacher: Option<Teacher<'_>>) -> Result<StepReport, DistillError> {
        let targets: usize = batch.iter().map(|sample| sample.targets()).sum();
        let factor = 1.0 / targets.max(1) as f64;
        self.gradient.clear();
        let mut report = StepReport { rate: self.settings.schedule.rate(self.step), ..StepReport::default() };
        for (index, samples) in micro_batches(batch, self.settings.micro_tokens).into_iter().enumerate() {
            let seed = |purpose: &str| seed_of(purpose, &[self.settings.seed, self.step, index as u64]);
            let packed = Packed::of(samples, seed("draws"));
            let (noise, remember) = (Some(seed("noise")), self.settings.remember);
            let tape = self.network.forward_with(&packed.tokens, &packed.sequences, noise, remember);
            let (rows, theirs) = packed.teacher(teacher, &self.settings.objective, self.hidden.as_ref())?;
            let head = Head { network: &self.network, targets: &packed.targets, teacher: rows };
            let terms = (&self.settings.objective, &self.settings.weights);
            let Learnt { mut sums, d_stream, weights } = head.learn(terms, &tape, factor, &mut self.gradient)?;
            let rows: Vec<usize> = packed.targets.iter().map(|target| target.row).collect();
            let states = match &self.hidden {
                None => Vec::new(),
                Some(hidden) => {
                    let into = (&mut sums, &mut self.gradient);
                    hidden.pull(&self.network, (&tape, &theirs), (&rows, &weights), factor, into)?
                }
            };
            self.network.backward(&tape, d_stream, &states, &mut self.gradient);
            report.sums.merge(sums);
            report.tokens += packed.tokens.len() as u64;
        }
        if !self.settings.weights.is_even() && report.sums.weight > 0.0 {
            // What weighs how much is known when the teacher has been read to the end of the batch.
            let shorten = (targets as f64 / report.sums.weight) as f32;
            self.gradient.each_mut(|_, _, values| values.iter_mut().for_each(|g| *g *= shorten));
        }
        let step = self.step + 1;
        if !report.sums.loss.is_finite() {
            return Err(DistillError::Diverged { step, what: "loss" });
        }
        let finite = |values: &Vec<f32>| values.par_chunks(1 << 16).all(|values| values.iter().all(|g| g.is_finite()));
        if !self.gradient.all().iter().all(|tensor| finite(tensor.2)) {
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

    /// What held-out samples say of the student beside its teacher, at temperature 1. From a cache all of it is estimated
    /// without bias.
    ///
    /// # Errors
    /// The teacher fails.
    pub fn evaluate(&self, samples: &[&Sample], teacher: Teacher<'_>) -> Result<HeldOut, DistillError> {
        let mut table = FamilyTable::new(HeldOut::COLUMNS.len());
        for samples in micro_batches(samples, self.settings.micro_tokens) {
            let packed = Packed::of(samples, 0);
            let tape = self.network.forward(&packed.tokens, &packed.sequences);
            let rows = teacher.rows(&packed.block)?;
            let head = Head { network: &self.network, targets: &packed.targets, teacher: rows };
            let mut whose = samples.iter().flat_map(|sample| sample.rows().map(|_| sample.family.as_str()));
            head.measure(&tape, |sums| {
                if let Some(family) = whose.next() {
                    table.add(family, &sums, 1);
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
            let last = rows.len().saturating_sub(1).max(1) as f64;
            packed.targets.extend(rows.iter().enumerate().map(|(place, &row)| {
                let row = row as usize;
                Target {
                    row: first + row,
                    token: sample.tokens[row + 1],
                    place: place as f64 / last,
                    seed: seed.wrapping_add((first + row) as u64),
                }
            }));
            packed.block.sequences.push(Sequence { tokens: sample.tokens.clone(), rows });
        }
        packed
    }

    /// The teacher's rows, where the objective reads them, and its states, where they are compared.
    fn teacher<'t>(
        &self,
        teacher: Option<Teacher<'t>>,
        objective: &Objective,
        hidden: Option<&HiddenStates>,
    ) -> Result<(Rows<'t>, Vec<Sheet>), DistillError> {
        let wanted = objective.soft.is_some() && objective.hard < 1.0;
        match (wanted, hidden, teacher) {
            (_, Some(hidden), Some(teacher)) => {
                let Read { rows, states } = teacher.states(&self.block, &hidden.of_teacher())?;
                Ok((if wanted { rows } else { Rows::Unknown }, states))
            }
            (false, None, _) => Ok((Rows::Unknown, Vec::new())),
            (true, None, Some(teacher)) => Ok((teacher.rows(&self.block)?, Vec::new())),
            (_, _, None) => {
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
