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

use super::elementwise::{gelu_times, silu_times};
use super::integers::{Integers, Step, Unpacked};
use super::kept::Keep;
use super::layout::{COLUMNS, Format, Layout, Pad};
use super::strips::Strips;
use super::transpose::Transpose;
use super::turned::Turned;
use super::words::{Shared, Words, floats, floats_mut};
use super::{Kernel, Started};
use crate::instructions::vectors;

/// Output columns of a panel.
const PANEL: usize = 256;
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
    fn integers_in(&self) -> Option<Step>;
    /// Writes `rows` as the integers that they are, in such steps.
    ///
    /// # Errors
    /// Rows that cannot be had, or are no integers.
    fn integers(&self, rows: Range<usize>, out: Integers<'_>) -> Result<(), Self::Error>;
    /// Its numbers, where they lie turned in memory: they are read so then, and by no other method.
    fn turned(&self) -> Option<&dyn Turned> {
        None
    }
}

/// The non-linearity between the gate and up projections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x · sigmoid(x)`.
    Silu,
    /// The tanh form of gelu.
    GeluTanh,
}

/// Consecutive output columns that go to one place, cut into blocks of `width` columns: `[columns/width][rows][width]`.
pub struct Part<'a> {
    /// Number of columns.
    pub columns: usize,
    /// Columns of a block; divides `columns`.
    pub width: usize,
    /// Added to every row, where it is there: `[columns]`.
    pub bias: Option<&'a [f32]>,
    /// Where the columns go: `rows · columns` numbers.
    pub out: &'a mut [f32],
}

/// What becomes of the product.
pub enum Target<'a> {
    /// It is stored, with a bias where there is one.
    Store(Vec<Part<'a>>),
    /// It is added to `[rows, columns]`.
    Add(&'a mut [f32]),
    /// The first half of the columns is activated and multiplied with the second half; the result is packed.
    Gated(Activation, &'a mut Strips),
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
                    let kept = kept.map(|(keep, panels)| (keep, &panels[task / cuts]));
                    let job = Job { workshop: self, started: &started, x, weights, output: &output };
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

pub(super) fn grow(buffer: &mut Vec<f32>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
}

/// A part of a stored output: its columns, the width of its blocks, its bias and its place.
type Stored<'a> = (Range<usize>, usize, Option<&'a [f32]>, Shared<'a, f32>);

/// Where the tasks of one product write.
enum Output<'a> {
    Store { rows: usize, parts: Vec<Stored<'a>> },
    Add { columns: usize, out: Shared<'a, f32> },
    Gated { activation: Activation, layout: Layout, strip: usize, words: Shared<'a, u32> },
}

impl<'a> Output<'a> {
    fn new(target: Target<'a>, rows: usize, columns: usize) -> Output<'a> {
        match target {
            Target::Store(parts) => {
                let mut first = 0;
                let parts = parts.into_iter().map(|part| {
                    assert!(part.columns % part.width == 0 && part.out.len() == rows * part.columns);
                    assert!(part.bias.is_none_or(|bias| bias.len() == part.columns));
                    first += part.columns;
                    (first - part.columns..first, part.width, part.bias, Shared::new(part.out))
                });
                let parts = parts.collect();
                assert_eq!(first, columns, "the parts cover the output");
                Output::Store { rows, parts }
            }
            Target::Add(out) => {
                assert_eq!(out.len(), rows * columns);
                Output::Add { columns, out: Shared::new(out) }
            }
            Target::Gated(activation, out) => {
                assert_eq!((out.rows, out.depth * 2), (rows, columns));
                let (layout, strip) = (out.layout, out.strip());
                Output::Gated { activation, layout, strip, words: Shared::new(&mut out.words) }
            }
        }
    }

    /// The ranges of weight rows of each panel; each range starts on a column block. At least `wanted`, where there are as many
    /// column blocks, and equally many blocks each, where they can be shared out so: tasks take equally long, and each unpacks
    /// weights of its own.
    fn panels(&self, columns: usize, wanted: usize) -> Vec<Vec<Range<usize>>> {
        let (ends, widest) = match self {
            Output::Gated { .. } => (columns / 2, PANEL / 2),
            _ => (columns, PANEL),
        };
        let blocks = ends.div_ceil(COLUMNS);
        let least = ends.div_ceil(widest).max(wanted.min(blocks));
        let count = (least..2 * least).find(|count| blocks.is_multiple_of(*count)).unwrap_or(least);
        let width = if wanted > 1 { blocks.div_ceil(count) * COLUMNS } else { widest };
        let cut = (0..ends).step_by(width).map(|first| first..ends.min(first + width));
        match self {
            Output::Gated { .. } => cut.map(|r| vec![r.clone(), r.start + ends..r.end + ends]).collect(),
            _ => cut.map(|range| vec![range]).collect(),
        }
    }
}

/// One task of one product.
struct Job<'a, M: Matrix> {
    workshop: &'a Workshop,
    started: &'a Started,
    x: &'a Strips,
    weights: &'a M,
    output: &'a Output<'a>,
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
        let words = blocks * layout.steps(self.x.depth) * layout.block_words();
        let known = kept.and_then(|(_, place)| place.get());
        if known.is_none() {
            self.unpack(panel, scratch)?;
            if let Some((keep, place)) = kept {
                keep.keep(place, &scratch.panel[..words]);
            }
        }
        let tile = layout.rows * COLUMNS;
        let at_once = (SUMS / layout.rows).max(1);
        scratch.sums.reserve(at_once.min(strips.len()) * blocks * tile);
        for first in strips.clone().step_by(at_once) {
            let some = first..strips.end.min(first + at_once);
            let Scratch { sums, panel: unpacked, .. } = &mut *scratch;
            self.sum(some.clone(), blocks, known.unwrap_or(unpacked), sums);
            for (index, strip) in some.enumerate() {
                let range = index * blocks * tile..(index + 1) * blocks * tile;
                let Scratch { sums, rows, pad, .. } = scratch;
                self.write(panel, strip, &floats(sums)[range], rows, pad);
            }
        }
        Ok(())
    }

    /// Unpacks the weights of a panel: `[blocks][steps]` in the layout of the kernel.
    fn unpack(&self, panel: &[Range<usize>], scratch: &mut Scratch) -> Result<(), M::Error> {
        let (layout, depth) = (self.x.layout, self.x.depth);
        let size = layout.steps(depth) * layout.block_words();
        let blocks: usize = panel.iter().map(|range| range.len().div_ceil(COLUMNS)).sum();
        scratch.panel.reserve(blocks * size);
        if let Some(turned) = self.weights.turned() {
            self.unpack_turned(turned, panel, scratch);
            return Ok(());
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
                    if let Format::Integers(step) = layout.format {
                        let rows = integers.of(step, some.len(), depth);
                        self.weights.integers(some, rows)?;
                        integers.pack(step, transpose, depth, half, words, pad);
                    } else {
                        let rows = &mut rows[..some.len() * depth];
                        self.weights.unpack(some, rows)?;
                        layout.pack_weights(transpose, rows, depth, half, words, pad);
                    }
                }
                block += 1;
            }
        }
        Ok(())
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

    /// The sums of some strips with all blocks of the panel: `[strips][blocks][rows][32]`.
    fn sum(&self, strips: Range<usize>, blocks: usize, panel: &[u32], sums: &mut Words) {
        let layout = self.x.layout;
        let steps = layout.steps(self.x.depth);
        let (strip_size, block_size) = (steps * layout.strip_words(), steps * layout.block_words());
        let tile = layout.rows * COLUMNS;
        let (long, short) = (LONG / layout.step(), SHORT / layout.step());
        let sums = floats_mut(sums);
        // From the outside in: a long piece of the panel stays in the second-level cache while all strips pass over it; of a
        // strip a short piece stays in the first-level cache while all blocks of columns pass over it. Every output adds its
        // short pieces in this one order, whatever the other rows and columns are.
        for outer in (0..steps).step_by(long) {
            let end = steps.min(outer + long);
            for (index, strip) in strips.clone().enumerate() {
                let words = &self.x.words[strip * strip_size..];
                for inner in (outer..end).step_by(short) {
                    let count = end.min(inner + short) - inner;
                    // What the kernel reads after this: the next short piece of this strip, or, behind the last one, where
                    // the next strip begins. Each block fetches its share of it ahead.
                    let next =
                        if inner + count < end { inner + count } else { strip_size / layout.strip_words() + outer };
                    let next = words.get(next * layout.strip_words()..).unwrap_or_default();
                    let share = (short * layout.strip_words()).div_ceil(blocks);
                    for block in 0..blocks {
                        let at = (index * blocks + block) * tile;
                        // The first piece of a long one finds its sums in memory, the others in the cache.
                        if inner == outer {
                            let following = sums.get(at + tile..at + 2 * tile).unwrap_or_default();
                            self.started.prefetch(following);
                        }
                        let block_words = &panel[block * block_size + inner * layout.block_words()..];
                        let ahead = next.get(block * share..next.len().min((block + 1) * share)).unwrap_or_default();
                        let strip = &words[inner * layout.strip_words()..];
                        // The very first piece writes its sums, all later ones add to them.
                        self.started.multiply(count, strip, block_words, &mut sums[at..at + tile], inner > 0, ahead);
                    }
                }
            }
        }
    }

    /// Hands the finished sums `[blocks][rows][32]` of one strip to the output.
    fn write(&self, panel: &[Range<usize>], strip: usize, sums: &[f32], rows: &mut Vec<f32>, pad: &mut Pad) {
        let range = self.x.range(strip);
        let tile = self.x.layout.rows * COLUMNS;
        match self.output {
            // A block of 32 columns may reach into several parts, and a part is cut into blocks of `width` columns of its own:
            // what lies in one part and one such block is one run, contiguous on both sides.
            Output::Store { rows: all, parts } => {
                for (block, first) in panel[0].clone().step_by(COLUMNS).enumerate() {
                    let columns = first..panel[0].end.min(first + COLUMNS);
                    for (covered, width, bias, out) in parts {
                        let (start, end) = (columns.start.max(covered.start), columns.end.min(covered.end));
                        let mut from = start;
                        while from < end {
                            let column = from - covered.start;
                            let run = (end - from).min(width - column % width);
                            for (row, m) in range.clone().enumerate() {
                                // [columns / width][rows][width]: whole blocks of all rows before, then rows, then columns.
                                let at = column / width * all * width + m * width + column % width;
                                // SAFETY: a task is the only one with this pair of rows and columns.
                                let out = unsafe { out.part(at..at + run) };
                                copy(&sums[block * tile + row * COLUMNS + from - first..][..run], out);
                                if let Some(bias) = bias {
                                    out.iter_mut().zip(&bias[column..]).for_each(|(out, bias)| *out += bias);
                                }
                            }
                            from += run;
                        }
                    }
                }
            }
            Output::Add { columns: all, out } => {
                for (block, first) in panel[0].clone().step_by(COLUMNS).enumerate() {
                    let run = COLUMNS.min(panel[0].end - first);
                    for (row, m) in range.clone().enumerate() {
                        // SAFETY: a task is the only one with this pair of rows and columns.
                        let out = unsafe { out.part(m * all + first..m * all + first + run) };
                        let sums = &sums[block * tile + row * COLUMNS..][..run];
                        out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
                    }
                }
            }
            // The panel's first range is of the gate and its second of the up projection, so both factors of every product
            // are here. They are laid out row by row, multiplied, and packed as the next product reads its activations.
            Output::Gated { activation, layout, strip: size, words } => {
                let width = panel[0].len();
                let blocks = width.div_ceil(COLUMNS);
                grow(rows, 2 * range.len() * width);
                let (gate, up) = rows[..2 * range.len() * width].split_at_mut(range.len() * width);
                untile(&sums[..blocks * tile], tile, width, gate);
                untile(&sums[blocks * tile..], tile, width, up);
                match activation {
                    Activation::Silu => silu_times(self.workshop.arch, gate, up),
                    Activation::GeluTanh => gelu_times(self.workshop.arch, gate, up),
                }
                let start = strip * size + panel[0].start / layout.step() * layout.strip_words();
                let len = layout.steps(width) * layout.strip_words();
                // SAFETY: steps belong to columns and strips to rows, and a task is the only one with this pair of both;
                // panels start on multiples of every step.
                let out = unsafe { words.part(start..start + len) };
                layout.pack_rows(self.workshop.transpose, gate, width, out, pad);
            }
        }
    }
}

/// Copies; of a whole block of columns the compiler knows how long it is.
#[inline(always)]
fn copy(from: &[f32], to: &mut [f32]) {
    match (<&[f32; COLUMNS]>::try_from(from), <&mut [f32; COLUMNS]>::try_from(&mut *to)) {
        (Ok(from), Ok(to)) => *to = *from,
        _ => to.copy_from_slice(from),
    }
}

/// `[blocks][rows][32]` to `[rows][width]`.
fn untile(sums: &[f32], tile: usize, width: usize, out: &mut [f32]) {
    for (row, out) in out.chunks_exact_mut(width).enumerate() {
        for (block, out) in out.chunks_mut(COLUMNS).enumerate() {
            out.copy_from_slice(&sums[block * tile + row * COLUMNS..][..out.len()]);
        }
    }
}
