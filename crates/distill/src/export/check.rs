//! What an exported student is, beside the weights that were trained: opened as an audit opens it, on held-out documents.

use hydrometer_metrics::stats::limits::{Limits, Shape};
use hydrometer_metrics::{Estimate, FamilyTable};
use hydrometer_models::{Block, Scores, Sequence};
use rayon::prelude::*;

use crate::DistillError;
use crate::train::{Sample, head_rows};

/// Level of the interval.
const LEVEL: f64 = 0.95;
/// Samples that are scored at once.
const SAMPLES: usize = 8;
/// The same where the trained weights are scored a second time: another block is another way of rounding.
const AGAIN: usize = 1;

/// What [`divergence`] is of weights that were not changed at all: the trained ones, scored a second time in other blocks, as
/// audits measure their floor. `None` without samples.
///
/// # Errors
/// A model that fails.
pub fn floor(trained: &dyn Scores, vocab: usize, samples: &[&Sample]) -> Result<Option<f64>, DistillError> {
    Ok(apart(trained, (trained, AGAIN), vocab, samples)?.map(|estimate| estimate.value))
}

/// KL(trained ‖ exported) at temperature 1, nats a token, with its interval over documents; `None` without samples.
///
/// # Errors
/// A model that fails.
pub fn divergence(
    trained: &dyn Scores,
    exported: &dyn Scores,
    vocab: usize,
    samples: &[&Sample],
) -> Result<Option<Estimate>, DistillError> {
    apart(trained, (exported, SAMPLES), vocab, samples)
}

/// KL(a ‖ b); `b` scores so many samples at once.
fn apart(
    a: &dyn Scores,
    (b, at_once_of_b): (&dyn Scores, usize),
    vocab: usize,
    samples: &[&Sample],
) -> Result<Option<Estimate>, DistillError> {
    let mut table = FamilyTable::new(2);
    let (mut p, mut q) = (Vec::new(), Vec::new());
    let block = |samples: &[&Sample]| {
        let sequence = |sample: &&Sample| Sequence { tokens: sample.tokens.clone(), rows: sample.rows().collect() };
        Block { sequences: samples.iter().map(sequence).collect() }
    };
    let at_once = head_rows(vocab);
    for samples in samples.chunks(SAMPLES) {
        let mut of_a = a.score(&block(samples))?;
        let mut first = 0;
        for samples in samples.chunks(at_once_of_b) {
            let mut of_b = b.score(&block(samples))?;
            let families: Vec<&str> = samples.iter().flat_map(|s| s.rows().map(|_| s.family.as_str())).collect();
            for (chunk, families) in families.chunks(at_once).enumerate() {
                let rows = chunk * at_once..chunk * at_once + families.len();
                p.resize(families.len() * vocab, 0.0);
                q.resize(families.len() * vocab, 0.0);
                of_a.read(first + rows.start..first + rows.end, &mut p)?;
                of_b.read(rows, &mut q)?;
                let pairs = p.par_chunks_exact(vocab).zip(q.par_chunks_exact(vocab));
                let divergences: Vec<f64> = pairs.map(|(p, q)| row(p, q)).collect();
                for (family, divergence) in families.iter().zip(divergences) {
                    table.add(family, &[divergence, 1.0], 1);
                }
            }
            first += families.len();
        }
    }
    let mean = |sums: &[f64]| (sums[1] > 0.0).then(|| sums[0] / sums[1]);
    let limits = Limits::new(&table, Shape::AMOUNT, |sums: &[f64]| sums[1], mean);
    let mut estimate = limits.map(|limits| limits.estimate(LEVEL, table.items()));
    // A divergence is never below 0; what is there of it in two ways of rounding is.
    if let Some(interval) = estimate.as_mut().and_then(|estimate| estimate.interval.as_mut()) {
        interval.low = interval.low.max(0.0);
    }
    Ok(estimate)
}

/// KL(softmax p ‖ softmax q), in f64.
fn row(p: &[f32], q: &[f32]) -> f64 {
    let normaliser = |logits: &[f32]| {
        let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        largest + logits.iter().map(|&z| (f64::from(z) - largest).exp()).sum::<f64>().ln()
    };
    let (of_p, of_q) = (normaliser(p), normaliser(q));
    let term = |(&p, &q): (&f32, &f32)| {
        let (p, q) = (f64::from(p) - of_p, f64::from(q) - of_q);
        p.exp() * (p - q)
    };
    p.iter().zip(q).map(term).sum::<f64>().max(0.0)
}

#[cfg(test)]
mod tests {
    use super::row;

    #[test]
    fn a_row_is_the_divergence_by_hand() {
        let (p, q) = ([0.0, 3f32.ln()], [0.0, 0.0]);
        // (1/4, 3/4) from (1/2, 1/2).
        let expected = 0.25 * 0.5f64.ln() + 0.75 * 1.5f64.ln();
        assert!((row(&p, &q) - expected).abs() < 1e-7, "{}", row(&p, &q));
        assert_eq!(row(&q, &q), 0.0);
        assert!((row(&[700.0, 700.0 + 3f32.ln()], &[9.0, 9.0]) - expected).abs() < 1e-4);
    }
}
