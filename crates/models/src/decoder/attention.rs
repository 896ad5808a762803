//! attention
//! Causal attention of packed sequences, one task per head and sequence, always in f32.
//!
//! A task packs the keys and values of its sequence once and then takes a strip of queries at a time: scores against
//! the visible keys, softmax, weighted values. Nothing of size tokens × tokens exists.

use std::ops::Range;

use rayon::prelude::*;

use crate::kernels::elementwise::{soft_cap, softmax};
use crate::kernels::{COLUMNS, Exactness, Kernel, Pad, Started, Words, Workshop, floats, floats_mut};

/// What attention needs to know.
pub(super) struct Shape<'a> {
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
    pub(super) head_dim: usize,
    /// Factor of q·k.
    pub(super) scale: f32,
    /// Cap c of scores, c·tanh(x/c).
    pub(super) cap: Option<f32>,
    /// Number of tokens seen, the current one included.
    pub(super) window: Option<usize>,
    /// Tokens of each sequence in the block.
    pub(super) sequences: &'a [Range<usize>],
}

/// Replaces queries by attention outputs. `q: [heads][tokens][head_dim]`, `k` and `v: [kv_heads][tokens][head_dim]`.
pub(super) fn attend(workshop: &Workshop, shape: &Shape<'_>, q: &mut [f32], k: &[f32], v: &[f32]) {
    let per_head = q.len() / shape.heads;
    let mut tasks = Vec::with_capacity(shape.heads * shape.sequences.len());
    for (head, mut q) in q.chunks_exact_mut(per_head).enumerate() {
        let kv = head / (shape.heads / shape.kv_heads) * per_head;
        for sequence in shape.sequences {
            let (now, rest) = q.split_at_mut(sequence.len() * shape.head_dim);
            q = rest;
            let range = kv + sequence.start * shape.head_dim..kv + sequence.end * shape.head_dim;
            tasks.push((now, &k[range.clone()], &v[range]));
        }
    }
    workshop.pool().install(|| {
        tasks.into_par_iter().for_each_init(Scratch::default, |scratch, (q, k, v)| {
            if let Some(kernel) = Kernel::with(Exactness::F32) {
                Task { workshop, shape, kernel: kernel.start(), rows: kernel.layout().rows, k, v }.run(q, scratch);
            }
        });
    });
}

#[derive(Default)]
struct Scratch {
    keys: Words,
    values: Words,
    strip: Words,
    tile: Words,
    scores: Vec<f32>,
    pad: Pad,
}

/// One head of one sequence.
struct Task<'a> {
    workshop: &'a Workshop,
    shape: &'a Shape<'a>,
    kernel: Started,
    /// Queries of a strip.
    rows: usize,
    k: &'a [f32],
    v: &'a [f32],
}

impl Task<'_> {
    fn run(&self, q: &mut [f32], scratch: &mut Scratch) {
        let d = self.shape.head_dim;
        self.pack(scratch);
        for (index, q) in q.chunks_mut(self.rows * d).enumerate() {
            let first = index * self.rows;
            let queries = first..first + q.len() / d;
            // Keys from here on are visible to some query of the strip; blocks are whole.
            let start = self.seen_from(first) / COLUMNS * COLUMNS;
            self.weigh(queries.clone(), start, q, scratch);
            self.mix(queries, start, q, scratch);
        }
    }

    /// First key that the query at `position` sees.
    fn seen_from(&self, position: usize) -> usize {
        self.shape.window.map_or(0, |window| (position + 1).saturating_sub(window))
    }

    /// Keys as column blocks `[tokens/32][head_dim][32]`, values as `[head_dim/32][tokens][32]`.
    fn pack(&self, scratch: &mut Scratch) {
        let d = self.shape.head_dim;
        let tokens = self.k.len() / d;
        let layout = self.kernel.layout();
        scratch.keys.reserve(tokens.next_multiple_of(COLUMNS) * d);
        for (block, keys) in self.k.chunks(COLUMNS * d).enumerate() {
            let words = &mut scratch.keys[block * d * COLUMNS..(block + 1) * d * COLUMNS];
            let (low, high) = keys.split_at(keys.len().min(16 * d));
            layout.pack_weights(self.workshop.transpose(), low, d, 0, words, &mut scratch.pad);
            layout.pack_weights(self.workshop.transpose(), high, d, 1, words, &mut scratch.pad);
        }
        scratch.values.reserve(tokens * d.next_multiple_of(COLUMNS));
        let values = floats_mut(&mut scratch.values);
        for (block, first) in (0..d).step_by(COLUMNS).enumerate() {
            let width = COLUMNS.min(d - first);
            let rows = values[block * tokens * COLUMNS..(block + 1) * tokens * COLUMNS].chunks_exact_mut(COLUMNS);
            for (out, v) in rows.zip(self.v.chunks_exact(d)) {
                out[..width].copy_from_slice(&v[first..first + width]);
                out[width..].fill(0.0);
            }
        }
    }

    /// Softmax of the scores of a strip of queries: `scratch.scores` becomes `[queries][keys from start]`.
    fn weigh(&self, queries: Range<usize>, start: usize, q: &[f32], scratch: &mut Scratch) {
        let (d, arch) = (self.shape.head_dim, self.workshop.arch());
        let Scratch { keys, strip, tile, scores, pad, .. } = scratch;
        let seen = queries.end - start;
        let width = seen.next_multiple_of(COLUMNS);
        scores.resize(queries.len() * width, 0.0);
        strip.reserve(d * self.rows);
        tile.reserve(self.rows * COLUMNS);
        self.kernel.layout().pack_rows(self.workshop.transpose(), q, d, strip, pad);
        for first in (0..width).step_by(COLUMNS) {
            let block = &keys[(start + first) * d..];
            self.kernel.multiply(d, strip, block, floats_mut(tile), false, &[]);
            for (scores, tile) in scores.chunks_exact_mut(width).zip(floats(tile).chunks_exact(COLUMNS)) {
                for (score, product) in scores[first..first + COLUMNS].iter_mut().zip(tile) {
                    *score = product * self.shape.scale;
                }
            }
        }
        for (query, scores) in queries.zip(scores.chunks_exact_mut(width)) {
            let (from, to) = (self.seen_from(query).max(start) - start, query + 1 - start);
            let visible = &mut scores[from..to];
            if let Some(cap) = self.shape.cap {
                soft_cap(arch, visible, cap);
            }
            softmax(arch, visible);
            scores[..from].fill(0.0);
            scores[to..].fill(0.0);
        }
    }

    /// Weighted sum of the values, over the queries.
    fn mix(&self, queries: Range<usize>, start: usize, q: &mut [f32], scratch: &mut Scratch) {
        let d = self.shape.head_dim;
        let tokens = self.k.len() / d;
        let Scratch { values, strip, tile, scores, pad, .. } = scratch;
        let width = scores.len() / queries.len();
        let keys = queries.end - start;
        strip.reserve(width * self.rows);
        self.kernel.layout().pack_rows(self.workshop.transpose(), scores, width, strip, pad);
        for (block, first) in (0..d).step_by(COLUMNS).enumerate() {
            let rows = &values[(block * tokens + start) * COLUMNS..];
            self.kernel.multiply(keys, strip, rows, floats_mut(tile), false, &[]);
            let run = COLUMNS.min(d - first);
            for (q, tile) in q.chunks_exact_mut(d).zip(floats(tile).chunks_exact(COLUMNS)) {
                q[first..first + run].copy_from_slice(&tile[..run]);
            }
        }
    }
}
