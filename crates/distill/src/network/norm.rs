//! Root-mean-square norms: y = x · r · (w + o) with r = 1 / √(mean x² + ε) and an offset o that is 1 in Gemma and 0 elsewhere,
//! and the way back dx = r (w + o) dy − x r³/d · Σ x (w + o) dy, dw = Σ x r dy.

use hydrometer_models::vectors;
use rayon::prelude::*;

use super::Sheet;

/// Rows of one task, at least.
const ROWS: usize = 16;

/// What a norm multiplies with.
#[derive(Clone, Copy)]
pub(super) struct Norm<'a> {
    pub(super) weight: &'a [f32],
    pub(super) offset: f32,
    pub(super) eps: f32,
}

impl Norm<'_> {
    fn factors(&self) -> Vec<f32> {
        self.weight.iter().map(|w| w + self.offset).collect()
    }
}

/// What the way back through a norm needs: its input, and r of each row.
pub(super) struct Normed {
    pub(super) x: Sheet,
    pub(super) scales: Vec<f32>,
}

/// Columns whose sums over the rows one task makes.
const COLUMNS: usize = 64;

/// Σ f(i) in sixteen lanes, the same whatever the processor has.
#[inline(always)]
fn sum(len: usize, f: impl Fn(usize) -> f64) -> f64 {
    let mut lanes = [0.0f64; 16];
    let whole = len / 16 * 16;
    for first in (0..whole).step_by(16) {
        for (i, lane) in lanes.iter_mut().enumerate() {
            *lane += f(first + i);
        }
    }
    for (lane, i) in lanes.iter_mut().zip(whole..len) {
        *lane += f(i);
    }
    lanes.iter().sum()
}

/// The normalised rows, and r of each.
pub(super) fn forward(x: &Sheet, norm: Norm<'_>) -> (Sheet, Vec<f32>) {
    let mut scales = vec![0.0; x.rows];
    scales.par_iter_mut().enumerate().with_min_len(ROWS).for_each(|(row, scale)| {
        let x = x.row(row);
        let squares = vectors().dispatch(
            #[inline(always)]
            || sum(x.len(), |i| f64::from(x[i]) * f64::from(x[i])),
        );
        *scale = (squares / x.len() as f64 + f64::from(norm.eps)).sqrt().recip() as f32;
    });
    (again(x, &scales, norm), scales)
}

/// The normalised rows, from what was kept.
pub(super) fn again(x: &Sheet, scales: &[f32], norm: Norm<'_>) -> Sheet {
    let factors = norm.factors();
    let mut y = Sheet::zeros(x.rows, x.columns, x.columns);
    y.values.par_chunks_exact_mut(x.columns).enumerate().with_min_len(ROWS).for_each(|(row, y)| {
        vectors().dispatch(
            #[inline(always)]
            || {
                for ((y, &x), &w) in y.iter_mut().zip(x.row(row)).zip(&factors) {
                    *y = x * scales[row] * w;
                }
            },
        );
    });
    y
}

/// Adds the gradient of x to `dx`, and that of the weight to `dw`, where that learns.
pub(super) fn backward(x: &Sheet, scales: &[f32], norm: Norm<'_>, dy: &Sheet, dx: &mut Sheet, dw: &mut [f32]) {
    let (d, factors) = (x.columns, norm.factors());
    dx.values.par_chunks_exact_mut(d).enumerate().with_min_len(ROWS).for_each(|(row, dx)| {
        let (x, dy, r, factors) = (x.row(row), dy.row(row), scales[row], &factors[..d]);
        vectors().dispatch(
            #[inline(always)]
            || {
                let along = sum(d, |i| f64::from(x[i]) * f64::from(dy[i] * factors[i]));
                let along = (along * f64::from(r).powi(3) / d as f64) as f32;
                for (((dx, &x), &dy), &w) in dx.iter_mut().zip(x).zip(dy).zip(factors) {
                    *dx += r * w * dy - x * along;
                }
            },
        );
    });
    dw.par_chunks_mut(COLUMNS).enumerate().for_each(|(part, dw)| {
        let columns = part * COLUMNS..part * COLUMNS + dw.len();
        let mut sums = [0.0f64; COLUMNS];
        vectors().dispatch(
            #[inline(always)]
            || {
                for (row, &r) in scales.iter().enumerate() {
                    let (x, dy) = (&x.row(row)[columns.clone()], &dy.row(row)[columns.clone()]);
                    for ((sum, &x), &dy) in sums[..columns.len()].iter_mut().zip(x).zip(dy) {
                        *sum += f64::from(x * r) * f64::from(dy);
                    }
                }
            },
        );
        dw.iter_mut().zip(sums).for_each(|(dw, sum)| *dw += sum as f32);
    });
}
