//! Calibration: do stated probabilities come true, and does the student's confidence follow the teacher's.

/// One bin of a reliability diagram.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ReliabilityBin {
    /// Lower edge of the bin, a probability.
    pub low: f64,
    /// Upper edge of the bin.
    pub high: f64,
    /// Number of items in it.
    pub items: u64,
    /// Mean stated probability; `None` when the bin is empty.
    pub confidence: Option<f64>,
    /// Share that came true; `None` when the bin is empty.
    pub accuracy: Option<f64>,
}

/// Bins of equal width on [0, 1] used by [`ece2_columns`] and [`ece2`].
pub const BINS: usize = 10;
/// Columns that [`ece2_columns`] fills: items, true outcomes and stated probability of each bin.
pub const ECE2_COLUMNS: usize = 3 * BINS;
/// Columns that [`slope_columns`] fills.
pub const SLOPE_COLUMNS: usize = 5;
/// Probabilities are kept this far from 0 and 1 before their logit is taken.
pub const LOGIT_CLIP: f64 = 1e-6;

/// Brier score of one item with several options: Σ_o (P(o) − 1[o is true])², in [0, 2] (Brier 1950).
/// `None` when `truth` is not one of the options.
pub fn brier(probabilities: &[f64], truth: usize) -> Option<f64> {
    if truth >= probabilities.len() {
        return None;
    }
    let score =
        probabilities.iter().enumerate().map(|(option, p)| (p - if option == truth { 1.0 } else { 0.0 }).powi(2)).sum();
    Some(score)
}

/// Bin of a stated probability; 1 belongs to the last one. `None` outside [0, 1].
fn bin_of(probability: f64, bins: usize) -> Option<usize> {
    (0.0..=1.0).contains(&probability).then(|| ((probability * bins as f64) as usize).min(bins.saturating_sub(1)))
}

/// What one stated probability adds to the sums that [`ece2`] divides.
/// `None` when the probability is outside [0, 1].
pub fn ece2_columns(probability: f64, came_true: bool) -> Option<[f64; ECE2_COLUMNS]> {
    let bin = bin_of(probability, BINS)?;
    let mut columns = [0.0; ECE2_COLUMNS];
    columns[3 * bin] = 1.0;
    columns[3 * bin + 1] = f64::from(u8::from(came_true));
    columns[3 * bin + 2] = probability;
    Some(columns)
}

/// Debiased squared calibration error from sums of [`ece2_columns`]:
/// Σ_b w_b [(ȳ_b − c̄_b)² − ȳ_b(1 − ȳ_b)/(n_b − 1)], w_b = n_b/n over bins with at least two items
/// (Kumar, Liang and Ma 2019, arXiv:1909.10155, section 5). Expectation 0 for a calibrated model, so it can be
/// negative. `None` when no bin has two items or the columns are not [`ECE2_COLUMNS`].
pub fn ece2(sums: &[f64]) -> Option<f64> {
    if sums.len() != ECE2_COLUMNS {
        return None;
    }
    let (mut total, mut weight) = (0.0, 0.0);
    for bin in sums.chunks_exact(3) {
        let (items, outcomes, confidence) = (bin[0], bin[1], bin[2]);
        // Sums without one family may miss an integer by rounding.
        if items < 1.5 {
            continue;
        }
        let (rate, stated) = (outcomes / items, confidence / items);
        total += items * ((rate - stated).powi(2) - rate * (1.0 - rate) / (items - 1.0));
        weight += items;
    }
    (weight > 0.0).then(|| total / weight)
}

/// Debiased squared calibration error of (stated probability, came true) pairs: see [`ece2`].
/// `None` when no bin has two items or a probability is outside [0, 1].
pub fn debiased_ece2(pairs: &[(f64, bool)]) -> Option<f64> {
    let mut sums = [0.0; ECE2_COLUMNS];
    for &(probability, came_true) in pairs {
        let columns = ece2_columns(probability, came_true)?;
        for (sum, value) in sums.iter_mut().zip(columns) {
            *sum += value;
        }
    }
    ece2(&sums)
}

/// Reliability diagram with `bins` bins of equal width. Pairs whose probability is outside [0, 1] are left out.
pub fn reliability(pairs: &[(f64, bool)], bins: usize) -> Vec<ReliabilityBin> {
    let mut sums = vec![(0_u64, 0.0, 0.0); bins];
    for &(probability, came_true) in pairs {
        if let Some(sum) = bin_of(probability, bins).and_then(|bin| sums.get_mut(bin)) {
            sum.0 += 1;
            sum.1 += probability;
            sum.2 += f64::from(u8::from(came_true));
        }
    }
    let width = 1.0 / bins as f64;
    sums.iter()
        .enumerate()
        .map(|(bin, &(items, stated, outcomes))| ReliabilityBin {
            low: bin as f64 * width,
            high: (bin + 1) as f64 * width,
            items,
            confidence: (items > 0).then(|| stated / items as f64),
            accuracy: (items > 0).then(|| outcomes / items as f64),
        })
        .collect()
}

/// ln(p/(1 − p)), p kept [`LOGIT_CLIP`] away from 0 and 1.
fn logit(probability: f64) -> f64 {
    let p = probability.clamp(LOGIT_CLIP, 1.0 - LOGIT_CLIP);
    (p / (1.0 - p)).ln()
}

/// What one option adds to the sums that [`slope`] needs: 1, x, y, x², xy with x the student's and y the
/// teacher's logit of its probability.
pub fn slope_columns(teacher: f64, student: f64) -> [f64; SLOPE_COLUMNS] {
    let (x, y) = (logit(student), logit(teacher));
    [1.0, x, y, x * x, x * y]
}

/// Least-squares slope of the teacher's logit on the student's, from sums of [`slope_columns`]. Below 1 the
/// student is overconfident relative to its teacher. `None` with fewer than two items or when the student's
/// logits do not vary.
pub fn slope(sums: &[f64]) -> Option<f64> {
    let &[n, x, y, xx, xy] = sums else {
        return None;
    };
    let spread = n * xx - x * x;
    // Relative to the products it is the difference of: below this it is rounding.
    (n > 1.5 && spread > 1e-12 * n * xx).then(|| (n * xy - x * y) / spread)
}

/// Teacher-relative calibration slope of (teacher's, student's) probability pairs: see [`slope`].
pub fn logit_slope(pairs: &[(f64, f64)]) -> Option<f64> {
    let mut sums = [0.0; SLOPE_COLUMNS];
    for &(teacher, student) in pairs {
        for (sum, value) in sums.iter_mut().zip(slope_columns(teacher, student)) {
            *sum += value;
        }
    }
    slope(&sums)
}
