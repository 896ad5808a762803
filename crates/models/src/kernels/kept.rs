//! Panels that are kept unpacked between products, as far as a budget of memory allows.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::integers::narrow;
use super::layout::{Format, Layout};
use super::words::Words;

/// The panels of one matrix as the kernel reads them, kept between products as far as a budget allows.
///
/// With few rows a product is little more than unpacking the weights; a kept panel costs 4 bytes a weight (2 for plain
/// bf16, 1.25 or 1.5 for integers, which are kept as bytes, 1.375 or 1.75 where bytes are multiplied) and no unpacking. What is computed is the same. It belongs to one matrix, one kernel and
/// one kind of target.
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
    /// Keeps a copy of a panel of whole steps if there is room.
    pub(super) fn keep(&self, place: &OnceLock<Words>, layout: Layout, panel: &[u32]) {
        let words = panel.len() / layout.block_words() * layout.kept_words();
        let bytes = (words * size_of::<u32>()) as u64;
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        if taken.is_ok() {
            let mut kept = Words::zeroed(words);
            match layout.format {
                Format::Integers(step) => narrow(step, panel, &mut kept),
                _ => kept[..words].copy_from_slice(panel),
            }
            // Another task may have kept it meanwhile. Both copies are equal; this one goes, and its bytes come back.
            if place.set(kept).is_err() {
                self.left.fetch_add(bytes, Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
        keep.keep(place, LAYOUT, &words);
        keep.keep(place, LAYOUT, &words);
        assert_eq!(left.load(Ordering::Relaxed), 9 * bytes);
        assert_eq!(place.get().map(|kept| kept[..64].to_vec()), Some(words.to_vec()));
    }

    #[test]
    fn a_panel_that_finds_no_room_costs_nothing() {
        let (panels, left) = (KeptPanels::default(), AtomicU64::new(255));
        Keep { panels: &panels, left: &left }.keep(&panels.of(1)[0], LAYOUT, &[7; 64]);
        assert_eq!(left.load(Ordering::Relaxed), 255);
        assert!(panels.of(1)[0].get().is_none());
    }
}
