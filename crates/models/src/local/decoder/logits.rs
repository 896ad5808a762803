//! The output head, computed when rows are read.

use std::ops::Range;

use rayon::prelude::*;

use super::{Decoder, Kernels};
use crate::kernels::elementwise::{all_finite, soft_cap};
use crate::kernels::{Keep, Part, Strips, Target};
use crate::{Logits, ModelError};

/// Rows of so many logits worth reading at a time: each read unpacks the whole output matrix once, so few rows waste that
/// work, and many only cost memory. As many as 128 MiB hold, whole strips of every kernel, at most 480.
#[must_use]
pub fn logit_rows(vocab: usize) -> usize {
    const BYTES: usize = 128 << 20;
    const STRIPS: usize = 48;
    (BYTES / (4 * vocab.max(1)) / STRIPS).clamp(1, 10) * STRIPS
}

/// The hidden states of a block, waiting to be multiplied with the head.
pub(super) struct Rows<'a> {
    decoder: &'a Decoder,
    kernels: Kernels,
    /// `[rows, d_model]`, after the final norm.
    hidden: Vec<f32>,
    keep: Option<Keep<'a>>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(decoder: &'a Decoder, kernels: Kernels, hidden: Vec<f32>) -> Rows<'a> {
        Rows { decoder, kernels, hidden, keep: None }
    }

    /// The same rows, with the unpacked head taken from `keep`.
    pub(super) fn keeping(self, keep: Keep<'a>) -> Rows<'a> {
        Rows { keep: Some(keep), ..self }
    }
}

impl Logits for Rows<'_> {
    fn read(&mut self, rows: Range<usize>, out: &mut [f32]) -> Result<(), ModelError> {
        let (config, workshop) = (&self.decoder.config, &self.decoder.workshop);
        let (d, vocab) = (config.d_model, config.vocab);
        let all = self.hidden.len() / d;
        if rows.start > rows.end || rows.end > all || out.len() != rows.len() * vocab {
            let reason = format!("rows {rows:?} into {} values, of {all} rows of {vocab} logits", out.len());
            return Err(ModelError::Request { reason });
        }
        let hidden = &self.hidden[rows.start * d..rows.end * d];
        let head = self.decoder.weights.head();
        let kernel = self.kernels.with(head);
        let mut strips = Strips::new(kernel, rows.len(), d);
        workshop.pack(&mut strips, |row, out| out.copy_from_slice(&hidden[row * d..(row + 1) * d]));
        let part = Part { columns: vocab, width: vocab, bias: None, out: &mut *out };
        workshop.multiply_keeping(kernel, &strips, head, Target::Store(vec![part]), self.keep)?;
        let (arch, cap) = (workshop.arch(), config.logit_softcap);
        let broken = |(index, row): (usize, &mut [f32])| {
            if let Some(cap) = cap {
                soft_cap(arch, row, cap);
            }
            (!all_finite(arch, row)).then_some(index)
        };
        let broken = out.par_chunks_exact_mut(vocab).enumerate().filter_map(broken).min();
        match broken {
            None => Ok(()),
            Some(row) => Err(not_finite(rows.start + row, &out[row * vocab..(row + 1) * vocab])),
        }
    }
}

fn not_finite(row: usize, logits: &[f32]) -> ModelError {
    let index = logits.iter().position(|logit| !logit.is_finite()).unwrap_or(0);
    ModelError::NotFinite { what: format!("logits of row {row}"), index, found: logits[index].to_string() }
}

#[cfg(test)]
mod tests {
    use super::logit_rows;

    #[test]
    fn rows_take_at_most_128_mib_and_are_whole_strips() {
        for (vocab, rows) in [(512, 480), (49_152, 480), (151_936, 192), (262_144, 96), (1 << 30, 48), (0, 480)] {
            assert_eq!(logit_rows(vocab), rows, "{vocab}");
        }
    }
}
