//! The loss, fused over the output head: logits of student and teacher exist for some rows at a time, never for all tokens of a
//! batch, and the gradient takes the place of the student's.

use hydrometer_metrics::sparse::{SparseComparer, SparseDistribution};
use hydrometer_metrics::{Comparer, log_prob};
use rayon::prelude::*;

use super::teacher::{Drawn, Rows};
use crate::DistillError;
use crate::losses::{Objective, RowLoss, TeacherRow, TokenWeights, allowed_vectors, log_sum};
use crate::network::{Network, Products, Sheet, Tape, Tensors};

/// Logits of a model that exist at once, if that is neither too few rows nor more than help: weights of the head are unpacked once
/// for each stretch of rows.
const AT_ONCE: usize = 1 << 24;

/// Rows of logits that exist at once.
#[must_use]
pub fn head_rows(vocab: usize) -> usize {
    (AT_ONCE / vocab.max(1)).clamp(256, 1024)
}

/// A row whose next token is learnt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    /// Its row among the tokens of the block.
    pub(super) row: usize,
    /// The next token.
    pub(super) token: u32,
    /// Its place among the tokens of its sample that are learnt, from 0 to 1.
    pub(super) place: f64,
    /// Decides what is drawn.
    pub(super) seed: u64,
}

/// Sums over rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RowSums {
    /// Σ weight · loss.
    pub loss: f64,
    /// Σ weight: the number of rows where all count alike.
    pub weight: f64,
    /// Σ cross-entropy, nats.
    pub cross_entropy: f64,
    /// Σ divergence at its temperature, nats.
    pub divergence: f64,
    /// Σ distance of hidden states, the mean over pairs of layers; `None` where none are compared.
    pub hidden: Option<f64>,
    /// Number of rows.
    pub rows: u64,
}

impl RowSums {
    /// Adds one row.
    fn take(&mut self, (row, weight): (RowLoss, f64)) {
        self.loss += weight * row.loss;
        self.weight += weight;
        self.cross_entropy += row.cross_entropy;
        self.divergence += row.divergence;
        self.rows += 1;
    }

    /// Σ weight · loss / Σ weight; 0 of no rows.
    #[must_use]
    pub fn mean_loss(&self) -> f64 {
        if self.rows == 0 { 0.0 } else { self.loss / self.weight }
    }

    /// Adds the sums of other rows.
    pub fn merge(&mut self, other: RowSums) {
        self.loss += other.loss;
        self.weight += other.weight;
        self.cross_entropy += other.cross_entropy;
        self.divergence += other.divergence;
        self.hidden = match (self.hidden, other.hidden) {
            (Some(ours), Some(theirs)) => Some(ours + theirs),
            (ours, theirs) => ours.or(theirs),
        };
        self.rows += other.rows;
    }
}

/// What follows from the loss at the head.
pub(super) struct Learnt {
    pub(super) sums: RowSums,
    /// Gradient of the stream before the last norm.
    pub(super) d_stream: Sheet,
    /// How much each row counts.
    pub(super) weights: Vec<f64>,
}

/// The head of one block: who is compared.
pub(super) struct Head<'a> {
    pub(super) network: &'a Network,
    pub(super) targets: &'a [Target],
    /// Rows of the teacher in the order of the targets.
    pub(super) teacher: Rows<'a>,
}

/// Rows that are looked at together.
struct Chunk<'c> {
    vocab: usize,
    student: Sheet,
    logits: Vec<f32>,
    kept: &'c [SparseDistribution],
    drawn: Drawn,
}

impl Chunk<'_> {
    fn teacher(&self, row: usize) -> TeacherRow<'_> {
        let vocab = self.vocab;
        match self.kept.get(row) {
            Some(kept) => TeacherRow::Kept(kept),
            None => self.logits.get(row * vocab..(row + 1) * vocab).map_or(TeacherRow::Unknown, TeacherRow::Logits),
        }
    }
}

impl Head<'_> {
    /// `each` sees the sums of every row in order, as [`HeldOut`](super::HeldOut) has them.
    pub(super) fn measure(mut self, tape: &Tape, mut each: impl FnMut([f64; 8])) -> Result<(), DistillError> {
        let (hidden, _) = self.network.normed(&self.chosen(tape));
        let (vocab, targets) = (self.network.config.vocab, self.targets);
        let at_once = head_rows(vocab);
        for first in (0..targets.len()).step_by(at_once) {
            let targets = &targets[first..targets.len().min(first + at_once)];
            let chunk = self.chunk(self.network.products(), &hidden, first, targets.len())?;
            let comparers = || {
                let vectors = allowed_vectors();
                (Comparer::new(vocab).with_vectors(vectors), SparseComparer::new(vocab).with_vectors(vectors))
            };
            let rows = targets.par_iter().enumerate().map_init(comparers, |(logits, kept), (row, target)| {
                let student = chunk.student.row(row);
                let mut listed = [0.0; 2];
                let [kl, logprob, overlap, mass, known] = match chunk.teacher(row) {
                    TeacherRow::Logits(teacher) => {
                        let stats = logits.compare(teacher, student, target.token)?;
                        let beyond = |bands: [f32; 4]| bands[2] + bands[3];
                        [stats.kl, stats.student_logprob, beyond(stats.band_overlap), beyond(stats.band_mass), 1.0]
                    }
                    // Without draws from the others the sum over all of them cannot be estimated, only bounded.
                    TeacherRow::Kept(teacher) if chunk.drawn == Drawn::Nothing => {
                        let log_sum = log_sum(student);
                        let log_q = |token: u32| f64::from(student[token as usize]) - log_sum;
                        listed = [teacher.compare(log_q).kl_lower_bound, 1.0];
                        [0.0, log_q(target.token) as f32, 0.0, 0.0, 0.0]
                    }
                    TeacherRow::Kept(teacher) => {
                        let stats = kept.compare(teacher, student, target.token)?;
                        [stats.kl, stats.student_logprob, stats.band_overlap[2], stats.band_mass[2], 1.0]
                    }
                    // A teacher of whom only texts are known.
                    TeacherRow::Unknown => [0.0, log_prob(student, target.token) as f32, 0.0, 0.0, 0.0],
                };
                let [kl, cross_entropy, tokens, overlap, mass, known] =
                    [kl, -logprob, 1.0, overlap, mass, known].map(f64::from);
                let [bound, at] = listed;
                Ok([kl, cross_entropy, tokens, overlap, mass, known, bound, at])
            });
            rows.collect::<Result<Vec<_>, DistillError>>()?.into_iter().for_each(&mut each);
        }
        Ok(())
    }

    /// The sums, and the gradient of Σ weight · loss · `factor`: that of the stream is returned, that of the head and the last norm is
    /// added to `gradient`.
    pub(super) fn learn(
        mut self,
        (objective, weights): (&Objective, &TokenWeights),
        tape: &Tape,
        factor: f64,
        gradient: &mut Tensors,
    ) -> Result<Learnt, DistillError> {
        let (network, d) = (self.network, self.network.config.d_model);
        let products = network.training_products();
        let stream = self.chosen(tape);
        let (hidden, scales) = network.normed(&stream);
        let mut d_hidden = Sheet::zeros(hidden.rows, d, d);
        let (mut sums, mut counts) = (RowSums::default(), Vec::with_capacity(self.targets.len()));
        let (vocab, targets) = (network.config.vocab, self.targets);
        let at_once = head_rows(vocab);
        for first in (0..targets.len()).step_by(at_once) {
            let targets = &targets[first..targets.len().min(first + at_once)];
            let count = targets.len();
            let mut chunk = self.chunk(products, &hidden, first, count)?;
            let mut d_logits = std::mem::take(&mut chunk.student);
            let rows = d_logits.values.par_chunks_exact_mut(vocab).zip(targets).enumerate().map_init(
                || (objective.scratch(), vec![0.0; vocab]),
                |(scratch, gradient), (row, (logits, target))| {
                    let found =
                        objective.row(scratch, (chunk.teacher(row), logits), target.token, target.seed, gradient)?;
                    let weight = weights.of(found.teacher_entropy / (vocab as f64).ln(), target.place);
                    let factor = (factor * weight) as f32;
                    gradient.iter_mut().for_each(|g| *g *= factor);
                    network.uncap(gradient, logits);
                    logits.copy_from_slice(gradient);
                    Ok((found, weight))
                },
            );
            for row in rows.collect::<Result<Vec<_>, DistillError>>()? {
                sums.take(row);
                counts.push(row.1);
            }
            let of_chunk = products.backward(&d_logits, network.weights.output(), d);
            d_hidden.values[first * d..(first + count) * d].copy_from_slice(&of_chunk.values);
            let hidden = rows_of(&hidden, first, count);
            products.weights(&d_logits, &hidden, gradient.output_mut());
        }
        let d_chosen = network.normed_back(&stream, &scales, &d_hidden, &mut gradient.norm);
        let mut d_stream = Sheet::zeros(tape.stream.rows, d, d);
        for (target, row) in self.targets.iter().zip(d_chosen.values.chunks_exact(d)) {
            d_stream.values[target.row * d..][..d].copy_from_slice(row);
        }
        Ok(Learnt { sums, d_stream, weights: counts })
    }

    /// The rows of the stream that are learnt from.
    fn chosen(&self, tape: &Tape) -> Sheet {
        let rows = self.targets.iter().flat_map(|target| tape.stream.row(target.row));
        Sheet::of(rows.copied().collect(), self.network.config.d_model)
    }

    /// The logits of `count` rows from `first`, and what is known of the teacher there.
    fn chunk(
        &mut self,
        products: &Products,
        hidden: &Sheet,
        first: usize,
        count: usize,
    ) -> Result<Chunk<'_>, DistillError> {
        let network = self.network;
        let vocab = network.config.vocab;
        let student = network.logits_by(products, &rows_of(hidden, first, count));
        let (mut logits, mut kept, mut drawn) = (Vec::new(), &[][..], Drawn::Some);
        match &mut self.teacher {
            Rows::Unknown => {}
            Rows::Live(live) => {
                logits.resize(count * vocab, 0.0);
                live.read(first..first + count, &mut logits)?;
            }
            Rows::Kept(all, of_all) => (kept, drawn) = (&all[first..first + count], *of_all),
        }
        Ok(Chunk { vocab, student, logits, kept, drawn })
    }
}

fn rows_of(sheet: &Sheet, first: usize, count: usize) -> Sheet {
    Sheet::of(sheet.values[first * sheet.columns..(first + count) * sheet.columns].to_vec(), sheet.columns)
}
