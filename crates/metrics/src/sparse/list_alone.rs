//! What a server lists of a next-token distribution and nothing more: the most probable tokens, and that all others have the rest of
//! the mass. Without a draw from the rest no sum over the vocabulary can be estimated; KL of the listed tokens and the rest as one
//! cell bounds the KL of all tokens from below (data processing), and is what can be measured and learnt.

use super::shown::Checked;
use super::{ShownError, SparseDistribution};

impl SparseDistribution {
    /// The distribution of which `listed` are the most probable tokens with their ln p, in any order.
    ///
    /// There are no draws. The tail is what the listed probabilities leave of 1, the entropy that of the list with all other tokens
    /// as one, which is at most the entropy of all. Where the list ends within the 0.9 nucleus all of it is in it. Nothing is known at
    /// temperatures other than 1.
    ///
    /// # Errors
    /// The numbers are none of a distribution.
    pub fn listed(listed: &[(u32, f32)]) -> Result<SparseDistribution, ShownError> {
        let Checked { head, mass, nucleus, .. } = Checked::of(listed, &[])?;
        if head.is_empty() {
            return Err(ShownError::NothingListed);
        }
        let rest = (1.0 - mass).max(0.0);
        let exact: f64 = head.iter().map(|(_, logprob)| -f64::from(*logprob) * f64::from(*logprob).exp()).sum();
        let of_rest = if rest > 0.0 { -rest * rest.ln() } else { 0.0 };
        let mut distribution = SparseDistribution {
            nucleus_head: nucleus.unwrap_or(head.len()) as u32,
            head: head.iter().map(|(token, _)| *token).collect(),
            head_logprobs: head.iter().map(|(_, logprob)| *logprob).collect(),
            ..SparseDistribution::default()
        };
        distribution.forget_tempered();
        distribution.entropy[0] = (exact + of_rest) as f32;
        distribution.tail_mass[0] = rest as f32;
        Ok(distribution)
    }

    /// Nothing is known at temperatures other than 1.
    pub fn forget_tempered(&mut self) {
        for sums in [&mut self.entropy, &mut self.tail_mass, &mut self.log_normaliser] {
            sums[1..].fill(f32::NAN);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_rest_of_a_list_is_what_it_leaves_of_one() {
        let of = |p: &[f32]| (0..).zip(p).map(|(token, p)| (token, p.ln())).collect::<Vec<(u32, f32)>>();
        let mut listed = of(&[0.2, 0.5, 0.1]);
        listed.rotate_left(1);
        let found = SparseDistribution::listed(&listed).unwrap();
        assert_eq!((&found.head[..], found.draws.len(), found.nucleus_head), (&[1, 0, 2][..], 0, 3));
        assert!(
            (found.tail_mass[0] - 0.2).abs() < 1e-6 && found.tail_mass[1].is_nan() && found.log_normaliser[2].is_nan()
        );
        let entropy = -[0.2f32, 0.5, 0.1, 0.2].iter().map(|p| p * p.ln()).sum::<f32>();
        assert!((found.entropy[0] - entropy).abs() < 1e-6, "{found:?}");
        let reaches = SparseDistribution::listed(&of(&[0.6, 0.3, 0.1])).unwrap();
        assert_eq!(reaches.nucleus_head, 2);
        assert!(reaches.tail_mass[0] < 1e-6);

        assert_eq!(SparseDistribution::listed(&[]), Err(ShownError::NothingListed));
        assert_eq!(SparseDistribution::listed(&[(3, -1.0), (3, -2.0)]), Err(ShownError::Twice { token: 3 }));
        assert!(matches!(SparseDistribution::listed(&of(&[0.9, 0.2])), Err(ShownError::Sum { .. })));
        assert!(matches!(SparseDistribution::listed(&[(0, f32::NAN)]), Err(ShownError::LogProb { token: 0, .. })));
    }
}
