//! Causal attention over pages of keys and values, always in f32.
//!
//! A task takes some queries of one sequence and the heads that share its keys. The rows of a strip are pairs of query
//! and head, so that a single query fills a strip too: scores against the visible pages, softmax, weighted values. Some strips
//! go over the pages together, so that long contexts are read from far memory less often.
//! Nothing of size tokens × tokens exists, and no result depends on what else is in the block.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::cache::{Cache, PAGE, Page};
use crate::kernels::elementwise::{soft_cap, softmax};
use crate::kernels::{COLUMNS, Exactness, Kernel, Pad, Piece, Started, Words, Workshop, floats, floats_mut};

/// Queries of one task.
const QUERIES: usize = 64;
/// Strips that read a page while it is near: their scores are to stay in the second-level cache.
const STRIPS: usize = 4;

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
        for first in (0..pairs).step_by(STRIPS * rows) {
            task.strips(workshop, &started, first..pairs.min(first + STRIPS * rows), scratch);
        }
    });
}

#[derive(Default)]
struct Scratch {
    strips: Words,
    tiles: Words,
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
    /// Pairs of query and head, heads first, in strips.
    fn strips(&mut self, workshop: &Workshop, kernel: &Started, pairs: Range<usize>, scratch: &mut Scratch) {
        let (d, group, arch) = (self.shape.head_dim, self.q.len(), workshop.arch());
        let (layout, transpose) = (kernel.layout(), workshop.transpose());
        let Scratch { strips, tiles, rows, scores, pad } = scratch;
        let position = |pair: usize| self.queries.start + pair / group;
        let strip_pairs = |strip: usize| {
            let first = pairs.start + strip * layout.rows;
            first..pairs.end.min(first + layout.rows)
        };
        // Pages with keys that are visible to some query of these pairs; pages are whole.
        let seen = |of: Range<usize>| self.seen_from(position(of.start)) / PAGE..position(of.end - 1) / PAGE + 1;
        let pages = seen(pairs.clone());
        let (start, width) = (pages.start * PAGE, pages.len() * PAGE);
        let count = pairs.len().div_ceil(layout.rows);
        let reading = |page: usize| (0..count).filter(move |&strip| seen(strip_pairs(strip)).contains(&page));
        let (strip_words, tile) = (d.max(width) * layout.rows, layout.rows * COLUMNS);
        strips.reserve(count * strip_words);
        let blocks = d.div_ceil(COLUMNS);
        tiles.reserve(count * blocks * tile);

        for (strip, words) in strips.chunks_exact_mut(strip_words).take(count).enumerate() {
            rows.clear();
            for pair in strip_pairs(strip) {
                rows.extend_from_slice(&self.q[pair % group][pair / group * d..][..d]);
            }
            layout.pack_rows(transpose, rows, d, words, pad);
        }
        scores.resize(pairs.len() * width, 0.0);
        for page in pages.clone() {
            for strip in reading(page) {
                let piece = Piece { steps: d, rows: strip_pairs(strip).len(), add: false, minima: false };
                let products = &mut floats_mut(tiles)[..tile];
                kernel.multiply(piece, &strips[strip * strip_words..], self.pages[page].keys(self.kv), products, &[]);
                let scores = scores[strip * layout.rows * width..].chunks_exact_mut(width);
                for (scores, products) in scores.zip(products.chunks_exact(COLUMNS)) {
                    for (score, product) in scores[page * PAGE - start..][..PAGE].iter_mut().zip(products) {
                        *score = product * self.shape.scale;
                    }
                }
            }
        }
        for (pair, scores) in pairs.clone().zip(scores.chunks_exact_mut(width)) {
            let (from, to) = (self.seen_from(position(pair)) - start, position(pair) + 1 - start);
            let visible = &mut scores[from..to];
            if let Some(cap) = self.shape.cap {
                soft_cap(arch, visible, cap);
            }
            softmax(arch, visible);
            scores[..from].fill(0.0);
            scores[to..].fill(0.0);
        }

        for (strip, words) in strips.chunks_exact_mut(strip_words).take(count).enumerate() {
            let rows = &scores[strip * layout.rows * width..][..strip_pairs(strip).len() * width];
            layout.pack_rows(transpose, rows, width, words, pad);
        }
        for page in pages.clone() {
            for block in 0..blocks {
                let values = self.pages[page].values(self.kv, block);
                for strip in reading(page) {
                    let (of, begin) =
                        (strip_pairs(strip), strip * strip_words + (page * PAGE - start) * layout.strip_words());
                    let piece = Piece { steps: PAGE, rows: of.len(), add: page > seen(of).start, minima: false };
                    let sums = &mut floats_mut(tiles)[(strip * blocks + block) * tile..][..tile];
                    kernel.multiply(piece, &strips[begin..], values, sums, &[]);
                }
            }
        }
        for strip in 0..count {
            for block in 0..blocks {
                let sums = floats(&tiles[(strip * blocks + block) * tile..][..tile]);
                let run = COLUMNS.min(d - block * COLUMNS);
                for (pair, sums) in strip_pairs(strip).zip(sums.chunks_exact(COLUMNS)) {
                    self.q[pair % group][pair / group * d + block * COLUMNS..][..run].copy_from_slice(&sums[..run]);
                }
            }
        }
    }

    /// First key that the query at `position` sees.
    fn seen_from(&self, position: usize) -> usize {
        self.shape.window.map_or(0, |window| (position + 1).saturating_sub(window))
    }
}
