//! Deciding early: evidence for and against one gate, valid however often one looks.
//!
//! Two bets are made on each family, one against "the margin is missed" and one against "the margin is held". Where a
//! claim is true, the capital of the bet against it is a nonnegative supermartingale that starts at 1, and exceeds 1/α
//! at any time with probability at most α (Ville's inequality). Waudby-Smith and Ramdas, Estimating means of bounded
//! random variables by betting, arXiv:2010.09686.
//!
//! Families must come in random order: a suite sorted by difficulty breaks the guarantee.

use std::ops::RangeInclusive;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use thiserror::Error;

use super::estimate::Verdict;

/// A claim that cannot be watched, or a family that does not belong to it.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum SequentialError {
    /// The bounds alone decide the claim, or are not finite.
    #[error("a margin of {margin} is not strictly inside what the bounds of the statistic allow; give other bounds")]
    Margin {
        /// The margin.
        margin: f64,
    },
    /// α outside (0, 1).
    #[error("expected an error rate strictly between 0 and 1, found {0}")]
    Alpha(f64),
    /// A family's statistic is outside the bounds of the claim, or not a number. Nothing was recorded.
    #[error("expected numerator − margin · denominator within [{low}, {high}], found {found}")]
    OutOfBounds {
        /// Lower bound.
        low: f64,
        /// Upper bound.
        high: f64,
        /// Found.
        found: f64,
    },
}

/// "mean numerator / mean denominator is at least (at most) the margin", for a numerator and a denominator per family whose
/// bounds are known beforehand.
///
/// A ratio is watched as a mean: with denominators that are positive on average, the ratio is at least r exactly when
/// z = numerator − r · denominator has a mean ≥ 0. z lies in known bounds [a, b], and x = (z − a)/(b − a) ∈ [0, 1] is
/// bet on against m₀ = −a/(b − a). A plain mean has denominators of 1.
///
/// The numerator and denominator of a family are means over its prompts, so that families count equally. Where prompts
/// must count equally, divide the family's sums by the largest number of prompts in any family of the suite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Claim {
    margin: f64,
    /// 1 for "at least", −1 for "at most".
    sign: f64,
    low: f64,
    high: f64,
}

impl Claim {
    /// "At least `margin`". Agreement of at least 0.95 of its ceiling is `at_least(0.95, 0.0..=1.0, 0.0..=1.0)` on
    /// (C_TS, C_TT'); a mean difference of at least −0.02 is `at_least(-0.02, -1.0..=1.0, 1.0..=1.0)` on (d, 1).
    pub fn at_least(
        margin: f64,
        numerator: RangeInclusive<f64>,
        denominator: RangeInclusive<f64>,
    ) -> Result<Self, SequentialError> {
        Self::new(margin, 1.0, &numerator, &denominator)
    }

    /// "At most `margin`".
    pub fn at_most(
        margin: f64,
        numerator: RangeInclusive<f64>,
        denominator: RangeInclusive<f64>,
    ) -> Result<Self, SequentialError> {
        Self::new(margin, -1.0, &numerator, &denominator)
    }

    fn new(
        margin: f64,
        sign: f64,
        numerator: &RangeInclusive<f64>,
        denominator: &RangeInclusive<f64>,
    ) -> Result<Self, SequentialError> {
        let corners = [numerator.start(), numerator.end()]
            .into_iter()
            .flat_map(|n| [denominator.start(), denominator.end()].map(|d| sign * (n - margin * d)));
        let (low, high) = corners.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), z| (z.min(low), z.max(high)));
        let inside = low < 0.0 && 0.0 < high && (high - low).is_finite();
        if inside { Ok(Self { margin, sign, low, high }) } else { Err(SequentialError::Margin { margin }) }
    }

    /// m₀: the mean of x on the margin, in (0, 1).
    fn centre(&self) -> f64 {
        -self.low / (self.high - self.low)
    }

    /// x of one family, in [0, 1].
    fn position(&self, numerator: f64, denominator: f64) -> Result<f64, SequentialError> {
        let found = self.sign * (numerator - self.margin * denominator);
        let slack = 1e-9 * (self.high - self.low);
        if (self.low - slack..=self.high + slack).contains(&found) {
            Ok(((found - self.low) / (self.high - self.low)).clamp(0.0, 1.0))
        } else {
            Err(SequentialError::OutOfBounds { low: self.low, high: self.high, found })
        }
    }
}

/// Evidence after some families, in nats: natural logarithms of the capital of the two bets.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Evidence {
    /// ln E⁺: for PASS, against "the margin is missed".
    pub pass: f64,
    /// ln E⁻: for FAIL, against "the margin is held".
    pub fail: f64,
}

/// Simulated audits of one size of loss, halvings of the loss, and their seed.
const AUDITS: usize = 200;
const HALVINGS: usize = 10;
const SEED: u64 = 0x5e9;

/// Two values in [0, 1] and the chance of the higher, with this mean and, as far as the bounds allow, this variance.
fn two_values(mean: f64, variance: f64) -> (f64, f64, f64) {
    let deviation = variance.sqrt();
    if mean <= 0.0 || mean >= 1.0 {
        (mean.clamp(0.0, 1.0), 1.0, 0.0)
    } else if mean < deviation {
        let high = (mean + variance / mean).min(1.0);
        (0.0, high, mean / high)
    } else if 1.0 - mean < deviation {
        let low = (mean - variance / (1.0 - mean)).max(0.0);
        (low, 1.0, (mean - low) / (1.0 - low))
    } else {
        (mean - deviation, mean + deviation, 0.5)
    }
}

/// One gate under watch. The first verdict stands: families seen later go on into the history, not into the verdict.
///
/// PASS is wrong with probability ≤ α when the truth misses the margin, FAIL when it holds it, under continuous
/// looking. A run that resumes repeats its families in their order and arrives at the same state. A gate with two
/// margins is two claims, both to be passed ([`all_of`]).
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    claim: Claim,
    /// ln(1/α).
    threshold: f64,
    cap: usize,
    history: Vec<Evidence>,
    decided: Option<(Verdict, usize)>,
    /// Σ x and Σ (x − mean so far)².
    sum: f64,
    squares: f64,
}

impl Gate {
    /// Watches a claim with error rate `alpha` on either side, over at most `cap` families.
    pub fn new(claim: Claim, alpha: f64, cap: usize) -> Result<Self, SequentialError> {
        if !(alpha > 0.0 && alpha < 1.0) {
            return Err(SequentialError::Alpha(alpha));
        }
        let threshold = -alpha.ln();
        Ok(Self { claim, threshold, cap, history: Vec::new(), decided: None, sum: 0.0, squares: 0.0 })
    }

    /// Takes in one family and says where the gate stands.
    ///
    /// The bets are the paper's approximate GRAPA: λ = (μ̂ − m₀)/(σ̂² + (μ̂ − m₀)²) from the families before
    /// this one, each bet clipped to [0, ½/m₀] on its own side, so that capital never falls by more than half. μ̂ and σ̂²
    /// start as one imagined family at m₀ with variance ¼.
    pub fn watch(&mut self, numerator: f64, denominator: f64) -> Result<Option<Verdict>, SequentialError> {
        self.take(self.claim.position(numerator, denominator)?);
        Ok(self.verdict())
    }

    fn take(&mut self, x: f64) {
        let centre = self.claim.centre();
        let seen = self.history.len() as f64 + 1.0;
        let edge = (centre + self.sum) / seen - centre;
        let bet = edge / ((0.25 + self.squares) / seen + edge * edge);
        let for_pass = bet.clamp(0.0, 0.5 / centre);
        let for_fail = (-bet).clamp(0.0, 0.5 / (1.0 - centre));
        let before = self.evidence();
        self.history.push(Evidence {
            pass: before.pass + (for_pass * (x - centre)).ln_1p(),
            fail: before.fail + (for_fail * (centre - x)).ln_1p(),
        });
        self.sum += x;
        self.squares += (x - (centre + self.sum) / (seen + 1.0)).powi(2);
        self.settle();
    }

    fn settle(&mut self) {
        let (now, families) = (self.evidence(), self.history.len());
        if self.decided.is_some() {
            return;
        }
        self.decided = if now.pass >= self.threshold {
            Some((Verdict::Pass, families))
        } else if now.fail >= self.threshold {
            Some((Verdict::Fail, families))
        } else if families >= self.cap {
            Some((Verdict::NotEnoughEvidence, families))
        } else {
            None
        };
    }

    /// The evidence now.
    pub fn evidence(&self) -> Evidence {
        self.history.last().copied().unwrap_or(Evidence { pass: 0.0, fail: 0.0 })
    }

    /// The evidence after each family.
    pub fn history(&self) -> &[Evidence] {
        &self.history
    }

    /// The evidence at which a side wins: ln(1/α).
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// PASS or FAIL once decided, NOT ENOUGH EVIDENCE at the cap, `None` while more families could decide it.
    pub fn verdict(&self) -> Option<Verdict> {
        self.decided.map(|(verdict, _)| verdict)
    }

    /// Smallest distance beyond the margin that this gate would have found: with the mean of numerator − margin ·
    /// denominator so far on the wrong side of 0, it fails within `families` families, or its cap, with the chance `power`.
    ///
    /// By simulation: families of two values with that mean μ and a variance of φ μ(1 − μ), where φ is the share of the
    /// largest variance that the gate met: its own (¼ + Σ(x − x̄)²)/(n + 1) over x̄(1 − x̄). Where nothing varied near a
    /// bound, a loss would still vary.
    /// `None` where not even the worst mean that the bounds allow is found, and with `power` outside (0, 1).
    pub fn detectable(&self, families: usize, power: f64) -> Option<f64> {
        let centre = self.claim.centre();
        let seen = self.history.len() as f64 + 1.0;
        let mean = (centre + self.sum) / seen;
        let share = ((0.25 + self.squares) / seen / (mean * (1.0 - mean))).min(1.0);
        let found = |distance: f64| self.chance_of_fail(centre - distance, share, families) >= power;
        if !(power > 0.0 && power < 1.0 && found(centre)) {
            return None;
        }
        let (mut missed, mut seen) = (0.0, centre);
        for _ in 0..HALVINGS {
            let middle = 0.5 * (missed + seen);
            if found(middle) { seen = middle } else { missed = middle }
        }
        Some(seen * (self.claim.high - self.claim.low))
    }

    /// How often families of two values in [0, 1] fail the claim.
    fn chance_of_fail(&self, mean: f64, share: f64, families: usize) -> f64 {
        let (low, high, chance) = two_values(mean, share * mean * (1.0 - mean));
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let mut one = || {
            let mut gate = Self { history: Vec::new(), decided: None, sum: 0.0, squares: 0.0, ..*self };
            for _ in 0..families {
                gate.take(if random.random::<f64>() < chance { high } else { low });
                if gate.verdict().is_some() {
                    break;
                }
            }
            gate.verdict() == Some(Verdict::Fail)
        };
        (0..AUDITS).filter(|_| one()).count() as f64 / AUDITS as f64
    }

    /// Families after which the verdict fell.
    pub fn decided_after(&self) -> Option<usize> {
        self.decided.map(|(_, families)| families)
    }
}

/// The verdict on several claims that must all hold: FAIL as soon as one fails, PASS when all pass (an
/// intersection–union test: no correction), NOT ENOUGH EVIDENCE when nothing is left to wait for, else `None`.
///
/// The chance of a wrong FAIL adds up over the claims: give each α over their number where that must stay below α.
pub fn all_of(verdicts: &[Option<Verdict>]) -> Option<Verdict> {
    let any = |verdict| verdicts.contains(&verdict);
    if any(Some(Verdict::Fail)) {
        Some(Verdict::Fail)
    } else if any(None) {
        None
    } else if any(Some(Verdict::NotEnoughEvidence)) {
        Some(Verdict::NotEnoughEvidence)
    } else {
        Some(Verdict::Pass)
    }
}
