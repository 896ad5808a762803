//! Families whose values are amounts and have a long tail: their logarithms, and the bound of a mean that a few of them carry.

/// Skewness of the families' logarithms beyond which they have a longer tail than a log-normal law.
const LONG_TAIL: f64 = 0.5;

/// Weighted moments of the families' logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Logs {
    mean: f64,
    variance: f64,
    skewness: f64,
}

impl Logs {
    /// `None` unless all values are above 0.
    pub fn of(values: &[f64], shares: &[f64]) -> Option<Self> {
        if !values.iter().all(|&value| value > 0.0) {
            return None;
        }
        let moment =
            |of: &dyn Fn(f64) -> f64| values.iter().zip(shares).map(|(x, share)| share * of(x.ln())).sum::<f64>();
        let mean = moment(&|log| log);
        let squares = moment(&|log| (log - mean).powi(2));
        let skewness = if squares > 0.0 { moment(&|log| (log - mean).powi(3)) / squares.powf(1.5) } else { 0.0 };
        let lost: f64 = shares.iter().map(|share| share * share).sum();
        (lost < 1.0).then(|| Self { mean, variance: squares / (1.0 - lost), skewness })
    }

    /// Variance among families.
    pub fn variance(&self) -> f64 {
        self.variance
    }

    /// Upper bound of the mean of a log-normal law (Cox's, in Zhou and Gao, Statistics in Medicine 16, 1997, with
    /// Student's t as in Olsson, Journal of Statistics Education 13, 2005) over `families`; where the logarithms themselves have a long
    /// tail also Cantelli's, which asks for no law (Singh, Singh and Engelhardt, EPA/600/S-97/006). `t` is Student's quantile.
    pub fn above(&self, (centre, error): (f64, f64), families: f64, t: f64, alpha: f64) -> f64 {
        let of_logs = (self.variance / families + self.variance.powi(2) / (2.0 * (families + 1.0))).sqrt();
        let cox = (self.mean + self.variance / 2.0 + t * of_logs).exp();
        let cantelli = centre + ((1.0 - alpha) / alpha).sqrt() * error;
        if self.skewness > LONG_TAIL { cox.max(cantelli) } else { cox }
    }
}
