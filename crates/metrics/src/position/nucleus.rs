//! The teacher's nuclei: the smallest sets of its most probable tokens with mass ≥ 0.9 and ≥ 0.99.
//!
//! Sorting a vocabulary costs more than everything else about a position, so the edge of each nucleus is bracketed
//! between two levels of probability by a few passes over the row; only the tokens between them are sorted.
//!
//! Order and ties are exact. Masses are sums of f32 exponentials, right to about eight digits: where a nucleus ends
//! among tokens of probability below 1e−7, it may end one token earlier or later than with exact arithmetic.

#![allow(clippy::needless_range_loop, reason = "indices keep arrays of registers in registers")]

use pulp::{Arch, Simd, WithSimd};

use super::lanes::Lanes;

/// Masses of the inner and the outer nucleus.
const MASSES: [f64; 2] = [0.9, 0.99];
/// Levels looked at in one pass, half of them for each nucleus.
const LEVELS: usize = 8;
/// Few enough tokens to sort rather than to bracket more closely.
const FEW: f64 = 256.0;
/// Passes after which what is left is sorted, however much: tokens that tie cannot be told apart by level.
const PASSES: usize = 6;
/// Entries looked at together.
const CHUNK: usize = 64;
/// Entries between two emptyings of the f32 lanes.
const BLOCK: usize = 4096;
/// Most terms that one lane adds before it is emptied.
const MOST_ADDED: usize = 512;

/// Where a nucleus ends: every token at or above `high` is in it, none below `low` is.
#[derive(Clone, Copy, Debug)]
pub struct Bracket {
    /// Exponential at or above which no token is in doubt.
    pub high: f32,
    /// Exponential below which no token is in doubt.
    pub low: f32,
    /// Mass at or above `high`.
    above_high: f64,
    /// Mass at or above `low`.
    above_low: f64,
}

impl Bracket {
    /// At most so many tokens are in doubt.
    fn in_doubt(&self) -> f64 {
        (self.above_low - self.above_high) / f64::from(self.low)
    }

    /// Moves the ends to `level`, above which the mass is `above`, when it is a tighter bracket of `mass`.
    fn tighten(&mut self, level: f32, above: f64, mass: f64) {
        // Lane sums and `mass` are rounded differently: keep clear of the edge.
        if above < mass * (1.0 - 1e-6) && level < self.high {
            (self.high, self.above_high) = (level, above);
        }
        if above > mass * (1.0 + 1e-6) && level > self.low {
            (self.low, self.above_low) = (level, above);
        }
    }

    fn contains(&self, exp: f32) -> bool {
        self.low <= exp && exp < self.high
    }
}

/// Both brackets, and the band of every token that lies in one of them.
#[derive(Clone, Debug, Default)]
pub struct Nucleus {
    keys: Vec<u64>,
    settled: Vec<(usize, usize)>,
}

/// Sorts by falling logit, then by rising id.
pub fn key(logit: f32, token: usize) -> u64 {
    // Adding 0 makes −0 equal to 0.
    let bits = (logit + 0.0).to_bits();
    let rising = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
    u64::from(!rising) << 32 | token as u64
}

/// The token of a key.
pub fn token(key: u64) -> usize {
    (key & u64::from(u32::MAX)) as usize
}

impl Nucleus {
    /// Brackets both nuclei and settles the tokens in between. `exps` holds e^(logit − largest), and zeros beyond
    /// the row; `sum` is their sum.
    pub fn find(&mut self, arch: Arch, logits: &[f32], exps: &[f32], sum: f64) -> [Bracket; 2] {
        let brackets = bracket(arch, exps, MASSES.map(|mass| mass * sum));
        self.keys.clear();
        arch.dispatch(Collect { logits, exps, brackets, keys: &mut self.keys });
        self.keys.sort_unstable();
        self.settle(exps, &brackets, MASSES.map(|mass| mass * sum));
        brackets
    }

    /// Tokens in a bracket with their bands: 1 for the inner nucleus (the top token too), 2 for the outer, 3 beyond.
    pub fn settled(&self) -> &[(usize, usize)] {
        &self.settled
    }

    /// Walks down the sorted keys, each nucleus ending where its mass is reached.
    fn settle(&mut self, exps: &[f32], brackets: &[Bracket; 2], masses: [f64; 2]) {
        let mut mass = brackets.map(|bracket| bracket.above_high);
        self.settled.clear();
        for &key in &self.keys {
            let token = token(key);
            let exp = exps[token];
            let mut band = 3;
            // The outer nucleus first: a token that is also in the inner one ends up with the inner band.
            for nucleus in [1, 0] {
                let (bracket, wanted) = (&brackets[nucleus], masses[nucleus]);
                let inside = exp >= bracket.high || (bracket.contains(exp) && mass[nucleus] < wanted);
                if inside {
                    band = nucleus + 1;
                }
                if bracket.contains(exp) {
                    mass[nucleus] += f64::from(exp);
                }
            }
            self.settled.push((token, band));
        }
    }
}

/// Brackets of the exponentials at which the masses are reached.
fn bracket(arch: Arch, exps: &[f32], masses: [f64; 2]) -> [Bracket; 2] {
    let everything = Bracket { high: f32::INFINITY, low: f32::MIN_POSITIVE, above_high: 0.0, above_low: f64::INFINITY };
    let mut brackets = [everything; 2];
    // The largest exponential is 1; the first pass looks at levels eight times apart, shared by both nuclei.
    let mut levels: [f32; LEVELS] = std::array::from_fn(|k| (-3.0 * (k as f32 + 1.0)).exp2());
    for _ in 0..PASSES {
        let above = arch.dispatch(MassAbove { exps, levels });
        for (bracket, mass) in brackets.iter_mut().zip(masses) {
            for (&level, &above) in levels.iter().zip(&above) {
                bracket.tighten(level, above, mass);
            }
        }
        if brackets.iter().all(|bracket| bracket.in_doubt() <= FEW) {
            break;
        }
        levels = std::array::from_fn(|k| {
            let Bracket { high, low, .. } = brackets[k % 2];
            let share = ((k / 2 + 1) as f32) / (LEVELS / 2 + 1) as f32;
            // Level steps of equal ratio.
            low * (high.min(1.0) / low).powf(share)
        });
    }
    brackets
}

/// Keys of the tokens in either bracket.
struct Collect<'a> {
    logits: &'a [f32],
    exps: &'a [f32],
    brackets: [Bracket; 2],
    keys: &'a mut Vec<u64>,
}

impl WithSimd for Collect<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let [inner, outer] = self.brackets;
        let (zero, one) = (Lanes::splat(simd, 0.0), Lanes::splat(simd, 1.0));
        let ends = [inner.low, inner.high, outer.low, outer.high];
        let registers = S::as_simd_f32s(self.exps).0;
        let step = CHUNK / S::F32_LANES;
        for (index, chunk) in registers.chunks(step).enumerate() {
            let mut doubtful = zero;
            for &register in chunk {
                let e = Lanes::new(simd, register);
                let in_inner = e.below(zero.all(ends[1]), e.below(zero.all(ends[0]), zero, one), zero);
                let in_outer = e.below(zero.all(ends[3]), e.below(zero.all(ends[2]), zero, one), zero);
                doubtful = doubtful.max(in_inner.max(in_outer));
            }
            if doubtful.largest() == 0.0 {
                continue;
            }
            let start = index * CHUNK;
            let end = (start + CHUNK).min(self.logits.len());
            for token in start..end {
                let e = self.exps[token];
                if inner.contains(e) || outer.contains(e) {
                    self.keys.push(key(self.logits[token], token));
                }
            }
        }
    }
}

/// Sums of the exponentials at or above each level.
struct MassAbove<'a> {
    exps: &'a [f32],
    levels: [f32; LEVELS],
}

impl WithSimd for MassAbove<'_> {
    type Output = [f64; LEVELS];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f64; LEVELS] {
        let zero = Lanes::splat(simd, 0.0);
        let mut levels = [zero; LEVELS];
        for k in 0..LEVELS {
            levels[k] = zero.all(self.levels[k]);
        }
        let mut sums = [0.0; LEVELS];
        // The row is filled up with zeros to whole registers.
        for block in S::as_simd_f32s(self.exps).0.chunks((BLOCK / S::F32_LANES).min(MOST_ADDED)) {
            let mut lanes = [zero; LEVELS];
            for &register in block {
                let e = Lanes::new(simd, register);
                for k in 0..LEVELS {
                    lanes[k] = lanes[k] + e.below(levels[k], zero, e);
                }
            }
            for (sum, lane) in sums.iter_mut().zip(lanes) {
                *sum += f64::from(lane.sum());
            }
        }
        sums
    }
}
