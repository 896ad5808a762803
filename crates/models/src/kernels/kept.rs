//! Panels that are kept unpacked between products, as far as a budget of memory allows.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::integers::narrow;
use super::layout::{Format, Layout};
use super::words::Words;

/// The panels of one matrix as the kernel reads them, kept between products as far as a budget allows.
///
/// With few rows a product is little more than unpacking the weights; a kept panel costs 4 bytes a weight (2 for plain bf16) and
/// no unpacking. Integers are kept as bytes, also where tiles of bf16 are made of them: 1.25 or 1.5 bytes a weight (1.375 or 1.75
/// where bytes are multiplied). What is computed is the same. It belongs to one matrix, one kernel and one kind of target.
#[derive(Default)]
pub struct KeptPanels(OnceLock<Vec<OnceLock<Words>>>);

impl KeptPanels {
    pub(super) fn of(&self, panels: usize) -> &[OnceLock<Words>] {
        self.0.get_or_init(|| (0..panels).map(|_| OnceLock::new()).collect())
    }
}

/// Where panels are kept, and how many bytes more they may take.
#[derive(Clone, Copy)]
pub struct Keep<'a> {
    /// The panels of the matrix.
    pub panels: &'a KeptPanels,
    /// Bytes left for panels of all matrices.
    pub left: &'a AtomicU64,
}

impl Keep<'_> {
    /// Takes room for so many words, if there is room.
    pub(super) fn take(&self, words: usize) -> bool {
        let bytes = (words * size_of::<u32>()) as u64;
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    /// Keeps a copy of a panel of whole steps, for whose `words` room was taken.
    pub(super) fn keep(&self, place: &OnceLock<Words>, layout: Layout, panel: &[u32], words: usize) {
        let mut kept = Words::zeroed(words);
        match layout.format {
            Format::Integers(step) => narrow(step, panel, &mut kept),
            _ => kept[..words].copy_from_slice(panel),
        }
        // Another task may have kept it meanwhile. Both copies are equal; this one goes, and its bytes come back.
        if place.set(kept).is_err() {
            self.left.fetch_add((words * size_of::<u32>()) as u64, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::convert::Infallible;
    use std::ops::Range;

    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::super::tests::{packed, random, with_threads};
    use super::super::{COLUMNS, Integers, Kernel, Matrix, Part, Step, Target, Workshop};
    use super::*;

    const LAYOUT: Layout = Layout { format: Format::F32, rows: 4 };

    /// Two tasks unpack one panel at once: one copy stays, and only that one is paid for.
    #[test]
    fn who_comes_second_with_a_panel_gives_its_bytes_back() {
        let words = [7; 64];
        let bytes = size_of_val(&words) as u64;
        let (panels, left) = (KeptPanels::default(), AtomicU64::new(10 * bytes));
        let keep = Keep { panels: &panels, left: &left };
        let place = &panels.of(1)[0];
        // Both saw an empty place before either came with its copy.
        assert!(place.get().is_none());
        for _ in 0..2 {
            assert!(keep.take(words.len()));
            keep.keep(place, LAYOUT, &words, words.len());
        }
        assert_eq!(left.load(Ordering::Relaxed), 9 * bytes);
        assert_eq!(place.get().map(|kept| kept[..64].to_vec()), Some(words.to_vec()));
    }

    #[test]
    fn a_panel_that_finds_no_room_costs_nothing() {
        let (panels, left) = (KeptPanels::default(), AtomicU64::new(255));
        assert!(!Keep { panels: &panels, left: &left }.take(64));
        assert_eq!(left.load(Ordering::Relaxed), 255);
    }

    /// Blocks as files have them: every step has a scale of its own, and some formats a minimum.
    struct Blocks {
        step: Step,
        depth: usize,
        has_minima: bool,
        values: Vec<i16>,
        scales: Vec<f32>,
        minima: Vec<f32>,
    }

    impl Blocks {
        fn random(step: Step, has_minima: bool, rows: usize, depth: usize) -> Blocks {
            let mut rng = ChaCha8Rng::seed_from_u64(8);
            let steps = rows * depth / step.elements();
            Blocks {
                step,
                depth,
                has_minima,
                values: (0..rows * depth).map(|_| rng.random_range(-128..=127)).collect(),
                scales: (0..steps).map(|_| rng.random_range(-0.03..0.03)).collect(),
                minima: (0..steps).map(|_| if has_minima { rng.random_range(-1.0..1.0) } else { 0.0 }).collect(),
            }
        }
    }

    impl Matrix for Blocks {
        type Error = Infallible;
        fn rows(&self) -> usize {
            self.values.len() / self.depth
        }
        fn depth(&self) -> usize {
            self.depth
        }
        fn unpack(&self, rows: Range<usize>, out: &mut [f32]) -> Result<(), Infallible> {
            for (at, out) in (rows.start * self.depth..rows.end * self.depth).zip(out) {
                let step = at / self.step.elements();
                *out = f32::from(self.values[at]) * self.scales[step] + self.minima[step];
            }
            Ok(())
        }
        fn integers_in(&self) -> Option<Step> {
            Some(self.step)
        }
        fn has_minima(&self) -> bool {
            self.has_minima
        }
        fn integers(&self, rows: Range<usize>, out: Integers<'_>) -> Result<(), Infallible> {
            let some = rows.start * self.depth..rows.end * self.depth;
            let steps = some.start / self.step.elements()..some.end / self.step.elements();
            out.values.copy_from_slice(&self.values[some]);
            out.scales.copy_from_slice(&self.scales[steps.clone()]);
            out.minima.copy_from_slice(&self.minima[steps]);
            Ok(())
        }
    }

    #[test]
    fn kept_panels_give_the_same_bits() {
        let (depth, columns) = (1120, 700);
        for (step, minima) in [(Step::Long, true), (Step::Long, false), (Step::Short, true), (Step::Short, false)] {
            let w = Blocks::random(step, minima, columns, depth);
            let fits = |kernel: &Kernel| kernel.layout().format.integers_in().is_none_or(|of| of == step);
            for (kernel, rows) in Kernel::available().into_iter().filter(fits).flat_map(|k| [(k, 1), (k, 2), (k, 40)]) {
                let workshop = Workshop::new();
                let strips = packed(&workshop, kernel, &random(rows * depth, 9), depth);
                let product = |keep: Option<Keep<'_>>| {
                    let mut y = vec![f32::NAN; rows * columns];
                    let part = Part { columns, width: columns, bias: None, out: &mut y };
                    let target = Target::Store(vec![part]);
                    with_threads(2, || workshop.multiply_keeping(kernel, &strips, &w, target, keep)).unwrap();
                    y
                };
                let plain = product(None);
                // Room for all panels, for some in full, for some as bytes of integers.
                for room in [u64::MAX, 2 * 256 * 1120 * 4, 2 * 256 * 1120 * 5 / 4] {
                    let (panels, left) = (KeptPanels::default(), AtomicU64::new(room));
                    let keep = Keep { panels: &panels, left: &left };
                    for time in 0..3 {
                        let what = format!("{} {step:?} {minima} {rows} {room} {time}", kernel.name());
                        assert_eq!(product(Some(keep)), plain, "{what}");
                    }
                }
            }
        }
    }

    /// What tiles are made of is a third of them; everything else is kept as the kernel reads it.
    #[test]
    fn tiles_are_kept_as_the_integers_they_are_made_of() {
        let tiles = Layout { format: Format::SplitTiles, rows: 32 };
        assert_eq!(tiles.kept_words(64), 64 * COLUMNS);
        assert_eq!(tiles.kept(Some(Step::Long)).kept_words(64) * 16, 64 * COLUMNS * 5);
        assert_eq!(tiles.kept(Some(Step::Short)).kept_words(64) * 16, 64 * COLUMNS * 6);
        assert_eq!((tiles.kept(None), LAYOUT.kept(Some(Step::Long))), (tiles, LAYOUT));
    }
}
