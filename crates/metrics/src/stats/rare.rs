//! Bounds of a number that a few of many families carry. Student's t knows nothing of those that were not met by chance, and resamples of
//! three families that lost something are no more than these three.

use super::proportion;

/// Families of which resamples say something.
pub(super) const FEW: f64 = 5.0;
/// From so many families on their number is as good as normal.
const MANY: f64 = 50.0;

/// What families bring to a number, none less than nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part {
    /// Mean over families.
    pub mean: f64,
    /// Variance among families.
    pub variance: f64,
}

impl Part {
    fn of(values: impl Iterator<Item = f64> + Clone, shares: &[f64]) -> Self {
        let mean: f64 = values.clone().zip(shares).map(|(value, share)| share * value).sum();
        let squares: f64 = values.zip(shares).map(|(value, share)| share * (value - mean).powi(2)).sum();
        let lost: f64 = shares.iter().map(|share| share * share).sum();
        Self { mean, variance: if lost < 1.0 { squares / (1.0 - lost) } else { 0.0 } }
    }

    /// As many families as bring all of it, each the same, were this its mean and variance over `families`; and what each brings. `None` where
    /// they are not few.
    fn bringing(&self, families: f64) -> Option<(f64, f64)> {
        if self.mean <= 0.0 {
            return Some((0.0, 0.0));
        }
        let each = self.mean + self.variance / self.mean;
        let bring = families * self.mean / each;
        (bring < MANY.min(families / 2.0)).then_some((bring, each))
    }

    /// How far above the mean its bound lies, missed with a chance of `alpha`: Clopper and Pearson's (1934) for the families that bring it,
    /// `None` where they are many.
    pub fn above(&self, families: f64, alpha: f64) -> Option<Far> {
        let (bring, each) = self.bringing(families)?;
        let share = proportion::above(bring, families, alpha)?;
        Some(Far { by: each * share - self.mean, families: bring })
    }

    /// The same below it.
    fn below(&self, families: f64, alpha: f64) -> Option<Far> {
        let (bring, each) = self.bringing(families)?;
        let share = proportion::below(bring, families, alpha)?;
        Some(Far { by: self.mean - each * share, families: bring })
    }
}

/// How far a bound lies from its number, and how many families that rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Far {
    pub by: f64,
    pub families: f64,
}

/// What families add to a number and what they take from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Balance {
    added: Part,
    taken: Part,
}

impl Balance {
    /// Of the value of each family and its share of the number.
    pub fn of(values: &[f64], shares: &[f64]) -> Self {
        let part = |sign: f64| Part::of(values.iter().map(move |value| (sign * value).max(0.0)), shares);
        Self { added: part(1.0), taken: part(-1.0) }
    }

    /// How far below and above the balance its bounds lie: the distances of the bounds of both parts, squared and added (Newcombe,
    /// Statistics in Medicine 17, 1998). What no family does is left to the families that were not seen.
    pub fn distances(&self, families: f64, alpha: f64) -> [Option<Far>; 2] {
        let both = |more: Option<Far>, less: Option<Far>| {
            let (more, less) = (more?, less?);
            Some(Far { by: more.by.hypot(less.by), families: more.families })
        };
        let Self { added, taken } = self;
        [
            both(taken.above(families, alpha), added.below(families, alpha)),
            both(added.above(families, alpha), taken.below(families, alpha)),
        ]
    }
}
