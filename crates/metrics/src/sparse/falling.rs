//! Probabilities of many tokens, and sums over them that a bound is looked for with: the list of one model may be its whole vocabulary.

/// Probabilities in falling order.
#[derive(Clone, Debug)]
pub(super) struct Falling {
    each: Vec<f64>,
    /// The sum from each of them on, and 0 behind the last.
    from: Vec<f64>,
}

impl Falling {
    /// These, in any order.
    pub(super) fn of(mut each: Vec<f64>) -> Falling {
        each.sort_unstable_by(|a, b| b.total_cmp(a));
        let mut from = vec![0.0; each.len() + 1];
        for (place, x) in each.iter().enumerate().rev() {
            from[place] = from[place + 1] + x;
        }
        Falling { each, from }
    }

    pub(super) fn each(&self) -> impl Iterator<Item = f64> {
        self.each.iter().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.each.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.each.is_empty()
    }

    pub(super) fn sum(&self) -> f64 {
        self.from[0]
    }

    /// How many of them are more than this, times the ratio.
    fn above(&self, ratio: f64, most: f64) -> usize {
        self.each.partition_point(|x| x * ratio > most)
    }

    /// Σ min(x·ratio, most).
    pub(super) fn scaled(&self, ratio: f64, most: f64) -> f64 {
        let full = self.above(ratio, most);
        full as f64 * most + ratio * self.from[full]
    }

    /// The least of them, the very least first, each with what it gets of `sum` where none gets more than `most`.
    pub(super) fn least(&self, sum: f64, most: f64) -> impl Iterator<Item = (f64, f64)> {
        let shares = self.each.iter().rev().scan(sum, move |left, x| {
            let share = left.min(most);
            *left -= share;
            Some((*x, share))
        });
        shares.take_while(|(_, share)| *share > 0.0)
    }

    /// Each x with min(x·ratio, most); all those together of which it is x·ratio.
    pub(super) fn pairs(&self, ratio: f64, most: f64) -> impl Iterator<Item = (f64, f64)> {
        let full = self.above(ratio, most);
        let rest = self.from[full];
        self.each[..full].iter().map(move |x| (*x, most)).chain([(rest, rest * ratio)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_are_filled_first() {
        let falling = Falling::of(vec![0.1, 0.4, 0.05]);
        assert_eq!(falling.least(0.5, 0.25).collect::<Vec<_>>(), [(0.05, 0.25), (0.1, 0.25)]);
        assert_eq!(falling.least(0.25, 0.5).collect::<Vec<_>>(), [(0.05, 0.25)]);
        assert_eq!(falling.least(0.0, 0.25).count() + falling.least(1.0, 0.0).count(), 0);
    }

    #[test]
    fn sums_are_those_token_by_token() {
        let all = [0.1, 0.4, 0.05, 0.25, 0.2];
        let falling = Falling::of(all.to_vec());
        for (ratio, most) in [(1.0, 1.0), (1.0, 0.2), (3.0, 0.25), (0.5, 0.0), (1e-9, 0.3)] {
            let singly: f64 = all.iter().map(|x| (x * ratio).min(most)).sum();
            assert!((falling.scaled(ratio, most) - singly).abs() < 1e-15, "{ratio} {most}");
            let [x, scaled] = falling.pairs(ratio, most).fold([0.0; 2], |sum, pair| [sum[0] + pair.0, sum[1] + pair.1]);
            assert!((x - 1.0).abs() < 1e-15 && (scaled - singly).abs() < 1e-15, "{ratio} {most}");
        }
        assert_eq!(Falling::of(Vec::new()).scaled(2.0, 1.0), 0.0);
    }
}
