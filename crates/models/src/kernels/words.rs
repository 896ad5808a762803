//! Memory of the packed operands: 32-bit words on cache-line borders, and slices that several threads fill at once.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Range};

use super::native;

/// One cache line, and one AVX-512 register.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u32; 16]);

/// A growable buffer of words that starts on a cache line; words are f32 bits or pairs of bf16.
#[derive(Clone, Default)]
pub(crate) struct Words {
    lines: Vec<Line>,
}

impl Words {
    /// A buffer of at least `len` zero words.
    pub(crate) fn zeroed(len: usize) -> Words {
        let count = len.div_ceil(16);
        let mut lines = Vec::<Line>::with_capacity(count);
        // Asked for before the pages are touched. Buffers are read in long streams, and with pages of 4 KiB the
        // translation of addresses costs a tenth of the product.
        native::prefer_huge_pages(lines.as_ptr().cast(), count * size_of::<Line>());
        lines.resize(count, Line([0; 16]));
        Words { lines }
    }

    /// Makes room for `len` words; what was there before may stay or not.
    pub(crate) fn reserve(&mut self, len: usize) {
        if self.lines.len() < len.div_ceil(16) {
            *self = Words::zeroed(len);
        }
    }
}

impl Deref for Words {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        // SAFETY: `Line` is `repr(C)` over 16 words without padding, so the lines are 16 times as many initialised words.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.lines.len() * 16) }
    }
}

impl DerefMut for Words {
    fn deref_mut(&mut self) -> &mut [u32] {
        // SAFETY: as in `deref`; every bit pattern is a valid word and the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.lines.len() * 16) }
    }
}

/// That many zeros, in large pages where the system has them for a buffer of this size: what is used for one step of training and
/// given back costs most where its pages are touched first.
#[must_use]
pub fn zeros(len: usize) -> Vec<f32> {
    let numbers = vec![0.0; len];
    native::prefer_huge_pages(numbers.as_ptr().cast(), size_of_val(&numbers[..]));
    numbers
}

/// The words seen as f32.
pub(crate) fn floats(words: &[u32]) -> &[f32] {
    // SAFETY: u32 and f32 have the same size and alignment, and every bit pattern is a valid f32.
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), words.len()) }
}

/// The words seen as f32, to write.
pub(crate) fn floats_mut(words: &mut [u32]) -> &mut [f32] {
    // SAFETY: as in `floats`; the borrow is exclusive.
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), words.len()) }
}

/// The f32 seen as words.
pub(crate) fn words(floats: &[f32]) -> &[u32] {
    // SAFETY: u32 and f32 have the same size and alignment, and every bit pattern is a valid u32.
    unsafe { std::slice::from_raw_parts(floats.as_ptr().cast(), floats.len()) }
}

/// The f32 seen as words, to write.
pub(crate) fn words_mut(floats: &mut [f32]) -> &mut [u32] {
    // SAFETY: as in `words`; the borrow is exclusive.
    unsafe { std::slice::from_raw_parts_mut(floats.as_mut_ptr().cast(), floats.len()) }
}

/// The words seen as 16-bit halves, to write; on the little-endian machines with bf16 kernels the low half comes first.
pub(crate) fn halves_mut(words: &mut [u32]) -> &mut [u16] {
    // SAFETY: a word is two halves, alignment 4 satisfies 2, every bit pattern is valid, the borrow is exclusive.
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), words.len() * 2) }
}

/// The words seen as pairs of 16-bit integers, see [`integers_mut`].
pub(crate) fn integers(words: &[u32]) -> &[i16] {
    // SAFETY: as in `halves_mut`.
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), words.len() * 2) }
}

/// The words seen as pairs of 16-bit integers, to write; on the little-endian machines that multiply them the first comes low.
pub(crate) fn integers_mut(words: &mut [u32]) -> &mut [i16] {
    // SAFETY: as in `halves_mut`.
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), words.len() * 2) }
}

/// The words seen as bytes with a sign.
pub(crate) fn bytes(words: &[u32]) -> &[i8] {
    // SAFETY: a word is four bytes, and every bit pattern is valid.
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), words.len() * 4) }
}

/// The words seen as bytes with a sign, to write.
pub(crate) fn bytes_mut(words: &mut [u32]) -> &mut [i8] {
    // SAFETY: as in `bytes`; the borrow is exclusive.
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), words.len() * 4) }
}

/// A slice of which several threads write disjoint parts.
pub(crate) struct Shared<'a, T> {
    start: *mut T,
    len: usize,
    borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: the pointer comes from an exclusive borrow that lives as long as `Shared`; parts are only reached through
// `part`, whose contract forbids overlap, so sending or sharing it is like sending disjoint `&mut [T]`.
unsafe impl<T: Send> Send for Shared<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    /// Takes the slice for as long as its parts are written.
    pub(crate) fn new(slice: &'a mut [T]) -> Shared<'a, T> {
        Shared { start: slice.as_mut_ptr(), len: slice.len(), borrow: PhantomData }
    }

    /// One part, to write.
    ///
    /// # Safety
    /// No two parts that are alive at the same time may overlap.
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn part(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len, "part {range:?} of {}", self.len);
        // SAFETY: in bounds by the assertion, inside one borrowed slice; the caller keeps parts apart.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}
