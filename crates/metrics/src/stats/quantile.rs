//! Percentiles with linear interpolation between order statistics.

use crate::compat::Percentile;

/// Percentiles of `values` at `percents` (each in [0, 100]), by linear interpolation at rank f·(n − 1)
/// (Hyndman and Fan's type 7, numpy's default). Sorts `values` in place. `None` when there are none, or when one
/// of them is not a number.
pub fn percentiles(values: &mut [f64], percents: &[f64]) -> Option<Vec<Percentile>> {
    if values.is_empty() || values.iter().any(|value| value.is_nan()) {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    let points =
        percents.iter().map(|&percent| Percentile { percent, value: at_fraction(values, percent / 100.0) }).collect();
    Some(points)
}

/// Linear interpolation in sorted, non-empty values.
fn at_fraction(sorted: &[f64], fraction: f64) -> f64 {
    let last = sorted.len() - 1;
    let rank = fraction.clamp(0.0, 1.0) * last as f64;
    let below = (rank as usize).min(last);
    let above = (below + 1).min(last);
    let share = rank - below as f64;
    if share == 0.0 { sorted[below] } else { sorted[below] + share * (sorted[above] - sorted[below]) }
}
