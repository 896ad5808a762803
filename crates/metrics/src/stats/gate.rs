//! The three-valued gate: pass, fail, or not enough evidence.

use super::estimate::Verdict;

/// Accepted range of a metric; a side that is `None` is open.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    /// Lowest accepted value.
    pub at_least: Option<f64>,
    /// Highest accepted value.
    pub at_most: Option<f64>,
}

/// Bounds of a value, as a gate looks at them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ends {
    /// With these it misses a margin.
    pub miss: (f64, f64),
    /// With these it clears one: the same, or farther out.
    pub clear: (f64, f64),
}

impl From<(f64, f64)> for Ends {
    fn from(ends: (f64, f64)) -> Self {
        Self { miss: ends, clear: ends }
    }
}

/// What a gate answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateAnswer {
    /// The verdict.
    pub verdict: Verdict,
    /// Further families that would decide it at the present spread; `None` when it is decided, when there is no
    /// interval, or when the value sits exactly on the margin, where no number of families is expected to decide.
    pub more_families: Option<u64>,
}

/// Most times as many families that [`judge`] looks for.
const MOST_GROWTH: f64 = 1e6;
/// Doublings and halvings until a number of families is exact.
const HALVINGS: usize = 60;

/// Judges a value: PASS when one-sided 1 − `alpha` bounds clear every margin, FAIL when one of them misses a margin, else
/// NOT ENOUGH EVIDENCE.
///
/// `ends` gives both bounds at a level, each missed with that chance, for so many times as many families of this kind
/// ([`Limits::gate_ends`](super::limits::Limits::gate_ends)). With both margins set this is the test of
/// equivalence by two one-sided tests (Schuirmann 1987). A value on the margin passes only when the interval has no
/// width. Bounds that are open on both sides accept everything.
///
/// `more_families` supposes that value and spread stay where they are.
pub fn judge(
    value: f64,
    families: u64,
    ends: impl Fn(f64, f64) -> Option<Ends>,
    bounds: &Bounds,
    alpha: f64,
) -> GateAnswer {
    if bounds.at_least.is_none() && bounds.at_most.is_none() {
        return GateAnswer { verdict: Verdict::Pass, more_families: None };
    }
    let verdict = |growth: f64| ends(alpha, growth).map(|ends| bounds.verdict(ends));
    match verdict(1.0) {
        Some(Verdict::NotEnoughEvidence) => {
            let more_families = more_families(value, families, bounds, verdict);
            GateAnswer { verdict: Verdict::NotEnoughEvidence, more_families }
        }
        Some(verdict) => GateAnswer { verdict, more_families: None },
        None => GateAnswer { verdict: Verdict::NotEnoughEvidence, more_families: None },
    }
}

/// The smallest level at which a value with these `ends` misses a margin: the p-value of "the margin is held". Below
/// 10⁻¹² it is 10⁻¹², from ½ on it is 1.
pub fn failure_p(ends: impl Fn(f64) -> Option<(f64, f64)>, bounds: &Bounds) -> f64 {
    let fails = |log: f64| ends(log.exp()).is_some_and(|ends| bounds.verdict(ends.into()) == Verdict::Fail);
    let (mut low, mut high) = (1e-12_f64.ln(), 0.49_f64.ln());
    if !fails(high) {
        return 1.0;
    }
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if fails(middle) { high = middle } else { low = middle }
    }
    high.exp()
}

impl Bounds {
    /// What a value between these ends is.
    pub fn verdict(&self, ends: Ends) -> Verdict {
        let (low, high) = ends.miss;
        let misses =
            self.at_least.is_some_and(|margin| high < margin) || self.at_most.is_some_and(|margin| low > margin);
        let (low, high) = ends.clear;
        let clears =
            self.at_least.is_none_or(|margin| low >= margin) && self.at_most.is_none_or(|margin| high <= margin);
        if misses {
            Verdict::Fail
        } else if clears {
            Verdict::Pass
        } else {
            Verdict::NotEnoughEvidence
        }
    }

    /// Whether a value lies on a margin.
    fn touches(&self, value: f64) -> bool {
        [self.at_least, self.at_most].into_iter().flatten().any(|margin| margin == value)
    }
}

/// Families still missing for the verdict towards which the value leans.
fn more_families(value: f64, families: u64, bounds: &Bounds, verdict: impl Fn(f64) -> Option<Verdict>) -> Option<u64> {
    let decided = |growth: f64| verdict(growth).is_some_and(|verdict| verdict != Verdict::NotEnoughEvidence);
    if bounds.touches(value) || !decided(MOST_GROWTH) {
        return None;
    }
    let (mut low, mut high) = (1.0, MOST_GROWTH);
    for _ in 0..HALVINGS {
        let middle = (low * high).sqrt();
        if decided(middle) { high = middle } else { low = middle }
    }
    // What is a whole number but for rounding stays that number. Strictly more than now: the gate is undecided with those.
    let total = (families as f64 * high - 1e-6).ceil();
    Some(((total - families as f64) as u64).max(1))
}
