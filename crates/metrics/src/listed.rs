//! Distributions of which only the most probable entries are shown, by their names.

/// What is shown of a distribution.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// Entries with their log-probabilities in nats, each name once.
    pub entries: &'a [(String, f64)],
    /// The log-probability that any other entry has at most.
    pub others: f64,
}

impl Listed<'_> {
    /// Least and largest probability of an entry.
    fn bounds(&self, name: &str) -> (f64, f64) {
        match self.entries.iter().find(|(other, _)| other == name) {
            Some((_, logprob)) => (logprob.exp(), logprob.exp()),
            None => (0.0, self.others.exp()),
        }
    }

    /// What the entries that are listed here have more than in `other` at least.
    fn excess(&self, other: &Listed<'_>) -> f64 {
        self.entries.iter().map(|(name, logprob)| (logprob.exp() - other.bounds(name).1).max(0.0)).sum()
    }
}

/// The total variation of two distributions is at least this: an entry that only one of them lists may have in the other as much as any
/// that is not listed there. In 0..=1.
pub fn least_total_variation(a: Listed<'_>, b: Listed<'_>) -> f64 {
    a.excess(&b).max(b.excess(&a)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(&str, f64)]) -> Vec<(String, f64)> {
        entries.iter().map(|(name, p)| ((*name).to_owned(), p.ln())).collect()
    }

    #[test]
    fn it_is_exact_for_what_is_listed_and_a_bound_for_the_rest() {
        let check = |a: &[(&str, f64)], of_a: f64, b: &[(&str, f64)], of_b: f64, expected: f64| {
            let (a, b) = (list(a), list(b));
            let a = Listed { entries: &a, others: of_a.ln() };
            let b = Listed { entries: &b, others: of_b.ln() };
            let found = least_total_variation(a, b);
            assert!((found - expected).abs() < 1e-12, "{found}, expected {expected}");
            assert!((least_total_variation(b, a) - found).abs() < 1e-15);
        };
        check(&[("A", 0.6), ("B", 0.4)], 0.0, &[("A", 0.5), ("B", 0.5)], 0.0, 0.1);
        check(&[("A", 0.6), ("B", 0.3)], 0.1, &[("A", 0.6), ("B", 0.3)], 0.1, 0.0);
        // C may have as much in the first as is left there.
        check(&[("A", 0.6), ("B", 0.3)], 0.1, &[("A", 0.6), ("C", 0.3)], 0.1, 0.2);
        check(&[("A", 1.0)], 0.0, &[("B", 1.0)], 0.0, 1.0);
        check(&[], 1.0, &[("B", 1.0)], 0.0, 0.0);
    }
}
