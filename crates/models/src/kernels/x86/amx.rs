//! The kernels of AMX: 32 rows × 32 columns in four of the eight tile registers.
//!
//! The intrinsics are not stable in Rust, so the tiles are driven in assembly. Linux gives tile registers only to a
//! process that asks for them.

use std::arch::asm;

/// Palette 1, every tile 16 rows of 64 bytes.
#[repr(C, align(64))]
struct Configuration([u8; 64]);

static CONFIGURATION: Configuration = Configuration(configuration());

const fn configuration() -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes[0] = 1;
    let mut tile = 0;
    while tile < 8 {
        bytes[16 + 2 * tile] = 64;
        bytes[48 + tile] = 16;
        tile += 1;
    }
    bytes
}

/// Whether the processor has AMX with bf16, the operating system saves its registers, and this process may use them.
pub(super) fn permitted() -> bool {
    use std::sync::OnceLock;
    static PERMITTED: OnceLock<bool> = OnceLock::new();
    *PERMITTED.get_or_init(|| processor_has_it() && super::linux::ask_for_tiles())
}

fn processor_has_it() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    const TILES: u32 = 1 << 24;
    const BF16: u32 = 1 << 22;
    const OSXSAVE: u32 = 1 << 27;
    // Tile configuration and tile data in the extended control register 0.
    const SAVED: u64 = 0b11 << 17;
    #[allow(unused_unsafe)] // safe functions in newer toolchains
    // SAFETY: every x86-64 processor has `cpuid`; leaf 7 is read only where it exists.
    let (highest, features) = unsafe { (__cpuid(0).eax, __cpuid(1).ecx) };
    if highest < 7 || features & OSXSAVE == 0 {
        return false;
    }
    #[allow(unused_unsafe)]
    // SAFETY: as above.
    let leaf = unsafe { __cpuid_count(7, 0) }.edx;
    // SAFETY: OSXSAVE says that `xgetbv` is there.
    leaf & TILES != 0 && leaf & BF16 != 0 && unsafe { control_register() } & SAVED == SAVED
}

/// # Safety
/// The processor has `xgetbv` and the operating system enabled it.
#[target_feature(enable = "xsave")]
unsafe fn control_register() -> u64 {
    // SAFETY: the caller vouches for the instruction; register 0 always exists.
    unsafe { std::arch::x86_64::_xgetbv(0) }
}

/// Lays out the tile registers of the calling thread.
///
/// # Safety
/// `permitted()` is true.
pub(super) unsafe fn configure() {
    // SAFETY: the configuration is 64 valid bytes of palette 1; the caller vouches for AMX.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &CONFIGURATION, options(nostack, readonly, preserves_flags)) };
}

/// Frees the tile registers of the calling thread.
///
/// # Safety
/// `permitted()` is true.
pub(super) unsafe fn release() {
    // SAFETY: the caller vouches for AMX.
    unsafe { asm!("tilerelease", options(nostack, nomem, preserves_flags)) };
}

/// Opens a product: the four sums from `c[32][32]` (rows of 128 bytes), or zero.
macro_rules! open {
    () => {
        concat!(
            "test {add:e}, {add:e}\n",
            "jz 3f\n",
            "tileloadd tmm0, [{c} + {wide}*1]\n",
            "tileloadd tmm1, [{c} + {wide}*1 + 64]\n",
            "tileloadd tmm2, [{c} + {wide}*1 + 2048]\n",
            "tileloadd tmm3, [{c} + {wide}*1 + 2112]\n",
            "jmp 2f\n",
            "3:\n",
            "tilezero tmm0\n",
            "tilezero tmm1\n",
            "tilezero tmm2\n",
            "tilezero tmm3\n",
        )
    };
}

/// Closes a product: the four sums to `c`.
macro_rules! close {
    () => {
        concat!(
            "tilestored [{c} + {wide}*1], tmm0\n",
            "tilestored [{c} + {wide}*1 + 64], tmm1\n",
            "tilestored [{c} + {wide}*1 + 2048], tmm2\n",
            "tilestored [{c} + {wide}*1 + 2112], tmm3\n",
        )
    };
}

/// Eight cache lines of what comes next, to the second-level cache: tile loads that wait for memory cost as much as
/// the products. A prefetch never faults, wherever it points.
macro_rules! prefetch {
    () => {
        concat!(
            "prefetcht1 [{ahead}]\n",
            "prefetcht1 [{ahead} + 64]\n",
            "prefetcht1 [{ahead} + 128]\n",
            "prefetcht1 [{ahead} + 192]\n",
            "prefetcht1 [{ahead} + 256]\n",
            "prefetcht1 [{ahead} + 320]\n",
            "prefetcht1 [{ahead} + 384]\n",
            "prefetcht1 [{ahead} + 448]\n",
            "add {ahead}, 512\n",
        )
    };
}

/// The four products of the row tiles in tmm4, tmm5 and the column tiles in tmm6, tmm7.
macro_rules! products {
    () => {
        concat!(
            "tdpbf16ps tmm0, tmm4, tmm6\n",
            "tdpbf16ps tmm1, tmm4, tmm7\n",
            "tdpbf16ps tmm2, tmm5, tmm6\n",
            "tdpbf16ps tmm3, tmm5, tmm7\n",
        )
    };
}

/// `c[32][32] (+)= strip · block`, one bf16 product; `steps` steps of 32.
///
/// # Safety
/// `configure()` ran on this thread; strip and block hold `steps` × 2 tiles, `c` holds 32 × 32 numbers; steps > 0.
pub(super) unsafe fn multiply(
    steps: usize,
    strip: *const u32,
    block: *const u32,
    c: *mut f32,
    add: bool,
    ahead: *const u32,
) {
    if steps == 0 {
        return;
    }
    // SAFETY: reads and writes only the tiles that the caller vouches for; every tile register used is declared.
    unsafe {
        asm!(
            open!(), "2:",
            "tileloadd tmm4, [{a} + {thin}*1]", "tileloadd tmm6, [{b} + {thin}*1]",
            "tileloadd tmm7, [{b} + {thin}*1 + 1024]", "tileloadd tmm5, [{a} + {thin}*1 + 1024]",
            products!(),
            prefetch!(),
            "add {a}, 2048", "add {b}, 2048", "dec {steps}", "jnz 2b",
            close!(),
            a = inout(reg) strip => _, b = inout(reg) block => _, c = in(reg) c, steps = inout(reg) steps => _,
            add = in(reg) u32::from(add), ahead = inout(reg) ahead => _, thin = in(reg) 64usize, wide = in(reg) 128usize,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack)
        );
    }
}

/// `c[32][32] (+)= strip · block` with high and low parts: high·low + high·high + low·high; `steps` steps of 32.
///
/// # Safety
/// As [`multiply`], with 4 tiles per step.
pub(super) unsafe fn multiply_split(
    steps: usize,
    strip: *const u32,
    block: *const u32,
    c: *mut f32,
    add: bool,
    ahead: *const u32,
) {
    if steps == 0 {
        return;
    }
    // SAFETY: reads and writes only the tiles that the caller vouches for; every tile register used is declared.
    unsafe {
        asm!(
            open!(), "2:",
            "tileloadd tmm4, [{a} + {thin}*1]", "tileloadd tmm6, [{b} + {thin}*1 + 2048]",
            "tileloadd tmm7, [{b} + {thin}*1 + 3072]", "tileloadd tmm5, [{a} + {thin}*1 + 1024]",
            products!(),
            "tileloadd tmm6, [{b} + {thin}*1]", "tileloadd tmm7, [{b} + {thin}*1 + 1024]",
            products!(),
            "tileloadd tmm4, [{a} + {thin}*1 + 2048]", "tileloadd tmm5, [{a} + {thin}*1 + 3072]",
            products!(),
            prefetch!(),
            "add {a}, 4096", "add {b}, 4096", "dec {steps}", "jnz 2b",
            close!(),
            a = inout(reg) strip => _, b = inout(reg) block => _, c = in(reg) c, steps = inout(reg) steps => _,
            add = in(reg) u32::from(add), ahead = inout(reg) ahead => _, thin = in(reg) 64usize, wide = in(reg) 128usize,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack)
        );
    }
}
