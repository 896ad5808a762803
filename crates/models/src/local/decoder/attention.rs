//! Causal attention over pages of keys and values, always in f32.
//!
//! A task takes some queries of one sequence and the heads that share its keys. The rows of a strip are pairs of query
//! and head, so that a single query fills a strip too: scores against the visible pages, softmax, weighted values.
//! Nothing of size tokens × tokens exists, and no result depends on what else is in the block.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::cache::{Cache, PAGE, Page};
use crate::kernels::elementwise::{soft_cap, softmax};
use crate::kernels::{COLUMNS, Exactness, Kernel, Pad, Piece, Started, Words, Workshop, floats, floats_mut};

/// Queries of one task.
const QUERIES: usize = 64;

/// What attention needs to know.
pub(super) struct Shape<'a> {
    pub(super) layer: usize,
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
    pub(super) head_dim: usize,
    /// Factor of q·k.
    pub(super) scale: f32,
    /// Cap c of scores, c·tanh(x/c).
    pub(super) cap: Option<f32>,
    /// Number of tokens seen, the current one included.
    pub(super) window: Option<usize>,
    /// New tokens of each sequence in the block.
    pub(super) sequences: &'a [Range<usize>],
    /// Keys and values of each sequence; those of the new tokens are written, and `len` does not count them yet.
    pub(super) caches: &'a [Cache],
}

/// Replaces queries by attention outputs. `q: [heads][tokens][head_dim]`.
pub(super) fn attend(workshop: &Workshop, shape: &Shape<'_>, q: &mut [f32]) {
    let Some(kernel) = Kernel::with(Exactness::F32) else { return };
    let (d, group) = (shape.head_dim, shape.heads / shape.kv_heads);
    let per_head = q.len() / shape.heads;
    let mut tasks = Vec::new();
    for kv in 0..shape.kv_heads {
        for (sequence, cache) in shape.sequences.iter().zip(shape.caches) {
            for first in (0..sequence.len()).step_by(QUERIES) {
                let queries = cache.len + first..cache.len + sequence.len().min(first + QUERIES);
                tasks.push(Task { shape, kv, pages: cache.pages(shape.layer), queries, q: Vec::with_capacity(group) });
            }
        }
    }
    let per_kv = tasks.len() / shape.kv_heads;
    for (head, mut rest) in q.chunks_exact_mut(per_head).enumerate() {
        for task in &mut tasks[head / group * per_kv..][..per_kv] {
            let (now, after) = rest.split_at_mut(task.queries.len() * d);
            task.q.push(now);
            rest = after;
        }
    }
    tasks.into_par_iter().for_each_init(Scratch::default, |scratch, mut task| {
        let (started, rows) = (kernel.start(), kernel.layout().rows);
        let pairs = task.queries.len() * group;
        for first in (0..pairs).step_by(rows) {
            task.strip(workshop, &started, first..pairs.min(first + rows), scratch);
        }
    });
}

#[derive(Default)]
struct Scratch {
    strip: Words,
    tile: Words,
    rows: Vec<f32>,
    scores: Vec<f32>,
    pad: Pad,
}

/// Some queries of one sequence, with the heads that share one kv head.
struct Task<'a> {
    shape: &'a Shape<'a>,
    kv: usize,
    pages: &'a [Arc<Page>],
    /// Positions in the sequence.
    queries: Range<usize>,
    /// Per head: `[queries][head_dim]`.
    q: Vec<&'a mut [f32]>,
}

impl Task<'_> {
    /// Pairs of query and head, heads first.
    fn strip(&mut self, workshop: &Workshop, kernel: &Started, pairs: Range<usize>, scratch: &mut Scratch) {
        let (d, group, arch) = (self.shape.head_dim, self.q.len(), workshop.arch());
        let (layout, transpose) = (kernel.layout(), workshop.transpose());
        let Scratch { strip, tile, rows, scores, pad } = scratch;
        let position = |pair: usize| self.queries.start + pair / group;
        // Keys from here on are visible to some query of the strip; pages are whole.
        let first = self.seen_from(position(pairs.start)) / PAGE;
        let pages = &self.pages[first..position(pairs.end - 1) / PAGE + 1];
        let (start, width) = (first * PAGE, pages.len() * PAGE);

        rows.clear();
        for pair in pairs.clone() {
            rows.extend_from_slice(&self.q[pair % group][pair / group * d..][..d]);
        }
        strip.reserve(d.max(width) * layout.rows);
        tile.reserve(layout.rows * COLUMNS);
        layout.pack_rows(transpose, rows, d, strip, pad);
        scores.resize(pairs.len() * width, 0.0);
        for (index, page) in pages.iter().enumerate() {
            let piece = Piece { steps: d, rows: pairs.len(), add: false, minima: false };
            kernel.multiply(piece, strip, page.keys(self.kv), floats_mut(tile), &[]);
            for (scores, tile) in scores.chunks_exact_mut(width).zip(floats(tile).chunks_exact(COLUMNS)) {
                for (score, product) in scores[index * PAGE..][..PAGE].iter_mut().zip(tile) {
                    *score = product * self.shape.scale;
                }
            }
        }
        for (pair, scores) in pairs.clone().zip(scores.chunks_exact_mut(width)) {
            let (from, to) = (self.seen_from(position(pair)).max(start) - start, position(pair) + 1 - start);
            let visible = &mut scores[from..to];
            if let Some(cap) = self.shape.cap {
                soft_cap(arch, visible, cap);
            }
            softmax(arch, visible);
            scores[..from].fill(0.0);
            scores[to..].fill(0.0);
        }

        layout.pack_rows(transpose, scores, width, strip, pad);
        for (block, first) in (0..d).step_by(COLUMNS).enumerate() {
            for (index, page) in pages.iter().enumerate() {
                let weights = &strip[index * PAGE * layout.strip_words()..];
                let piece = Piece { steps: PAGE, rows: pairs.len(), add: index > 0, minima: false };
                kernel.multiply(piece, weights, page.values(self.kv, block), floats_mut(tile), &[]);
            }
            let run = COLUMNS.min(d - first);
            for (pair, tile) in pairs.clone().zip(floats(tile).chunks_exact(COLUMNS)) {
                self.q[pair % group][pair / group * d + first..][..run].copy_from_slice(&tile[..run]);
            }
        }
    }

    /// First key that the query at `position` sees.
    fn seen_from(&self, position: usize) -> usize {
        self.shape.window.map_or(0, |window| (position + 1).saturating_sub(window))
    }
}
