//! Causal attention, one head of one sequence at a time, there and back, of all tokens or the last few (a window), its scores
//! capped where the model caps them. Nothing of size tokens × tokens exists: of the
//! weights only the logarithm of each row's sum is kept, and the way back makes them again (as FlashAttention, Dao et al.
//! 2022, arXiv 2205.14135).
//!
//! With P = softmax(s Q Kᵀ), O = P V and dP = dO Vᵀ: dV = Pᵀ dO, dS = P ∘ (dP − rowsum(dO ∘ O)), dQ = s dS K, dK = s dSᵀ Q.

use hydrometer_models::vectors;
use rayon::prelude::*;

use super::{Sequences, Sheet, cap};

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

    /// The scores of the query of a row with the keys `seen_from(row) ..= row`, of keys `[width][rows]`.
    #[inline(always)]
    fn of(self, q: &[f32], turned: &[f32], rows: usize, from: usize, out: &mut [f32]) {
        products(q, turned, rows, from, self.scale, out);
        if let Some(cap) = self.cap {
            out.iter_mut().for_each(|score| *score = cap::capped(*score, cap));
        }
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
    let arch = vectors();
    let mut out = Sheet::zeros(q.rows, q.columns, q.width);
    let mut sums = vec![0.0; shape.heads * q.rows];
    let tasks: Vec<_> = shape.parts(&mut out).into_iter().zip(cut(&mut sums, shape.sequences, 1)).collect();
    let count = shape.sequences.len();
    tasks.into_par_iter().enumerate().for_each_init(Vec::new, |scratch, (task, (out, sums))| {
        let (head, sequence) = (task / count, task % count);
        let [q, k, v] = [(q, head), (k, shape.kv(head)), (v, shape.kv(head))].map(|(s, h)| shape.part(s, h, sequence));
        let width = q.len() / sums.len().max(1);
        arch.dispatch(
            #[inline(always)]
            || head_forward(shape.scores, width, (q, k, v), out, sums, scratch),
        );
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
    let arch = vectors();
    let Kept { q, k, v, out, sums } = *kept;
    // Heads that share keys and values have a part of their gradient each; parts are added in the order of the heads.
    let [mut dq, mut dk, mut dv] = [(); 3].map(|()| Sheet::zeros(q.rows, q.columns, q.width));
    let parts = shape.parts(&mut dq).into_iter().zip(shape.parts(&mut dk)).zip(shape.parts(&mut dv));
    let tasks: Vec<_> = parts.collect();
    let count = shape.sequences.len();
    tasks.into_par_iter().enumerate().for_each_init(Vec::new, |scratch, (task, ((dq, dk), dv))| {
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
        arch.dispatch(
            #[inline(always)]
            || head_backward(&one, dq, dk, dv, scratch),
        );
    });
    let [dk, dv] = [dk, dv].map(|parts| shared(shape, &parts, k));
    [dq, dk, dv]
}

/// The sum over the heads that share a head of keys and values.
fn shared(shape: Shape<'_>, parts: &Sheet, like: &Sheet) -> Sheet {
    if shape.heads == shape.kv_heads {
        return parts.clone();
    }
    let mut sum = Sheet::zeros(like.rows, like.columns, like.width);
    let size = like.rows * like.width;
    for (head, part) in parts.values.chunks_exact(size.max(1)).enumerate() {
        add_scaled(&mut sum.values[shape.kv(head) * size..][..size], part, 1.0);
    }
    sum
}

/// `x += y · factor`.
#[inline(always)]
fn add_scaled(x: &mut [f32], y: &[f32], factor: f32) {
    for (x, &y) in x.iter_mut().zip(y) {
        *x += y * factor;
    }
}

/// `[rows][width]` to `[width][rows]`.
#[inline(always)]
fn turn(values: &[f32], width: usize, out: &mut [f32]) {
    let rows = values.len() / width;
    for (row, values) in values.chunks_exact(width).enumerate() {
        for (column, &value) in values.iter().enumerate() {
            out[column * rows + row] = value;
        }
    }
}

/// Σ over `width` of `row[i] · turned[i][from..]`, times `scale`, as many as `out` has.
#[inline(always)]
fn products(row: &[f32], turned: &[f32], rows: usize, from: usize, scale: f32, out: &mut [f32]) {
    out.fill(0.0);
    for (&value, column) in row.iter().zip(turned.chunks_exact(rows)) {
        add_scaled(out, &column[from..], value * scale);
    }
}

#[inline(always)]
fn head_forward(
    scores: Scores,
    width: usize,
    (q, k, v): (&[f32], &[f32], &[f32]),
    out: &mut [f32],
    sums: &mut [f32],
    scratch: &mut Vec<f32>,
) {
    let rows = sums.len();
    if rows == 0 {
        return;
    }
    scratch.resize(rows * (width + 1), 0.0);
    let (turned, weights) = scratch.split_at_mut(rows * width);
    turn(k, width, turned);
    for (row, ((q, out), log_sum)) in q.chunks_exact(width).zip(out.chunks_exact_mut(width)).zip(sums).enumerate() {
        let from = scores.seen_from(row);
        let weights = &mut weights[from..=row];
        scores.of(q, turned, rows, from, weights);
        let largest = weights.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut total = 0.0f64;
        for weight in &mut *weights {
            *weight = (*weight - largest).exp();
            total += f64::from(*weight);
        }
        let inverse = total.recip() as f32;
        for (&weight, v) in weights.iter().zip(v[from * width..].chunks_exact(width)) {
            add_scaled(out, v, weight * inverse);
        }
        *log_sum = largest + total.ln() as f32;
    }
}

/// One head of one sequence on the way back.
struct One<'a> {
    scores: Scores,
    width: usize,
    q: &'a [f32],
    k: &'a [f32],
    v: &'a [f32],
    out: &'a [f32],
    d_out: &'a [f32],
    sums: &'a [f32],
}

#[inline(always)]
fn head_backward(one: &One<'_>, dq: &mut [f32], dk: &mut [f32], dv: &mut [f32], scratch: &mut Vec<f32>) {
    let (rows, width) = (one.sums.len(), one.width);
    if rows == 0 {
        return;
    }
    scratch.resize(2 * rows * (width + 1), 0.0);
    let (keys, rest) = scratch.split_at_mut(rows * width);
    let (values, rest) = rest.split_at_mut(rows * width);
    let (weights, slopes) = rest.split_at_mut(rows);
    turn(one.k, width, keys);
    turn(one.v, width, values);
    for row in 0..rows {
        let at = row * width..(row + 1) * width;
        let (q, out, d_out) = (&one.q[at.clone()], &one.out[at.clone()], &one.d_out[at.clone()]);
        let from = one.scores.seen_from(row);
        let (weights, slopes) = (&mut weights[from..=row], &mut slopes[from..=row]);
        one.scores.of(q, keys, rows, from, weights);
        products(d_out, values, rows, from, 1.0, slopes);
        let mean: f32 = out.iter().zip(d_out).map(|(o, d)| o * d).sum();
        for (weight, slope) in weights.iter_mut().zip(&mut *slopes) {
            let through = one.scores.cap.map_or(1.0, |cap| cap::slope(*weight, cap));
            *weight = (*weight - one.sums[row]).exp();
            *slope = *weight * (*slope - mean) * one.scores.scale * through;
        }
        let dq = &mut dq[at];
        for (column, (&weight, &slope)) in weights.iter().zip(&*slopes).enumerate() {
            let at = (from + column) * width..(from + column + 1) * width;
            add_scaled(dq, &one.k[at.clone()], slope);
            add_scaled(&mut dk[at.clone()], q, slope);
            add_scaled(&mut dv[at], d_out, weight);
        }
    }
}
