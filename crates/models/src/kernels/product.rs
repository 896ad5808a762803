//! The large product `y = x · wᵀ`: activations of a whole block times a weight matrix that is unpacked panel by panel.
//!
//! A task takes a panel of output columns, unpacks its weights once (dequantise, split, transpose), and multiplies them
//! with all rows. The inner dimension is walked in long pieces whose panel stays in the second-level cache, and inside
//! them in short pieces whose strip stays in the first. Every output is summed by one thread in an order that depends
//! only on its own row and column, so results depend neither on scheduling nor on what else is in the block.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use pulp::Arch;

use super::integers::{Integers, Step, Unpacked, widen};
use super::kept::Keep;
use super::layout::{COLUMNS, Format, Layout, Pad};
use super::output::{Finished, Output, Target};
use super::strips::Strips;
use super::transpose::Transpose;
use super::turned::Turned;
use super::words::{Words, floats, floats_mut, words};
use super::{Kernel, Piece, Started};
use crate::instructions::vectors;

/// Elements of the inner dimension for which a panel stays in the second-level cache.
const LONG: usize = 1024;
/// Elements of the inner dimension for which a strip stays in the first-level cache.
const SHORT: usize = 512;
/// Rows whose sums one task keeps at a time.
const SUMS: usize = 2048;
/// Rows below which a task is not worth unpacking weights again.
const FEW: usize = 128;

/// A weight matrix `[rows, depth]` that can write any of its rows as f32.
pub trait Matrix: Sync {
    /// What can go wrong when rows are unpacked.
    type Error: Send;
    /// Output dimension.
    fn rows(&self) -> usize;
    /// Inner dimension.
    fn depth(&self) -> usize;
    /// Writes `rows`, row-major.
    ///
    /// # Errors
    /// Rows that cannot be had.
    fn unpack(&self, rows: Range<usize>, out: &mut [f32]) -> Result<(), Self::Error>;
    /// How many numbers share a scale, where all are integers with scales: [`Matrix::integers`].
    fn integers_in(&self) -> Option<Step> {
        None
    }
    /// Whether such steps may have a minimum beside their scale: where they have none, a product is faster that knows it.
    fn has_minima(&self) -> bool {
        true
    }
    /// Writes `rows` as the integers that they are, in such steps.
    ///
    /// # Errors
    /// Rows that cannot be had, or are no integers.
    fn integers(&self, _rows: Range<usize>, _out: Integers<'_>) -> Result<(), Self::Error> {
        debug_assert!(false, "a matrix that is no integers is not asked for them");
        Ok(())
    }
    /// Its numbers, where they lie turned in memory: they are read so then, and by no other method.
    fn turned(&self) -> Option<&dyn Turned> {
        None
    }
}

/// Where products are made: the caller's pool of threads, and scratch space.
pub struct Workshop {
    transpose: Transpose,
    arch: Arch,
    idle: Mutex<Vec<Scratch>>,
}

#[derive(Default)]
pub(super) struct Scratch {
    pub(super) rows: Vec<f32>,
    integers: Unpacked,
    panel: Words,
    /// A piece of a panel that is kept, as the kernel reads it.
    piece: Words,
    sums: Words,
    pub(super) pad: Pad,
}

impl Default for Workshop {
    fn default() -> Self {
        Self::new()
    }
}

impl Workshop {
    /// A workshop. It has no threads of its own: its work runs in the pool that the caller is in.
    #[must_use]
    pub fn new() -> Workshop {
        Workshop { transpose: Transpose::detect(), arch: vectors(), idle: Mutex::default() }
    }

    /// The instruction set of the element-wise steps.
    pub(crate) fn arch(&self) -> Arch {
        self.arch
    }

    /// The way to transpose.
    pub(crate) fn transpose(&self) -> Transpose {
        self.transpose
    }

    pub(super) fn with_scratch<T>(&self, work: impl FnOnce(&mut Scratch) -> T) -> T {
        let idle = || self.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut scratch = idle().pop().unwrap_or_default();
        let result = work(&mut scratch);
        idle().push(scratch);
        result
    }

    /// Multiplies `x` with the transposed weights; see [`Target`] for what happens with the result.
    ///
    /// # Errors
    /// The first error of unpacking weights; the target is then unspecified.
    ///
    /// # Panics
    /// Operands that were packed for another kernel, and a target of another size.
    pub fn multiply<M: Matrix>(
        &self,
        kernel: Kernel,
        x: &Strips,
        weights: &M,
        target: Target<'_>,
    ) -> Result<(), M::Error> {
        self.multiply_keeping(kernel, x, weights, target, None)
    }

    /// [`Workshop::multiply`], with unpacked weights taken from `keep`, and kept there, where it is given.
    ///
    /// # Errors
    /// As [`Workshop::multiply`].
    ///
    /// # Panics
    /// As [`Workshop::multiply`]; panels that were kept of another matrix, kernel or kind of target give wrong results.
    pub fn multiply_keeping<M: Matrix>(
        &self,
        kernel: Kernel,
        x: &Strips,
        weights: &M,
        target: Target<'_>,
        keep: Option<Keep<'_>>,
    ) -> Result<(), M::Error> {
        assert_eq!((x.layout, x.depth), (kernel.layout(), weights.depth()), "operands of different kernels or depths");
        let output = Output::new(target, x.rows, weights.rows());
        let threads = rayon::current_num_threads();
        // What is kept is cut alike however many threads there are.
        let panels = output.panels(weights.rows(), if keep.is_some() { 1 } else { 3 * threads });
        // Few panels on many threads: the rows are cut as well, as long as that pays for unpacking again.
        let cuts = (3 * threads).div_ceil(panels.len().max(1)).clamp(1, (x.rows / FEW).max(1));
        let strips = x.count().div_ceil(cuts).max(1);
        let cuts = x.count().div_ceil(strips);
        let kept = keep.map(|keep| (keep, keep.panels.of(panels.len())));
        let next = AtomicUsize::new(0);
        let failure = Mutex::new(None);
        rayon::broadcast(|_| {
            self.with_scratch(|scratch| {
                let started = kernel.start();
                loop {
                    let task = next.fetch_add(1, Ordering::Relaxed);
                    let Some(panel) = panels.get(task / cuts) else { break };
                    let first = task % cuts * strips;
                    // What this thread most likely reads next, where that is kept.
                    let following = kept.and_then(|(_, panels)| panels.get((task + threads) / cuts)?.get());
                    let kept = kept.map(|(keep, panels)| (keep, &panels[task / cuts]));
                    let job = Job { workshop: self, started: &started, x, weights, output: &output, following };
                    if let Err(error) = job.run(panel, first..x.count().min(first + strips), kept, scratch) {
                        next.store(usize::MAX / 2, Ordering::Relaxed);
                        failure.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get_or_insert(error);
                    }
                }
            });
        });
        match failure.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

/// Makes room for `len` numbers.
pub(super) fn grow(buffer: &mut Vec<f32>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
}

/// One task of one product.
struct Job<'a, M: Matrix> {
    workshop: &'a Workshop,
    started: &'a Started,
    x: &'a Strips,
    weights: &'a M,
    output: &'a Output<'a>,
    following: Option<&'a Words>,
}

impl<M: Matrix> Job<'_, M> {
    fn run(
        &self,
        panel: &[Range<usize>],
        strips: Range<usize>,
        kept: Option<(Keep<'_>, &OnceLock<Words>)>,
        scratch: &mut Scratch,
    ) -> Result<(), M::Error> {
        let layout = self.x.layout;
        let blocks: usize = panel.iter().map(|range| range.len().div_ceil(COLUMNS)).sum();
        let mut known = kept.and_then(|(_, place)| place.get());
        if known.is_none() {
            let as_kept = self.as_kept();
            let words = blocks * as_kept.kept_words(self.x.depth);
            match kept {
                Some((keep, place)) if keep.take(words) => {
                    let unpacked = self.unpack(as_kept, panel, scratch)?;
                    keep.keep(place, as_kept, &scratch.panel[..unpacked], words);
                    known = place.get();
                }
                _ => _ = self.unpack(layout, panel, scratch)?,
            }
        }
        let tile = layout.rows * COLUMNS;
        let at_once = (SUMS / layout.rows).max(1);
        scratch.sums.reserve(at_once.min(strips.len()) * blocks * tile);
        for first in strips.clone().step_by(at_once) {
            let some = first..strips.end.min(first + at_once);
            self.sum(some.clone(), blocks, known, scratch);
            for (index, strip) in some.enumerate() {
                let range = index * blocks * tile..(index + 1) * blocks * tile;
                let Scratch { sums, rows, pad, .. } = scratch;
                let finished = Finished { strip, rows: self.x.range(strip), tile, sums: &floats(sums)[range] };
                self.output.write(self.workshop, panel, &finished, rows, pad);
            }
        }
        Ok(())
    }

    /// How panels lie that are kept.
    fn as_kept(&self) -> Layout {
        // What lies turned is read by no other method.
        let integers = if self.weights.turned().is_some() { None } else { self.weights.integers_in() };
        self.x.layout.kept(integers)
    }

    /// Unpacks the weights of a panel, `[blocks][steps]`, in a layout; their words.
    fn unpack(&self, layout: Layout, panel: &[Range<usize>], scratch: &mut Scratch) -> Result<usize, M::Error> {
        let depth = self.x.depth;
        let size = layout.steps(depth) * layout.block_words();
        let blocks: usize = panel.iter().map(|range| range.len().div_ceil(COLUMNS)).sum();
        scratch.panel.reserve(blocks * size);
        if let Some(turned) = self.weights.turned() {
            self.unpack_turned(turned, panel, scratch);
            return Ok(blocks * size);
        }
        grow(&mut scratch.rows, 16 * depth);
        let mut block = 0;
        for range in panel {
            for first in range.clone().step_by(COLUMNS) {
                let Scratch { rows, integers, panel, pad, .. } = &mut *scratch;
                let words = &mut panel[block * size..(block + 1) * size];
                for half in 0..2 {
                    let start = range.end.min(first + 16 * half);
                    let some = start..range.end.min(start + 16);
                    let transpose = self.workshop.transpose;
                    if let Some(step) = layout.format.integers_in() {
                        let rows = integers.of(step, some.len(), depth);
                        self.weights.integers(some, rows)?;
                        integers.pack(layout, transpose, depth, half, words);
                    } else {
                        let rows = &mut rows[..some.len() * depth];
                        self.weights.unpack(some, rows)?;
                        layout.pack_weights(transpose, rows, depth, half, words, pad);
                    }
                }
                block += 1;
            }
        }
        Ok(blocks * size)
    }

    /// As [`Job::unpack`], of weights that lie turned.
    fn unpack_turned(&self, turned: &dyn Turned, panel: &[Range<usize>], scratch: &mut Scratch) {
        let (layout, depth) = (self.x.layout, self.x.depth);
        let size = layout.steps(depth) * layout.block_words();
        let columns = panel
            .iter()
            .flat_map(|range| range.clone().step_by(COLUMNS).map(move |first| first..range.end.min(first + COLUMNS)));
        for (columns, words) in columns.zip(scratch.panel.chunks_exact_mut(size)) {
            layout.read_turned_weights(turned, columns, depth, words, &mut scratch.rows);
        }
    }

    /// The sums of some strips with all blocks of the panel, which is `kept` or was just unpacked: `[strips][blocks][rows][32]`.
    fn sum(&self, strips: Range<usize>, blocks: usize, kept: Option<&Words>, scratch: &mut Scratch) {
        let Scratch { panel, piece, sums, .. } = scratch;
        let layout = self.x.layout;
        let steps = layout.steps(self.x.depth);
        let (strip_size, block_size) = (steps * layout.strip_words(), steps * layout.block_words());
        let tile = layout.rows * COLUMNS;
        let minima = self.weights.has_minima();
        let (long, short) = (if kept.is_some() { SHORT } else { LONG } / layout.step(), SHORT / layout.step());
        let as_kept = self.as_kept();
        let kept_words = |steps: usize| as_kept.kept_words(steps * layout.step());
        let kept_block = kept_words(steps);
        let sums = floats_mut(sums);
        // From the outside in: a long piece of the panel stays in the second-level cache while all strips pass over it; of a
        // strip a short piece stays in the first-level cache while all blocks of columns pass over it. Every output adds its
        // short pieces in this one order, whatever the other rows and columns are.
        for outer in (0..steps).step_by(long) {
            let end = steps.min(outer + long);
            // A kept panel comes from memory. What follows it, here or in the next one, is fetched while this is computed.
            let later: &[u32] = match kept {
                Some(kept) if end < steps => &kept[kept_words(end)..],
                Some(_) => self.following.map_or(&[], |words| words),
                None => &[],
            };
            let later = later.chunks(kept_block).map(|block| &block[..block.len().min(kept_words(long))]);
            let later: Vec<_> = later.collect();
            // Blocks of columns from `outer` on, and how far they lie apart.
            let (panel, apart): (&[u32], usize) = match (kept, as_kept.format) {
                (None, _) => (&panel[outer * layout.block_words()..], block_size),
                (Some(kept), Format::Integers(step)) => {
                    let (from, to) = (kept_words(end - outer), (end - outer) * layout.block_words());
                    piece.reserve(blocks * to);
                    for (block, out) in piece.chunks_exact_mut(to).take(blocks).enumerate() {
                        let kept = &kept[block * kept_block + kept_words(outer)..][..from];
                        match layout.format {
                            Format::Integers(_) => widen(step, kept, out),
                            _ => self.started.tiles(step, minima, kept, out),
                        }
                    }
                    (piece, to)
                }
                (Some(kept), _) => (&kept[outer * layout.block_words()..], block_size),
            };
            for (index, strip) in strips.clone().enumerate() {
                let activations = &self.x.words[strip * strip_size..];
                for inner in (outer..end).step_by(short) {
                    let count = end.min(inner + short) - inner;
                    // What the kernel reads after this: the next short piece of this strip, or, behind the last one, where
                    // the next strip begins. Each block fetches its share of it ahead.
                    let next =
                        if inner + count < end { inner + count } else { strip_size / layout.strip_words() + outer };
                    let next = activations.get(next * layout.strip_words()..).unwrap_or_default();
                    let share = (short * layout.strip_words()).div_ceil(blocks);
                    for block in 0..blocks {
                        let at = (index * blocks + block) * tile;
                        // The first piece of a long one finds its sums in memory, the others in the cache.
                        if inner == outer {
                            let following = sums.get(at + tile..at + 2 * tile).unwrap_or_default();
                            self.started.prefetch(words(following));
                            let later = later.get(block).copied().unwrap_or_default();
                            let part = later.len().div_ceil(strips.len()).next_multiple_of(16);
                            self.started.prefetch(later.chunks(part.max(16)).nth(index).unwrap_or_default());
                        }
                        let block_words = &panel[block * apart + (inner - outer) * layout.block_words()..];
                        let ahead = next.get(block * share..next.len().min((block + 1) * share)).unwrap_or_default();
                        let rows = self.x.range(strip).len();
                        let strip = &activations[inner * layout.strip_words()..];
                        // The very first piece writes its sums, all later ones add to them.
                        let piece = Piece { steps: count, rows, add: inner > 0, minima };
                        self.started.multiply(piece, strip, block_words, &mut sums[at..at + tile], ahead);
                    }
                }
            }
        }
    }
}
