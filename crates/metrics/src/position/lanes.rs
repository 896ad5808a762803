//! A vector of f32 lanes that reads like arithmetic, and the functions evaluated on it.
//!
//! Coefficients come from `tests/reference/polynomials.py`.

#![allow(clippy::excessive_precision, reason = "nine digits, as the script prints them")]

use std::ops::{Add, Div, Mul, Sub};

use pulp::Simd;

/// Exponents below this give 0: e⁻⁷⁰ adds nothing to any sum, and products with it stay clear of denormal numbers,
/// which are slow.
pub const LOWEST_EXPONENT: f32 = -70.0;

/// Lanes of one vector register.
#[derive(Clone, Copy)]
pub struct Lanes<S: Simd> {
    simd: S,
    lanes: S::f32s,
}

impl<S: Simd> Add for Lanes<S> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.with(self.simd.add_f32s(self.lanes, other.lanes))
    }
}

impl<S: Simd> Sub for Lanes<S> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.with(self.simd.sub_f32s(self.lanes, other.lanes))
    }
}

impl<S: Simd> Mul for Lanes<S> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.with(self.simd.mul_f32s(self.lanes, other.lanes))
    }
}

impl<S: Simd> Div for Lanes<S> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.with(self.simd.div_f32s(self.lanes, other.lanes))
    }
}

impl<S: Simd> Lanes<S> {
    /// One register.
    #[inline(always)]
    pub fn new(simd: S, lanes: S::f32s) -> Self {
        Self { simd, lanes }
    }

    /// The same number in every lane.
    #[inline(always)]
    pub fn splat(simd: S, value: f32) -> Self {
        Self::new(simd, simd.splat_f32s(value))
    }

    /// The register.
    #[inline(always)]
    pub fn register(self) -> S::f32s {
        self.lanes
    }

    #[inline(always)]
    fn with(self, lanes: S::f32s) -> Self {
        Self::new(self.simd, lanes)
    }

    /// The same number in every lane, beside `self`.
    #[inline(always)]
    pub fn all(self, value: f32) -> Self {
        Self::splat(self.simd, value)
    }

    /// self · factor + term, rounded once where the processor can.
    #[inline(always)]
    pub fn mul_add(self, factor: Self, term: Self) -> Self {
        self.with(self.simd.mul_add_e_f32s(self.lanes, factor.lanes, term.lanes))
    }

    /// Lane-wise minimum.
    #[inline(always)]
    pub fn min(self, other: Self) -> Self {
        self.with(self.simd.min_f32s(self.lanes, other.lanes))
    }

    /// Lane-wise maximum.
    #[inline(always)]
    pub fn max(self, other: Self) -> Self {
        self.with(self.simd.max_f32s(self.lanes, other.lanes))
    }

    /// Lane-wise absolute value.
    #[inline(always)]
    pub fn abs(self) -> Self {
        self.with(self.simd.abs_f32s(self.lanes))
    }

    /// `then` where self < limit, `otherwise` elsewhere.
    #[inline(always)]
    pub fn below(self, limit: Self, then: Self, otherwise: Self) -> Self {
        let mask = self.simd.less_than_f32s(self.lanes, limit.lanes);
        self.with(self.simd.select_f32s(mask, then.lanes, otherwise.lanes))
    }

    /// Sum of the lanes.
    #[inline(always)]
    pub fn sum(self) -> f32 {
        self.simd.reduce_sum_f32s(self.lanes)
    }

    /// Largest lane.
    #[inline(always)]
    pub fn largest(self) -> f32 {
        self.simd.reduce_max_f32s(self.lanes)
    }

    /// Smallest lane.
    #[inline(always)]
    pub fn smallest(self) -> f32 {
        self.simd.reduce_min_f32s(self.lanes)
    }

    /// c₀ + c₁x + c₂x² + … by Horner's rule.
    #[inline(always)]
    pub fn polynomial<const N: usize>(self, coefficients: [f32; N]) -> Self {
        let mut value = self.all(coefficients[N - 1]);
        for coefficient in coefficients[..N - 1].iter().rev() {
            value = value.mul_add(self, self.all(*coefficient));
        }
        value
    }

    /// eˣ for x ≤ 88, relative error at most 1.5e−7; 0 at and below [`LOWEST_EXPONENT`]; exactly 1 at 0.
    #[inline(always)]
    pub fn exp(self) -> Self {
        /// 1.5 · 2²³: adding it leaves a nearest integer in the low bits of the mantissa.
        const SHIFTER: f32 = 12_582_912.0;
        /// ln 2 in two parts, the first with zeros at its end so that n · LN2_HIGH is exact.
        const LN2_HIGH: f32 = 0.693_359_4;
        const LN2_LOW: f32 = -2.121_944_4e-4;
        let simd = self.simd;
        let x = self.max(self.all(LOWEST_EXPONENT));
        let shifted = x.mul_add(self.all(std::f32::consts::LOG2_E), self.all(SHIFTER));
        let n = shifted - self.all(SHIFTER);
        let r = n.mul_add(self.all(-LN2_HIGH), x);
        let r = n.mul_add(self.all(-LN2_LOW), r);
        let rest = r.polynomial([0.500_000_001, 0.166_665_766, 0.041_666_464_2, 0.008_363_235_38, 0.001_393_373_32]);
        let mantissa = (r * r).mul_add(rest, r) + self.all(1.0);
        let exponent = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted.lanes), simd.splat_u32s(23));
        let bits = simd.add_u32s(simd.transmute_u32s_f32s(mantissa.lanes), exponent);
        let value = self.with(simd.transmute_f32s_u32s(bits));
        self.all(LOWEST_EXPONENT).below(self, value, self.all(0.0))
    }

    /// The even and the odd part of g(d) = (d − 1 + e⁻ᵈ)/d² for |d| < 1, as (E, O) with g(±d) = E ∓ d·O.
    #[inline(always)]
    pub fn divergence_series(square: Self) -> (Self, Self) {
        let even = square.polynomial([0.499_999_998, 0.041_666_736_7, 0.001_388_539_49, 2.535_864_49e-5]);
        let odd = square.polynomial([0.166_666_666, 0.008_333_339_68, 1.983_810_04e-4, 2.806_290_44e-6]);
        (even, odd)
    }

    /// [(1+t) ln(1+t) + (1−t) ln(1−t)]/d² with t = tanh(d/2), for |d| < 1 given as d².
    #[inline(always)]
    pub fn jensen_shannon_series(square: Self) -> Self {
        square.polynomial([0.249_999_994, -0.031_249_701_4, 0.003_469_793_7, -3.619_317_45e-4, 2.999_435_84e-5])
    }

    /// ln(1 + t) for t in [0.46, 1].
    #[inline(always)]
    pub fn ln_1p_upper(self) -> Self {
        (self - self.all(0.73)).polynomial([
            0.548_121_409,
            0.578_034_682,
            -0.167_062_2,
            0.064_378_541_3,
            -0.027_899_177_1,
            0.012_900_380_2,
            -0.006_448_324_01,
            0.003_200_610_11,
        ])
    }
}
