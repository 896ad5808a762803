//! Activations on their way into a product: packed into strips of rows, from rows or from columns.

use std::ops::Range;

use rayon::prelude::*;

use super::Kernel;
use super::layout::Layout;
use super::product::{Scratch, Workshop, grow};
use super::turned::Turned;
use super::words::Words;

/// Activations `[rows, depth]` as a kernel reads them.
pub struct Strips {
    pub(super) layout: Layout,
    pub(super) rows: usize,
    pub(super) depth: usize,
    pub(super) words: Words,
}

impl Strips {
    /// Room for activations; the contents are unspecified until they are written.
    pub fn new(kernel: Kernel, rows: usize, depth: usize) -> Strips {
        let layout = kernel.layout();
        let words = Words::zeroed(rows.div_ceil(layout.rows) * layout.steps(depth) * layout.strip_words());
        Strips { layout, rows, depth, words }
    }

    /// Readies them for other activations; the contents are unspecified until they are written.
    pub fn fit(&mut self, kernel: Kernel, rows: usize, depth: usize) {
        (self.rows, self.depth) = (rows, depth);
        self.ready(kernel);
    }

    /// Readies them for another kernel; the contents are unspecified until they are written.
    pub fn ready(&mut self, kernel: Kernel) {
        self.layout = kernel.layout();
        self.words.reserve(self.count() * self.strip());
    }

    /// Rows of the activations.
    pub fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn strip(&self) -> usize {
        self.layout.steps(self.depth) * self.layout.strip_words()
    }

    pub(super) fn count(&self) -> usize {
        self.rows.div_ceil(self.layout.rows)
    }

    /// The rows of strip `index`.
    pub(super) fn range(&self, index: usize) -> Range<usize> {
        index * self.layout.rows..self.rows.min((index + 1) * self.layout.rows)
    }
}

impl Workshop {
    /// Packs activations; `write(row, out)` gives one row.
    pub fn pack(&self, out: &mut Strips, write: impl Fn(usize, &mut [f32]) + Sync) {
        let depth = out.depth;
        self.each_strip(out, |layout, range, words, Scratch { rows, pad, .. }| {
            grow(rows, range.len() * depth);
            for (row, out) in range.clone().zip(rows.chunks_exact_mut(depth)) {
                write(row, out);
            }
            layout.pack_rows(self.transpose(), &rows[..range.len() * depth], depth, words, pad);
        });
    }

    /// Packs activations that lie turned.
    pub fn pack_turned(&self, out: &mut Strips, turned: &dyn Turned) {
        let depth = out.depth;
        self.each_strip(out, |layout, range, words, scratch| {
            layout.read_turned_rows(self.transpose(), turned, range, depth, words, scratch);
        });
    }

    /// Hands every strip to `fill`, with the rows that belong into it.
    fn each_strip(&self, out: &mut Strips, fill: impl Fn(Layout, Range<usize>, &mut [u32], &mut Scratch) + Sync) {
        let (layout, all, strip) = (out.layout, out.rows, out.strip());
        out.words.par_chunks_mut(strip).take(all.div_ceil(layout.rows)).enumerate().for_each(|(index, words)| {
            let range = index * layout.rows..all.min((index + 1) * layout.rows);
            self.with_scratch(|scratch| fill(layout, range, words, scratch));
        });
    }
}
