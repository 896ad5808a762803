//! Linear CKA, debiased: do two models arrange the same inputs alike?

use super::{dot, points};

/// Debiased linear centred kernel alignment of two representations of the same inputs, row i of each belonging to input
/// i: HSIC₁(K, L) / √(HSIC₁(K, K) · HSIC₁(L, L)) with K = XXᵀ and L = YYᵀ (Nguyen et al., arXiv:2010.15327). At most
/// about 1; 0 expected for independent representations, where plain CKA tends to 1 with more coordinates than inputs.
///
/// Rotations, shifts and a common scale of either representation change nothing; coordinates may differ in number. The
/// inputs must be independent of each other: rows of one answer's tokens are not. `None` with fewer than four inputs,
/// unequal numbers of rows, rows of unequal length, values that are not finite, or a representation without spread.
pub fn cka<X: AsRef<[f64]>, Y: AsRef<[f64]>>(x: &[X], y: &[Y]) -> Option<f64> {
    if x.len() != y.len() || x.len() < 4 {
        return None;
    }
    let (k, l) = (Gram::linear(points(x)?), Gram::linear(points(y)?));
    let (own_k, own_l) = (k.hsic(&k), l.hsic(&l));
    (own_k > 0.0 && own_l > 0.0).then(|| k.hsic(&l) / (own_k * own_l).sqrt())
}

/// A kernel matrix with its diagonal set to 0.
struct Gram {
    size: usize,
    values: Vec<f64>,
    /// Sum of each row.
    rows: Vec<f64>,
}

impl Gram {
    fn linear(points: Vec<&[f64]>) -> Self {
        let size = points.len();
        let mut centred: Vec<Vec<f64>> = points.into_iter().map(<[f64]>::to_vec).collect();
        // HSIC₁ does not see a shift, but hidden states far from 0 would lose their digits.
        for column in 0..centred[0].len() {
            let mean = centred.iter().map(|row| row[column]).sum::<f64>() / size as f64;
            for row in &mut centred {
                let left = row[column] - mean;
                // A spread that is only rounding is none.
                row[column] = if left.abs() > 1e-12 * mean.abs() { left } else { 0.0 };
            }
        }
        let mut values: Vec<f64> = centred.iter().flat_map(|x| centred.iter().map(|y| dot(x, y))).collect();
        (0..size).for_each(|i| values[i * size + i] = 0.0);
        let rows = values.chunks_exact(size).map(|row| row.iter().sum()).collect();
        Self { size, values, rows }
    }

    /// HSIC₁, unbiased: [tr KL + 1ᵀK1·1ᵀL1/((n − 1)(n − 2)) − 2/(n − 2)·1ᵀKL1] / (n(n − 3)), diagonals 0 (Song et al.
    /// 2012, Feature Selection via Dependence Maximization, eq. 5; the U-centring of Székely and Rizzo 2014).
    fn hsic(&self, other: &Self) -> f64 {
        let n = self.size as f64;
        let total = |gram: &Self| gram.rows.iter().sum::<f64>();
        let ends = total(self) * total(other) / ((n - 1.0) * (n - 2.0));
        let through = 2.0 / (n - 2.0) * dot(&self.rows, &other.rows);
        (dot(&self.values, &other.values) + ends - through) / (n * (n - 3.0))
    }
}
