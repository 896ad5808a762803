//! Causal attention, one head of one sequence at a time, there and back, of all tokens or the last few (a window), its scores
//! capped where the model caps them; always in f32. Nothing of size tokens × tokens exists: of the
//! weights only the logarithm of each row's sum is kept, and the way back makes them again, for a few queries at a time (as
//! FlashAttention, Dao et al. 2022, arXiv 2205.14135).
//!
//! With P = softmax(s Q Kᵀ), O = P V and dP = dO Vᵀ: dV = Pᵀ dO, dS = P ∘ (dP − rowsum(dO ∘ O)), dQ = s dS K, dK = s dSᵀ Q.

mod back;
mod operands;
mod there;

use rayon::prelude::*;

use super::{Sequences, Sheet, cap};
use back::One;
use operands::Bench;

/// What attention needs to know.
#[derive(Clone, Copy)]
pub(super) struct Shape<'a> {
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
    pub(super) scores: Scores,
    pub(super) sequences: Sequences<'a>,
}

/// What becomes of q·k.
#[derive(Clone, Copy)]
pub(super) struct Scores {
    /// Its factor.
    pub(super) scale: f32,
    /// Cap c of what comes of that, c·tanh(x/c).
    pub(super) cap: Option<f32>,
    /// Number of tokens seen, the current one included.
    pub(super) window: Option<usize>,
}

impl Scores {
    /// First key that the query of a row sees.
    #[inline(always)]
    fn seen_from(self, row: usize) -> usize {
        self.window.map_or(0, |window| (row + 1).saturating_sub(window))
    }

    /// q·k becomes a score.
    #[inline(always)]
    fn of(self, product: f32) -> f32 {
        let score = product * self.scale;
        self.cap.map_or(score, |cap| cap::capped(score, cap))
    }
}

impl Shape<'_> {
    /// The rows of one head and sequence, of a sheet cut into heads.
    fn part<'s>(&self, sheet: &'s Sheet, head: usize, sequence: usize) -> &'s [f32] {
        let range = &self.sequences[sequence];
        let start = head * sheet.rows * sheet.width;
        &sheet.values[start + range.start * sheet.width..start + range.end * sheet.width]
    }

    /// All heads and sequences of a sheet, in order; the sequences cover all rows.
    fn parts<'s>(&self, sheet: &'s mut Sheet) -> Vec<&'s mut [f32]> {
        cut(&mut sheet.values, self.sequences, sheet.width)
    }

    fn kv(&self, head: usize) -> usize {
        head * self.kv_heads / self.heads
    }
}

fn cut<'s>(mut values: &'s mut [f32], sequences: Sequences<'_>, width: usize) -> Vec<&'s mut [f32]> {
    let mut parts = Vec::new();
    while !values.is_empty() {
        for sequence in sequences {
            let (now, rest) = values.split_at_mut(sequence.len() * width);
            parts.push(now);
            values = rest;
        }
    }
    parts
}

/// Outputs `[heads][tokens][head_dim]` and ln Σ e^score of every row, `[heads][tokens]`.
pub(super) fn forward(shape: Shape<'_>, q: &Sheet, k: &Sheet, v: &Sheet) -> (Sheet, Vec<f32>) {
    let mut out = Sheet::zeros(q.rows, q.columns, q.width);
    let mut sums = vec![0.0; shape.heads * q.rows];
    let tasks: Vec<_> = shape.parts(&mut out).into_iter().zip(cut(&mut sums, shape.sequences, 1)).collect();
    let count = shape.sequences.len();
    tasks.into_par_iter().enumerate().for_each_init(there::Scratch::default, |scratch, (task, (out, sums))| {
        let (head, sequence) = (task / count, task % count);
        let [q, k, v] = [(q, head), (k, shape.kv(head)), (v, shape.kv(head))].map(|(s, h)| shape.part(s, h, sequence));
        there::head(&Bench::start(), shape.scores, (q, k, v), out, sums, scratch);
    });
    (out, sums)
}

/// What the way back starts from.
pub(super) struct Kept<'a> {
    pub(super) q: &'a Sheet,
    pub(super) k: &'a Sheet,
    pub(super) v: &'a Sheet,
    pub(super) out: &'a Sheet,
    pub(super) sums: &'a [f32],
}

/// Gradients of q, k and v.
pub(super) fn backward(shape: Shape<'_>, kept: &Kept<'_>, d_out: &Sheet) -> [Sheet; 3] {
    let Kept { q, k, v, out, sums } = *kept;
    // Heads that share keys and values have a part of their gradient each; parts are added in the order of the heads.
    let [mut dq, mut dk, mut dv] = [(); 3].map(|()| Sheet::zeros(q.rows, q.columns, q.width));
    let parts = shape.parts(&mut dq).into_iter().zip(shape.parts(&mut dk)).zip(shape.parts(&mut dv));
    let tasks: Vec<_> = parts.collect();
    let count = shape.sequences.len();
    tasks.into_par_iter().enumerate().for_each_init(back::Scratch::default, |scratch, (task, ((dq, dk), dv))| {
        let (head, sequence) = (task / count, task % count);
        let range = &shape.sequences[sequence];
        let one = One {
            scores: shape.scores,
            width: q.width,
            q: shape.part(q, head, sequence),
            k: shape.part(k, shape.kv(head), sequence),
            v: shape.part(v, shape.kv(head), sequence),
            out: shape.part(out, head, sequence),
            d_out: shape.part(d_out, head, sequence),
            sums: &sums[head * q.rows + range.start..head * q.rows + range.end],
        };
        one.back(&Bench::start(), dq, dk, dv, scratch);
    });
    let [dk, dv] = [dk, dv].map(|parts| shared(shape, parts, k));
    [dq, dk, dv]
}

/// The sum over the heads that share a head of keys and values.
fn shared(shape: Shape<'_>, parts: Sheet, like: &Sheet) -> Sheet {
    if shape.heads == shape.kv_heads {
        return parts;
    }
    let mut sum = Sheet::zeros(like.rows, like.columns, like.width);
    let size = like.rows * like.width;
    for (head, part) in parts.values.chunks_exact(size.max(1)).enumerate() {
        sum.values[shape.kv(head) * size..][..size].iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
    }
    sum
}
