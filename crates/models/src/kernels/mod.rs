//! kernels
//! The products of the engine, and the only module of the workspace with `unsafe` in it: instructions that the compiler
//! does not choose by itself, and buffers that several threads fill at once. Everything offered outwards is safe.
//!
//! A [`Kernel`] can only be had from [`Kernel::available`], which asks the processor, so no kernel can run where its
//! instructions are missing.
#![allow(unsafe_code)]

mod bytes;
pub(crate) mod elementwise;
mod integers;
mod kept;
mod layout;
mod output;
mod portable;
mod product;
mod strips;
mod tiles;
mod transpose;
mod turned;
pub(crate) mod unpack;
mod words;

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
#[path = "aarch64/mod.rs"]
mod native;
#[cfg(not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little"))))]
#[path = "absent.rs"]
mod native;
#[cfg(target_arch = "x86_64")]
#[path = "x86/mod.rs"]
mod native;

#[cfg(test)]
mod tests;

use layout::{Format, Layout};
use native::Native;

use crate::Instructions;
use crate::instructions::limit;

pub use elementwise::exp;
pub use integers::{Integers, Step};
pub use kept::{Keep, KeptPanels};
pub(crate) use layout::{COLUMNS, Pad};
pub(crate) use native::{SETS, arch, most};
pub use output::{Activation, Part, Target};
pub use product::{Matrix, Workshop};
pub use strips::Strips;
pub use tiles::{Sum, Tiles};
pub use turned::Turned;

pub use words::zeros;
pub(crate) use words::{Words, floats, floats_mut};

/// How exactly a kernel multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exactness {
    /// f32 products and sums.
    F32,
    /// Weights as the integers of the file, activations as 16-bit integers with a scale for 16 or 32 of them, as the weights have;
    /// their sums are exact, and added in f32.
    I16,
    /// Both factors as high + low bf16, three products, f32 sums: 16 bits of mantissa.
    Bf16x3,
    /// Both factors rounded to bf16, f32 sums: 8 bits of mantissa.
    Bf16,
}

impl Exactness {
    /// The name in the identity of a model.
    pub fn name(self) -> &'static str {
        match self {
            Exactness::F32 => "f32",
            Exactness::I16 => "i16",
            Exactness::Bf16x3 => "bf16x3",
            Exactness::Bf16 => "bf16",
        }
    }
}

/// A way to multiply that this machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel(Option<Native>);

impl Kernel {
    /// Every kernel of this machine that [`Instructions::allowed`] allows; for one exactness the fastest comes first, and of those
    /// that keep f32 accuracy the fastest comes first.
    /// `F32` is always among them.
    pub fn available() -> Vec<Kernel> {
        Kernel::within(limit())
    }

    /// Every kernel of this machine that needs no more than `limit`.
    pub(crate) fn within(limit: Option<Instructions>) -> Vec<Kernel> {
        let native = Native::available(limit).into_iter().map(|native| Kernel(Some(native)));
        native.chain([Kernel(None)]).collect()
    }

    /// The fastest kernel of this machine with that exactness.
    pub fn with(exactness: Exactness) -> Option<Kernel> {
        Kernel::available().into_iter().find(|kernel| kernel.exactness() == exactness)
    }

    /// The fastest kernel of this machine for integers in such steps.
    pub fn of_integers(step: Step) -> Option<Kernel> {
        Kernel::available().into_iter().find(|kernel| kernel.layout().format.integers_in() == Some(step))
    }

    /// `avx512`, `avx2`, `amx-bf16`, `neon`, `neon-dotprod`, …
    pub fn name(self) -> &'static str {
        match self.0 {
            Some(native) => native.name(),
            None => "portable",
        }
    }

    /// How exactly it multiplies.
    pub fn exactness(self) -> Exactness {
        match self.layout().format {
            Format::F32 => Exactness::F32,
            Format::Integers(_) | Format::Fours(_) | Format::Eights(_) => Exactness::I16,
            Format::SplitTiles => Exactness::Bf16x3,
            Format::Pairs | Format::Tiles => Exactness::Bf16,
        }
    }

    /// How its operands lie in memory.
    pub(crate) fn layout(self) -> Layout {
        match self.0 {
            Some(native) => native.layout(),
            None => Layout { format: Format::F32, rows: portable::ROWS },
        }
    }

    /// The most that the arithmetic of this kernel can do on one core, in floating-point operations of the product per
    /// second: measured on registers alone, without loads. `None` where no such loop is written.
    pub fn ceiling(self) -> Option<f64> {
        self.0.and_then(Native::ceiling)
    }

    /// Readies the calling thread until the guard is dropped.
    pub(crate) fn start(self) -> Started {
        if let Some(native) = self.0 {
            native.start();
        }
        Started { kernel: self, thread_bound: std::marker::PhantomData }
    }
}

/// A piece of a product along the inner dimension.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    /// Steps of the layout.
    pub(crate) steps: usize,
    /// Rows of the strip that are wanted; a kernel may compute all of them.
    pub(crate) rows: usize,
    /// Whether it is added to what is there.
    pub(crate) add: bool,
    /// Whether integers have minima that are not zero; nothing to other kernels.
    pub(crate) minima: bool,
}

/// A kernel whose thread state (the tile registers of AMX) is set up.
pub(crate) struct Started {
    kernel: Kernel,
    /// Neither `Send` nor `Sync`: the state belongs to the thread.
    thread_bound: std::marker::PhantomData<*const ()>,
}

impl Started {
    /// How the operands lie in memory.
    pub(crate) fn layout(&self) -> Layout {
        self.kernel.layout()
    }

    /// `c[rows][32] (+)= strip · block`. Where the processor can, some of `ahead` is fetched into its caches meanwhile.
    pub(crate) fn multiply(&self, piece: Piece, strip: &[u32], block: &[u32], c: &mut [f32], ahead: &[u32]) {
        match self.kernel.0 {
            Some(native) => native.multiply(piece, strip, block, c, ahead),
            None => portable::multiply(piece.steps, words::floats(strip), words::floats(block), c, piece.add),
        }
    }

    /// Steps of tiles of integers that were kept in such steps; without `minima` all of them are zero.
    fn tiles(&self, step: Step, minima: bool, kept: &[u32], out: &mut [u32]) {
        match self.kernel.0 {
            Some(native) => native.tiles(step, minima, kept, out),
            None => debug_assert!(false, "no portable kernel has tiles"),
        }
    }

    /// Asks for these words in the caches.
    fn prefetch(&self, words: &[u32]) {
        if let Some(native) = self.kernel.0 {
            native.prefetch(words);
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(native) = self.kernel.0 {
            native.stop();
        }
    }
}
