//! The temperature at which the student comes closest to its teacher, from sums on a fixed grid.

use crate::position::{INVERSE_TEMPERATURES, UNIT_TEMPERATURE, inverse_temperature};

/// Where the divergence is smallest, and how much of it the temperature alone explains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BestTemperature {
    /// τ* = 1/β*: dividing the student's logits by it minimises KL(p ‖ softmax(z_S/τ)). In [0.4, 2.5].
    pub tau: f64,
    /// The divergence there, in the unit of the sums given (nats, summed or averaged).
    pub kl_at_tau: f64,
    /// 1 − KL(τ*)/KL(1), in [0, 1]; `None` when KL(1) is 0.
    pub removable: Option<f64>,
    /// τ* lies at an end of the grid: the true minimum may be beyond it.
    pub at_edge: bool,
}

/// Minimises the divergence over the inverse temperature β.
///
/// `kl` and `slope` are sums (or means) over positions of `PositionStats::kl_at` and `kl_slope_at`, nine each.
/// KL is convex in β, so the minimum lies between the two grid points where the slope changes sign; there the
/// cubic Hermite polynomial through both values and slopes is minimised. `None` unless all eighteen are finite.
pub fn best(kl: &[f64], slope: &[f64]) -> Option<BestTemperature> {
    let points = INVERSE_TEMPERATURES.len();
    let finite = |sums: &[f64]| sums.len() == points && sums.iter().all(|v| v.is_finite());
    if !finite(kl) || !finite(slope) {
        return None;
    }
    let last = points - 1;
    let (beta, value, at_edge) = if slope[0] >= 0.0 {
        (inverse_temperature(0), kl[0], true)
    } else if slope[last] <= 0.0 {
        (inverse_temperature(last), kl[last], true)
    } else {
        let upper = (1..points).find(|&k| slope[k] >= 0.0)?;
        let (beta, value) = between(upper - 1, kl, slope);
        (beta, value, false)
    };
    // Where the cubic is rounded above the value at 1, the student is best left as it is.
    let unit = kl[UNIT_TEMPERATURE];
    let (beta, value) = if value <= unit { (beta, value.max(0.0)) } else { (1.0, unit) };
    Some(BestTemperature {
        tau: 1.0 / beta,
        kl_at_tau: value,
        removable: (unit > 0.0).then(|| (1.0 - value / unit).clamp(0.0, 1.0)),
        at_edge,
    })
}

/// Minimum of the cubic Hermite polynomial between grid points k (slope < 0) and k + 1 (slope ≥ 0).
fn between(k: usize, kl: &[f64], slope: &[f64]) -> (f64, f64) {
    let (left, right) = (inverse_temperature(k), inverse_temperature(k + 1));
    let width = right - left;
    let (y0, y1) = (kl[k], kl[k + 1]);
    let (d0, d1) = (slope[k] * width, slope[k + 1] * width);
    // y(t) = y0 + d0·t + c·t² + d·t³ on t in [0, 1]; its derivative changes sign once in between.
    let c = 3.0 * (y1 - y0) - 2.0 * d0 - d1;
    let d = 2.0 * (y0 - y1) + d0 + d1;
    let derivative = |t: f64| d0 + t * (2.0 * c + 3.0 * d * t);
    // Bisection cannot leave the bracket, whatever rounding does to the cubic.
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if derivative(middle) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    let t = 0.5 * (low + high);
    (left + t * width, y0 + t * (d0 + t * (c + d * t)))
}
