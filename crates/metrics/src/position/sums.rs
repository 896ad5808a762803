//! The two vector passes over a pair of rows: exponentials first, divergences second.
//!
//! Terms are computed and added in f32 lanes; every [`BLOCK`] entries (sooner where lanes are few) the lanes are emptied
//! into f64 sums, so that rounding grows neither with the vocabulary nor with narrow registers.

#![allow(clippy::needless_range_loop, reason = "indices keep arrays of registers in registers")]

use pulp::{Simd, WithSimd};

use super::lanes::{LOWEST_EXPONENT, Lanes};
use super::nucleus::Bracket;

/// Entries between two emptyings of the f32 lanes.
const BLOCK: usize = 1024;
/// Most terms that one lane adds before it is emptied.
pub const MOST_ADDED: usize = 128;
/// More than the lanes of any register.
const WIDEST: usize = 64;
/// Stands for −∞ where differences are taken: −∞ − (−∞) is not a number.
const LOWEST_LOGIT: f32 = -1e30;
/// ln 1e−12: the other model's log-probabilities below it are taken as this ("floored").
pub const LEAST_LOG_PROB: f32 = -27.631_021;
/// Differences of log-probabilities beyond this are the same to every sum.
const FARTHEST: f32 = 200.0;
/// Number of inverse temperatures on the grid.
const GRID: usize = 9;

/// Extremes of one row.
#[derive(Clone, Copy, Debug)]
pub struct Extremes {
    /// Largest entry.
    pub largest: f32,
    /// Smallest entry.
    pub smallest: f32,
    /// No entry is `NaN` or +∞.
    pub logits: bool,
}

/// Largest and smallest entry of a row.
pub struct FindExtremes<'a>(pub &'a [f32]);

impl WithSimd for FindExtremes<'_> {
    type Output = Extremes;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Extremes {
        let infinity = Lanes::splat(simd, f32::INFINITY);
        let (mut largest, mut smallest) = (infinity.all(f32::NEG_INFINITY), infinity);
        let mut fine = infinity.all(1.0);
        let (head, tail) = S::as_simd_f32s(self.0);
        for &register in head {
            let x = Lanes::new(simd, register);
            largest = largest.max(x);
            smallest = smallest.min(x);
            // Neither NaN nor +∞ is below +∞.
            fine = x.below(infinity, fine, infinity.all(0.0));
        }
        let mut extremes =
            Extremes { largest: largest.largest(), smallest: smallest.smallest(), logits: fine.smallest() > 0.0 };
        for &x in tail {
            extremes.largest = extremes.largest.max(x);
            extremes.smallest = extremes.smallest.min(x);
            extremes.logits &= x < f32::INFINITY;
        }
        extremes
    }
}

/// Sums of the first pass. x is a logit minus its row's largest.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExponentialSums {
    /// Σ e^x over the teacher's row.
    pub teacher: f64,
    /// Σ x·e^x over the teacher's row.
    pub teacher_moment: f64,
    /// Σ e^(βx) over the student's row, for every β of the grid.
    pub student: [f64; GRID],
    /// Σ x·e^(βx) over the student's row, for every β of the grid.
    pub student_moment: [f64; GRID],
}

/// First pass: exponentials of both rows, kept, and the student's sums at every temperature.
pub struct SumExponentials<'a> {
    /// The teacher's logits.
    pub teacher: &'a [f32],
    /// The student's logits.
    pub student: &'a [f32],
    /// Their largest entries.
    pub largest: [f32; 2],
    /// e^x of the teacher's row, at least as long as the row rounded up to a register.
    pub teacher_exp: &'a mut [f32],
    /// e^x of the student's row, likewise.
    pub student_exp: &'a mut [f32],
}

impl WithSimd for SumExponentials<'_> {
    type Output = ExponentialSums;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> ExponentialSums {
        let mut sums = ExponentialSums::default();
        let largest = self.largest.map(|value| Lanes::splat(simd, value));
        let (teacher, teacher_tail) = S::as_simd_f32s(self.teacher);
        let (student, student_tail) = S::as_simd_f32s(self.student);
        let teacher_exp = S::as_mut_simd_f32s(self.teacher_exp).0;
        let student_exp = S::as_mut_simd_f32s(self.student_exp).0;
        let (teacher_exp, teacher_last) = teacher_exp.split_at_mut(teacher.len());
        let (student_exp, student_last) = student_exp.split_at_mut(student.len());
        let step = (BLOCK / S::F32_LANES).min(MOST_ADDED);
        let blocks = teacher
            .chunks(step)
            .zip(student.chunks(step))
            .zip(teacher_exp.chunks_mut(step).zip(student_exp.chunks_mut(step)));
        for ((t, s), (p, q)) in blocks {
            exponential_block(simd, [t, s], [p, q], largest, &mut sums);
        }
        if !teacher_tail.is_empty() {
            let (t, s) = (padded(teacher_tail), padded(student_tail));
            let rows = [&S::as_simd_f32s(&t).0[..1], &S::as_simd_f32s(&s).0[..1]];
            let exps = [&mut teacher_last[..1], &mut student_last[..1]];
            exponential_block(simd, rows, exps, largest, &mut sums);
        }
        sums
    }
}

/// The end of a row, filled up with logits of probability 0.
#[inline(always)]
fn padded(tail: &[f32]) -> [f32; WIDEST] {
    let mut lanes = [LOWEST_LOGIT; WIDEST];
    lanes[..tail.len()].copy_from_slice(tail);
    lanes
}

/// [`SumExponentials`] on one block.
#[inline(always)]
fn exponential_block<S: Simd>(
    simd: S,
    [teacher, student]: [&[S::f32s]; 2],
    [teacher_exp, student_exp]: [&mut [S::f32s]; 2],
    largest: [Lanes<S>; 2],
    sums: &mut ExponentialSums,
) {
    let zero = Lanes::splat(simd, 0.0);
    let lowest = Lanes::splat(simd, LOWEST_EXPONENT);
    let (mut base, mut base_moment) = (zero, zero);
    let (mut total, mut moment) = ([zero; GRID], [zero; GRID]);
    let rows = teacher.iter().zip(student);
    for ((&t, &s), (p, q)) in rows.zip(teacher_exp.iter_mut().zip(student_exp)) {
        let x = (Lanes::new(simd, t) - largest[0]).max(lowest);
        let e = x.exp();
        base = base + e;
        base_moment = e.mul_add(x, base_moment);
        *p = e.register();

        let x = (Lanes::new(simd, s) - largest[1]).max(lowest);
        let e = x.exp();
        *q = e.register();
        let powers = grid_powers(x, e);
        for k in 0..GRID {
            total[k] = total[k] + powers[k];
            moment[k] = powers[k].mul_add(x, moment[k]);
        }
    }
    sums.teacher += f64::from(base.sum());
    sums.teacher_moment += f64::from(base_moment.sum());
    for k in 0..GRID {
        sums.student[k] += f64::from(total[k].sum());
        sums.student_moment[k] += f64::from(moment[k].sum());
    }
}

/// e^(βx) at every β of the grid, given e^x.
///
/// Every β is a multiple of 1/20, so one exponential and a chain of products give them all; the relative error
/// grows to about 3e−6 at β = 2.5. Above β = 1 small values are cut to 0 before the chain could leave the normal
/// range: what is cut is below e^(−40) of the sum.
#[inline(always)]
fn grid_powers<S: Simd>(x: Lanes<S>, unit: Lanes<S>) -> [Lanes<S>; GRID] {
    let one = (x * x.all(0.05)).exp();
    let one = x.all(LOWEST_EXPONENT).below(x, one, x.all(0.0));
    let two = one * one;
    let three = two * one;
    let four = two * two;
    let five = four * one;
    let seven = four * three;
    let b8 = four * four;
    let b11 = b8 * three;
    let b14 = b11 * three;
    let b17 = b14 * three;
    let sharp = x.below(x.all(-34.0), x.all(0.0), unit);
    let b24 = sharp * four;
    let b29 = b24 * five;
    let b36 = b29 * seven;
    let b50 = b36 * b14;
    [b8, b11, b14, b17, unit, b24, b29, b36, b50]
}

/// Sums of the second pass, over all entries. p and q are the two distributions, d = ln p − ln q.
#[derive(Clone, Copy, Debug, Default)]
pub struct DivergenceSums {
    /// Σ p·d + q − p, d capped as [`SumDivergences`] says: KL(p‖q).
    pub kl: f64,
    /// The same with the models exchanged.
    pub reverse_kl: f64,
    /// Jensen–Shannon divergence.
    pub jsd: f64,
    /// Σ min(p, q).
    pub overlap: f64,
    /// Σ p where d was capped.
    pub floored_mass: f64,
    /// Σ (q − p)·x where d was not capped, Σ q·x where it was; x is the student's logit minus its largest.
    pub slope: f64,
    /// llama.cpp's KL of the encoded row.
    pub compat_kl: f64,
    /// Σ p, Σ min(p, q) and Σ max(q − p, 0) over the tokens surely in the inner nucleus, surely in the outer one
    /// only, and surely in neither.
    pub regions: [[f64; 3]; 3],
}

/// Number of sums in [`DivergenceSums`].
const DIVERGENCES: usize = 16;

/// Second pass: divergences of two rows whose exponentials are known.
///
/// KL is summed as p·d − p + q, every term of which is ≥ 0, in a form that is accurate where d is small: the sum
/// does not feel a rounding error of either normaliser, is exactly 0 for equal rows and cannot be negative beyond
/// rounding. The extra Σ (q − p) is 0.
///
/// A log-ratio is capped at what it would be if the other model gave 1e−12: d ≤ max(ln p + 27.6, 0).
pub struct SumDivergences<'a> {
    /// The teacher's logits.
    pub teacher: &'a [f32],
    /// The student's logits.
    pub student: &'a [f32],
    /// e^x of the teacher's row, from the first pass.
    pub teacher_exp: &'a [f32],
    /// e^x of the student's row, from the first pass.
    pub student_exp: &'a [f32],
    /// What both passes know of the two rows.
    pub scale: Scale,
}

/// Numbers that turn exponentials and logits into probabilities.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// 1/Σ e^x, teacher and student.
    pub inverse_sum: [f32; 2],
    /// Largest logit + ln Σ e^x, teacher and student.
    pub normaliser: [f32; 2],
    /// Teacher's normaliser minus the student's, rounded once.
    pub normaliser_difference: f32,
    /// The student's largest logit.
    pub student_largest: f32,
    /// Brackets of the teacher's exponentials at the ends of its two nuclei.
    pub brackets: [Bracket; 2],
    /// Smallest encoded logit of the teacher.
    pub encoded_smallest: f32,
    /// 1 over the step of the encoding; 0 when every logit is the same.
    pub encoded_per_step: f32,
    /// The step of the encoding.
    pub encoded_step: f32,
    /// Log-probability of code 0.
    pub encoded_min: f32,
}

impl WithSimd for SumDivergences<'_> {
    type Output = DivergenceSums;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> DivergenceSums {
        let mut sums = [0.0; DIVERGENCES];
        let (teacher, teacher_tail) = S::as_simd_f32s(self.teacher);
        let (student, student_tail) = S::as_simd_f32s(self.student);
        let teacher_exp = S::as_simd_f32s(self.teacher_exp).0;
        let student_exp = S::as_simd_f32s(self.student_exp).0;
        let (teacher_exp, teacher_last) = teacher_exp.split_at(teacher.len());
        let (student_exp, student_last) = student_exp.split_at(student.len());
        let step = (BLOCK / S::F32_LANES).min(MOST_ADDED);
        let blocks =
            teacher.chunks(step).zip(student.chunks(step)).zip(teacher_exp.chunks(step).zip(student_exp.chunks(step)));
        for ((t, s), (p, q)) in blocks {
            let every = Lanes::splat(simd, 1.0);
            divergence_block(simd, [t, s, p, q], every, &self.scale, &mut sums);
        }
        if !teacher_tail.is_empty() {
            let (t, s) = (padded(teacher_tail), padded(student_tail));
            let rows =
                [&S::as_simd_f32s(&t).0[..1], &S::as_simd_f32s(&s).0[..1], &teacher_last[..1], &student_last[..1]];
            let mut real = [0.0; WIDEST];
            real[..teacher_tail.len()].fill(1.0);
            let real = Lanes::new(simd, S::as_simd_f32s(&real).0[0]);
            divergence_block(simd, rows, real, &self.scale, &mut sums);
        }
        let [kl, reverse_kl, jsd, overlap, floored_mass, slope, compat_kl, regions @ ..] = sums;
        DivergenceSums {
            kl,
            reverse_kl,
            jsd,
            overlap,
            floored_mass,
            slope,
            compat_kl,
            regions: std::array::from_fn(|region| std::array::from_fn(|k| regions[3 * region + k])),
        }
    }
}

/// [`SumDivergences`] on one block. `real` is 1 in lanes of the row and 0 in lanes that only fill up its end: they
/// have probability 0, but the encoded row has no probability 0.
#[inline(always)]
fn divergence_block<S: Simd>(
    simd: S,
    [teacher, student, teacher_exp, student_exp]: [&[S::f32s]; 4],
    real: Lanes<S>,
    scale: &Scale,
    sums: &mut [f64; DIVERGENCES],
) {
    let zero = Lanes::splat(simd, 0.0);
    let mut lanes = [zero; DIVERGENCES];
    let rows = teacher.iter().zip(student);
    for ((&t, &s), (&p, &q)) in rows.zip(teacher_exp.iter().zip(student_exp)) {
        let t = Lanes::new(simd, t).max(zero.all(LOWEST_LOGIT));
        let s = Lanes::new(simd, s).max(zero.all(LOWEST_LOGIT));
        let p_exp = Lanes::new(simd, p);
        let p = p_exp * zero.all(scale.inverse_sum[0]);
        let q = Lanes::new(simd, q) * zero.all(scale.inverse_sum[1]);
        // Equal logits cancel exactly before the normalisers are looked at.
        let d = ((t - s) - zero.all(scale.normaliser_difference)).max(zero.all(-FARTHEST)).min(zero.all(FARTHEST));
        let terms = divergence_terms(t, s, p, q, d, scale);
        let kept = p.min(q);
        let invented = (q - p).max(zero);
        let x = (s - zero.all(scale.student_largest)).max(zero.all(LOWEST_EXPONENT));
        let counted = terms.cap.below(d, zero, p);
        let regions = Regions::of(p_exp, scale);
        let head = regions.head(p, kept, invented);
        let middle = regions.middle(p, kept, invented);
        let tail = regions.tail(p, kept, invented);
        let add = [
            terms.kl,
            terms.reverse_kl,
            terms.jsd,
            kept,
            p - counted,
            (q - counted) * x,
            compat_term(t, s, scale) * real,
            head[0],
            head[1],
            head[2],
            middle[0],
            middle[1],
            middle[2],
            tail[0],
            tail[1],
            tail[2],
        ];
        for k in 0..DIVERGENCES {
            lanes[k] = lanes[k] + add[k];
        }
    }
    for (sum, lane) in sums.iter_mut().zip(lanes) {
        *sum += f64::from(lane.sum());
    }
}

/// Which region of the teacher's distribution each lane lies in. No closures here: a closure is a function of its own,
/// without the vector instructions of the function that it stands in.
struct Regions<S: Simd> {
    exp: Lanes<S>,
    inner: [Lanes<S>; 2],
    outer: [Lanes<S>; 2],
}

impl<S: Simd> Regions<S> {
    #[inline(always)]
    fn of(exp: Lanes<S>, scale: &Scale) -> Self {
        let [inner, outer] = scale.brackets;
        Self { exp, inner: [exp.all(inner.low), exp.all(inner.high)], outer: [exp.all(outer.low), exp.all(outer.high)] }
    }

    /// Surely in the inner nucleus.
    #[inline(always)]
    fn head(&self, p: Lanes<S>, kept: Lanes<S>, invented: Lanes<S>) -> [Lanes<S>; 3] {
        let (limit, zero) = (self.inner[1], p.all(0.0));
        [self.exp.below(limit, zero, p), self.exp.below(limit, zero, kept), self.exp.below(limit, zero, invented)]
    }

    /// Surely in the outer nucleus and not in the inner one.
    #[inline(always)]
    fn middle(&self, p: Lanes<S>, kept: Lanes<S>, invented: Lanes<S>) -> [Lanes<S>; 3] {
        let (below, from, zero) = (self.inner[0], self.outer[1], p.all(0.0));
        [
            self.exp.below(from, zero, self.exp.below(below, p, zero)),
            self.exp.below(from, zero, self.exp.below(below, kept, zero)),
            self.exp.below(from, zero, self.exp.below(below, invented, zero)),
        ]
    }

    /// Surely in neither.
    #[inline(always)]
    fn tail(&self, p: Lanes<S>, kept: Lanes<S>, invented: Lanes<S>) -> [Lanes<S>; 3] {
        let (limit, zero) = (self.outer[0], p.all(0.0));
        [self.exp.below(limit, p, zero), self.exp.below(limit, kept, zero), self.exp.below(limit, invented, zero)]
    }
}

/// One register's terms of the three divergences, and the cap of ln p − ln q.
struct Terms<S: Simd> {
    kl: Lanes<S>,
    reverse_kl: Lanes<S>,
    jsd: Lanes<S>,
    cap: Lanes<S>,
}

#[inline(always)]
fn divergence_terms<S: Simd>(
    t: Lanes<S>,
    s: Lanes<S>,
    p: Lanes<S>,
    q: Lanes<S>,
    d: Lanes<S>,
    scale: &Scale,
) -> Terms<S> {
    let (zero, one) = (d.all(0.0), d.all(1.0));
    let far = d.abs();
    let square = d * d;
    let (even, odd) = Lanes::divergence_series(square);
    let odd = odd * d;

    let cap = (t - d.all(scale.normaliser[0] + LEAST_LOG_PROB)).max(zero);
    let cap_reverse = (s - d.all(scale.normaliser[1] + LEAST_LOG_PROB)).max(zero);
    let near_kl = p * square * (even - odd);
    let near_reverse = q * square * (even + odd);
    let far_kl = p.mul_add(d.min(cap) - one, q);
    let far_reverse = q.mul_add((zero - d).min(cap_reverse) - one, p);

    // With u = p + q and t = tanh(|d|/2) = |p − q|/u the term is u/4 · [2 ln(1+t) − |d|·(1 − t)].
    let both = p + q;
    let least = p.min(q) * (one / both.max(d.all(1e-36)));
    let rest = least + least;
    let far_jsd = (one - rest).ln_1p_upper() * d.all(2.0) - far.min(d.all(100.0)) * rest;
    let near_jsd = square * Lanes::jensen_shannon_series(square);
    Terms {
        kl: far.below(one, near_kl, far_kl),
        reverse_kl: far.below(one, near_reverse, far_reverse),
        jsd: far.below(one, near_jsd, far_jsd) * both * d.all(0.25),
        cap,
    }
}

/// One register's terms of llama.cpp's KL: the teacher's row encoded to 16 bits and decoded again.
#[inline(always)]
fn compat_term<S: Simd>(t: Lanes<S>, s: Lanes<S>, scale: &Scale) -> Lanes<S> {
    /// 1.5 · 2²³: adding and subtracting it rounds to the nearest integer.
    const SHIFTER: f32 = 12_582_912.0;
    let step = (t - t.all(scale.encoded_smallest)).max(t.all(0.0)) * t.all(scale.encoded_per_step);
    let code = (step + t.all(SHIFTER)) - t.all(SHIFTER);
    let log_p = t.all(scale.encoded_step) * code + t.all(scale.encoded_min);
    // A student's −∞ stands for ln 1e−12, and no other logit does.
    let lowest = t.all(scale.normaliser[1] + LEAST_LOG_PROB);
    let s = s.below(t.all(0.5 * LOWEST_LOGIT), lowest, s);
    let term = log_p.exp() * (log_p - s + t.all(scale.normaliser[1]));
    log_p.below(t.all(-16.0), t.all(0.0), term)
}
