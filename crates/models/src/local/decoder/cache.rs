//! Keys and values of a sequence, in pages of 32 positions that lie as the kernels read them.
//!
//! Pages are shared between sequences with the same beginning and copied when one of them goes on differently.

use std::sync::Arc;

use crate::DecoderConfig;
use crate::kernels::{COLUMNS, Words, floats_mut};

/// Positions of a page.
pub(super) const PAGE: usize = COLUMNS;

/// Sizes of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageShape {
    pub(super) kv_heads: usize,
    pub(super) head_dim: usize,
}

impl PageShape {
    pub(super) fn of(config: &DecoderConfig) -> PageShape {
        PageShape { kv_heads: config.kv_heads, head_dim: config.head_dim }
    }

    fn keys(self) -> usize {
        self.head_dim * PAGE
    }

    fn values(self) -> usize {
        self.head_dim.next_multiple_of(COLUMNS) * PAGE
    }

    fn words(self) -> usize {
        self.kv_heads * (self.keys() + self.values())
    }

    /// Memory of one page.
    pub(super) fn bytes(self) -> u64 {
        (self.words() * size_of::<f32>()) as u64
    }
}

/// 32 positions in one layer. For every kv head: keys `[head_dim][32]`, values `[head_dim/32][32][32]`; what was never
/// written is zero.
#[derive(Clone)]
pub(super) struct Page {
    shape: PageShape,
    words: Words,
}

impl Page {
    fn new(shape: PageShape) -> Page {
        Page { shape, words: Words::zeroed(shape.words()) }
    }

    /// Keys of a head as one column block: `[head_dim][32]`.
    pub(super) fn keys(&self, head: usize) -> &[u32] {
        let at = head * (self.shape.keys() + self.shape.values());
        &self.words[at..at + self.shape.keys()]
    }

    /// Values `32·block ..` of a head as one column block: `[32 positions][32]`.
    pub(super) fn values(&self, head: usize, block: usize) -> &[u32] {
        let at = head * (self.shape.keys() + self.shape.values()) + self.shape.keys() + block * PAGE * COLUMNS;
        &self.words[at..at + PAGE * COLUMNS]
    }

    fn write(&mut self, head: usize, position: usize, k: &[f32], v: &[f32]) {
        let at = head * (self.shape.keys() + self.shape.values());
        let words = floats_mut(&mut self.words);
        let (keys, values) = words[at..].split_at_mut(self.shape.keys());
        for (column, k) in keys.chunks_exact_mut(COLUMNS).zip(k) {
            column[position] = *k;
        }
        for (block, v) in values.chunks_exact_mut(PAGE * COLUMNS).zip(v.chunks(COLUMNS)) {
            block[position * COLUMNS..][..v.len()].copy_from_slice(v);
        }
    }
}

/// What a sequence has read so far.
#[derive(Clone)]
pub(super) struct Cache {
    shape: PageShape,
    /// One list of pages per layer, or a single one that every layer overwrites.
    layers: Vec<Vec<Arc<Page>>>,
    /// Positions that every layer holds.
    pub(super) len: usize,
}

impl Cache {
    /// Remembers every layer.
    pub(super) fn new(shape: PageShape, layers: usize) -> Cache {
        Cache { shape, layers: vec![Vec::new(); layers], len: 0 }
    }

    /// Remembers only the layer that was written last, behind `len` positions of another sequence: enough for tokens that are
    /// read once.
    pub(super) fn passing(shape: PageShape, len: usize) -> Cache {
        Cache { len, ..Cache::new(shape, 1) }
    }

    /// Forgets what lies behind the first `tokens`; whether there are so many. What is left of the last page behind them is
    /// written over before anything sees it.
    pub(super) fn cut(&mut self, tokens: usize) -> bool {
        if tokens > self.len {
            return false;
        }
        self.layers.iter_mut().for_each(|pages| pages.truncate(tokens.div_ceil(PAGE)));
        self.len = tokens;
        true
    }

    fn index(&self, layer: usize) -> usize {
        layer.min(self.layers.len() - 1)
    }

    /// Pages of a layer, in order of position.
    pub(super) fn pages(&self, layer: usize) -> &[Arc<Page>] {
        &self.layers[self.index(layer)]
    }

    /// Holds in a layer what `beginning` holds there.
    pub(super) fn follow(&mut self, layer: usize, beginning: &Cache) {
        let index = self.index(layer);
        self.layers[index].clone_from(&beginning.layers[index]);
    }

    /// Writes `tokens` keys and values of a layer behind the `len` positions that are there.
    ///
    /// `k` and `v` give one kv head and token: `[head_dim]`.
    pub(super) fn write<'k>(
        &mut self,
        layer: usize,
        tokens: usize,
        k: impl Fn(usize, usize) -> &'k [f32],
        v: impl Fn(usize, usize) -> &'k [f32],
    ) {
        let (shape, index) = (self.shape, self.index(layer));
        let pages = &mut self.layers[index];
        pages.resize_with((self.len + tokens).div_ceil(PAGE), || Arc::new(Page::new(shape)));
        for token in 0..tokens {
            let position = self.len + token;
            let page = Arc::make_mut(&mut pages[position / PAGE]);
            for head in 0..shape.kv_heads {
                page.write(head, position % PAGE, k(head, token), v(head, token));
            }
        }
    }
}
