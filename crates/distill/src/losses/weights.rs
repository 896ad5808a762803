//! How much a token counts in the loss: w = exp(a·h + b·x), where h is the teacher's entropy at the loss's temperature over ln V
//! and x the place of the token among those of its sample that are learnt, from 0 (first) to 1 (last). The loss of a batch is
//! Σ w·loss / Σ w over all of its tokens: the sum of weights is that of the whole batch, however it is cut into micro-batches.
//! Weights have no gradient: neither h nor x depends on the student.

use serde::{Deserialize, Serialize};

/// Exponents; 0 is no weight at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenWeights {
    /// a: above 0 tokens at which the teacher is unsure count more, below 0 those at which it is sure.
    #[serde(default)]
    pub entropy: f64,
    /// b: above 0 late tokens count more, below 0 early ones.
    #[serde(default)]
    pub position: f64,
}

/// A weight is at most so many powers of e from another one.
const LARGEST: f64 = 20.0;

impl TokenWeights {
    /// Every token counts alike.
    pub const EVEN: TokenWeights = TokenWeights { entropy: 0.0, position: 0.0 };

    /// Whether every token counts alike.
    #[must_use]
    pub fn is_even(&self) -> bool {
        *self == TokenWeights::EVEN
    }

    /// The weight of a token.
    #[must_use]
    pub fn of(&self, entropy: f64, place: f64) -> f64 {
        (self.entropy * entropy + self.position * place).exp()
    }

    /// What is wrong with its settings: the setting, what was expected, what was found. `teacher`: whether the loss reads one.
    #[must_use]
    pub(crate) fn fault(&self, teacher: bool) -> Option<(&'static str, &'static str, String)> {
        let far = |exponent: f64| !(-LARGEST..=LARGEST).contains(&exponent);
        match *self {
            Self { entropy, .. } if far(entropy) => {
                Some(("weights.entropy", "a number from -20 to 20", entropy.to_string()))
            }
            Self { position, .. } if far(position) => {
                Some(("weights.position", "a number from -20 to 20", position.to_string()))
            }
            Self { entropy, .. } if entropy != 0.0 && !teacher => {
                Some(("weights.entropy", "0 where hard labels are everything", entropy.to_string()))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_a_power_of_e() {
        let check = |entropy, position, h, x, expected: f64| {
            let found = TokenWeights { entropy, position }.of(h, x);
            assert!((found - expected).abs() < 1e-12, "{found}, {expected}");
        };
        check(0.0, 0.0, 0.7, 0.3, 1.0);
        check(2.0, 0.0, 0.5, 0.3, 1f64.exp());
        check(0.0, -3.0, 0.5, 1.0, (-3f64).exp());
        check(1.0, 1.0, 0.25, 0.75, 1f64.exp());
    }

    #[test]
    fn exponents_out_of_range_are_named() {
        let fault = |entropy, position, teacher| TokenWeights { entropy, position }.fault(teacher).map(|fault| fault.0);
        assert_eq!(fault(1.0, -1.0, true), None);
        assert_eq!(fault(f64::NAN, 0.0, true), Some("weights.entropy"));
        assert_eq!(fault(0.0, 21.0, false), Some("weights.position"));
        assert_eq!(fault(1.0, 0.0, false), Some("weights.entropy"));
        assert_eq!(fault(0.0, 1.0, false), None);
    }
}
