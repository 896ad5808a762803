//! The way back. A few queries at a time: their weights and slopes exist for all keys that they see, and the gradients of keys and
//! values grow with each.

use hydrometer_models::kernels::{Sum, exp};
use hydrometer_models::vectors;

use super::Scores;
use super::operands::{Bench, Blocks, COLUMNS, copy_tile};
use crate::network::cap;

/// Strips of queries that are looked at together: as deep as the products with them are.
const STRIPS: usize = 4;

/// One head of one sequence on the way back.
pub(super) struct One<'a> {
    pub(super) scores: Scores,
    pub(super) width: usize,
    pub(super) q: &'a [f32],
    pub(super) k: &'a [f32],
    pub(super) v: &'a [f32],
    pub(super) out: &'a [f32],
    pub(super) d_out: &'a [f32],
    pub(super) sums: &'a [f32],
}

/// Space between heads.
#[derive(Default)]
pub(super) struct Scratch {
    /// Keys and values for products with queries and their gradients, and keys for products with slopes.
    of_keys: Blocks,
    of_values: Blocks,
    keys: Blocks,
    q: Blocks,
    d_out: Blocks,
    strip: Vec<f32>,
    /// P and dS of some queries, `[queries][keys]`.
    weights: Vec<f32>,
    slopes: Vec<f32>,
    /// dK and dV in tiles: `[strips of keys][blocks of columns][rows][32]`.
    d_keys: Vec<f32>,
    d_values: Vec<f32>,
    tile: Vec<f32>,
}

impl One<'_> {
    pub(super) fn back(&self, bench: &Bench, dq: &mut [f32], dk: &mut [f32], dv: &mut [f32], scratch: &mut Scratch) {
        let (rows, width) = (self.sums.len(), self.width);
        if rows == 0 {
            return;
        }
        bench.turn_into(self.k, width, &mut scratch.of_keys);
        bench.turn_into(self.v, width, &mut scratch.of_values);
        scratch.keys.of_columns(self.k, width);
        let tiles = rows.div_ceil(bench.rows) * width.div_ceil(COLUMNS) * bench.rows * COLUMNS;
        for sums in [&mut scratch.d_keys, &mut scratch.d_values] {
            sums.clear();
            sums.resize(tiles, 0.0);
        }
        scratch.tile.resize(bench.rows * COLUMNS, 0.0);
        for first in (0..rows).step_by(STRIPS * bench.rows) {
            let end = rows.min(first + STRIPS * bench.rows);
            self.some_queries(bench, first..end, dq, scratch);
        }
        for (tiles, out) in [(&scratch.d_keys, dk), (&scratch.d_values, dv)] {
            untile(tiles, bench.rows, width, out);
        }
    }

    fn some_queries(&self, bench: &Bench, queries: std::ops::Range<usize>, dq: &mut [f32], scratch: &mut Scratch) {
        let (rows, width) = (self.sums.len(), self.width);
        let Scratch { of_keys, of_values, keys, q, d_out, strip, weights, slopes, d_keys, d_values, tile } = scratch;
        let seen = self.scores.seen_from(queries.start) / COLUMNS * COLUMNS..queries.end.next_multiple_of(COLUMNS);
        let across = seen.len();
        for of in [&mut *weights, &mut *slopes] {
            of.resize(queries.len() * across, 0.0);
        }
        for first in queries.clone().step_by(bench.rows) {
            let some = first..queries.end.min(first + bench.rows);
            let at = (some.start - queries.start) * across..(some.end - queries.start) * across;
            let (weights, slopes) = (&mut weights[at.clone()], &mut slopes[at]);
            let numbers = some.start * width..some.end * width;
            // Blocks that no query of the strip sees are left out: their weights are written as zeros.
            let blocks = self.scores.seen_from(first) / COLUMNS..some.end.div_ceil(COLUMNS);
            for (rows, with, out) in [(self.q, &*of_keys, &mut *weights), (self.d_out, &*of_values, &mut *slopes)] {
                bench.strip(&rows[numbers.clone()], width, strip);
                for block in blocks.clone() {
                    bench.product(width, strip, with.block(block, 0), tile, Sum::Fresh);
                    let at = block * COLUMNS - seen.start;
                    copy_tile(tile, COLUMNS, &mut out[at..], across);
                }
            }
            let pairs = weights.chunks_exact_mut(across).zip(slopes.chunks_exact_mut(across));
            for (row, (weights, slopes)) in some.clone().zip(pairs) {
                let (from, to) = (self.scores.seen_from(row) - seen.start, row + 1 - seen.start);
                for of in [&mut *weights, &mut *slopes] {
                    of[..from].fill(0.0);
                    of[to..].fill(0.0);
                }
                vectors().dispatch(
                    #[inline(always)]
                    || self.slopes_of(row, &mut weights[from..to], &mut slopes[from..to]),
                );
            }
            let depth = some.end - blocks.start * COLUMNS;
            bench.strip(slopes, across, strip);
            let strip = &strip[(blocks.start * COLUMNS - seen.start) * bench.rows..];
            for from in (0..width).step_by(COLUMNS) {
                let run = COLUMNS.min(width - from);
                bench.product(depth, strip, keys.block(from / COLUMNS, blocks.start * COLUMNS), tile, Sum::Fresh);
                copy_tile(tile, run, &mut dq[some.start * width + from..some.end * width], width);
            }
        }
        let numbers = queries.start * width..queries.end * width;
        q.of_columns(&self.q[numbers.clone()], width);
        d_out.of_columns(&self.d_out[numbers], width);
        let blocks = width.div_ceil(COLUMNS);
        let size = bench.rows * COLUMNS;
        for first in (seen.start / bench.rows * bench.rows..queries.end).step_by(bench.rows) {
            // Keys before the first that is seen have no weights.
            let keys = first.max(seen.start)..rows.min(first + bench.rows).min(seen.end);
            let skipped = keys.start - first;
            for (of, with, sums) in [(&*slopes, &*q, &mut *d_keys), (&*weights, &*d_out, &mut *d_values)] {
                strip.resize(queries.len() * bench.rows, 0.0);
                for (of, out) in of.chunks_exact(across).zip(strip.chunks_exact_mut(bench.rows)) {
                    out.fill(0.0);
                    out[skipped..skipped + keys.len()]
                        .copy_from_slice(&of[keys.start - seen.start..keys.end - seen.start]);
                }
                for block in 0..blocks {
                    let tile = &mut sums[(first / bench.rows * blocks + block) * size..][..size];
                    bench.product(queries.len(), strip, with.block(block, 0), tile, Sum::Grows);
                }
            }
        }
    }

    /// Products q·k become weights, and products dO·v become dS.
    #[inline(always)]
    fn slopes_of(&self, row: usize, weights: &mut [f32], slopes: &mut [f32]) {
        let at = row * self.width..(row + 1) * self.width;
        let mean: f32 = self.out[at.clone()].iter().zip(&self.d_out[at]).map(|(o, d)| o * d).sum();
        let sum = self.sums[row];
        match self.scores.cap {
            None => {
                for (weight, slope) in weights.iter_mut().zip(slopes) {
                    *weight = exp(*weight * self.scores.scale - sum);
                    *slope = *weight * (*slope - mean) * self.scores.scale;
                }
            }
            Some(cap) => {
                for (weight, slope) in weights.iter_mut().zip(slopes) {
                    let score = self.scores.of(*weight);
                    *weight = exp(score - sum);
                    *slope = *weight * (*slope - mean) * self.scores.scale * cap::slope(score, cap);
                }
            }
        }
    }
}

/// `[strips][blocks][rows][32]` to `[rows][width]`.
fn untile(tiles: &[f32], rows: usize, width: usize, out: &mut [f32]) {
    let blocks = width.div_ceil(COLUMNS);
    for (tiles, out) in tiles.chunks_exact(blocks * rows * COLUMNS).zip(out.chunks_mut(rows * width)) {
        for (block, tile) in tiles.chunks_exact(rows * COLUMNS).enumerate() {
            let from = block * COLUMNS;
            let run = COLUMNS.min(width - from);
            copy_tile(tile, run, &mut out[from..], width);
        }
    }
}
