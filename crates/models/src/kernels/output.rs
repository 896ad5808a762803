//! Where a product goes: stored with a bias, added, or through a gate into the operand of the next one.

use std::ops::Range;

use super::elementwise::{gelu_times, silu_times};
use super::layout::{COLUMNS, Layout, Pad};
use super::product::{Workshop, grow};
use super::strips::Strips;
use super::words::Shared;

/// Output columns of a panel.
const PANEL: usize = 256;

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

/// The finished sums of one strip.
pub(super) struct Finished<'a> {
    /// Its number.
    pub(super) strip: usize,
    /// Its rows.
    pub(super) rows: Range<usize>,
    /// Numbers of a tile.
    pub(super) tile: usize,
    /// `[blocks][rows][32]`
    pub(super) sums: &'a [f32],
}

/// A part of a stored output: its columns, the width of its blocks, its bias and its place.
type Stored<'a> = (Range<usize>, usize, Option<&'a [f32]>, Shared<'a, f32>);

/// Where the tasks of one product write.
pub(super) enum Output<'a> {
    Store { rows: usize, parts: Vec<Stored<'a>> },
    Add { columns: usize, out: Shared<'a, f32> },
    Gated { activation: Activation, layout: Layout, strip: usize, words: Shared<'a, u32> },
}

impl<'a> Output<'a> {
    /// Takes the target for as long as it is written.
    ///
    /// # Panics
    /// A target of another size.
    pub(super) fn new(target: Target<'a>, rows: usize, columns: usize) -> Output<'a> {
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
    pub(super) fn panels(&self, columns: usize, wanted: usize) -> Vec<Vec<Range<usize>>> {
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

    /// Writes the sums of a strip with a panel; `rows` and `pad` are scratch space.
    pub(super) fn write(
        &self,
        workshop: &Workshop,
        panel: &[Range<usize>],
        finished: &Finished<'_>,
        rows: &mut Vec<f32>,
        pad: &mut Pad,
    ) {
        let Finished { strip, rows: range, tile, sums } = finished;
        let (strip, tile) = (*strip, *tile);
        match self {
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
                    Activation::Silu => silu_times(workshop.arch(), gate, up),
                    Activation::GeluTanh => gelu_times(workshop.arch(), gate, up),
                }
                let start = strip * size + panel[0].start / layout.step() * layout.strip_words();
                let len = layout.steps(width) * layout.strip_words();
                // SAFETY: steps belong to columns and strips to rows, and a task is the only one with this pair of both;
                // panels start on multiples of every step.
                let out = unsafe { words.part(start..start + len) };
                layout.pack_rows(workshop.transpose(), gate, width, out, pad);
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
