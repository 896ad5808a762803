//! Effective rank: in how many directions a cloud of points extends.

use super::{dot, points};
use crate::spectrum::eigenvalues;

/// Effective rank (Roy and Vetterli 2007, The Effective Rank: A Measure of Effective Dimensionality): exp of the
/// Shannon entropy of the singular values of the matrix of points, divided by their sum; in [1, min(points,
/// coordinates)]. Columns are not centred. `None` when all is 0, without points, or when they differ in length or are
/// not finite.
pub fn effective_rank<R: AsRef<[f64]>>(rows: &[R]) -> Option<f64> {
    let mut rows: Vec<Vec<f64>> = points(rows)?.into_iter().map(<[f64]>::to_vec).collect();
    // XXᵀ and XᵀX have the same eigenvalues but for zeros: the smaller one is solved.
    if rows.len() > rows[0].len() {
        rows = (0..rows[0].len()).map(|k| rows.iter().map(|row| row[k]).collect()).collect();
    }
    let mut gram: Vec<f64> = rows.iter().flat_map(|x| rows.iter().map(|y| dot(x, y))).collect();
    let squares = eigenvalues(&mut gram, rows.len());
    let largest = squares.last().copied().filter(|&largest| largest > 0.0)?;
    // Eigenvalues are known to 1e-15 of the largest; the root of such rounding would be a direction.
    let singular = || squares.iter().filter(|&&square| square > 1e-13 * largest).map(|square| square.sqrt());
    let total: f64 = singular().sum();
    Some(singular().map(|value| -value / total * (value / total).ln()).sum::<f64>().exp())
}
