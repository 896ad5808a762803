//! The loss, fused over the output head: logits of student and teacher exist for [`HEAD_ROWS`] rows at a time, never for all
//! tokens of a batch.

use hydrometer_metrics::PositionError;
use hydrometer_models::Logits;
use rayon::prelude::*;

use crate::DistillError;
use crate::losses::{Objective, RowLoss};
use crate::network::{Network, Sheet, Tape, Tensors};

/// Rows of logits that exist at once.
pub const HEAD_ROWS: usize = 256;

/// A row whose next token is learnt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    /// Its row among the tokens of the block.
    pub(super) row: usize,
    /// The next token.
    pub(super) token: u32,
    /// Decides what is drawn.
    pub(super) seed: u64,
}

/// Sums over rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RowSums {
    /// Σ loss.
    pub loss: f64,
    /// Σ cross-entropy, nats.
    pub cross_entropy: f64,
    /// Σ divergence at its temperature, nats.
    pub divergence: f64,
    /// Number of rows.
    pub rows: u64,
}

impl RowSums {
    /// Adds one row.
    fn take(&mut self, row: RowLoss) {
        self.loss += row.loss;
        self.cross_entropy += row.cross_entropy;
        self.divergence += row.divergence;
        self.rows += 1;
    }

    /// Adds the sums of other rows.
    pub fn merge(&mut self, other: RowSums) {
        self.loss += other.loss;
        self.cross_entropy += other.cross_entropy;
        self.divergence += other.divergence;
        self.rows += other.rows;
    }
}

/// The head of one block: who is compared, and what is made small.
pub(super) struct Head<'a> {
    pub(super) network: &'a Network,
    pub(super) objective: &'a Objective,
    pub(super) targets: &'a [Target],
    /// Rows of the teacher in the order of the targets, where there is one.
    pub(super) teacher: Option<Box<dyn Logits + 'a>>,
}

impl Head<'_> {
    /// The sums alone; `each` sees every row in order.
    pub(super) fn measure(mut self, tape: &Tape, mut each: impl FnMut(RowLoss)) -> Result<(), DistillError> {
        let (hidden, _) = self.network.normed(&self.chosen(tape));
        for first in (0..self.targets.len()).step_by(HEAD_ROWS) {
            let (rows, _) = self.chunk(&hidden, first)?;
            rows.into_iter().for_each(&mut each);
        }
        Ok(())
    }

    /// The sums, and the gradient of Σ loss · `factor`: that of the stream is returned, that of the head and the last norm is
    /// added to `gradient`.
    pub(super) fn learn(
        mut self,
        tape: &Tape,
        factor: f64,
        gradient: &mut Tensors,
    ) -> Result<(RowSums, Sheet), DistillError> {
        let (network, d) = (self.network, self.network.config.d_model);
        let stream = self.chosen(tape);
        let (hidden, scales) = network.normed(&stream);
        let mut d_hidden = Sheet::zeros(hidden.rows, d, d);
        let mut sums = RowSums::default();
        for first in (0..self.targets.len()).step_by(HEAD_ROWS) {
            let (rows, mut d_logits) = self.chunk(&hidden, first)?;
            rows.into_iter().for_each(|row| sums.take(row));
            let factor = factor as f32;
            d_logits.values.par_iter_mut().for_each(|g| *g *= factor);
            let count = d_logits.rows;
            let of_chunk = network.products().backward(&d_logits, network.weights.output(), d);
            d_hidden.values[first * d..(first + count) * d].copy_from_slice(&of_chunk.values);
            let chunk = rows_of(&hidden, first, count);
            network.products().weights(&d_logits, &chunk, gradient.output_mut());
        }
        let d_chosen = network.normed_back(&stream, &scales, &d_hidden, &mut gradient.norm);
        let mut d_stream = Sheet::zeros(tape.stream.rows, d, d);
        for (target, row) in self.targets.iter().zip(d_chosen.values.chunks_exact(d)) {
            d_stream.values[target.row * d..][..d].copy_from_slice(row);
        }
        Ok((sums, d_stream))
    }

    /// The rows of the stream that are learnt from.
    fn chosen(&self, tape: &Tape) -> Sheet {
        let rows = self.targets.iter().flat_map(|target| tape.stream.row(target.row));
        Sheet::of(rows.copied().collect(), self.network.config.d_model)
    }

    /// Losses of the rows from `first`, and their gradients by the student's logits.
    fn chunk(&mut self, hidden: &Sheet, first: usize) -> Result<(Vec<RowLoss>, Sheet), DistillError> {
        let vocab = self.network.config.vocab;
        let targets = &self.targets[first..self.targets.len().min(first + HEAD_ROWS)];
        let hidden = rows_of(hidden, first, targets.len());
        let student = self.network.products().forward(&hidden, self.network.weights.output(), None, vocab);
        let mut teacher = Vec::new();
        if let Some(logits) = self.teacher.as_mut() {
            teacher.resize(targets.len() * vocab, 0.0);
            logits.read(first..first + targets.len(), &mut teacher)?;
        }
        let mut gradient = Sheet::zeros(targets.len(), vocab, vocab);
        let objective = self.objective;
        let rows = gradient.values.par_chunks_exact_mut(vocab).zip(targets).enumerate().map_init(
            || objective.scratch(),
            |scratch, (index, (gradient, target))| {
                let teacher = teacher.get(index * vocab..(index + 1) * vocab).unwrap_or_default();
                objective.row(scratch, (teacher, student.row(index)), target.token, target.seed, gradient)
            },
        );
        let rows = rows.collect::<Result<Vec<_>, PositionError>>()?;
        Ok((rows, gradient))
    }
}

fn rows_of(sheet: &Sheet, first: usize, count: usize) -> Sheet {
    Sheet::of(sheet.values[first * sheet.columns..(first + count) * sheet.columns].to_vec(), sheet.columns)
}
