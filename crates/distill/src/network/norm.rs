//! Root-mean-square norms: y = x · r · (w + o) with r = 1 / √(mean x² + ε) and an offset o that is 1 in Gemma and 0 elsewhere,
//! and the way back dx = r (w + o) dy − x r³/d · Σ x (w + o) dy, dw = Σ x r dy.

use rayon::prelude::*;

use super::Sheet;

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

/// The normalised rows, and r of each.
pub(super) fn forward(x: &Sheet, norm: Norm<'_>) -> (Sheet, Vec<f32>) {
    let mut scales = vec![0.0; x.rows];
    scales.par_iter_mut().enumerate().for_each(|(row, scale)| {
        let squares: f64 = x.row(row).iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        *scale = (squares / x.columns as f64 + f64::from(norm.eps)).sqrt().recip() as f32;
    });
    (again(x, &scales, norm), scales)
}

/// The normalised rows, from what was kept.
pub(super) fn again(x: &Sheet, scales: &[f32], norm: Norm<'_>) -> Sheet {
    let factors = norm.factors();
    let mut y = Sheet::zeros(x.rows, x.columns, x.columns);
    y.values.par_chunks_exact_mut(x.columns).enumerate().for_each(|(row, y)| {
        for ((y, &x), &w) in y.iter_mut().zip(x.row(row)).zip(&factors) {
            *y = x * scales[row] * w;
        }
    });
    y
}

/// Adds the gradient of x to `dx`, and that of the weight to `dw`, where that learns.
pub(super) fn backward(x: &Sheet, scales: &[f32], norm: Norm<'_>, dy: &Sheet, dx: &mut Sheet, dw: &mut [f32]) {
    let (d, factors) = (x.columns, norm.factors());
    dx.values.par_chunks_exact_mut(d).enumerate().for_each(|(row, dx)| {
        let (x, dy, r) = (x.row(row), dy.row(row), scales[row]);
        let along: f64 = x.iter().zip(dy).zip(&factors).map(|((&x, &dy), &w)| f64::from(x) * f64::from(dy * w)).sum();
        let along = (along * f64::from(r).powi(3) / d as f64) as f32;
        for (((dx, &x), &dy), &w) in dx.iter_mut().zip(x).zip(dy).zip(&factors) {
            *dx += r * w * dy - x * along;
        }
    });
    if dw.is_empty() {
        return;
    }
    let mut sums = vec![0.0f64; d];
    for (row, &r) in scales.iter().enumerate() {
        for ((sum, &x), &dy) in sums.iter_mut().zip(x.row(row)).zip(dy.row(row)) {
            *sum += f64::from(x * r) * f64::from(dy);
        }
    }
    dw.iter_mut().zip(sums).for_each(|(dw, sum)| *dw += sum as f32);
}
