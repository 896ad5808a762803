//! What the arithmetic units can do at most: independent instructions on registers. Written in assembly, because a
//! compiler sees through such a loop and leaves half of it out.

use std::arch::asm;
use std::time::Instant;

use super::Native;

/// Rounds of twelve instructions (AMX: four; pairs of AVX2: six of each) per measurement.
const ROUNDS: u64 = 2_000_000;

/// Operations per second on one core.
pub(super) fn measure(native: Native) -> Option<f64> {
    let (operations, run): (u64, fn()) = match native {
        Native::Avx2 => (12 * 16, avx2),
        // Pairs: two products and two sums in a lane.
        Native::Avx2I16(_) => (6 * 32, avx2_pairs),
        Native::Avx512 => (12 * 32, avx512),
        Native::Avx512Vnni(_) => (12 * 64, avx512_pairs),
        Native::AmxBf16 => (4 * 16_384, amx),
        // Three products for one.
        Native::AmxBf16x3 => (4 * 16_384 / 3, amx),
        Native::Avx512Bf16 => return None,
    };
    native.start();
    let best = (0..5).map(|_| {
        let start = Instant::now();
        run();
        (ROUNDS * operations) as f64 / start.elapsed().as_secs_f64()
    });
    let best = best.fold(0.0, f64::max);
    native.stop();
    Some(best)
}

/// Clears the registers (what is left in them could be numbers that are slow to compute with), then runs the steps
/// [`ROUNDS`] times.
macro_rules! rounds {
    ([$($clear:expr),*], [$($step:expr),*], $($register:tt)*) => {
        // SAFETY: the `Native` that leads here exists only where its instructions do, and nothing but registers, all
        // declared, is touched.
        unsafe {
            asm!($($clear,)* "2:", $($step,)* "dec {rounds}", "jnz 2b",
                rounds = inout(reg) ROUNDS => _, $(out($register) _,)* options(nostack, nomem));
        }
    };
}

/// One fused multiply-add per register, all on the same factors.
macro_rules! multiply_adds {
    ($clear:literal, $factor:tt, $($register:tt)*) => {
        rounds!(
            [concat!($clear, " ", $factor, ", ", $factor, ", ", $factor),
             $(concat!($clear, " ", $register, ", ", $register, ", ", $register)),*],
            [$(concat!("vfmadd231ps ", $register, ", ", $factor, ", ", $factor)),*],
            $factor $($register)*
        )
    };
}

fn avx2() {
    multiply_adds!(
        "vpxor", "ymm12",
        "ymm0" "ymm1" "ymm2" "ymm3" "ymm4" "ymm5" "ymm6" "ymm7" "ymm8" "ymm9" "ymm10" "ymm11"
    );
}

fn avx512() {
    multiply_adds!(
        "vpxord", "zmm0",
        "zmm1" "zmm2" "zmm3" "zmm4" "zmm5" "zmm6" "zmm7" "zmm8" "zmm9" "zmm10" "zmm11" "zmm12"
    );
}

fn avx2_pairs() {
    rounds!(
        ["vpxor ymm0, ymm0, ymm0", "vpxor ymm1, ymm1, ymm1", "vpxor ymm2, ymm2, ymm2", "vpxor ymm3, ymm3, ymm3",
         "vpxor ymm4, ymm4, ymm4", "vpxor ymm5, ymm5, ymm5", "vpxor ymm6, ymm6, ymm6"],
        ["vpmaddwd ymm7, ymm6, ymm6", "vpmaddwd ymm8, ymm6, ymm6", "vpmaddwd ymm9, ymm6, ymm6",
         "vpmaddwd ymm10, ymm6, ymm6", "vpmaddwd ymm11, ymm6, ymm6", "vpmaddwd ymm12, ymm6, ymm6",
         "vpaddd ymm0, ymm0, ymm7", "vpaddd ymm1, ymm1, ymm8", "vpaddd ymm2, ymm2, ymm9",
         "vpaddd ymm3, ymm3, ymm10", "vpaddd ymm4, ymm4, ymm11", "vpaddd ymm5, ymm5, ymm12"],
        "ymm0" "ymm1" "ymm2" "ymm3" "ymm4" "ymm5" "ymm6" "ymm7" "ymm8" "ymm9" "ymm10" "ymm11" "ymm12"
    );
}

fn avx512_pairs() {
    rounds!(
        ["vpxord zmm0, zmm0, zmm0", "vpxord zmm1, zmm1, zmm1", "vpxord zmm2, zmm2, zmm2", "vpxord zmm3, zmm3, zmm3",
         "vpxord zmm4, zmm4, zmm4", "vpxord zmm5, zmm5, zmm5", "vpxord zmm6, zmm6, zmm6", "vpxord zmm7, zmm7, zmm7",
         "vpxord zmm8, zmm8, zmm8", "vpxord zmm9, zmm9, zmm9", "vpxord zmm10, zmm10, zmm10",
         "vpxord zmm11, zmm11, zmm11", "vpxord zmm12, zmm12, zmm12"],
        ["vpdpwssd zmm1, zmm0, zmm0", "vpdpwssd zmm2, zmm0, zmm0", "vpdpwssd zmm3, zmm0, zmm0",
         "vpdpwssd zmm4, zmm0, zmm0", "vpdpwssd zmm5, zmm0, zmm0", "vpdpwssd zmm6, zmm0, zmm0",
         "vpdpwssd zmm7, zmm0, zmm0", "vpdpwssd zmm8, zmm0, zmm0", "vpdpwssd zmm9, zmm0, zmm0",
         "vpdpwssd zmm10, zmm0, zmm0", "vpdpwssd zmm11, zmm0, zmm0", "vpdpwssd zmm12, zmm0, zmm0"],
        "zmm0" "zmm1" "zmm2" "zmm3" "zmm4" "zmm5" "zmm6" "zmm7" "zmm8" "zmm9" "zmm10" "zmm11" "zmm12"
    );
}

fn amx() {
    rounds!(
        ["tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3", "tilezero tmm4", "tilezero tmm5",
         "tilezero tmm6", "tilezero tmm7"],
        ["tdpbf16ps tmm0, tmm4, tmm6", "tdpbf16ps tmm1, tmm4, tmm7", "tdpbf16ps tmm2, tmm5, tmm6",
         "tdpbf16ps tmm3, tmm5, tmm7"],
        "tmm0" "tmm1" "tmm2" "tmm3" "tmm4" "tmm5" "tmm6" "tmm7"
    );
}
