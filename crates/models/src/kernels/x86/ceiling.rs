//! What the arithmetic units can do at most: independent instructions on registers. Written in assembly, because a
//! compiler sees through such a loop and leaves half of it out.

use std::arch::asm;
use std::time::Instant;

use super::Native;

/// Rounds of twelve instructions (AMX: four) per measurement.
const ROUNDS: u64 = 2_000_000;

/// Operations per second on one core.
pub(super) fn measure(native: Native) -> Option<f64> {
    let (operations, run): (u64, fn()) = match native {
        Native::Avx2 => (12 * 16, avx2),
        Native::Avx512 => (12 * 32, avx512),
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

fn amx() {
    rounds!(
        ["tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3", "tilezero tmm4", "tilezero tmm5",
         "tilezero tmm6", "tilezero tmm7"],
        ["tdpbf16ps tmm0, tmm4, tmm6", "tdpbf16ps tmm1, tmm4, tmm7", "tdpbf16ps tmm2, tmm5, tmm6",
         "tdpbf16ps tmm3, tmm5, tmm7"],
        "tmm0" "tmm1" "tmm2" "tmm3" "tmm4" "tmm5" "tmm6" "tmm7"
    );
}
