//! Panels that are kept unpacked between products, as far as a budget of memory allows.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::layout::{COLUMNS, Format, Layout};
use super::words::Words;

/// The panels of one matrix as the kernel reads them, kept between products as far as a budget allows.
///
/// With few rows a product is little more than unpacking the weights; a kept panel costs 4 bytes a weight (2 for plain
/// bf16, 1.25 or 1.5 for integers, whose bytes are widened as they are needed) and no unpacking. What is computed is the same. It
/// belongs to one matrix, one kernel and one kind of target.
#[derive(Default)]
pub struct KeptPanels(OnceLock<Vec<OnceLock<Kept>>>);

/// A panel as it is kept: blocks of columns, each in steps of so many words.
pub(super) struct Kept {
    words: Words,
    /// As the kernel reads it, or with a byte for every integer.
    narrow: bool,
}

impl Kept {
    fn of(layout: Layout, words: &[u32]) -> Kept {
        if let Format::Integers(step) = layout.format {
            let mut kept = Kept { words: Words::zeroed(kept_words(layout, words.len())), narrow: true };
            if step.narrow(words, &mut kept.words) {
                return kept;
            }
        }
        let mut whole = Words::zeroed(words.len());
        whole[..words.len()].copy_from_slice(words);
        Kept { words: whole, narrow: false }
    }

    /// Steps `from ..` of the panel, `count` of them, as the kernel reads them; in `wide` where they are kept otherwise.
    pub(super) fn steps<'k>(&'k self, layout: Layout, from: usize, count: usize, wide: &'k mut [u32]) -> &'k [u32] {
        let wide_words = layout.block_words();
        match layout.format {
            Format::Integers(step) if self.narrow => {
                let words = step.narrow_words() * COLUMNS;
                let wide = &mut wide[..count * wide_words];
                step.widen(&self.words[from * words..(from + count) * words], wide);
                wide
            }
            _ => &self.words[from * wide_words..(from + count) * wide_words],
        }
    }
}

/// Words that a panel of so many words is expected to take.
fn kept_words(layout: Layout, words: usize) -> usize {
    match layout.format {
        Format::Integers(step) => words / step.column_words() * step.narrow_words(),
        _ => words,
    }
}

impl KeptPanels {
    pub(super) fn of(&self, panels: usize) -> &[OnceLock<Kept>] {
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
    /// Keeps a copy of a panel if there is room.
    pub(super) fn keep(&self, place: &OnceLock<Kept>, layout: Layout, words: &[u32]) {
        let take = |bytes: u64| {
            self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
        };
        let bytes = |words: usize| (words * size_of::<u32>()) as u64;
        let expected = bytes(kept_words(layout, words.len()));
        if !take(expected) {
            return;
        }
        let kept = Kept::of(layout, words);
        let more = if kept.narrow { 0 } else { bytes(words.len()) - expected };
        // Another task may have kept it meanwhile. Both copies are equal; this one goes, and its bytes come back.
        if more > 0 && !take(more) {
            self.left.fetch_add(expected, Ordering::Relaxed);
        } else if place.set(kept).is_err() {
            self.left.fetch_add(expected + more, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::integers::Step;
    use super::super::words::integers_mut;
    use super::*;

    const PLAIN: Layout = Layout { format: Format::F32, rows: 1 };

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
        keep.keep(place, PLAIN, &words);
        keep.keep(place, PLAIN, &words);
        assert_eq!(left.load(Ordering::Relaxed), 9 * bytes);
        assert_eq!(place.get().map(|kept| kept.steps(PLAIN, 0, 2, &mut []).to_vec()), Some(words.to_vec()));
    }

    #[test]
    fn a_panel_that_finds_no_room_costs_nothing() {
        let (panels, left) = (KeptPanels::default(), AtomicU64::new(255));
        Keep { panels: &panels, left: &left }.keep(&panels.of(1)[0], PLAIN, &[7; 64]);
        assert_eq!(left.load(Ordering::Relaxed), 255);
        assert!(panels.of(1)[0].get().is_none());
    }

    #[test]
    fn integers_are_kept_as_bytes_where_they_are_bytes() {
        for (step, largest, narrow) in
            [(Step::Short, 127, true), (Step::Long, 127, true), (Step::Short, 128, false), (Step::Long, 128, false)]
        {
            let (layout, steps) = (Layout { format: Format::Integers(step), rows: 6 }, 5);
            let (wide, pairs) = (layout.block_words(), step.elements() / 2 * COLUMNS);
            let mut words = vec![0; steps * wide];
            for (index, out) in words.chunks_exact_mut(wide).enumerate() {
                let numbers = integers_mut(&mut out[..pairs]).iter_mut().enumerate();
                numbers.for_each(|(at, number)| *number = ((at * 7 + index) % 256) as i16 - 128);
                out[pairs..].iter_mut().enumerate().for_each(|(at, word)| *word = (at as f32 / 3.0).to_bits());
            }
            integers_mut(&mut words)[3] = largest;
            let (panels, left) = (KeptPanels::default(), AtomicU64::new(1 << 20));
            let place = &panels.of(1)[0];
            Keep { panels: &panels, left: &left }.keep(place, layout, &words);
            let kept = place.get().unwrap();
            assert_eq!(kept.narrow, narrow);
            let taken = (1 << 20) - left.load(Ordering::Relaxed) as usize;
            assert_eq!(taken, steps * COLUMNS * 4 * if narrow { step.narrow_words() } else { step.column_words() });
            let mut space = vec![u32::MAX; 4 * wide];
            assert_eq!(kept.steps(layout, 1, 3, &mut space), &words[wide..4 * wide]);
            // Where what is expected fits and what it is does not, it is not kept.
            let left = AtomicU64::new((steps * COLUMNS * 4 * step.narrow_words()) as u64);
            Keep { panels: &panels, left: &left }.keep(&KeptPanels::default().of(1)[0], layout, &words);
            assert_eq!(left.load(Ordering::Relaxed) == 0, narrow);
        }
    }
}
